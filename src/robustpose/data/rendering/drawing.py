"""Putting solids into a picture: the nearest wins, edges are smooth, one side is lit."""

from collections.abc import Sequence
from math import ceil, floor
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from robustpose.data.rendering.shapes import XYZ, Solid
from robustpose.data.rendering.textures import Painting, clip

FAR = np.float32(-9)


class Light(NamedTuple):
    """Where the light comes from (a unit vector) and how much of it has no direction."""

    towards: XYZ
    ambient: float
    strength: float


def draw(
    canvas: Painting, parts: UInt8[np.ndarray, "h w"], solids: Sequence[Solid], light: Light
) -> None:
    """Draw solids on `canvas` (planes RGB, 0-255, changed in place) and their parts on the mask.

    A solid hides what lies deeper, pixel by pixel. The mask shows a part where at least half
    of a pixel is covered by it.
    """
    side = canvas.shape[1]
    depths = np.full((side, side), FAR, np.float32)
    centres = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(side)
    for solid in solids:
        left, top, right, bottom = solid.box()
        x0, x1 = max(floor(left * side) - 1, 0), min(ceil(right * side) + 1, side)
        y0, y1 = max(floor(top * side) - 1, 0), min(ceil(bottom * side) + 1, side)
        if x0 >= x1 or y0 >= y1:
            continue
        window = np.s_[y0:y1, x0:x1]
        surface = solid.surface(centres[None, x0:x1], centres[y0:y1, None])
        near = surface.depth > depths[window]
        cover = clip(surface.inside * np.float32(side) + np.float32(0.5), 0, 1) * near
        colours, lit = solid.paint(surface, light.towards)
        lit = light.ambient + light.strength * np.maximum(lit, 0)
        colours *= lit
        below = canvas[:, y0:y1, x0:x1]
        colours -= below
        colours *= cover
        below += colours
        won = (surface.inside >= 0) & near
        parts[window][won] = solid.part
        np.copyto(depths[window], surface.depth, where=won)


def parts_at(
    solids: Sequence[Solid], points: Float[np.ndarray, "points 2"]
) -> UInt8[np.ndarray, " points"]:
    """Return the part that is seen at each point (x, y, in picture sides), 0 for none.

    This is what `draw` would put into the mask if a pixel's centre lay there.
    """
    x, y = points.astype(np.float32).T
    parts = np.zeros(len(points), np.uint8)
    depths = np.full(len(points), FAR, np.float32)
    for solid in solids:
        surface = solid.surface(x, y)
        won = (surface.inside >= 0) & (surface.depth > depths)
        parts[won] = solid.part
        depths[won] = surface.depth[won]
    return parts
