"""Residual log-likelihood: coordinates, how sure they are, and a learned law of their errors."""

import math
from dataclasses import dataclass, field

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.models.codecs.coordinates import CoordinateCodec
from robustpose.models.codecs.views import Points
from robustpose.poses import Joints, PerImage, Pose

LEAST = 1e-9
"""What is added to a deviation before it divides an error."""


@dataclass(frozen=True)
class RLECodec:
    """Four numbers a joint: its place (x, y), and the logits of its deviation along each axis.

    Li et al., "Human Pose Regression with Residual Log-likelihood Estimation", ICCV 2021. Places
    are shares of the picture as in `CoordinateCodec`, whose `size` and `origin` these are.
    `flow` maps errors divided by deviations, (m, 2), to the logarithm of their density, (m,). It
    is learned, so it is the very module that the network holds and is saved with: the codec
    adds no weights.
    """

    size: tuple[int, int]
    flow: nn.Module = field(repr=False)
    origin: tuple[float, float] | None = None

    def encode(self, joints: Joints) -> Float[Tensor, "n k 2"]:
        """Return joints as shares of the picture."""
        return self._coordinates.encode(joints)

    def decode(self, output: Float[Tensor, "n k 4"]) -> Pose:
        """Return joints in pixels. Confidence is 1 less the mean deviation of the two axes."""
        joints = self._coordinates.decode(output[..., :2]).joints
        return Pose(joints, 1 - output[..., 2:].sigmoid().mean(dim=-1))

    def view(self, output: Float[Tensor, "n k 4"]) -> Points:
        """Return the joints; deviations say nothing of places."""
        return Points(self.decode(output).joints)

    def loss(
        self,
        output: Float[Tensor, "n k 4"],
        target: Float[Tensor, "n k 2"],
        weight: Float[Tensor, "n k"],
    ) -> PerImage:
        """Return minus the log-likelihood of the targets, mean over joints and axes.

        The density of an error is a Laplace distribution times what the flow says of the rest. It
        may exceed 1, so the loss may be negative. As in MMPose (which takes the sum over joints
        and axes, not the mean), the flow's log-density, one number a joint, and the deviation of
        the Laplace distribution count for each axis.
        """
        place, logits = output[..., :2], output[..., 2:]
        error = (place - target) / (logits.sigmoid() + LEAST)
        log_sigma = F.logsigmoid(logits)  # finite where the deviation itself is rounded to 0
        log_density: Tensor = self.flow(error.flatten(0, 1)).view_as(weight)
        residual = log_sigma - log_density[..., None]
        laplace = log_sigma + error.abs() + math.log(2)
        return ((residual + laplace).mean(dim=2) * weight).mean(dim=1)

    @property
    def _coordinates(self) -> CoordinateCodec:
        return CoordinateCodec(self.size, origin=self.origin)
