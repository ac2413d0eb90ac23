"""Small grey tiles that give clothes, skin and backgrounds their texture, made once."""

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from robustpose.data.rendering.draws import stream

Tile = UInt8[np.ndarray, "64 64"]
Colour = tuple[float, float, float]
Field = Float32[np.ndarray, "..."]
Painting = Float32[np.ndarray, "3 h w"]

TILE = 64
LANDSCAPE = 256


class Material(NamedTuple):
    """Two colours (RGB, 0-255) mixed by a tile; `texels` is how many fit the picture's side."""

    dark: Colour
    light: Colour
    tile: int
    texels: float
    offset: int


@cache
def tiles() -> tuple[Tile, ...]:
    """Return the tiles: noise at four scales, then stripes, checks, dots and patches."""
    random = stream("rendered", "tiles")
    y, x = np.mgrid[:TILE, :TILE]
    noises = [_noise(random.randint(0, 256, (cells, cells)), TILE) for cells in (6, 12, 24, 64)]
    patches = np.where(noises[1] > 128, 220, 40).astype(np.uint8)
    return (
        *noises,
        _two(y % 16 < 8),
        _two(x % 16 < 8),
        _two(y % 32 < 6),
        _two((x + y) % 32 < 12),
        _two((x // 8 + y // 8) % 2 == 0),
        ((x % 16 < 8).astype(np.uint8) + (y % 16 < 8)) * np.uint8(120),
        _two((x % 16 - 8) ** 2 + (y % 16 - 8) ** 2 < 14),
        patches,
    )


NOISES, TILES = 4, 12


@cache
def landscapes() -> tuple[UInt8[np.ndarray, "256 256"], ...]:
    """Return grey pictures with structure at every scale, from smooth to rough."""
    random = stream("rendered", "landscapes")
    pictures = []
    for roughness in (0.45, 0.55, 0.65, 0.75, 0.85, 1.0):
        total = np.zeros((LANDSCAPE, LANDSCAPE), np.float32)
        for octave, cells in enumerate((3, 6, 12, 24, 48, 96, 192)):
            grid = random.randint(0, 256, (cells, cells))
            total += roughness**octave * (_noise(grid, LANDSCAPE).astype(np.float32) - 127.5)
        spread = float(np.sqrt(np.mean(total * total)))
        pictures.append(np.clip(127.5 + total * (52 / spread), 0, 255).astype(np.uint8))
    return tuple(pictures)


@cache
def grain() -> UInt8[np.ndarray, "256 256"]:
    """Return white noise around 128, the sum of four uniform draws: the grain of a sensor."""
    random = stream("rendered", "grain")
    total = random.randint(0, 64, (4, 256, 256)).sum(axis=0)
    return np.asarray(total, np.uint8)


def painted(material: Material, along: Field, across: Field) -> Painting:
    """Return the colours of a material at surface points, in picture sides."""
    rows = (along * material.texels).astype(np.int32) + material.offset
    columns = (across * material.texels).astype(np.int32) + 32
    mix = tiles()[material.tile][rows & 63, columns & 63] * np.float32(1 / 255)
    dark = planes(material.dark)
    colours: Painting = dark + mix * (planes(material.light) - dark)
    return colours


def planes(colour: Colour) -> Painting:
    """Return a colour that broadcasts over pictures, which are three planes while drawn."""
    return np.array(colour, np.float32).reshape(3, 1, 1)


def clip(values: Field, low: float, high: float) -> Field:
    """Return values limited to [low, high]; several times faster than `np.clip` on small arrays."""
    limited: Field = np.minimum(np.maximum(values, np.float32(low)), np.float32(high))
    return limited


def _two(chosen: np.ndarray) -> Tile:
    return np.where(chosen, 235, 20).astype(np.uint8)


def _noise(grid: np.ndarray, side: int) -> UInt8[np.ndarray, "side side"]:
    # The exact variant of the interpolation gives the same bytes on every processor.
    return cv2.resize(grid.astype(np.uint8), (side, side), interpolation=cv2.INTER_LINEAR_EXACT)
