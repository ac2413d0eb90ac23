"""Maps between photographs, canvases and heatmaps. Half pixels live here and in `affine` alone.

Those between photographs and canvases are in `affine`, which needs no torch, and can be had here.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from robustpose.affine import Affine as Affine
from robustpose.affine import Alignment as Alignment
from robustpose.affine import affine_to_cells as affine_to_cells
from robustpose.affine import box_to_canvas as box_to_canvas
from robustpose.affine import inverse as inverse
from robustpose.affine import scale_of as scale_of
from robustpose.affine import transformed as transformed


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
