"""Places that joints are driven out of, or into, with the radius around each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from robustpose.attacks.goals.goal import check_asked, check_targets
from robustpose.models.model import PoseModel
from robustpose.poses import Joints, PoseBatch


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """What a loss is told of some people: where their joints are to leave, or to go.

    `joints` and `radius` are in canvas pixels; of the joints only those that `counts` enter the
    loss. `seeds`, one a person, settle what a random network draws. If `wanted`, joints are to lie
    inside the radius, otherwise outside.
    """

    joints: Joints
    radius: Float[Tensor, "n k"]
    counts: Bool[Tensor, "n k"]
    seeds: tuple[int, ...]
    wanted: bool

    def seeded(self, seeds: Sequence[int]) -> "Places":
        """Return the same places with other seeds, one a person."""
        if len(seeds) != len(self.seeds):
            raise ValueError(f"expected one seed a person ({len(self.seeds)}), found {len(seeds)}")
        return replace(self, seeds=tuple(seeds))

    def take(self, index: Int[Tensor, "m"]) -> "Places":
        """Return the places of some of the people, in the order of `index`."""
        return replace(
            self,
            joints=self.joints[index],
            radius=self.radius[index],
            counts=self.counts[index],
            seeds=tuple(self.seeds[place] for place in index.tolist()),
        )


def true_places(model: PoseModel, batch: PoseBatch) -> Places:
    """Return the places of the scored joints, to be left.

    Raises `UsageError` if model and people have different skeletons.
    """
    return _places(model, batch, batch.joints, batch.scored, wanted=False)


def target_places(model: PoseModel, batch: PoseBatch, targets: Joints) -> Places:
    """Return the places of other poses (n, k, 2), all of whose joints are wanted there.

    Raises `UsageError` for different skeletons, or unless there is one target a person.
    """
    check_targets(targets, batch)
    every = torch.ones_like(batch.labelled)
    return _places(model, batch, targets.to(batch.joints), every, wanted=True)


def _places(
    model: PoseModel, batch: PoseBatch, joints: Joints, counts: Bool[Tensor, "n k"], *, wanted: bool
) -> Places:
    check_asked(model, batch)
    answers = torch.tensor(model.answers, device=counts.device)
    radius = batch.radius
    return Places(
        joints=joints,
        radius=torch.where(radius > 0, radius, 1.0),
        counts=counts & answers & (radius > 0),
        seeds=batch.seeds,
        wanted=wanted,
    )
