"""Heatmaps: one map a joint with a bump at its place."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from robustpose.geometry import cell_to_pixel, pixel_to_cell
from robustpose.models.codecs.decoding import Decoding
from robustpose.models.codecs.views import Scores, Table
from robustpose.poses import Joints, PerImage, Pose


@dataclass(frozen=True)
class HeatmapCodec:
    """One map a joint with a Gaussian bump at its place; mean squared error.

    `size` is the (height, width) of the model's input in pixels, `stride` the pixels a cell,
    `sigma` the width of the bump in cells. Bumps keep the joint's fraction of a cell; their peak
    is 1. `origin` is the pixel at which the centre of cell 0 lies: by default the middle of the
    pixels that the cell covers, (stride - 1) / 2; some published networks say 0. Tompson et al.
    2014; Newell et al. 2016.

    `udp` spreads cells evenly from the first pixel's centre to the last's, cell i at
    i (width - 1) / (columns - 1), whatever `origin` says: unbiased data processing (Huang et al.
    2020). `decoding` reads places off maps; None is the way that `decode` describes.
    """

    size: tuple[int, int]
    stride: int = 4
    sigma: float = 1.0
    origin: float | None = None
    udp: bool = False
    decoding: Decoding | None = None

    @property
    def map_size(self) -> tuple[int, int]:
        """Height and width of a map in cells."""
        return self.size[0] // self.stride, self.size[1] // self.stride

    def encode(self, joints: Joints) -> Float[Tensor, "n k rows columns"]:
        """Return Gaussian maps; a joint far outside the picture gives an empty map."""
        cells = self._cells(joints)
        along_x = self._bump(cells[..., 0], self.map_size[1])
        along_y = self._bump(cells[..., 1], self.map_size[0])
        return along_y[..., :, None] * along_x[..., None, :]

    def decode(self, output: Float[Tensor, "n k rows columns"]) -> Pose:
        """Return the largest cell, moved a quarter of a cell towards its larger neighbour.

        Confidence is the largest value. In a border cell, which lacks a neighbour, the bump's
        own width tells to which side its peak lies. Newell et al. 2016, section 3.3. A `decoding`
        says places instead.
        """
        confidence, flat = output.flatten(2).max(dim=2)
        # Places have no gradient; detached, an attack on them fails instead of standing still.
        maps = output.detach()
        read = self.decoding
        cells = self._nearest_quarter(maps, flat) if read is None else read(maps)
        return Pose(self._pixels(cells), confidence)

    def view(self, output: Float[Tensor, "n k rows columns"]) -> Scores:
        """Return the cells' values, and where cells lie."""
        return Scores((self._table(output),), self.decode(output).joints)

    def loss(
        self,
        output: Float[Tensor, "n k rows columns"],
        target: Float[Tensor, "n k rows columns"],
        weight: Float[Tensor, "n k"],
    ) -> PerImage:
        """Return the mean squared error over joints and cells."""
        return ((output - target).square().mean(dim=(2, 3)) * weight).mean(dim=1)

    def cross_entropy(
        self,
        output: Float[Tensor, "n k rows columns"],
        target: Float[Tensor, "n k rows columns"],
        weight: Float[Tensor, "n k"],
    ) -> PerImage:
        """Return the cross-entropy of a soft-max over the cells of each map, mean over joints.

        Training begins with it: mean squared error alone learns an empty map for a long time.
        """
        truth = target.flatten(2)
        truth = truth / truth.sum(dim=2, keepdim=True).clamp_min(1e-6)
        entropy = -(truth * F.log_softmax(output.flatten(2), dim=2)).sum(dim=2)
        return (entropy * weight).mean(dim=1)

    def _table(self, maps: Float[Tensor, "n k rows columns"]) -> Table:
        rows, columns = (
            torch.arange(count, dtype=maps.dtype, device=maps.device) for count in maps.shape[2:]
        )
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        (places,) = self._pixels(torch.stack([x, y], dim=-1).view(1, -1, 2))
        return Table(maps.flatten(2), places)

    def _cells(self, joints: Joints) -> Joints:
        """Return the cells, and shares of cells, at which joints lie."""
        if self.udp:
            return joints / self._spacing(joints)
        return pixel_to_cell(joints, self.stride, self.origin)

    def _pixels(self, cells: Joints) -> Joints:
        if self.udp:
            return cells * self._spacing(cells)
        return cell_to_pixel(cells, self.stride, self.origin)

    def _spacing(self, like: Tensor) -> Float[Tensor, "2"]:
        """Return the pixels from one cell to the next along x and along y, if `udp`."""
        (height, width), (rows, columns) = self.size, self.map_size
        spacing = [(width - 1) / (columns - 1), (height - 1) / (rows - 1)]
        return torch.tensor(spacing, dtype=like.dtype, device=like.device)

    def _nearest_quarter(
        self, maps: Float[Tensor, "n k rows columns"], flat: Int[Tensor, "n k"]
    ) -> Joints:
        """Return the largest cells, at these places of flattened maps, moved by a quarter."""
        columns = maps.shape[3]
        row, column = flat // columns, flat % columns
        lines, each = maps.flatten(0, 1), torch.arange(flat.numel())
        along_x = lines[each, row.flatten()]
        along_y = lines[each, :, column.flatten()]
        x = column + self._quarter(along_x, column.flatten()).view_as(column)
        y = row + self._quarter(along_y, row.flatten()).view_as(row)
        return torch.stack([x, y], dim=-1)

    def _bump(self, centre: Float[Tensor, "n k"], cells: int) -> Float[Tensor, "n k cells"]:
        distance = torch.arange(cells, device=centre.device, dtype=centre.dtype) - centre[..., None]
        return torch.exp(-distance.square() / (2 * self.sigma**2))

    def _quarter(self, line: Float[Tensor, "m cells"], peak: Tensor) -> Float[Tensor, "m"]:
        at = torch.arange(len(line))
        here = line[at, peak]
        before = line[at, (peak - 1).clamp_min(0)]
        after = line[at, (peak + 1).clamp_max(line.shape[1] - 1)]
        # A bump centred on a border cell has this value next to it.
        centred = here * math.exp(-1 / (2 * self.sigma**2))
        before = torch.where(peak == 0, centred, before)
        after = torch.where(peak == line.shape[1] - 1, centred, after)
        return 0.25 * torch.sign(after - before)
