"""Goals of an attacker who has nothing but the answer: how far its joints lie from the truth.

Decision-based attacks on classifiers see a label. The answer of a pose estimator says more: Mroczek
and Kepski ("OKS Attack", 2026) are guided by the similarity of predicted and true key points.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from robustpose.attacks.goals.places import Places, target_places, true_places
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
        return JudgedLoss(self.by, model, true_places(model, batch))

    def towards(self, targets: Joints) -> "JudgedTarget":
        """Return the goal of bringing joints into the same radius around other poses."""
        return JudgedTarget(targets, self.by)

    def description(self, *, targeted: bool) -> str:
        """What is raised or lowered, for a report."""
        name = getattr(self.by, "__name__", type(self.by).__name__).replace("_", " ")
        way, whose = ("down", "another person's") if targeted else ("up", "the true")
        return f"{way} the answer's {name}, held against {whose} pose"


@dataclass(frozen=True, eq=False)
class JudgedTarget:
    """Every joint into the radius around another pose: lower what `Judged` raises."""

    targets: Joints
    by: Judgement

    def loss(self, model: PoseModel, batch: PoseBatch) -> "JudgedLoss":
        """Return minus the loss against the targets."""
        return JudgedLoss(self.by, model, target_places(model, batch, self.targets))


@dataclass(frozen=True, eq=False)
class JudgedLoss:
    """The worth of the answer: that of each joint that counts, summed; per image."""

    by: Judgement
    model: PoseModel
    places: Places

    def __call__(self, images: Images) -> PerImage:
        """Return the loss of each image. Raises `UsageError` where a gradient is wanted.

        A prediction that is not finite counts as infinitely far.
        """
        if torch.is_grad_enabled() and images.requires_grad:
            raise UsageError(
                "predicted joints alone are seen, and they have no gradient: attack with Square or "
                "SignHunter, or estimate the gradient (NES)"
            )
        places = self.places
        predicted = self.model.predict(images, places.seeds).joints
        distance = torch.linalg.vector_norm(predicted - places.joints, dim=2) / places.radius
        worth = self.by(torch.where(distance.isfinite(), distance, torch.inf))
        value = torch.where(places.counts, worth, 0).sum(dim=1)
        return -value if places.wanted else value

    def seeded(self, seeds: Sequence[int]) -> "JudgedLoss":
        """Return the loss with what the network draws from these seeds, one a person."""
        return replace(self, places=self.places.seeded(seeds))

    def take(self, index: Int[Tensor, "m"]) -> "JudgedLoss":
        """Return the loss for some of the people."""
        return replace(self, places=self.places.take(index))
