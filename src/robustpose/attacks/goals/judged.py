"""Goals of an attacker who has nothing but the answer: how far its joints lie from the truth.

Decision-based attacks on classifiers see a label. The answer of a pose estimator says more: Mroczek
and Kepski ("OKS Attack", 2026) are guided by the similarity of predicted and true key points.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from robustpose.attacks.goals.goal import check_asked, check_targets
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.poses import Images, Joints, PerImage, PoseBatch

PerJoint = Float[Tensor, "n k"]
Judgement = Callable[[PerJoint], PerJoint]
"""What a joint is worth to the attacker, from its distance over the radius where it is right."""

FAR = 5.0
"""From so many radii on, a joint that is farther off is worth no more."""
NUDGE = 0.01
"""What a radius of distance is worth beside a lost joint."""


def lost_joints(distance: PerJoint) -> PerJoint:
    """Return 1 for a joint out of its radius, and a little for its distance.

    The number of lost joints is what the score sees. The distance says which of two images is
    nearer to losing one more.
    """
    return (distance > 1).to(distance) + NUDGE * distance.clamp_max(FAR)


def dissimilarity(distance: PerJoint) -> PerJoint:
    """Return 1 minus the joint's part in the object key point similarity, a half at the radius."""
    return 1 - torch.exp(-math.log(2) * distance.square())


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Every scored joint out of the radius within which it is right, from predicted joints alone.

    `by` is a function of distances over radii. Maps, coordinates and confidences stay unseen, and
    there is no gradient. People without a reference length have no radius, and no loss.
    """

    by: Judgement = lost_joints

    def loss(self, model: PoseModel, batch: PoseBatch) -> "JudgedLoss":
        """Return the loss. Raises `UsageError` if model and people have different skeletons."""
        check_asked(model, batch)
        return _loss(self.by, model, batch, batch.joints, batch.scored, towards=False)

    def towards(self, targets: Joints) -> "Shown":
        """Return the goal of bringing joints into the same radius around other poses."""
        return Shown(targets, self.by)

    def description(self, *, targeted: bool) -> str:
        """What is raised or lowered, for a report."""
        name = getattr(self.by, "__name__", type(self.by).__name__).replace("_", " ")
        way, whose = ("down", "another person's") if targeted else ("up", "the true")
        return f"{way} the answer's {name}, held against {whose} pose"


@dataclass(frozen=True, eq=False)
class Shown:
    """Every joint into the radius around another pose: lower what `Judged` raises."""

    targets: Joints
    by: Judgement

    def loss(self, model: PoseModel, batch: PoseBatch) -> "JudgedLoss":
        """Return minus the loss against the targets."""
        check_asked(model, batch)
        check_targets(self.targets, batch)
        every = torch.ones_like(batch.labelled)
        return _loss(self.by, model, batch, self.targets.to(batch.joints), every, towards=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedLoss:
    """The worth of the answer: that of each joint that `counts`, summed; per image."""

    model: PoseModel
    by: Judgement
    joints: Joints
    radius: PerJoint
    counts: Bool[Tensor, "n k"]
    seeds: tuple[int, ...]
    towards: bool

    def __call__(self, images: Images) -> PerImage:
        """Return the loss of each image. Raises `UsageError` where a gradient is wanted.

        A prediction that is not finite counts as infinitely far.
        """
        if torch.is_grad_enabled() and images.requires_grad:
            raise UsageError(
                "predicted joints alone are seen, and they have no gradient: attack with Square or "
                "SignHunter, or estimate the gradient (NES)"
            )
        predicted = self.model.predict(images, self.seeds).joints
        distance = torch.linalg.vector_norm(predicted - self.joints, dim=2) / self.radius
        worth = self.by(torch.where(distance.isfinite(), distance, torch.inf))
        value = torch.where(self.counts, worth, 0).sum(dim=1)
        return -value if self.towards else value

    def seeded(self, seeds: Sequence[int]) -> "JudgedLoss":
        """Return the loss with what the network draws from these seeds, one a person."""
        if len(seeds) != len(self.seeds):
            raise ValueError(f"expected one seed a person ({len(self.seeds)}), found {len(seeds)}")
        return replace(self, seeds=tuple(seeds))

    def take(self, index: Int[Tensor, "m"]) -> "JudgedLoss":
        """Return the loss for some of the people."""
        return replace(
            self,
            joints=self.joints[index],
            radius=self.radius[index],
            counts=self.counts[index],
            seeds=tuple(self.seeds[place] for place in index.tolist()),
        )


def _loss(
    by: Judgement,
    model: PoseModel,
    batch: PoseBatch,
    joints: Joints,
    counts: Bool[Tensor, "n k"],
    *,
    towards: bool,
) -> JudgedLoss:
    answers = torch.tensor(model.answers, device=counts.device)
    return JudgedLoss(
        model=model,
        by=by,
        joints=joints,
        radius=torch.where(batch.radius > 0, batch.radius, 1.0),
        counts=counts & answers & (batch.radius > 0),
        seeds=batch.seeds,
        towards=towards,
    )
