"""Integral regression: the centre of mass of a map is the joint."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from robustpose.geometry import cell_to_pixel
from robustpose.models.codecs.coordinates import CoordinateCodec
from robustpose.models.codecs.views import Points
from robustpose.poses import Joints, PerImage, Pose


@dataclass(frozen=True)
class IntegralCodec:
    """One map a joint, whose soft-max is the probability of each cell; the joint is its mean.

    Sun et al., "Integral Human Pose Regression", ECCV 2018. `size` is the (height, width) of the
    model's input in pixels, `stride` the pixels a cell, `origin` the pixel at which the centre of
    cell 0 lies (as in `HeatmapCodec`). `beta` multiplies the maps before the soft-max. Targets are
    coordinates in shares of the picture (`CoordinateCodec`), and `power` 1 is the paper's mean
    absolute error. No loss is put on the maps themselves.
    """

    size: tuple[int, int]
    stride: int = 4
    beta: float = 1.0
    power: int = 1
    origin: float | None = None

    def encode(self, joints: Joints) -> Float[Tensor, "n k 2"]:
        """Return joints as shares of the picture, its middle at 0."""
        return self._coordinates.encode(joints)

    def decode(self, output: Float[Tensor, "n k rows columns"]) -> Pose:
        """Return the mean place, differentiable; it lies between the outermost cells' centres.

        Confidence is the probability of the likeliest square of 3 x 3 cells: 1 for a sharp peak,
        half of that if there are two alike, between which the mean would lie.
        """
        share = self._probability(output)
        confidence = 9 * F.avg_pool2d(share, 3, stride=1, padding=1).flatten(2).amax(dim=2)
        return Pose(self._mean(share), confidence)

    def view(self, output: Float[Tensor, "n k rows columns"]) -> Points:
        """Return the mean places: what single cells score decides nothing."""
        return Points(self.decode(output).joints)

    def loss(
        self,
        output: Float[Tensor, "n k rows columns"],
        target: Float[Tensor, "n k 2"],
        weight: Float[Tensor, "n k"],
    ) -> PerImage:
        """Return the mean absolute (or squared) error of the mean place over joints and axes."""
        places = self._coordinates.encode(self._mean(self._probability(output)))
        return self._coordinates.loss(places, target, weight)

    @property
    def _coordinates(self) -> CoordinateCodec:
        return CoordinateCodec(self.size, power=self.power)

    def _probability(
        self, output: Float[Tensor, "n k rows columns"]
    ) -> Float[Tensor, "n k rows columns"]:
        return F.softmax(self.beta * output.flatten(2), dim=2).view(output.shape)

    def _mean(self, share: Float[Tensor, "n k rows columns"]) -> Joints:
        rows, columns = (
            torch.arange(cells, dtype=share.dtype, device=share.device) for cells in share.shape[2:]
        )
        x = share.sum(dim=2) @ columns
        y = share.sum(dim=3) @ rows
        return cell_to_pixel(torch.stack([x, y], dim=-1), self.stride, self.origin)
