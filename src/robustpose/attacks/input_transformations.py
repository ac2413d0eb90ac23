"""Gradients that belong less to one network, so that others are fooled too.

DI: Xie et al., "Improving Transferability of Adversarial Examples with Input Diversity", CVPR 2019.
TI: Dong, Pang, Su and Zhu, "Evading Defenses to Transferable Adversarial Examples by
Translation-Invariant Attacks", CVPR 2019. Both go around another gradient function, and into any
attack that takes one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor

from robustpose.attacks.gradients import Ascent, Estimator, GradientFn, Passes, exact, passes, value
from robustpose.attacks.losses import Loss, RandomLoss
from robustpose.errors import UsageError
from robustpose.placement import Placement, copied, placements
from robustpose.poses import Images, PerImage
from robustpose.seeds import seed_of


@dataclass(frozen=True, kw_only=True)
class DiverseInput:
    """Gradients through a smaller copy of the image at a random place on black (DI).

    Each step shows each person, with a `probability`, in a copy of `least` to all of its size. The
    loss is that of the attack, and knows nothing of it: in a copy, joints lie beside the places it
    asks for, at 0.9 of 128 pixels by up to 13, on average by 2 each way. (Networks behind the
    defence `resize:LEAST` bring their answers back; `Averaged(draws=1)` on them is DI without it.)
    """

    probability: float = 0.5
    least: float = 0.9
    gradient: GradientFn = exact

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1 or not 0 < self.least < 1:
            raise UsageError(
                "expected a probability above 0 and up to 1, and a least size between 0 and 1, "
                f"found {self.probability} and {self.least}"
            )

    @property
    def name(self) -> str:
        """Of which copies, and how often."""
        return _around(
            f"gradients through copies from {self.least:g} of the size on (chance "
            f"{self.probability:g})",
            self.gradient,
        )

    def __call__(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Ascent:
        """Return value and gradient through the copies drawn from these seeds."""
        return self.gradient(self._through(loss, images, seeds), images, seeds)

    def value(self, loss: Loss, images: Images, seeds: Sequence[int]) -> PerImage:
        """Return the value of the copies alone."""
        return value(self.gradient, self._through(loss, images, seeds), images, seeds)

    def passes(self, *, gradients: int, values: int) -> Passes:
        """Return what so many gradients, and so many values alone, take."""
        return passes(self.gradient, gradients=gradients, values=values)

    def _through(self, loss: Loss, images: Images, seeds: Sequence[int]) -> "_Copies":
        generators = [torch.Generator().manual_seed(seed_of("copy", seed)) for seed in seeds]
        chance = torch.stack([torch.rand(1, generator=each) for each in generators]).to(images)
        least = torch.where(chance < self.probability, self.least, 1.0)
        height, width = images.shape[-2:]
        along = placements((height, width), least, seeds, images)
        return (
            _RandomCopies(loss, *along) if isinstance(loss, RandomLoss) else _Copies(loss, *along)
        )


@dataclass(frozen=True)
class _Copies:
    """A loss of copies."""

    loss: Loss
    along_x: Placement
    along_y: Placement

    def __call__(self, images: Images) -> PerImage:
        return self.loss(copied(images, self.along_x, self.along_y))

    def take(self, index: Int[Tensor, "m"]) -> "_Copies":
        along = (Placement(*(each[index] for each in way)) for way in (self.along_x, self.along_y))
        return type(self)(self.loss.take(index), *along)


@dataclass(frozen=True)
class _RandomCopies(_Copies):
    """The same of a loss that takes seeds."""

    loss: RandomLoss

    def seeded(self, seeds: Sequence[int]) -> "_RandomCopies":
        return _RandomCopies(self.loss.seeded(seeds), self.along_x, self.along_y)


@dataclass(frozen=True, kw_only=True)
class TranslationInvariant:
    """Gradients smoothed by a Gaussian, as if those of shifted images had been averaged (TI).

    The window has `size` pixels each way and ends at three standard deviations. The paper's 15 are
    for images of 299 pixels.
    """

    size: int = 7
    gradient: GradientFn = exact

    def __post_init__(self) -> None:
        if self.size < 3 or self.size % 2 == 0:
            raise UsageError(f"expected an odd window of at least 3 pixels, found {self.size}")

    @property
    def name(self) -> str:
        """Over how many pixels."""
        return _around(f"gradients smoothed over {self.size} pixels", self.gradient)

    def __call__(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Ascent:
        """Return the value, and the gradient smoothed; beyond the image it is 0."""
        reached, gradient = self.gradient(loss, images, seeds)
        weights = torch.exp(-torch.linspace(-3, 3, self.size).square() / 2).to(gradient)
        kernel = torch.outer(weights, weights) / weights.sum().square()
        spread = F.conv2d(gradient, kernel.expand(3, 1, -1, -1), padding="same", groups=3)
        return Ascent(reached, spread)

    def value(self, loss: Loss, images: Images, seeds: Sequence[int]) -> PerImage:
        """Return the value alone."""
        return value(self.gradient, loss, images, seeds)

    def passes(self, *, gradients: int, values: int) -> Passes:
        """Return what so many gradients, and so many values alone, take."""
        return passes(self.gradient, gradients=gradients, values=values)


def _around(name: str, gradient: GradientFn) -> str:
    return f"{name} ({gradient.name})" if isinstance(gradient, Estimator) else name
