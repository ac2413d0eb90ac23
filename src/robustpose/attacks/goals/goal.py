"""What a goal is: it makes one loss of a model and people."""

from typing import Protocol

from robustpose.attacks.losses import Loss
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.poses import Joints, PoseBatch


class Goal(Protocol):
    """What the attacker wants of a model's answer on some people."""

    def loss(self, model: PoseModel, batch: PoseBatch) -> Loss:
        """Return what is to be raised: one value an image."""
        ...


class Aim(Goal, Protocol):
    """Away from the truth; or with `towards`, in the same terms, to other poses."""

    def towards(self, targets: Joints) -> Goal:
        """Return the goal of showing `targets` (n, k, 2), in canvas pixels, one a person."""
        ...

    def description(self, *, targeted: bool) -> str:
        """Return what is raised or lowered, a phrase that begins with `up` or `down`."""
        ...


def check_asked(model: PoseModel, batch: PoseBatch) -> None:
    """Raise `UsageError` for a model of another skeleton than that of the people."""
    if model.skeleton.joints != batch.skeleton.joints:
        raise UsageError(
            f"{model.name} answers in the joints of {model.skeleton.name}, the people have those "
            f"of {batch.skeleton.name}: ask it in theirs, model.asked(batch.skeleton)"
        )


def check_targets(targets: Joints, batch: PoseBatch) -> None:
    """Raise `UsageError` unless there is one target a person."""
    if targets.shape != batch.joints.shape:
        raise UsageError(
            f"expected one target a person, shape {tuple(batch.joints.shape)}, found "
            f"{tuple(targets.shape)}"
        )
