"""Maps between photographs, canvases and heatmaps. Half pixels live here and nowhere else."""

import math
from enum import Enum

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

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


def resized(images: Float[Tensor, "n c h w"], size: tuple[int, int]) -> Float[Tensor, "n c H W"]:
    """Return images at another (height, width), bilinear with anti-aliasing, differentiable.

    Proportions are kept: the picture lies in the middle, what remains at two sides is black.
    """
    if images.shape[-2:] == size:
        return images
    (height, width), (top, left) = _fitted((images.shape[-2], images.shape[-1]), size)
    inner = F.interpolate(
        images, size=(height, width), mode="bilinear", align_corners=False, antialias=True
    )
    return F.pad(inner, (left, size[1] - left - width, top, size[0] - top - height))


def rescaled(
    joints: Float[Tensor, "n k 2"], source: tuple[int, int], target: tuple[int, int]
) -> Float[Tensor, "n k 2"]:
    """Return joints of a (height, width) source picture in pixels of its resized copy."""
    if source == target:
        return joints
    factor, offset = _map(source, target, joints)
    return (joints + 0.5) * factor - 0.5 + offset


def rescaled_back(
    joints: Float[Tensor, "n k 2"], source: tuple[int, int], target: tuple[int, int]
) -> Float[Tensor, "n k 2"]:
    """Return joints of the resized copy in pixels of the source picture: undoes `rescaled`."""
    if source == target:
        return joints
    factor, offset = _map(source, target, joints)
    return (joints - offset + 0.5) / factor - 0.5


def _fitted(
    source: tuple[int, int], target: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (height, width) of a picture within another size, and its (top, left) there."""
    scale = min(target[0] / source[0], target[1] / source[1])
    height, width = (max(1, round(scale * side)) for side in source)
    return (height, width), ((target[0] - height) // 2, (target[1] - width) // 2)


def _map(source: tuple[int, int], target: tuple[int, int], like: Tensor) -> tuple[Tensor, Tensor]:
    (height, width), (top, left) = _fitted(source, target)
    factor = torch.tensor([width / source[1], height / source[0]], dtype=like.dtype)
    offset = torch.tensor([left, top], dtype=like.dtype)
    return factor.to(like.device), offset.to(like.device)


def affine_to_cells(affine: Affine, stride: float) -> Affine:
    """Return the map that goes to heatmap cells where `affine` goes to pixels."""
    half = (stride - 1) / 2
    return np.asarray((affine - [[0, 0, half]]) / stride)


def cell_to_pixel(cells: Tensor, stride: float, origin: float | None = None) -> Tensor:
    """Return the position of heatmap cells in pixels: cell i covers `stride` pixels.

    `origin` is the pixel at the centre of cell 0, by default (stride - 1) / 2.
    """
    return cells * stride + _origin(stride, origin)


def pixel_to_cell(pixels: Tensor, stride: float, origin: float | None = None) -> Tensor:
    """Return positions in pixels as (fractional) heatmap cells."""
    return (pixels - _origin(stride, origin)) / stride


def _origin(stride: float, origin: float | None) -> float:
    return (stride - 1) / 2 if origin is None else origin
