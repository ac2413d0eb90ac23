"""What an attack is: it raises any loss inside a ball, and says what that cost."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from robustpose.attacks.balls import Ball
from robustpose.attacks.losses import Loss
from robustpose.poses import Images, PerImage


class Outcome(NamedTuple):
    """Perturbed images and what it cost to find them, per image."""

    images: Images
    zero_gradient: PerImage | None
    """Share of image values whose first gradient was exactly zero: a sign of masking. None: no
    gradient was asked for."""
    gradients: int
    """Gradient evaluations an image."""
    queries: int
    """Forward passes without gradient an image."""


class Attack(Protocol):
    """Raises a loss, whosever it is: no model, label or pose is seen."""

    @property
    def ball(self) -> Ball:
        """What may change."""
        ...

    @property
    def steps(self) -> int:
        """Steps, in each restart."""
        ...

    @property
    def cost(self) -> int:
        """Gradient evaluations an image, or as much work in forward passes."""
        ...

    @property
    def description(self) -> str:
        """A phrase for the report: what it does in which steps, and after `, from ` its start."""
        ...

    def outcome(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Outcome:
        """Attack, and say what it cost; noise of a person depends on their seed alone."""
        ...

    def __call__(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Images:
        """Return images in the ball around `images` on which `loss` is higher."""
        ...
