"""Smaller copies of pictures on black: where they lie, and the matrices that make them."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from robustpose.interpolation import between
from robustpose.poses import Images


class Placement(NamedTuple):
    """Where the copies of n pictures lie along one axis: their scale and their first pixel."""

    scale: Float[Tensor, "n 1"]
    first: Float[Tensor, "n 1"]

    def forth(self, places: Float[Tensor, "..."]) -> Float[Tensor, "n m"]:
        """Return where places (m or n m, in pixels) of the pictures are found in their copies."""
        return (places + 0.5) * self.scale - 0.5 + self.first

    def back(self, places: Float[Tensor, "..."]) -> Float[Tensor, "n m"]:
        """Return which places of the pictures are found at places of their copies."""
        return (places - self.first + 0.5) / self.scale - 0.5


def placements(
    size: tuple[int, int], least: float | Tensor, seeds: Sequence[int], like: Tensor
) -> tuple[Placement, Placement]:
    """Draw from each seed one share for both axes and a place on each; x comes first.

    Shares are uniform from `least`, which may be one a picture (n 1), to 1.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    drawn = torch.stack([torch.rand(3, generator=each) for each in generators]).to(like)
    share = least + (1 - least) * drawn[:, :1]
    height, width = size
    return _placed(width, share, drawn[:, 1:2]), _placed(height, share, drawn[:, 2:])


def copied(pictures: Images, along_x: Placement, along_y: Placement) -> Images:
    """Return the copies, bilinear, on black."""
    height, width = pictures.shape[-2:]
    columns, rows = _matrices(along_x, width), _matrices(along_y, height)
    return rows[:, None] @ pictures @ columns[:, None].mT


def _placed(side: int, share: Float[Tensor, "n 1"], chance: Float[Tensor, "n 1"]) -> Placement:
    """Return copies of a share of a side, in whole pixels."""
    pixels = (side * share).round().clamp_min(1)
    return Placement(pixels / side, (chance * (side - pixels + 1)).floor())


def _matrices(placement: Placement, side: int) -> Float[Tensor, "n side side"]:
    """Return the matrices that make a copy along one axis; what is outside it is 0."""
    at = torch.arange(side, dtype=placement.scale.dtype, device=placement.scale.device)
    source = placement.back(at)
    inside = (source > -0.5) & (source < side - 0.5)
    return between(source, side) * inside[..., None]
