"""The discrete cosine transform of pictures in blocks of 8 x 8 pixels, as JPEG has it."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

SIDE = 8

Planes = Float[Tensor, "n c h w"]
Waves = Float[Tensor, "n c rows columns 8 8"]


def waves_of(planes: Planes) -> Waves:
    """Return the frequencies of each block; height and width are whole blocks."""
    count, channels, height, width = planes.shape
    blocks = planes.reshape(count, channels, height // SIDE, SIDE, width // SIDE, SIDE)
    cosines = _cosines().to(planes)
    return cosines @ blocks.transpose(3, 4) @ cosines.T


def planes_of(waves: Waves) -> Planes:
    """Return the planes whose blocks have these frequencies."""
    count, channels, rows, columns, _, _ = waves.shape
    cosines = _cosines().to(waves)
    blocks = cosines.T @ waves @ cosines
    return blocks.transpose(3, 4).reshape(count, channels, rows * SIDE, columns * SIDE)


def _cosines() -> Float[Tensor, "8 8"]:
    """Return the matrix of the transform, one frequency a row."""
    at = torch.arange(SIDE)
    waves = torch.cos(math.pi * (2 * at + 1) * at[:, None] / (2 * SIDE)) / 2
    waves[0] /= math.sqrt(2)
    return waves
