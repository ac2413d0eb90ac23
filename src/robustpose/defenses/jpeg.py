"""JPEG: written and read again, with the gradient of a smooth copy of what it does."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from robustpose.cosines import planes_of, waves_of
from robustpose.defenses.defense import Defense
from robustpose.defenses.quantisation import straight_through
from robustpose.errors import UsageError
from robustpose.interpolation import between
from robustpose.poses import Images


@dataclass(frozen=True, kw_only=True)
class JPEG(Defense):
    """Written as JPEG of a `quality` from 1 to 100, and read again.

    By OpenCV's encoder, on the CPU, from 8-bit pixels, colours at half the resolution (4:2:0).
    Gradients are those of `smooth_jpeg`: the identity in its place would spend the attack on
    frequencies that are lost.
    """

    quality: int
    differentiable = False

    def __post_init__(self) -> None:
        if not (isinstance(self.quality, int) and 1 <= self.quality <= 100):
            raise UsageError(f"expected a whole quality from 1 to 100, found {self.quality}")

    @property
    def name(self) -> str:
        """`jpeg:QUALITY`."""
        return f"jpeg:{self.quality}"

    def change(self, pictures: Images, seeds: Sequence[int]) -> Images:
        """Return the pictures as they are read again."""
        levels = (pictures.detach().clamp(0, 1) * 255).round().byte()
        pixels = levels.permute(0, 2, 3, 1).cpu().numpy()
        read = np.stack([self._written_and_read(picture) for picture in pixels])
        processed = torch.from_numpy(read).to(pictures).permute(0, 3, 1, 2) / 255
        return straight_through(processed, smooth_jpeg(pictures, self.quality))

    def _written_and_read(self, pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        bgr = np.ascontiguousarray(pixels[..., ::-1])
        _, content = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
        read = cv2.imdecode(content, cv2.IMREAD_COLOR)
        assert read is not None  # it was written two lines above
        return read[..., ::-1].astype(np.uint8)


YCBCR = torch.tensor(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
)
"""Brightness and two differences of colour, from red, green and blue (JFIF)."""

BRIGHTNESS = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
COLOUR = torch.tensor(
    [
        [17, 18, 24, 47, 99, 99, 99, 99],
        [18, 21, 26, 66, 99, 99, 99, 99],
        [24, 26, 56, 99, 99, 99, 99, 99],
        [47, 66, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
    ]
)
"""The steps in which frequencies are rounded at quality 50 (ITU-T T.81, annex K)."""


def smooth_jpeg(pictures: Images, quality: int) -> Images:
    """Return about what JPEG makes of pictures, with derivatives that are not zero throughout.

    Frequencies are rounded to r + (x - r)^3, r the nearest whole number: Shin and Song,
    "JPEG-resistant Adversarial Images", NIPS workshop 2017. What will be rounded away has then
    hardly any gradient.
    """
    height, width = pictures.shape[-2:]
    padding = (0, -width % 16, 0, -height % 16)
    levels = 255 * F.pad(pictures, padding, mode="replicate")
    planes = torch.einsum("ij,njhw->nihw", YCBCR.to(pictures), levels)
    brightness = _rounded(planes[:, :1] - 128, BRIGHTNESS, quality) + 128
    colour = _doubled(_rounded(F.avg_pool2d(planes[:, 1:], 2), COLOUR, quality))
    read = torch.einsum(
        "ij,njhw->nihw", YCBCR.inverse().to(pictures), torch.cat([brightness, colour], dim=1)
    )
    return read[..., :height, :width] / 255


def _doubled(planes: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c H W"]:
    """Return planes at twice the height and width, as decoders bring colours back."""
    rows, columns = (
        between((torch.arange(2 * side).to(planes) - 0.5) / 2, side) for side in planes.shape[2:]
    )
    return rows @ planes @ columns.T


def _rounded(
    planes: Float[Tensor, "n c h w"], steps: Tensor, quality: int
) -> Float[Tensor, "n c h w"]:
    """Round the frequencies of every block of 8 x 8."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    step = ((steps * scale + 50) / 100).floor().clamp(1, 255).to(planes)
    frequencies = waves_of(planes) / step
    nearest = frequencies.detach().round()
    return planes_of((nearest + (frequencies - nearest) ** 3) * step)
