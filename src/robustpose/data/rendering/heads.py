"""Heads: an ellipsoid, exactly projected, with a face, hair and a drawn size."""

from typing import NamedTuple

import numpy as np

from robustpose.data.rendering.shapes import XYZ, Box, Frame, Surface
from robustpose.data.rendering.textures import Field, Material, Painting, clip, painted, planes


class Head(NamedTuple):
    """An ellipsoid with a face in front and hair above and behind.

    `frame` has the head's axes left, up and forward as rows, `axes` the half-lengths along them.
    """

    part: int
    centre: XYZ
    frame: Frame
    axes: XYZ
    skin: Material
    hair: Material
    hairline: float

    def half_axes(self) -> tuple[float, float]:
        """Return the half-axes' root sums (x, y): half the drawn ellipse's box in the picture."""
        spread = (self.frame * np.array(self.axes)[:, None]) ** 2
        return float(spread[:, 0].sum() ** 0.5), float(spread[:, 1].sum() ** 0.5)

    def box(self) -> Box:
        """Return the left, top, right and bottom of the ellipse."""
        (x, y, _), (across, down) = self.centre, self.half_axes()
        return x - across, y - down, x + across, y + down

    def surface(self, x: Field, y: Field) -> Surface:
        """Return what the head shows: `along`, `across`, `height` are its up, left, forward."""
        scaled = (self.frame / np.array(self.axes)[:, None]).astype(np.float32)
        dx, dy = x - np.float32(self.centre[0]), y - np.float32(self.centre[1])
        ray = [float(row[2]) for row in scaled]
        flat = [dx * row[0] + dy * row[1] for row in scaled]
        stretch = ray[0] ** 2 + ray[1] ** 2 + ray[2] ** 2
        inner = flat[0] * ray[0] + flat[1] * ray[1] + flat[2] * ray[2]
        squared = flat[0] * flat[0] + flat[1] * flat[1] + flat[2] * flat[2]
        nearest = squared - inner * inner * np.float32(1 / stretch)
        z = (
            np.sqrt(np.maximum(1 - nearest, np.float32(0)) * np.float32(stretch)) - inner
        ) / stretch
        inside = (1 - np.sqrt(np.maximum(nearest, np.float32(0)))) * min(self.half_axes())
        left, up, forward = (
            part + z * np.float32(slope) for part, slope in zip(flat, ray, strict=True)
        )
        return Surface(inside, np.float32(self.centre[2]) + z, up, left, forward)

    def paint(self, surface: Surface, light: XYZ) -> tuple[Painting, Field]:
        """Return skin, eyes, brows, mouth and hair, and the light on an ellipsoid."""
        up, left, forward = surface.along, surface.across, surface.height
        colours = painted(self.skin, up * 0.05, left * 0.05)
        aside = np.abs(left)
        front = (forward > 0).astype(np.float32)
        eyes = 1.25 - np.sqrt(((aside - 0.38) / 0.15) ** 2 + ((up - 0.05) / 0.11) ** 2)
        brows = 1.2 - np.maximum(np.abs(aside - 0.38) / 0.2, np.abs(up - 0.26) / 0.06)
        mouth = 1.2 - np.maximum(aside / 0.26, np.abs(up + 0.52) / 0.08)
        for mark, colour, strength in (
            (mouth, (150.0, 60.0, 60.0), 0.7),
            (brows, self.hair.dark, 0.6),
            (eyes, (25.0, 20.0, 22.0), 0.95),
        ):
            share = clip(mark * 2, 0, strength) * front
            colours += share * (planes(colour) - colours)
        # Hair starts high above the face and reaches down to the nape.
        hair = clip((up - self.hairline - 0.62 * forward + 0.12) * 6 + 0.5, 0, 1)
        colours += hair * (painted(self.hair, up * 0.06, left * 0.06) - colours)
        toward = [float(row @ np.array(light)) for row in self.frame]
        return colours, left * toward[0] + up * toward[1] + forward * toward[2]
