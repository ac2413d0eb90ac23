"""Gradients of a loss with respect to images, in one place."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import torch

from robustpose.attacks.losses import Loss, RandomLoss
from robustpose.errors import UsageError
from robustpose.poses import Images, PerImage
from robustpose.seeds import seed_of


class Ascent(NamedTuple):
    """The loss of each image, and its gradient with respect to the image; both detached."""

    loss: PerImage
    gradient: Images


GradientFn = Callable[[Loss, Images, Sequence[int]], Ascent]
"""Value and gradient in one pass; the seeds (one a person, others at each step) are for estimates
that draw."""


class Passes(NamedTuple):
    """Passes through the network, an image."""

    gradients: int
    """Forward and backward."""
    queries: int
    """Forward alone."""

    @property
    def cost(self) -> int:
        """Gradient evaluations, or as much work in forward passes: a query is half of one."""
        return self.gradients or -(-self.queries // 2)


@runtime_checkable
class Estimator(Protocol):
    """A gradient function that takes several passes, and says how many."""

    @property
    def name(self) -> str:
        """What it is, for the report: `gradients of ...`."""
        ...

    def __call__(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Ascent:
        """Return value and gradient."""
        ...

    def value(self, loss: Loss, images: Images, seeds: Sequence[int]) -> PerImage:
        """Return the value alone."""
        ...

    def passes(self, *, gradients: int, values: int) -> Passes:
        """Return what so many calls, and so many values alone, take."""
        ...


def exact(loss: Loss, images: Images, seeds: Sequence[int]) -> Ascent:
    """Differentiate the loss: one forward and one backward pass, images only.

    Works inside `torch.no_grad()`; leaves no `.grad` behind. Raises `RuntimeError` inside
    `torch.inference_mode()`, which cannot be undone, and for a loss that does not depend on the
    images or is not one value an image.
    """
    if torch.is_inference_mode_enabled():
        raise RuntimeError("an attack needs gradients: use torch.no_grad(), not inference_mode()")
    with torch.enable_grad():
        variable = images.detach().requires_grad_()
        value = loss(variable)
        if value.shape != images.shape[:1]:
            raise RuntimeError(
                f"a loss gives one value an image: expected shape ({len(images)},), "
                f"found {tuple(value.shape)}"
            )
        if not value.requires_grad:
            raise RuntimeError("the loss does not depend on the images: nothing to differentiate")
        (gradient,) = torch.autograd.grad(value.sum(), variable)
    return Ascent(value.detach(), gradient)


def leads_back(loss: Loss, images: Images) -> bool:
    """Tell whether a loss has a way back to the images, which casts to integers, say, cut off."""
    with torch.enable_grad():
        variable = images.detach().requires_grad_()
        value = loss(variable)
        if not value.requires_grad:
            return False
        (slope,) = torch.autograd.grad(value.sum(), variable, allow_unused=True)
    return slope is not None


@dataclass(frozen=True, kw_only=True)
class Averaged:
    """The mean of loss and gradient over `draws` draws of a random network or defence.

    Expectation over transformation: Athalye, Engstrom, Ilyas and Kwok, "Synthesizing Robust
    Adversarial Examples", ICML 2018. Each draw asks the loss with other seeds (`RandomLoss`), made
    of the attack's own, one a person: the attacker does not know what will be drawn when the image
    is judged. `exact` does, for a loss has the seeds of the judge. One forward and one backward
    pass a draw, one after the other, by `gradient`.
    """

    draws: int
    gradient: GradientFn = field(default=exact, metadata={"later": True})

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise UsageError(f"expected at least 1 draw, found {self.draws}")

    @property
    def name(self) -> str:
        """How many draws it is the mean of."""
        return f"gradients averaged over {self.draws} draws"

    def __call__(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Ascent:
        """Return the means. Raises `UsageError` for a loss that cannot be asked with seeds."""
        drawn = [self.gradient(one, images, seeds) for one in self._drawn(loss, seeds)]
        return Ascent(*(torch.stack(each).mean(dim=0) for each in zip(*drawn, strict=True)))

    @torch.no_grad()
    def value(self, loss: Loss, images: Images, seeds: Sequence[int]) -> PerImage:
        """Return the mean loss alone."""
        return torch.stack([one(images) for one in self._drawn(loss, seeds)]).mean(dim=0)

    def passes(self, *, gradients: int, values: int) -> Passes:
        """Return what so many gradients, and so many values alone, take."""
        return Passes(self.draws * gradients, self.draws * values)

    def _drawn(self, loss: Loss, seeds: Sequence[int]) -> Iterator[Loss]:
        if not isinstance(loss, RandomLoss):
            raise UsageError(
                f"expected a loss that takes seeds (RandomLoss), found {type(loss).__name__}: "
                "without random draws use the exact gradient"
            )
        for draw in range(self.draws):
            yield loss.seeded([seed_of("draw", draw, seed) for seed in seeds])


def value(gradient: GradientFn, loss: Loss, images: Images, seeds: Sequence[int]) -> PerImage:
    """Return the loss of each image without its gradient, as the gradient's own value would be."""
    if isinstance(gradient, Estimator):
        return gradient.value(loss, images, seeds)
    with torch.no_grad():
        return loss(images)


def passes(gradient: GradientFn, *, gradients: int, values: int = 0) -> Passes:
    """Return what so many gradients, and so many values alone, take."""
    if isinstance(gradient, Estimator):
        return gradient.passes(gradients=gradients, values=values)
    return Passes(gradients, values)


def step_seeds(seeds: Sequence[int], climb: int, step: int) -> list[int]:
    """Return seeds of a step of the so-manieth climb, for gradients that draw."""
    return [seed_of("step", climb, step, seed) for seed in seeds]


def zero_share(gradient: Images) -> PerImage:
    """Return the share of values that are exactly zero, or no number at all, per image."""
    return ((gradient == 0) | gradient.isnan()).flatten(1).float().mean(dim=1)
