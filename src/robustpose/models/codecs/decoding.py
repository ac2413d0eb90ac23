"""How the place of a joint is read off its map, each way as published code has it."""

import math
from dataclasses import dataclass, replace
from typing import Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from robustpose.errors import UsageError

Maps = Float[Tensor, "n k rows columns"]
Cells = Float[Tensor, "n k 2"]
"""(x, y) in cells; the centre of the first cell is (0, 0)."""


class Decoding(Protocol):
    """How places are read off maps."""

    def __call__(self, maps: Maps) -> Cells:
        """Return the place of each map's joint."""
        ...


@dataclass(frozen=True)
class QuarterOffset:
    """The largest cell, moved a quarter of a cell along each axis towards its larger neighbour.

    As SimpleBaseline and HRNet have it (`get_final_preds`; Xiao et al. 2018, Sun et al. 2019): in
    the first two and the last of the rows or columns the largest cell stays where it is, along
    both axes. A map without a positive value says cell (0, 0).
    """

    def __call__(self, maps: Maps) -> Cells:
        """Return the place of each map's joint."""
        peak = _Peak.of(maps)
        inside = _within(peak.column, 1, maps.shape[3] - 1) & _within(
            peak.row, 1, maps.shape[2] - 1
        )
        moved = peak.cells + 0.25 * torch.where(inside[..., None], peak.slope.sign(), 0)
        return torch.where(peak.positive, moved, 0)


@dataclass(frozen=True)
class MMPoseQuarterOffset:
    """`QuarterOffset` as MMPose has it (`refine_keypoints`), which differs at borders.

    An axis stays unmoved in its own first two and last cells, and in the first of the other's. A
    map without a positive value says cell (-1, -1).
    """

    def __call__(self, maps: Maps) -> Cells:
        """Return the place of each map's joint."""
        peak, (rows, columns) = _Peak.of(maps), maps.shape[2:]
        along_x = _within(peak.column, 1, columns - 1) & _within(peak.row, 0, rows)
        along_y = _within(peak.row, 1, rows - 1) & _within(peak.column, 0, columns)
        inside = torch.stack([along_x, along_y], dim=-1)
        moved = peak.cells + 0.25 * torch.where(inside, peak.slope.sign(), 0)
        return torch.where(peak.positive, moved, -1)


@dataclass(frozen=True)
class Dark:
    """DARK: from the largest cell to where the Taylor expansion of the map's logarithm peaks.

    Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose Estimation", CVPR
    2020, equations 4 to 9, as MMPose has it (`refine_keypoints_dark`): the map is blurred first and
    scaled to its former maximum; differences reach two cells, so a largest cell in the first or
    last two rows or columns stays where it is. The step is not bounded. A map without a positive
    value says cell (-1, -1).

    `kernel` is the width in cells of the Gaussian that blurs: 11 for maps with bumps of sigma 2,
    17 for those of sigma 3 (MMPose's files at 384 x 288 are nevertheless read with 11, but for
    that of ResNet-152). Raises `UsageError` unless it is odd and at least 3.
    """

    kernel: int = 11

    def __post_init__(self) -> None:
        _check_kernel(self.kernel)

    def __call__(self, maps: Maps) -> Cells:
        """Return the place of each map's joint."""
        peak, (rows, columns) = _Peak.of(maps), maps.shape[2:]
        logs = peak.on(_blurred(maps, self.kernel).clamp_min(1e-10).log())
        here = 2 * logs.at(0, 0)
        xx = (logs.at(2, 0) - here + logs.at(-2, 0)) / 4
        yy = (logs.at(0, 2) - here + logs.at(0, -2)) / 4
        xy = (logs.at(1, 1) - logs.at(1, -1) - logs.at(-1, 1) + logs.at(-1, -1)) / 4
        inside = _within(peak.column, 1, columns - 2) & _within(peak.row, 1, rows - 2)
        usable = inside & (xx * yy - xy.square() != 0)
        step = torch.where(usable[..., None], _newton(logs.slope / 2, xx, xy, yy), 0)
        return torch.where(peak.positive, peak.cells + step, -1)


@dataclass(frozen=True)
class DarkUDP:
    """`Dark` as networks trained with UDP are read: with differences of one cell, also at borders.

    Huang et al., "The Devil is in the Details: Delving into Unbiased Data Processing for Human
    Pose Estimation", CVPR 2020, as MMPose has it (`refine_keypoints_dark_udp`): the blurred map is
    kept within 1e-3 to 50 and continued beyond its borders by its outermost cells. A map without
    a positive value says cell (-1, -1) (in MMPose that, moved by what lies next in memory).

    MMPose reads files of 256 x 192 and of 384 x 288 with a `kernel` of 11. It says nothing of
    where cells lie: that is the codec's `udp`.
    """

    kernel: int = 11

    def __post_init__(self) -> None:
        _check_kernel(self.kernel)

    def __call__(self, maps: Maps) -> Cells:
        """Return the place of each map's joint."""
        peak = _Peak.of(maps)
        logs = peak.on(_blurred(maps, self.kernel).clamp(1e-3, 50).log())
        here, right, below = logs.at(0, 0), logs.at(1, 0), logs.at(0, 1)
        left, above = logs.at(-1, 0), logs.at(0, -1)
        xx = right - 2 * here + left
        yy = below - 2 * here + above
        twice = logs.at(1, 1) - right - below + 2 * here - left - above + logs.at(-1, -1)
        least = torch.finfo(torch.float32).eps  # keeps a level map from dividing by zero
        step = _newton(logs.slope / 2, xx + least, twice / 2, yy + least)
        return torch.where(peak.positive, peak.cells + step, -1)


@dataclass(frozen=True)
class _Peak:
    """The largest cell of each map, and the values around it on that map or another."""

    maps: Maps
    column: Int[Tensor, "n k"]
    row: Int[Tensor, "n k"]
    positive: Bool[Tensor, "n k 1"]

    @classmethod
    def of(cls, maps: Maps) -> "_Peak":
        largest, flat = maps.flatten(2).max(dim=2)
        columns = maps.shape[3]
        return cls(maps, flat % columns, flat // columns, (largest > 0)[..., None])

    def on(self, maps: Maps) -> "_Peak":
        """Return the same cells, on other maps."""
        return replace(self, maps=maps)

    @property
    def cells(self) -> Cells:
        return torch.stack([self.column, self.row], dim=-1).to(self.maps.dtype)

    @property
    def slope(self) -> Cells:
        """The next value less the one before, along x and along y."""
        along = [self.at(1, 0) - self.at(-1, 0), self.at(0, 1) - self.at(0, -1)]
        return torch.stack(along, dim=-1)

    def at(self, right: int, down: int) -> Float[Tensor, "n k"]:
        """Return values so many cells away; beyond a border those of the outermost cells."""
        rows, columns = self.maps.shape[2:]
        row = (self.row + down).clamp(0, rows - 1)
        column = (self.column + right).clamp(0, columns - 1)
        index = (row * columns + column)[..., None]
        return self.maps.flatten(2).gather(2, index).squeeze(2)


def _within(place: Int[Tensor, "n k"], above: int, below: int) -> Bool[Tensor, "n k"]:
    return (place > above) & (place < below)


def _newton(
    gradient: Cells,
    xx: Float[Tensor, "n k"],
    xy: Float[Tensor, "n k"],
    yy: Float[Tensor, "n k"],
) -> Cells:
    """Return the step to where the gradient vanishes, by the matrix of second derivatives."""
    x, y = gradient.unbind(dim=-1)
    steps = torch.stack([xy * y - yy * x, xy * x - xx * y], dim=-1)
    return steps / (xx * yy - xy.square())[..., None]


def _blurred(maps: Maps, kernel: int) -> Maps:
    """Return maps under a Gaussian, zero beyond their borders, scaled to their former maxima.

    Its deviation is what OpenCV takes for a kernel of that width: 2 cells for 11, 2.9 for 17. (Up
    to a width of 9 OpenCV has tables of its own, which are not followed.) Sums of moved maps, not
    a convolution, which accelerators round to fewer bits.
    """
    reach = kernel // 2
    deviation = 0.3 * (reach - 1) + 0.8
    weights = [math.exp(-(((i - reach) / deviation) ** 2) / 2) for i in range(kernel)]
    rows, columns = maps.shape[2:]
    padded = F.pad(maps, (reach,) * 4)
    across = sum(w * padded[..., i : i + columns] for i, w in enumerate(weights))
    assert isinstance(across, Tensor)
    blurred = sum(w * across[..., i : i + rows, :] for i, w in enumerate(weights))
    assert isinstance(blurred, Tensor)
    former, now = (each.amax(dim=(2, 3), keepdim=True) for each in (maps, blurred))
    return blurred * (former / now)


def _check_kernel(kernel: int) -> None:
    if kernel < 3 or kernel % 2 == 0:
        raise UsageError(f"a kernel has an odd width of at least 3 cells (11, 17): found {kernel}")


DECODINGS: dict[str, Decoding] = {
    "quarter": QuarterOffset(),
    "mmpose-quarter": MMPoseQuarterOffset(),
    "dark": Dark(),
    "dark-17": Dark(kernel=17),
    "dark-udp": DarkUDP(),
}
"""The ways of reading maps by the names that the command line has for them."""
