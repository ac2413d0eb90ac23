"""Photographs: what can be read is RGB and upright, the rest is refused by name."""

import base64
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

from robustpose.data.photos import PhotoFile
from robustpose.errors import UsageError

CMYK = {  # inks from 0 to 255, and what Pillow 13.0 makes of them
    (0, 0, 0, 0): (255, 255, 255),
    (255, 0, 0, 0): (0, 255, 255),
    (0, 255, 0, 0): (255, 0, 255),
    (0, 0, 255, 0): (255, 255, 0),
    (0, 0, 0, 255): (0, 0, 0),
    (0, 0, 0, 128): (127, 127, 127),
    (128, 64, 32, 0): (127, 191, 223),
    (200, 100, 50, 40): (46, 131, 173),
}
CMYK_JPEG = base64.b64decode(  # patches of 8 x 8 pixels with these inks, side by side, by Pillow:
    # Image.fromarray(patches, "CMYK").save(path, quality=90, subsampling=0, optimize=True)
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAW"
    "EBETFBUVFQwPFxgWFBgSFBUU/8AAFAgACABABEMRAE0RAFkRAEsRAP/EABkAAAMBAQEAAAAAAAAAAAAAAAAJCgcIBv/E"
    "ABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAOBEMATQBZAEsAAD8AamamamamlXACqhKuAFVCVcAKqEq4ANSKpcqMpNWcfsfe"
    "PYo//9k="
)
YCCK = [  # what Pillow makes of the same inks if the file calls them luma and chroma
    (0, 134, 0),
    (77, 255, 30),
    (0, 47, 227),
    (179, 0, 0),
    (0, 0, 0),
    (0, 67, 0),
    (0, 218, 16),
    (78, 215, 128),
]


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return stored pixels as EXIF's table says that they are to be seen."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return pixels[::rows, ::columns]


def orientation_block(orientation: int) -> bytes:
    """Return an EXIF block with nothing but an orientation."""
    return b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x0112, 3, 1, orientation, 0)


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of these chunks."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in (*chunks, (b"IEND", b""))
    )


def oriented(pixels: np.ndarray, orientation: int, ending: str) -> bytes:
    """Return a picture in a file with an orientation."""
    block, content = orientation_block(orientation), encoded(pixels, ending)
    if ending == ".jpg":
        block = b"Exif\0\0" + block
        return with_metadata(content, b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block)
    chunk = png((b"eXIf", block))[8:-12]
    return content[:33] + chunk + content[33:]


@pytest.fixture
def picture() -> np.ndarray:
    """Return RGB pixels, 24 high and 40 wide: red on the left, blue on the right."""
    pixels = np.zeros((24, 40, 3), np.uint8)
    pixels[:, :20, 0] = 250
    pixels[:, 20:, 2] = 250
    return pixels


def encoded(pixels: np.ndarray, ending: str) -> bytes:
    bgr = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return cv2.imencode(ending, bgr)[1].tobytes()


def with_metadata(jpeg: bytes, block: bytes) -> bytes:
    return jpeg[:2] + block + jpeg[2:]


def read(tmp_path: Path, content: bytes, name: str = "photo.jpg") -> np.ndarray:
    path = tmp_path / name
    path.write_bytes(content)
    return PhotoFile(path).read()


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".bmp", ".tiff"])
def test_pixels_are_rgb_whatever_the_format(
    tmp_path: Path, picture: np.ndarray, ending: str
) -> None:
    found = read(tmp_path, encoded(picture, ending), f"photo{ending}")
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found[:, :16].astype(int), picture[:, :16], atol=12)
    np.testing.assert_allclose(found[:, 24:].astype(int), picture[:, 24:], atol=12)


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_grey_pictures_become_rgb(tmp_path: Path, ending: str) -> None:
    grey = np.full((10, 12), 90, np.uint8)
    found = read(tmp_path, encoded(grey, ending), f"grey{ending}")
    assert found.shape == (10, 12, 3)
    assert (found == 90).all()


def test_transparent_pictures_become_rgb(tmp_path: Path) -> None:
    content = cv2.imencode(".png", np.full((10, 12, 4), 90, np.uint8))[1].tobytes()
    assert read(tmp_path, content, "transparent.png").shape == (10, 12, 3)


@pytest.mark.parametrize("ending", [".jpg", ".png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_camera_was_held_otherwise(tmp_path: Path, orientation: int, ending: str) -> None:
    corners = np.zeros((16, 32, 3), np.uint8)
    corners[:8, :16, 0] = corners[:8, 16:, 1] = corners[8:, :16, 2] = 250
    found = read(tmp_path, oriented(corners, orientation, ending), f"photo{ending}")
    expected = turned(corners, orientation).astype(int)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found[2::4, 2::4], expected[2::4, 2::4], atol=25)


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_a_picture_that_was_annotated_as_it_is_stored_is_not_turned(
    tmp_path: Path, picture: np.ndarray, ending: str
) -> None:
    path = tmp_path / f"photo{ending}"
    path.write_bytes(oriented(picture, 6, ending))
    assert PhotoFile(path).read().shape == (40, 24, 3)
    assert PhotoFile(path, (40, 24)).read().shape == (40, 24, 3)
    stored = PhotoFile(path, (24, 40)).read()
    np.testing.assert_allclose(stored[2::4, 2::4].astype(int), picture[2::4, 2::4], atol=25)


@pytest.mark.parametrize("size", [(40, 24), (48, 80), (24, 41)])
def test_a_picture_of_another_size_than_was_annotated_is_refused(
    tmp_path: Path, picture: np.ndarray, size: tuple[int, int]
) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(picture, ".png"))
    assert PhotoFile(path, (24, 40)).read().shape == (24, 40, 3)
    message = rf"photo\.png is 40 x 24, but .* of {size[1]} x {size[0]} pixels"
    with pytest.raises(UsageError, match=message):
        PhotoFile(path, size).read()


@pytest.mark.parametrize("ending", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_scaled_and_rounded(tmp_path: Path, ending: str, channels: int) -> None:
    """Every level of 16 bits; neither the upper byte alone (off by one) nor clipped."""
    levels = np.arange(2**16, dtype=np.uint16).reshape(256, 256, 1)
    pixels = np.repeat(levels, channels, axis=2)
    found = read(tmp_path, cv2.imencode(ending, pixels.squeeze())[1].tobytes(), f"deep{ending}")
    expected = np.floor(levels / 257 + 0.5)
    np.testing.assert_array_equal(found, np.repeat(expected, 3, axis=2))


def test_channels_of_sixteen_bits_stay_apart(tmp_path: Path) -> None:
    pixels = np.zeros((4, 5, 3), np.uint16)
    pixels[...] = (257 * 10, 257 * 20, 257 * 30)  # blue, green, red
    found = read(tmp_path, cv2.imencode(".png", pixels)[1].tobytes(), "deep.png")
    assert found[0, 0].tolist() == [30, 20, 10]


def test_inks_become_colours(tmp_path: Path) -> None:
    found = read(tmp_path, CMYK_JPEG)[4, 4::8].astype(int)
    np.testing.assert_allclose(found, list(CMYK.values()), atol=2)
    at = CMYK_JPEG.index(b"Adobe") + 11  # says how the four channels are to be taken
    found = read(tmp_path, CMYK_JPEG[:at] + b"\x02" + CMYK_JPEG[at + 1 :])[4, 4::8].astype(int)
    np.testing.assert_allclose(found, YCCK, atol=2)


def row_of_two(bits: int, values: tuple[int, int], colours: bytes = b"") -> bytes:
    """Return a PNG of two pixels, of `bits` each: of a palette if there are colours, else grey."""
    packed = "".join(f"{value:0{bits}b}" for value in values).ljust(-(-2 * bits // 8) * 8, "0")
    row = b"\0" + int(packed, 2).to_bytes(len(packed) // 8, "big")
    header = struct.pack(">IIBBBBB", 2, 1, bits, 3 if colours else 0, 0, 0, 0)
    palette = [(b"PLTE", colours)] if colours else []
    return png((b"IHDR", header), *palette, (b"IDAT", zlib.compress(row)))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes_and_few_levels_become_colours(tmp_path: Path, bits: int) -> None:
    content = row_of_two(bits, (0, 1), bytes([10, 200, 30, 250, 0, 90]))
    assert read(tmp_path, content, "few.png").tolist() == [[[10, 200, 30], [250, 0, 90]]]
    content = row_of_two(bits, (0, 2**bits - 1))
    assert read(tmp_path, content, "grey.png").tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_pictures_of_floating_point_are_refused(tmp_path: Path) -> None:
    content = cv2.imencode(".hdr", np.full((4, 5, 3), 2.5, np.float32))[1].tobytes()
    with pytest.raises(UsageError, match=r"light\.hdr holds float32 values: expected 8 or 16"):
        read(tmp_path, content, "light.hdr")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_jpeg_is_refused(tmp_path: Path, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    content = encoded(noise, ".jpg")
    with pytest.raises(UsageError, match=r"photo\.jpg is cut short"):
        read(tmp_path, content[: int(share * len(content))])


def test_an_embedded_thumbnail_does_not_hide_that_a_jpeg_is_cut(
    tmp_path: Path, picture: np.ndarray
) -> None:
    thumbnail = encoded(picture, ".jpg")
    block = b"\xff\xe2" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = with_metadata(encoded(picture, ".jpg"), block)
    assert read(tmp_path, whole).shape == picture.shape
    with pytest.raises(UsageError, match="cut short"):
        read(tmp_path, whole[:-2])


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("ending", [".png", ".webp"])
def test_other_pictures_that_are_cut_are_refused(
    tmp_path: Path, picture: np.ndarray, ending: str, share: float
) -> None:
    content = encoded(picture, ending)
    with pytest.raises(UsageError, match=r"expected a (photograph|whole picture), but .*photo"):
        read(tmp_path, content[: int(share * len(content))], f"photo{ending}")


def test_a_png_with_a_changed_byte_is_refused(tmp_path: Path, picture: np.ndarray) -> None:
    whole = encoded(picture, ".png")
    start = whole.index(b"IDAT")
    for place in range(start + 4, len(whole) - 16, 7):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        with pytest.raises(UsageError, match=r"photo\.png is damaged"):
            read(tmp_path, changed, "photo.png")
    remark = png((b"tEXt", b"Comment\0x"))[8:-12]
    changed = whole[:33] + remark[:-1] + b"\0" + whole[33:] + b"what lies behind"
    np.testing.assert_array_equal(read(tmp_path, changed, "photo.png"), picture)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".bmp", ".tiff"])
def test_opencv_prints_nothing_of_its_own(
    tmp_path: Path,
    picture: np.ndarray,
    ending: str,
    share: float,
    capfd: pytest.CaptureFixture[str],
) -> None:
    content = encoded(picture, ending)
    with pytest.raises(UsageError, match="expected a"):
        read(tmp_path, content[: int(share * len(content))], f"photo{ending}")
    assert capfd.readouterr() == ("", "")


def test_the_level_of_opencvs_log_is_put_back(tmp_path: Path, picture: np.ndarray) -> None:
    log, before = cv2.utils.logging, cv2.utils.logging.getLogLevel()
    path = tmp_path / "photo.bmp"
    path.write_bytes(encoded(picture, ".bmp"))
    broken = tmp_path / "broken.bmp"
    broken.write_bytes(path.read_bytes()[:500])

    def reads(number: int) -> None:
        with suppress(UsageError):
            PhotoFile(broken if number % 2 else path).read()

    try:
        log.setLogLevel(log.LOG_LEVEL_DEBUG)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(reads, range(200)))
        assert log.getLogLevel() == log.LOG_LEVEL_DEBUG
    finally:
        log.setLogLevel(before)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1", "the pointer of Git LFS"),
        (b"<!DOCTYPE html><title>404</title>", "a web page"),
        (b"\x1f\x8b\x08", "packed with gzip"),
    ],
)
def test_what_is_often_had_instead_is_named(tmp_path: Path, content: bytes, what: str) -> None:
    with pytest.raises(UsageError, match=rf"photo\.jpg is {what}"):
        read(tmp_path, content)


@pytest.mark.parametrize("content", [b"", b"hello", b"<html>404 Not Found</html>" * 50])
def test_a_file_that_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UsageError, match=r"expected a photograph, but .*photo\.jpg"):
        read(tmp_path, content)


def test_a_missing_photo_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nobody\.jpg, found none"):
        PhotoFile(tmp_path / "nobody.jpg").read()
    with pytest.raises(UsageError, match="expected a photograph at"):
        PhotoFile(tmp_path).read()
