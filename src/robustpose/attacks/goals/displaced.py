"""Goals on losses made for the metric: joints out of their radius, or into another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from robustpose.attacks.goals.joint_losses import JointLoss, PerJoint, pck_margin
from robustpose.attacks.goals.places import Places, target_places, true_places
from robustpose.models.codecs import View
from robustpose.models.model import PoseModel
from robustpose.poses import Images, Joints, PerImage, PoseBatch

SAFELY = 0.05
"""A joint is out by this much of the scores' range, or of the radius, before it is spared."""
SPARED = 10.0
"""The value of a spared joint: above those of others, so that sums count spared joints first."""


@dataclass(frozen=True, kw_only=True)
class Displaced:
    """Every scored joint out of the radius within which it is right: raise `by`, summed over them.

    `by` is a function of a view of an output, joints and radii (`joint_losses`, or one's own). The
    last stage counts, or all stages together. If `sparing`, joints that are lost already have no
    gradient, so that what may be changed goes to the others; with the last one lost, all have it
    again. People without a reference length have no radius, and no loss.
    """

    by: JointLoss = pck_margin
    all_stages: bool = False
    sparing: bool = True

    def loss(self, model: PoseModel, batch: PoseBatch) -> "DisplacementLoss":
        """Return the loss. Raises `UsageError` if model and people have different skeletons."""
        return DisplacementLoss(self, model, true_places(model, batch))

    def towards(self, targets: Joints) -> "Placed":
        """Return the goal of bringing joints into the same radius around other poses."""
        return Placed(targets, self)

    def description(self, *, targeted: bool) -> str:
        """What is raised or lowered, for a report."""
        function = getattr(self.by, "func", self.by)
        name = getattr(function, "__name__", type(function).__name__).replace("_", " ")
        whose = "down the {} of another person's pose" if targeted else "up the {} of the true pose"
        stages = "summed over all stages" if self.all_stages else "of the last stage"
        return f"{whose.format(name)}, {stages}"


@dataclass(frozen=True, eq=False)
class Placed:
    """Every joint into the radius around another pose: lower what `Displaced` raises."""

    targets: Joints
    away: Displaced

    def loss(self, model: PoseModel, batch: PoseBatch) -> "DisplacementLoss":
        """Return minus the loss against the targets; joints that are there are spared."""
        places = target_places(model, batch, self.targets)
        return DisplacementLoss(self.away, model, places)


@dataclass(frozen=True, eq=False)
class DisplacementLoss:
    """A loss of each joint that counts, summed; per image. See `Displaced`."""

    goal: Displaced
    model: PoseModel
    places: Places

    def __call__(self, images: Images) -> PerImage:
        """Return the loss of each image."""
        (height, width), places = images.shape[-2:], self.places
        views = self.model.views(self.model(images, places.seeds), canvas=(height, width))
        chosen = views if self.goal.all_stages else views[-1:]
        values = torch.stack([self.goal.by(view, places.joints, places.radius) for view in chosen])
        value = -values.sum(dim=0) if places.wanted else values.sum(dim=0)
        if self.goal.sparing:
            value = self._sparing(value, self._done(views[-1]))
        return torch.where(places.counts, value, 0).sum(dim=1)

    def seeded(self, seeds: Sequence[int]) -> "DisplacementLoss":
        """Return the loss with what the network draws from these seeds, one a person."""
        return replace(self, places=self.places.seeded(seeds))

    def take(self, index: Int[Tensor, "m"]) -> "DisplacementLoss":
        """Return the loss for some of the people."""
        return replace(self, places=self.places.take(index))

    @torch.no_grad()
    def _done(self, view: View) -> Bool[Tensor, "n k"]:
        """Return which joints are where they are wanted, with something to spare."""
        joints, radius = self.places.joints, self.places.radius
        margin = pck_margin(view, joints, radius)
        right = torch.linalg.vector_norm(view.joints - joints, dim=2) <= radius
        there, gone = right & (margin < -SAFELY), ~right & (margin > SAFELY)
        done: Tensor = there if self.places.wanted else gone
        return done

    def _sparing(self, value: PerJoint, done: Bool[Tensor, "n k"]) -> PerJoint:
        every = (done | ~self.places.counts).all(dim=1, keepdim=True)
        # Of a person who has nothing left, the gradient goes on, at the value of spared joints.
        beyond = SPARED + value - value.detach()
        return torch.where(every, beyond, torch.where(done, SPARED, value))
