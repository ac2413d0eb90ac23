"""Photographs in files."""

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from zlib import crc32

import cv2
import numpy as np

from robustpose.data.people import RGB
from robustpose.errors import UsageError, times
from robustpose.file_kinds import mistaken_for

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""How the names of photographs end, in small letters."""

LEVELS = 65_535 // 255
"""Levels of 16 bits to one level of 8."""


@dataclass(frozen=True)
class PhotoFile:
    """A photograph in a file; JPEG, PNG and whatever else OpenCV reads.

    `size` is the (height, width) that annotations are for, where they say it.
    """

    path: Path
    size: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        return str(self.path)

    def read(self) -> RGB:
        """Return the pixels, 8-bit RGB, turned as the file's EXIF orientation says.

        Where `size` fits the picture as it is stored and not as it is turned, it is not turned: the
        annotations are for that (a TIFF is always turned). Grey-scale and palette pictures become
        RGB; transparency is dropped; 16 bits a channel are scaled and rounded to 8. CMYK is
        multiplied out without its colour profile, at most two levels off. Raises `UsageError` for a
        file that is missing, cut short, no picture, of 32 bits a channel, or of another size.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise UsageError(
                f"expected a photograph at {self.path}, found none ({error.strerror})"
            ) from error
        if mistaken := mistaken_for(content):
            raise UsageError(f"expected a photograph, but {self.path} is {mistaken}")
        if damage := _damage(content):
            raise UsageError(
                f"expected a whole picture, but {self.path} is {damage} ({len(content):,} bytes): "
                "fetch it again"
            )
        pixels = self._decoded(content)
        if self.size in (None, pixels.shape[:2]):
            return pixels
        if self.size == pixels.shape[1::-1]:
            stored = self._decoded(content, flags=cv2.IMREAD_IGNORE_ORIENTATION)
            if stored.shape[:2] == self.size:
                return stored
        raise UsageError(
            f"{self.path} is {times(pixels.shape[1::-1])}, but its annotations are for a picture "
            f"of {times(self.size[::-1])} pixels: expected the one that was annotated"
        )

    def _decoded(self, content: bytes, *, flags: int = 0) -> RGB:
        """Return the pixels, 8-bit RGB.

        16 bits are asked for as BGR: from a TIFF, OpenCV 5.0.0 makes nonsense of them as RGB.
        """
        pixels = self._levels(content, flags | cv2.IMREAD_COLOR_RGB)
        if pixels.dtype == np.uint16:
            deep = self._levels(content, flags | cv2.IMREAD_COLOR)
            deep = cv2.cvtColor(deep, cv2.COLOR_BGR2RGB)
            pixels = ((deep + np.uint32(LEVELS // 2)) // LEVELS).astype(np.uint8)
        if pixels.dtype != np.uint8:
            raise UsageError(
                f"{self.path} holds {pixels.dtype} values: expected 8 or 16 bits a channel"
            )
        return pixels

    def _levels(self, content: bytes, flags: int) -> np.ndarray:
        """Return the pixels as OpenCV reads them, of whatever type."""
        encoded = np.frombuffer(content, np.uint8)
        try:
            with _silence:
                pixels = cv2.imdecode(encoded, flags | cv2.IMREAD_ANYDEPTH)
        except cv2.error as error:
            raise UsageError(f"{self.path} cannot be decoded: {error.err}") from error
        if pixels is None:
            raise UsageError(
                f"expected a photograph, but {self.path} ({len(content):,} bytes) "
                "is not a picture that can be read (JPEG, PNG, WebP, TIFF and BMP can)"
            )
        return pixels


class _Silence:
    """Keeps OpenCV's log from printing while photographs are decoded, in any number of threads.

    The log has one level for the whole process: the first to come in lowers it, the last to go out
    puts it back. What libjpeg and libpng print by themselves does not go through it.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._level = Lock(), 0, 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                cv2.utils.logging.setLogLevel(self._level)


_silence = _Silence()


def _damage(content: bytes) -> str | None:
    """Return what is wrong with a picture that OpenCV would complete, or print a line about."""
    if content.startswith(b"\xff\xd8") and _is_truncated_jpeg(content):
        return "cut short"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _damage_of_png(content)
    return None


def _is_truncated_jpeg(content: bytes) -> bool:
    """Tell whether a JPEG ends before its end-of-image mark.

    OpenCV fills the missing part with grey instead of refusing it. The segments before the scan
    are skipped by their lengths: an embedded thumbnail has an end mark of its own.
    """
    at = 2
    while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] != b"\xda":
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return b"\xff\xd9" not in content[at:]


def _damage_of_png(content: bytes) -> str | None:
    """Return whether a PNG is cut short, or a chunk that is needed has another checksum."""
    at, view = 8, memoryview(content)
    while at + 12 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        kind = content[at + 4 : at + 8]
        if kind == b"IEND":
            return None
        checksum = int.from_bytes(content[end - 4 : end], "big")
        if end <= len(content) and kind[:1].isupper() and crc32(view[at + 4 : end - 4]) != checksum:
            return "damaged"
        at = end
    return "cut short"
