"""The solids that people and things are drawn of, evaluated at any points of the picture.

All coordinates are in picture sides: x to the right, y down, z towards the viewer. A solid
answers for a grid of pixels (`x` a row, `y` a column) or for a list of points alike, with the
same float32 arithmetic, so that what a picture shows and what is asked at a joint agree.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from robustpose.data.rendering.textures import Field, Material, Painting, clip, painted

Frame = Float[np.ndarray, "3 3"]
XYZ = tuple[float, float, float]
Box = tuple[float, float, float, float]

EDGE = 0.004
"""How soft the borders between two materials are, in picture sides."""


class Surface(NamedTuple):
    """What a solid shows at some points.

    `inside` is the distance from the outline, positive inside; `depth` is towards the viewer.
    `along`, `across` and `height` say where on the solid a point lies (each solid its own way).
    """

    inside: Field
    depth: Field
    along: Field
    across: Field
    height: Field


@runtime_checkable
class Solid(Protocol):
    """A solid with a part number (0: none of the person's parts)."""

    @property
    def part(self) -> int:
        """The number that the part mask shows."""
        ...

    def box(self) -> Box:
        """Return the left, top, right and bottom of what the solid covers."""
        ...

    def surface(self, x: Field, y: Field) -> Surface:
        """Return what the solid shows at points."""
        ...

    def paint(self, surface: Surface, light: XYZ) -> tuple[Painting, Field]:
        """Return the colours of a surface and how much light falls on it, from -1 to 1."""
        ...


class Limb(NamedTuple):
    """A rounded, tapered, bulging limb of up to two materials that meet at `cut`.

    `cut` is a fraction of the length; `flat` cuts the ends off straight, for poles and boards.
    """

    part: int
    start: XYZ
    end: XYZ
    radii: tuple[float, float]
    bulge: float
    first: Material
    second: Material
    cut: float
    flat: bool = False

    def box(self) -> Box:
        """Return the left, top, right and bottom of what the limb covers."""
        reach = max(self.radii) + max(self.bulge, 0.0)
        (ax, ay, _), (bx, by, _) = self.start, self.end
        return min(ax, bx) - reach, min(ay, by) - reach, max(ax, bx) + reach, max(ay, by) + reach

    def axis(self) -> XYZ:
        """Return the direction (x, y) from start to end in the picture, and the length."""
        dx, dy = self.end[0] - self.start[0], self.end[1] - self.start[1]
        length = (dx * dx + dy * dy) ** 0.5
        # A limb that points at the viewer is a disc: any direction will do.
        return (dx / length, dy / length, length) if length > 1e-6 else (1.0, 0.0, 1e-6)

    def surface(self, x: Field, y: Field) -> Surface:
        """Return what the limb shows; `along` and `across` are distances in picture sides."""
        ex, ey, length = self.axis()
        dx, dy = x - np.float32(self.start[0]), y - np.float32(self.start[1])
        along = dx * np.float32(ex) + dy * np.float32(ey)
        across = dy * np.float32(ex) - dx * np.float32(ey)
        t = clip(along * np.float32(1 / length), 0, 1)
        first, last = self.radii
        radius = first + t * (np.float32(last - first + 4 * self.bulge) - 4 * self.bulge * t)
        over = along - t * np.float32(length)
        squared = across * across + over * over
        height = np.sqrt(np.maximum(1 - squared / (radius * radius), np.float32(0)))
        inside = radius - np.sqrt(squared)
        if self.flat:
            inside = np.minimum(inside, np.minimum(along, length - along))
        depth = self.start[2] + t * np.float32(self.end[2] - self.start[2]) + radius * height
        return Surface(inside, depth, along, across, height)

    def distance(self, x: Field, y: Field) -> Field:
        """Return `surface(x, y).inside` alone, of a limb that is not flat."""
        ex, ey, length = self.axis()
        dx, dy = x - np.float32(self.start[0]), y - np.float32(self.start[1])
        along = dx * np.float32(ex) + dy * np.float32(ey)
        across = dy * np.float32(ex) - dx * np.float32(ey)
        t = clip(along * np.float32(1 / length), 0, 1)
        first, last = self.radii
        radius = first + t * (np.float32(last - first + 4 * self.bulge) - 4 * self.bulge * t)
        over = along - t * np.float32(length)
        inside: Field = radius - np.sqrt(across * across + over * over)
        return inside

    def paint(self, surface: Surface, light: XYZ) -> tuple[Painting, Field]:
        """Return the colours of the two materials and the light on a cylinder."""
        ex, ey, length = self.axis()
        colours = painted(self.first, surface.along, surface.across)
        if self.cut < 1:
            share = clip((surface.along - self.cut * length) / EDGE + 0.5, 0, 1)
            other = painted(self.second, surface.along, surface.across)
            colours += share * (other - colours)
        sideways = (ex * light[1] - ey * light[0]) * 2 / (self.radii[0] + self.radii[1])
        return colours, surface.across * np.float32(sideways) + surface.height * light[2]
