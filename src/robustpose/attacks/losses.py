"""What an attack raises: a loss, one value an image. No model, label or pose is seen here."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Int
from torch import Tensor

from robustpose.poses import Images, PerImage


class Loss(Protocol):
    """One number an image, which the attacker raises. Never averaged over the batch."""

    def __call__(self, images: Images) -> PerImage:
        """Return the loss of each image."""
        ...

    def take(self, index: Int[Tensor, "m"]) -> "Loss":
        """Return the same loss for some of the people, in the order of `index`."""
        ...


@runtime_checkable
class RandomLoss(Loss, Protocol):
    """A loss of something that draws random numbers, which seeds settle."""

    def seeded(self, seeds: Sequence[int]) -> "RandomLoss":
        """Return the same loss with what is drawn from these seeds, one a person."""
        ...
