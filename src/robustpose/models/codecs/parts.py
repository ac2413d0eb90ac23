"""Maps of parts: bones and what they make up, drawn beside the joints' own heatmaps."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from robustpose.models.codecs.heatmaps import HeatmapCodec
from robustpose.models.codecs.views import Scores
from robustpose.poses import Joints, PerImage, Pose

Bone = tuple[int, int]
"""The positions of its two joints."""
Part = tuple[Bone, ...]
"""The bones that a part is made of: one or more."""


@dataclass(frozen=True)
class PartsCodec(HeatmapCodec):
    """One map a part, a ridge along each of its bones, and then one map a joint.

    A cell at distance d from the segment between two joints has the value exp(-d^2 / (2 sigma^2)),
    beyond its ends too: what bumps at every point of the segment give if the largest counts. Of
    several bones the largest value counts as well. Tang, Yu and Wu 2018; their code draws bumps of
    `sigma` 1.75 in the cells of a rastered line that lacks one end, and cuts them off three cells
    away.
    """

    parts: tuple[Part, ...] = field(kw_only=True)

    def encode(self, joints: Joints) -> Float[Tensor, "n channels rows columns"]:
        """Return the maps of all parts, then those of all joints."""
        bones = self._ridges(joints).split_with_sizes([len(part) for part in self.parts], dim=1)
        parts = torch.stack([each.amax(dim=1) for each in bones], dim=1)
        return torch.cat([parts, super().encode(joints)], dim=1)

    def decode(self, output: Float[Tensor, "n channels rows columns"]) -> Pose:
        """Return the joints that their own maps mean; those of parts do not enter."""
        return super().decode(output[:, len(self.parts) :])

    def view(self, output: Float[Tensor, "n channels rows columns"]) -> Scores:
        """Return the cells' values in the joints' own maps."""
        return Scores((self._table(output[:, len(self.parts) :]),), self.decode(output).joints)

    def loss(
        self,
        output: Float[Tensor, "n channels rows columns"],
        target: Float[Tensor, "n channels rows columns"],
        weight: Float[Tensor, "n k"],
    ) -> PerImage:
        """Return the mean squared error over parts, joints and cells.

        A part has the least weight of its joints: it enters only if all of them are labelled.
        """
        return super().loss(output, target, self._weights(weight))

    def cross_entropy(
        self,
        output: Float[Tensor, "n channels rows columns"],
        target: Float[Tensor, "n channels rows columns"],
        weight: Float[Tensor, "n k"],
    ) -> PerImage:
        """Return the cross-entropy of a soft-max over the cells of each map, mean over maps."""
        return super().cross_entropy(output, target, self._weights(weight))

    def _ridges(self, joints: Joints) -> Float[Tensor, "n bones rows columns"]:
        cells = self._cells(joints)
        ends = torch.tensor([bone for part in self.parts for bone in part], device=joints.device)
        rows, columns = (
            torch.arange(count, dtype=cells.dtype, device=cells.device) for count in self.map_size
        )
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        distance = _squared_distance(torch.stack([x, y], dim=-1), cells[:, ends])
        return torch.exp(-distance / (2 * self.sigma**2))

    def _weights(self, weight: Float[Tensor, "n k"]) -> Float[Tensor, "n channels"]:
        joints = [[joint for bone in part for joint in bone] for part in self.parts]
        parts = torch.stack([weight[:, each].amin(dim=1) for each in joints], dim=1)
        return torch.cat([parts, weight], dim=1)


def _squared_distance(
    points: Float[Tensor, "rows columns 2"], segments: Float[Tensor, "n bones 2 2"]
) -> Float[Tensor, "n bones rows columns"]:
    start, end = segments[:, :, None, None].unbind(dim=-2)
    along, offset = end - start, points - start
    # A bone without length is the point where both its joints lie.
    length = along.square().sum(dim=-1).clamp_min(1e-6)
    share = ((offset * along).sum(dim=-1) / length).clamp(0, 1)
    return (offset - share[..., None] * along).square().sum(dim=-1)
