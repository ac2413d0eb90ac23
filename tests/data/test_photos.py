"""Photographs: what can be read is RGB and upright, the rest is refused by name."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from robustpose.data.photos import PhotoFile
from robustpose.errors import UsageError

ORIENTATION_6 = (  # an EXIF block that says "turn a quarter clockwise"
    b"\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00"
    b"\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"
)


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


def test_the_camera_was_held_sideways(tmp_path: Path, picture: np.ndarray) -> None:
    found = read(tmp_path, with_metadata(encoded(picture, ".jpg"), ORIENTATION_6))
    assert found.shape == (40, 24, 3)
    assert found[:16, :, 0].min() > 200  # red was left: it is on top now
    assert found[24:, :, 2].min() > 200


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
    with pytest.raises(UsageError, match="expected a photograph"):
        read(tmp_path, content[: int(share * len(content))], f"photo{ending}")


@pytest.mark.parametrize("content", [b"", b"hello", b"<html>404 Not Found</html>" * 50])
def test_a_file_that_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UsageError, match=r"expected a photograph, but .*photo\.jpg"):
        read(tmp_path, content)


def test_a_missing_photo_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nobody\.jpg, found none"):
        PhotoFile(tmp_path / "nobody.jpg").read()
    with pytest.raises(UsageError, match="expected a photograph at"):
        PhotoFile(tmp_path).read()
