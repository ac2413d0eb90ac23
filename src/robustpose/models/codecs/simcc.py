"""SimCC: where a joint lies along each axis, as two classifications."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from robustpose.geometry import cell_to_pixel, pixel_to_cell
from robustpose.models.codecs.views import Scores, Table
from robustpose.poses import Joints, PerImage, Pose


@dataclass(frozen=True)
class SimCCCodec:
    """For each joint one score a bin of the picture's width, then one a bin of its height.

    Li et al., "SimCC: a Simple Coordinate Classification Perspective for Human Pose Estimation",
    ECCV 2022. `size` is the (height, width) of the model's input in pixels, `ratio` the bins a
    pixel, `sigma` the width in bins of the Gaussian over which a label is spread, `beta` what
    scores are multiplied by before the soft-max. `origin` is the pixel at the middle of bin 0: by
    default bins share out the picture from edge to edge, MMPose says 0. An output is one tensor,
    (n, k, bins of x and then of y).
    """

    size: tuple[int, int]
    ratio: float = 2.0
    sigma: float = 6.0
    beta: float = 1.0
    origin: float | None = None

    @property
    def bins(self) -> tuple[int, int]:
        """How many bins there are along x, and along y."""
        height, width = self.size
        return round(width * self.ratio), round(height * self.ratio)

    def encode(self, joints: Joints) -> Float[Tensor, "n k bins"]:
        """Return for each axis a Gaussian whose sum over all bins is 1, if none are cut off.

        Beyond the edge of the picture it is cut off, so that a joint far outside has an empty
        label. Bumps keep the joint's fraction of a bin, which MMPose rounds away.
        """
        places = pixel_to_cell(joints, 1 / self.ratio, self.origin)
        bumps = [self._bump(places[..., axis], count) for axis, count in enumerate(self.bins)]
        return torch.cat(bumps, dim=-1)

    def decode(self, output: Float[Tensor, "n k bins"]) -> Pose:
        """Return the best bin of each axis.

        Confidence is as in MMPose the lesser of the two best scores. Scores are no probabilities.
        """
        best, bins = zip(*(axis.max(dim=-1) for axis in self._axes(output)), strict=True)
        places = torch.stack(bins, dim=-1).to(output.dtype)
        return Pose(cell_to_pixel(places, 1 / self.ratio, self.origin), torch.minimum(*best))

    def view(self, output: Float[Tensor, "n k bins"]) -> Scores:
        """Return the scores along each axis."""
        tables = []
        for axis, scores in enumerate(self._axes(output)):
            bins = torch.arange(scores.shape[-1], dtype=scores.dtype, device=scores.device)
            along = cell_to_pixel(bins, 1 / self.ratio, self.origin)
            tables.append(Table(scores, along[:, None].expand(-1, 2), axes=(axis,)))
        return Scores(tuple(tables), self.decode(output).joints)

    def loss(
        self,
        output: Float[Tensor, "n k bins"],
        target: Float[Tensor, "n k bins"],
        weight: Float[Tensor, "n k"],
    ) -> PerImage:
        """Return the divergence of scores from labels (Kullback and Leibler), mean over joints.

        As in MMPose it is the mean over the bins of an axis, summed over the two axes.
        """
        divergence = torch.zeros_like(weight)
        for scores, label in zip(self._axes(output), self._axes(target), strict=True):
            logarithm = F.log_softmax(self.beta * scores, dim=-1)
            divergence = divergence + F.kl_div(logarithm, label, reduction="none").mean(dim=-1)
        return (divergence * weight).mean(dim=1)

    def _axes(self, bins: Float[Tensor, "n k bins"]) -> tuple[Tensor, Tensor]:
        return bins[..., : self.bins[0]], bins[..., self.bins[0] :]

    def _bump(self, centre: Float[Tensor, "n k"], count: int) -> Float[Tensor, "n k bins"]:
        distance = torch.arange(count, device=centre.device, dtype=centre.dtype) - centre[..., None]
        bump = torch.exp(-distance.square() / (2 * self.sigma**2))
        return bump / (self.sigma * math.sqrt(2 * math.pi))
