"""Places for people to be in: light and ground, rough noise, and clutter of plain shapes."""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy.random import RandomState

from robustpose.data.rendering.clothing import any_colour, skin_colour
from robustpose.data.rendering.draws import between, chance, one_of, stream, whole
from robustpose.data.rendering.textures import LANDSCAPE, Colour, landscapes

RGB = UInt8[np.ndarray, "side side 3"]
SHIFT = 4
"""Fractional bits of the coordinates that OpenCV's fixed-point drawing gets."""


_OUTDOORS = (
    (85.0, 115.0, 55.0), (45.0, 65.0, 38.0), (150.0, 180.0, 215.0), (215.0, 222.0, 228.0),
    (128.0, 126.0, 122.0), (88.0, 86.0, 84.0), (125.0, 98.0, 70.0), (198.0, 178.0, 142.0),
    (150.0, 75.0, 55.0), (40.0, 42.0, 48.0), (160.0, 118.0, 78.0), (70.0, 95.0, 140.0),
)  # fmt: skip


def _paint(random: RandomState) -> Colour:
    """Draw a colour of a place: grass, sky, stone, earth, wood; now and then any colour."""
    if chance(random, 0.2):
        return any_colour(random)
    red, green, blue = one_of(random, _OUTDOORS)
    bright = between(random, 0.6, 1.25)
    red, green, blue = (bright * c * between(random, 0.88, 1.12) for c in (red, green, blue))
    return min(red, 255.0), min(green, 255.0), min(blue, 255.0)


def draw_background(seed: int, pixels: int) -> RGB:
    """Return a background. The draws do not depend on `pixels`, so neither does the scene."""
    random = stream("rendered", "background", seed)
    canvas = _layer(random, pixels)
    if chance(random, 0.7):
        _ground(random, canvas)
    for _ in range(whole(random, 0, 4)):
        _wall(random, canvas)
    if chance(random, 0.2):
        _grid(random, canvas)
    for _ in range(whole(random, 2, 22)):
        one_of(random, _CLUTTER)(random, canvas)
    if chance(random, 0.25):
        _spectators(random, canvas)
    blur = between(random, 0.002, 0.012) if chance(random, 0.45) else 0.0
    if blur:
        canvas = cv2.GaussianBlur(canvas, (0, 0), max(blur * pixels, 0.3))
    return np.asarray(canvas, np.uint8)


def _layer(random: RandomState, pixels: int) -> RGB:
    """Return a square of noise with structure at all scales, in the colours of a gradient."""
    picture = one_of(random, landscapes())
    wide = between(random, 0.25, 0.9)
    low, high = _paint(random), _paint(random)
    contrast = between(random, 0.3, 1.5)
    middle = tuple((a + b) / 2 for a, b in zip(low, high, strict=True))
    ends = [[m + contrast * (c - m) for c, m in zip(e, middle, strict=True)] for e in (low, high)]
    steps = np.linspace(0, 1, 256)[:, None]
    palette = (ends[0] + steps * (np.array(ends[1]) - ends[0])).clip(0, 255).astype(np.uint8)
    size = int(wide * LANDSCAPE)
    left, top = whole(random, 0, LANDSCAPE - size), whole(random, 0, LANDSCAPE - size)
    grey = cv2.resize(
        picture[top : top + size, left : left + size], (pixels, pixels),
        interpolation=cv2.INTER_LINEAR_EXACT,
    )  # fmt: skip
    return np.asarray(cv2.LUT(cv2.merge([grey, grey, grey]), palette[None]), np.uint8)


def _ground(random: RandomState, canvas: RGB) -> None:
    horizon = int(between(random, 0.35, 0.9) * len(canvas))
    canvas[horizon:] = _layer(random, len(canvas))[horizon:]


def _wall(random: RandomState, canvas: RGB) -> None:
    """Fill a polygon with another noise: a wall, a hedge, a mat, a hill."""
    side = len(canvas)
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [_polygon(random, side, between(random, 0.15, 0.5))], 255, cv2.LINE_8, SHIFT)
    np.copyto(canvas, _layer(random, side), where=mask[..., None] > 0)


def _grid(random: RandomState, canvas: RGB) -> None:
    """Draw parallel lines across the picture: a fence, a net, windows, steps."""
    colour, step = _paint(random), between(random, 0.03, 0.15)
    thick = between(random, 0.006, 0.017)
    start, stop = between(random, -0.2, 0.4), between(random, 0.6, 1.2)
    both, slant = chance(random, 0.5), between(random, -0.1, 0.1)
    for index in range(int((stop - start) / step)):
        place = start + index * step
        _stroke(canvas, (place, start), (place + slant, stop), thick, colour)
        if both:
            _stroke(canvas, (start, place), (stop, place + slant), thick, colour)


def _patch(random: RandomState, canvas: RGB) -> None:
    points = _polygon(random, len(canvas), between(random, 0.02, 0.2))
    cv2.fillPoly(canvas, [points], _paint(random), cv2.LINE_AA, SHIFT)


def _line(random: RandomState, canvas: RGB) -> None:
    ax, ay, bx, by = (between(random, -0.1, 1.1) for _ in range(4))
    _stroke(canvas, (ax, ay), (bx, by), between(random, 0.005, 0.03), _paint(random))


def _ellipse(random: RandomState, canvas: RGB) -> None:
    side = len(canvas)
    centre = _at(between(random, 0, 1), between(random, 0, 1), side)
    axes = _at(between(random, 0.01, 0.12), between(random, 0.01, 0.12), side)
    turn, colour = between(random, 0, 180), _paint(random)
    thick = max(round(0.01 * side), 1) if chance(random, 0.2) else -1
    cv2.ellipse(canvas, centre, axes, turn, 0, 360, colour, thick, cv2.LINE_AA, SHIFT)


def _box(random: RandomState, canvas: RGB) -> None:
    side = len(canvas)
    x, y = between(random, -0.1, 1), between(random, -0.1, 1)
    end = _at(x + between(random, 0.02, 0.4), y + between(random, 0.02, 0.4), side)
    cv2.rectangle(canvas, _at(x, y, side), end, _paint(random), -1, cv2.LINE_AA, SHIFT)


_CLUTTER: tuple[Callable[[RandomState, RGB], None], ...] = (
    _patch, _patch, _line, _line, _ellipse, _box,
)  # fmt: skip


def _spectators(random: RandomState, canvas: RGB) -> None:
    """Draw a row of small coarse figures: a head on shoulders."""
    side = len(canvas)
    size, y = between(random, 0.015, 0.035), between(random, 0.1, 0.6)
    for _ in range(whole(random, 3, 12)):
        x, height = between(random, 0, 1), y + between(random, -0.04, 0.04)
        shirt: Colour = any_colour(random)
        body, axes = _at(x, height + 3 * size, side), _at(1.5 * size, 2.2 * size, side)
        cv2.ellipse(canvas, body, axes, 0, 0, 360, shirt, -1, cv2.LINE_AA, SHIFT)
        head, axes = _at(x, height, side), _at(0.8 * size, size, side)
        cv2.ellipse(canvas, head, axes, 0, 0, 360, skin_colour(random), -1, cv2.LINE_AA, SHIFT)


def _stroke(
    canvas: RGB, start: tuple[float, float], end: tuple[float, float], thick: float, colour: Colour
) -> None:
    """Draw a line `thick` picture sides wide; OpenCV's own lines are whole pixels wide."""
    (ax, ay), (bx, by), side = start, end, len(canvas)
    length = max(((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5, 1e-6)
    # OpenCV's smooth polygons reach half a pixel beyond their outline.
    half = max(thick / 2 - 0.5 / side, 0.0) / length
    x, y = -half * (by - ay), half * (bx - ax)
    corners = ((ax + x, ay + y), (bx + x, by + y), (bx - x, by - y), (ax - x, ay - y))
    points = np.array([_at(*corner, side) for corner in corners], np.int32)
    cv2.fillConvexPoly(canvas, points, colour, cv2.LINE_AA, SHIFT)


def _polygon(random: RandomState, side: int, reach: float) -> np.ndarray:
    x, y = between(random, 0, 1), between(random, 0, 1)
    points = [
        (x + between(random, -reach, reach), y + between(random, -reach, reach))
        for _ in range(whole(random, 3, 7))
    ]
    return np.array([_at(*point, side) for point in points], np.int32)


def _at(x: float, y: float, side: int) -> tuple[int, int]:
    """Return a point in fixed-point pixels."""
    scale = side << SHIFT
    return int(x * scale), int(y * scale)
