"""Coordinates: two numbers a joint."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from robustpose.models.codecs.views import Points
from robustpose.poses import Joints, PerImage, Pose


@dataclass(frozen=True)
class CoordinateCodec:
    """Two numbers a joint: its place in shares of the picture's width and height.

    `size` is the (height, width) of the model's input. `origin` is the pixel (x, y) that 0 stands
    for: by default the middle of the picture, so that shares run from -0.5 to 0.5; some published
    networks count from the first pixel. `power` 2 is the mean squared error of DeepPose (Toshev
    and Szegedy 2014), 1 the mean absolute error. The output says nothing of confidence: it is 1
    throughout.
    """

    size: tuple[int, int]
    power: int = 2
    origin: tuple[float, float] | None = None

    def encode(self, joints: Joints) -> Float[Tensor, "n k 2"]:
        """Return joints as shares of the picture."""
        return (joints - self._origin(joints)) / self._extent(joints)

    def decode(self, output: Float[Tensor, "n k 2"]) -> Pose:
        """Return joints in pixels; they may lie outside the picture."""
        joints = output * self._extent(output) + self._origin(output)
        return Pose(joints, torch.ones_like(joints[..., 0]))

    def view(self, output: Float[Tensor, "n k 2"]) -> Points:
        """Return the joints."""
        return Points(self.decode(output).joints)

    def loss(
        self,
        output: Float[Tensor, "n k 2"],
        target: Float[Tensor, "n k 2"],
        weight: Float[Tensor, "n k"],
    ) -> PerImage:
        """Return the mean squared (or absolute) error over joints and axes."""
        return ((output - target).abs().pow(self.power).mean(dim=2) * weight).mean(dim=1)

    def _extent(self, like: Tensor) -> Float[Tensor, "2"]:
        return torch.tensor([self.size[1], self.size[0]], dtype=like.dtype, device=like.device)

    def _origin(self, like: Tensor) -> Float[Tensor, "2"]:
        if self.origin is None:
            return (self._extent(like) - 1) / 2
        return torch.tensor(self.origin, dtype=like.dtype, device=like.device)
