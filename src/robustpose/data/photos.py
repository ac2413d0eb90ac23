"""Photographs in files."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from robustpose.data.people import RGB
from robustpose.errors import UsageError


@dataclass(frozen=True)
class PhotoFile:
    """A photograph in a file; JPEG, PNG and whatever else OpenCV reads."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def read(self) -> RGB:
        """Return the pixels, 8-bit RGB, turned as the file's EXIF orientation says.

        Grey-scale and palette pictures become RGB. Raises `UsageError` for a file that is
        missing, cut short or no picture.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise UsageError(
                f"expected a photograph at {self.path}, found none ({error.strerror})"
            ) from error
        if _is_truncated_jpeg(content):
            raise UsageError(
                f"expected a whole JPEG, but {self.path} is cut short "
                f"({len(content):,} bytes, no end-of-image mark): fetch it again"
            )
        encoded = np.frombuffer(content, np.uint8)
        try:
            pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB) if content else None
        except cv2.error as error:
            raise UsageError(f"{self.path} cannot be decoded: {error.err}") from error
        if pixels is None:
            raise UsageError(
                f"expected a photograph, but {self.path} ({len(content):,} bytes) "
                "is not a picture that can be read (JPEG, PNG, WebP, TIFF and BMP can)"
            )
        return np.asarray(pixels, dtype=np.uint8)


def _is_truncated_jpeg(content: bytes) -> bool:
    """Tell whether a JPEG ends before its end-of-image mark.

    OpenCV fills the missing part with grey instead of refusing it. The segments before the scan
    are skipped by their lengths: an embedded thumbnail has an end mark of its own.
    """
    if not content.startswith(b"\xff\xd8"):
        return False
    at = 2
    while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] != b"\xda":
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return b"\xff\xd9" not in content[at:]
