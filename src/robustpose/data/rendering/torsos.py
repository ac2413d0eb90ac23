"""Trunks: a solid of four limbs, wrapped in one painted cylinder that has a front and a back."""

from typing import NamedTuple

import numpy as np

from robustpose.data.rendering.shapes import XYZ, Box, Frame, Limb, Surface
from robustpose.data.rendering.textures import Field, Material, Painting, clip, painted, planes

SPINE = 2
"""Which of a trunk's limbs runs from the shoulders' middle to the hips' middle."""


class Torso(NamedTuple):
    """A trunk: two flanks, a spine and a shoulder bar, wrapped in one painted cylinder.

    `flanks` are (shoulder, hip) of the right and the left. `frame` has the chest's axes left,
    up and forward as rows. The front shows a neckline and a chest print, the back a number.
    """

    part: int
    flanks: tuple[tuple[XYZ, XYZ], tuple[XYZ, XYZ]]
    frame: Frame
    radius: float
    thick: tuple[float, float]
    shirt: Material
    trousers: Material
    skin: Material
    print_: Material
    style: tuple[int, int]

    def _spine(self) -> tuple[XYZ, XYZ]:
        (rs, rh), (ls, lh) = self.flanks
        return (
            ((rs[0] + ls[0]) / 2, (rs[1] + ls[1]) / 2, (rs[2] + ls[2]) / 2),
            ((rh[0] + lh[0]) / 2, (rh[1] + lh[1]) / 2, (rh[2] + lh[2]) / 2),
        )

    def _limbs(self) -> tuple[Limb, ...]:
        (rs, rh), (ls, lh) = self.flanks
        top, bottom = self._spine()
        r, m = self.radius, self.shirt
        waist = -0.16 * r
        return (
            Limb(self.part, rs, rh, (0.8 * r, r), waist, m, m, 1),
            Limb(self.part, ls, lh, (0.8 * r, r), waist, m, m, 1),
            Limb(self.part, top, bottom, (0.8 * r, 1.15 * r), 0, m, m, 1),
            Limb(self.part, rs, ls, (0.8 * r, 0.8 * r), 0.12 * r, m, m, 1),
        )

    def box(self) -> Box:
        """Return the left, top, right and bottom of what the trunk covers."""
        lefts, tops, rights, bottoms = zip(*(limb.box() for limb in self._limbs()), strict=True)
        return min(lefts), min(tops), max(rights), max(bottoms)

    def surface(self, x: Field, y: Field) -> Surface:
        """Return what the trunk shows; `along` is 0 at the shoulders and 1 at the hips."""
        limbs = self._limbs()
        inside = limbs[0].distance(x, y)
        for limb in limbs[1:]:
            inside = np.maximum(inside, limb.distance(x, y))
        top, bottom = self._spine()
        ex, ey, length = limbs[SPINE].axis()
        dx, dy = x - np.float32(top[0]), y - np.float32(top[1])
        along = (dx * np.float32(ex) + dy * np.float32(ey)) / max(length, 1e-3)
        along = clip(along, -0.3, 1.3)
        sides = [
            [(p[1] - o[1]) * ex - (p[0] - o[0]) * ey for p in ends]
            for o, ends in zip((top, bottom), zip(*self.flanks, strict=True), strict=True)
        ]
        (a, b), (c, d) = sides
        half = [abs(a - b) / 2 + self.radius, abs(c - d) / 2 + self.radius]
        width = half[0] + along * (half[1] - half[0])
        across = clip((dy * ex - dx * ey) / np.maximum(width, 1e-4), -1, 1).astype(np.float32)
        height = np.sqrt(1 - across * across)
        swell = (self.thick[0] * self.frame[0, 2]) ** 2 + (self.thick[1] * self.frame[2, 2]) ** 2
        depth = top[2] + along * np.float32(bottom[2] - top[2]) + float(swell**0.5) * height
        return Surface(inside, depth.astype(np.float32), along, across, height)

    def paint(self, surface: Surface, light: XYZ) -> tuple[Painting, Field]:
        """Return the colours of shirt, trousers and skin and the light on a cylinder."""
        ex, ey, _ = self._limbs()[SPINE].axis()
        px, py = -ey, ex
        # The direction towards the viewer, square to the spine, in the chest's own axes.
        left, forward = self.frame[0], self.frame[2]
        u, v, h = surface.along, surface.across, surface.height
        sideways = v * np.float32(px * left[0] + py * left[1]) + h * np.float32(left[2])
        ahead = v * np.float32(px * forward[0] + py * forward[1]) + h * np.float32(forward[2])
        span = np.float32(2.2 * self.radius)
        colours = painted(self.shirt, u * np.float32(0.3 * 0.65), sideways * span)
        marks = painted(self.print_, u * np.float32(0.2), sideways * span)
        spot = self._front(u, sideways) * (ahead > 0) + self._back(u, sideways) * (ahead <= 0)
        colours += spot * (marks - colours)
        skin = planes(self.skin.light)
        opening = np.where(ahead > 0, np.float32(0.2), np.float32(0.05)) - np.abs(sideways) * 0.45
        bare = clip((opening - u) * 20 + 0.5, 0, 1)
        colours += bare * (skin - colours)
        below = clip((u - 0.86) * 25 + 0.5, 0, 1)
        pants = painted(self.trousers, u * np.float32(0.2), sideways * span)
        colours += below * (pants - colours)
        return colours, v * np.float32(px * light[0] + py * light[1]) + h * light[2]

    def _front(self, u: Field, sideways: Field) -> Field:
        """Return where the front has its zip, chest print or badge, from 0 to 1."""
        middle = np.abs(sideways)
        if self.style[0] == 0:
            return clip((0.09 - middle) * 12 + 0.5, 0, 1)
        if self.style[0] == 1:
            chest: Field = clip((0.45 - middle) * 12, 0, 1)
            chest *= clip((0.16 - np.abs(u - 0.42)) * 20, 0, 1)
            return chest
        badge = clip((0.12 - np.abs(sideways - 0.4)) * 12, 0, 1)
        return np.where(np.abs(u - 0.3) < 0.07, badge, np.float32(0))

    def _back(self, u: Field, sideways: Field) -> Field:
        """Return where the back has its number or yoke, from 0 to 1."""
        if self.style[1] == 0:
            return np.zeros_like(u)
        if self.style[1] == 1:
            bars: Field = clip((0.09 - np.abs(np.abs(sideways) - 0.22)) * 12 + 0.5, 0, 1)
            bars *= clip((0.2 - np.abs(u - 0.4)) * 20, 0, 1)
            return bars
        return clip((0.06 - np.abs(u - 0.16)) * 20 + 0.5, 0, 1)
