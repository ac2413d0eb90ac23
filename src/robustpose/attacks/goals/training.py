"""Goals on the loss that a network was trained with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from robustpose.attacks.goals.goal import check_asked, check_targets
from robustpose.attacks.losses import Loss
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.models.tasks import LabelModel
from robustpose.poses import Images, Joints, PerImage, PoseBatch


@dataclass(frozen=True)
class Untargeted:
    """Away from the truth: raise the training loss of the last stage, or of all stages.

    Joints without a label do not enter. All stages together are the study's "-ALL" attacks.
    """

    all_stages: bool = False

    def loss(self, model: PoseModel, batch: PoseBatch) -> Loss:
        """Return the training loss against the true joints.

        Raises `UsageError` if model and people have different skeletons.
        """
        check_asked(model, batch)
        return PoseLoss(model, batch.joints, batch.weight, batch.seeds, self.all_stages, sign=1.0)

    def towards(self, targets: Joints) -> "Targeted":
        """Return the goal of showing other poses instead."""
        return Targeted(targets, self.all_stages)

    def description(self, *, targeted: bool) -> str:
        """What is raised or lowered, for a report."""
        way = (
            "down the training loss against another person's pose"
            if targeted
            else "up the training loss against the true pose"
        )
        return f"{way}, {'summed over all stages' if self.all_stages else 'of the last stage'}"


@dataclass(frozen=True, eq=False)
class Targeted:
    """Towards given poses: lower the training loss against them.

    `targets` are joints (n, k, 2) in canvas pixels, one pose for each person of the batch;
    `choose_targets` finds some by the study's rule. All their joints count.
    """

    targets: Joints
    all_stages: bool = False

    def loss(self, model: PoseModel, batch: PoseBatch) -> Loss:
        """Return minus the training loss against the targets."""
        check_asked(model, batch)
        check_targets(self.targets, batch)
        targets = self.targets.to(batch.joints)
        every = torch.ones_like(batch.weight)
        return PoseLoss(model, targets, every, batch.seeds, self.all_stages, sign=-1.0)


@dataclass(frozen=True)
class Mislabelled:
    """Away from the true labels of a sibling task: raise the training loss of its head."""

    def loss(self, model: LabelModel, batch: PoseBatch) -> Loss:
        """Return the cross-entropy against the true labels. Raises `UsageError` for want of them.

        `crop_with_parts` gives drawn people theirs.
        """
        if model.label not in batch.labels:
            raise UsageError(
                f"expected people with the label {model.label}, found "
                f"{', '.join(batch.labels) or 'none'}: drawn people have one"
            )
        return LabelLoss(model, batch.labels[model.label])


@dataclass(frozen=True, eq=False)
class PoseLoss:
    """The training loss of a model against joints (n, k, 2), times `sign`; per image.

    A random network draws what belongs to `seeds`, one a person, as it does when it is judged:
    the attacker knows its draws. `seeded` gives it others.
    """

    model: PoseModel
    joints: Joints
    weight: Float[Tensor, "n k"]
    seeds: tuple[int, ...]
    all_stages: bool
    sign: float

    def __call__(self, images: Images) -> PerImage:
        """Return the loss of each image, summed over the stages that count."""
        height, width = images.shape[-2:]
        stages = self.model(images, self.seeds)
        losses = self.model.losses(stages, self.joints, self.weight, canvas=(height, width))
        chosen = losses if self.all_stages else losses[-1:]
        return self.sign * torch.stack(list(chosen)).sum(dim=0)

    def seeded(self, seeds: Sequence[int]) -> "PoseLoss":
        """Return the loss with what the network draws from these seeds, one a person."""
        if len(seeds) != len(self.seeds):
            raise ValueError(f"expected one seed a person ({len(self.seeds)}), found {len(seeds)}")
        return replace(self, seeds=tuple(seeds))

    def take(self, index: Int[Tensor, "m"]) -> "PoseLoss":
        """Return the loss for some of the people."""
        seeds = tuple(self.seeds[place] for place in index.tolist())
        return replace(self, joints=self.joints[index], weight=self.weight[index], seeds=seeds)


@dataclass(frozen=True, eq=False)
class LabelLoss:
    """The training loss of a head against labels, one a picture or one a cell; per image."""

    model: LabelModel
    labels: Int[Tensor, "n *cells"]

    def __call__(self, images: Images) -> PerImage:
        """Return the loss of each image, summed over its cells."""
        return self.model.loss(self.model(images), self.labels)

    def take(self, index: Int[Tensor, "m"]) -> "LabelLoss":
        """Return the loss for some of the people."""
        return replace(self, labels=self.labels[index])
