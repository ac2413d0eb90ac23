"""Maps between photographs and canvases: where a box lies, and back."""

import math
from enum import Enum

import numpy as np
from jaxtyping import Float

Affine = Float[np.ndarray, "2 3"]


class Alignment(Enum):
    """Where on the canvas a box lies, to half a pixel.

    A canvas of `w` columns has pixel centres at 0 to w - 1, and edges half a pixel outside them.
    """

    EDGES = "the edges of the box meet the edges of the canvas"
    INDEX = "the middle of the box is at w / 2: half a pixel to the right of the middle, and below"
    """Of most published code (Newell, SimpleBaseline, HRNet, MMPose)."""
    UDP = "the edges of the box meet the centres of the outermost pixels"
    """Huang, Zhu, Guo and Huang, "The Devil is in the Details", CVPR 2020."""


def box_to_canvas(
    centre: tuple[float, float],
    sides: tuple[float, float],
    canvas: tuple[int, int],
    *,
    alignment: Alignment = Alignment.EDGES,
    rotation: float = 0.0,
    mirrored: bool = False,
) -> Affine:
    """Return the map that brings a box of a photograph onto the middle of a canvas.

    `centre` (x, y) and `sides` (width, height) are in photo pixels; `canvas` is (height, width).
    The whole box is seen: the canvas shows more along one axis if its proportions are others.
    `rotation` turns the picture clockwise by that many degrees; `mirrored` swaps left and right
    of the canvas afterwards.
    """
    ends = np.array([canvas[1], canvas[0]], dtype=np.float64)
    scale = float((ends / np.asarray(sides)).min())
    turn = math.radians(rotation)
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    if alignment is Alignment.UDP:
        linear *= ((ends - 1) / ends)[:, None]  # lengths between pixels, not of pixels
    middle = ends / 2 if alignment is Alignment.INDEX else (ends - 1) / 2
    offset = middle - linear @ np.asarray(centre, dtype=np.float64)
    affine = np.concatenate([linear, offset[:, None]], axis=1)
    if mirrored:
        affine[0] = np.array([0, 0, canvas[1] - 1]) - affine[0]
    return affine


def inverse(affine: Affine) -> Affine:
    """Return the map back."""
    linear = np.linalg.inv(affine[:, :2])
    return np.concatenate([linear, -linear @ affine[:, 2:]], axis=1)


def scale_of(affine: Affine) -> float:
    """Return by how much the map enlarges lengths."""
    return float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))


def transformed(
    points: Float[np.ndarray, "*axes 2"], affine: Affine
) -> Float[np.ndarray, "*axes 2"]:
    """Return the points under the map."""
    moved: Float[np.ndarray, "*axes 2"] = points @ affine[:, :2].T + affine[:, 2]
    return moved


def affine_to_cells(affine: Affine, stride: float) -> Affine:
    """Return the map that goes to heatmap cells where `affine` goes to pixels."""
    half = (stride - 1) / 2
    return np.asarray((affine - [[0, 0, half]]) / stride)
