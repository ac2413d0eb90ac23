"""Goals on losses made for the metric: joints out of their radius, or into another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from robustpose.attacks.goals.goal import check_asked, check_targets
from robustpose.attacks.goals.joint_losses import JointLoss, PerJoint, pck_margin
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
        check_asked(model, batch)
        return self._loss(model, batch, batch.joints, batch.scored, towards=False)

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

    def _loss(
        self,
        model: PoseModel,
        batch: PoseBatch,
        joints: Joints,
        counts: Bool[Tensor, "n k"],
        *,
        towards: bool,
    ) -> "DisplacementLoss":
        answers = torch.tensor(model.answers, device=counts.device)
        radius = batch.radius
        return DisplacementLoss(
            model=model,
            goal=self,
            joints=joints,
            radius=torch.where(radius > 0, radius, 1.0),
            counts=counts & answers & (radius > 0),
            seeds=batch.seeds,
            towards=towards,
        )


@dataclass(frozen=True, eq=False)
class Placed:
    """Every joint into the radius around another pose: lower what `Displaced` raises."""

    targets: Joints
    away: Displaced

    def loss(self, model: PoseModel, batch: PoseBatch) -> "DisplacementLoss":
        """Return minus the loss against the targets; joints that are there are spared."""
        check_asked(model, batch)
        check_targets(self.targets, batch)
        every = torch.ones_like(batch.labelled)
        return self.away._loss(model, batch, self.targets.to(batch.joints), every, towards=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class DisplacementLoss:
    """A loss of each joint that `counts`, summed; per image. See `Displaced`."""

    model: PoseModel
    goal: Displaced
    joints: Joints
    radius: Float[Tensor, "n k"]
    counts: Bool[Tensor, "n k"]
    seeds: tuple[int, ...]
    towards: bool

    def __call__(self, images: Images) -> PerImage:
        """Return the loss of each image."""
        height, width = images.shape[-2:]
        views = self.model.views(self.model(images, self.seeds), canvas=(height, width))
        chosen = views if self.goal.all_stages else views[-1:]
        values = torch.stack([self.goal.by(view, self.joints, self.radius) for view in chosen])
        value = -values.sum(dim=0) if self.towards else values.sum(dim=0)
        if self.goal.sparing:
            value = self._sparing(value, self._done(views[-1]))
        return torch.where(self.counts, value, 0).sum(dim=1)

    def seeded(self, seeds: Sequence[int]) -> "DisplacementLoss":
        """Return the loss with what the network draws from these seeds, one a person."""
        if len(seeds) != len(self.seeds):
            raise ValueError(f"expected one seed a person ({len(self.seeds)}), found {len(seeds)}")
        return replace(self, seeds=tuple(seeds))

    def take(self, index: Int[Tensor, "m"]) -> "DisplacementLoss":
        """Return the loss for some of the people."""
        return replace(
            self,
            joints=self.joints[index],
            radius=self.radius[index],
            counts=self.counts[index],
            seeds=tuple(self.seeds[place] for place in index.tolist()),
        )

    @torch.no_grad()
    def _done(self, view: View) -> Bool[Tensor, "n k"]:
        """Return which joints are where they are wanted, with something to spare."""
        margin = pck_margin(view, self.joints, self.radius)
        right = torch.linalg.vector_norm(view.joints - self.joints, dim=2) <= self.radius
        done: Tensor = right & (margin < -SAFELY) if self.towards else ~right & (margin > SAFELY)
        return done

    def _sparing(self, value: PerJoint, done: Bool[Tensor, "n k"]) -> PerJoint:
        every = (done | ~self.counts).all(dim=1, keepdim=True)
        # Of a person who has nothing left, the gradient goes on, at the value of spared joints.
        beyond = SPARED + value - value.detach()
        return torch.where(every, beyond, torch.where(done, SPARED, value))
