"""Balls: what an attacker may change. An image stays near its origin and in the valid range."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from robustpose.errors import UsageError
from robustpose.poses import Images, PerImage


class Ball(Protocol):
    """All images within a distance of an origin, and (if `valid`) within [0, 1]."""

    @property
    def eps(self) -> float:
        """The radius, for images in [0, 1]; of an L0 ball, a number of pixels."""
        ...

    @property
    def norm(self) -> str:
        """`linf`, `l2`, `l1` or `l0`: how the distance is measured."""
        ...

    def project(self, images: Images, origin: Images) -> Images:
        """Return the nearest images that lie in ball and range together."""
        ...

    def sample(self, origin: Images, seeds: Sequence[int]) -> Images:
        """Draw an image at random from the ball of each origin, from its person's seed."""
        ...

    def ascent(self, gradient: Images) -> Images:
        """Return the direction of steepest ascent, a step of length 1 in this norm.

        What is not a number leads nowhere.
        """
        ...

    def distance(self, images: Images, origin: Images) -> PerImage:
        """Return the distance of each image from its origin."""
        ...


@dataclass(frozen=True)
class Linf:
    """Every value of a pixel may change by at most `eps`."""

    eps: float
    valid: bool = True
    norm = "linf"

    def __post_init__(self) -> None:
        _check_radius(self.eps, most=1.0)

    def project(self, images: Images, origin: Images) -> Images:
        """Clip to the box around the origin, and to [0, 1]."""
        boxed = torch.minimum(torch.maximum(images, origin - self.eps), origin + self.eps)
        return boxed.clamp(0, 1) if self.valid else boxed

    def sample(self, origin: Images, seeds: Sequence[int]) -> Images:
        """Draw uniformly from the box."""
        noise = _noise(origin, seeds, torch.Tensor.uniform_)
        return self.project(origin + self.eps * (2 * noise - 1), origin)

    def ascent(self, gradient: Images) -> Images:
        """Return the sign of the gradient."""
        return gradient.nan_to_num(0.0).sign()

    def distance(self, images: Images, origin: Images) -> PerImage:
        """Return the largest change of a value."""
        return (images - origin).abs().flatten(1).amax(dim=1)


@dataclass(frozen=True)
class L2:
    """The whole change, as a vector of all values of the image, is at most `eps` long."""

    eps: float
    valid: bool = True
    norm = "l2"

    def __post_init__(self) -> None:
        _check_radius(self.eps)

    def project(self, images: Images, origin: Images) -> Images:
        """Return the nearest image in the intersection of ball and range.

        Shortening and then clipping would not find it. The nearest point is the clipped
        `origin + (images - origin) / (1 + m)` for the smallest m >= 0 that brings it into the
        ball; m is found by bisection.
        """
        delta = images - origin
        if not self.valid:
            length = self.distance(images, origin).view(-1, 1, 1, 1)
            return origin + delta * (self.eps / length.clamp_min(1e-12)).clamp_max(1)
        # Shrunk by 1 / (1 + enough), the unclipped change fits; clipping only shortens it.
        enough = (self._length(delta) / self.eps).clamp_min(1e-12)
        shrink = _least(
            lambda m: self._length((origin + delta / (1 + m)).clamp(0, 1) - origin) <= self.eps,
            enough,
        )
        clipped = images.clamp(0, 1)
        fits = self._length(clipped - origin) <= self.eps
        return torch.where(fits, clipped, (origin + delta / (1 + shrink)).clamp(0, 1))

    def sample(self, origin: Images, seeds: Sequence[int]) -> Images:
        """Draw uniformly from the ball: a normal direction, a radius to the power 1/d."""
        direction = _noise(origin, seeds, torch.Tensor.normal_)
        share = _noise(origin[:, :1, :1, :1], [seed ^ 1 for seed in seeds], torch.Tensor.uniform_)
        radius = self.eps * share ** (1 / origin[0].numel())
        return self.project(origin + radius * self.ascent(direction), origin)

    def ascent(self, gradient: Images) -> Images:
        """Return the gradient at length 1; a zero gradient stays zero."""
        known = gradient.nan_to_num(0.0)
        return known / self._length(known).clamp_min(1e-30)

    def distance(self, images: Images, origin: Images) -> PerImage:
        """Return the Euclidean length of the change."""
        return self._length(images - origin).flatten()

    @staticmethod
    def _length(change: Images) -> Tensor:
        # Scaled by the largest value, so that the squares of small gradients do not vanish.
        largest = change.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-30)
        return largest * (change / largest).square().sum(dim=(1, 2, 3), keepdim=True).sqrt()


@dataclass(frozen=True)
class L1:
    """The changes of all values of the image add up to at most `eps`: few values, or little each.

    Projection and steps after Croce and Hein, "Mind the box: l1-APGD for sparse adversarial attacks
    on image classifiers", ICML 2021.
    """

    eps: float
    valid: bool = True
    norm = "l1"

    def __post_init__(self) -> None:
        _check_radius(self.eps)

    def project(self, images: Images, origin: Images) -> Images:
        """Return the nearest image in the intersection of ball and range.

        All changes become smaller by the same amount, and those below it nothing, before the image
        is clipped; the least amount that is enough is found by bisection.
        """
        delta = images - origin

        def shrunk(amount: Tensor) -> Images:
            kept = delta.sign() * (delta.abs() - amount).clamp_min(0)
            return self._clipped(origin + kept)

        enough = delta.abs().amax(dim=(1, 2, 3), keepdim=True)
        amount = _least(lambda m: self._length(shrunk(m) - origin) <= self.eps, enough)
        clipped = self._clipped(images)
        fits = self._length(clipped - origin) <= self.eps
        return torch.where(fits, clipped, shrunk(amount))

    def sample(self, origin: Images, seeds: Sequence[int]) -> Images:
        """Draw uniformly from the ball: Laplace noise, over its sum and one exponential more."""
        drawn = 2 * _noise(origin, seeds, torch.Tensor.uniform_) - 1
        spare = _noise(origin[:, :1, :1, :1], [seed ^ 1 for seed in seeds], torch.Tensor.uniform_)
        size, more = (-each.abs().clamp_min(1e-12).log() for each in (drawn, spare))
        share = size / (size.sum(dim=(1, 2, 3), keepdim=True) + more)
        return self.project(origin + self.eps * drawn.sign() * share, origin)

    def ascent(self, gradient: Images, share: float | Tensor = 0.05) -> Images:
        """Return one length for the values of the largest gradients, a `share` of all values.

        The steepest direction of all would change a single value. `share` may differ by image
        (n, 1, 1, 1); at least one value moves.
        """
        known = gradient.nan_to_num(0.0)
        size = known.abs().flatten(1)
        count = size.shape[1]
        left_out = (1 - torch.as_tensor(share, device=size.device).flatten()) * count
        place = left_out.long().clamp(0, count - 1).expand(len(size))
        least = size.sort(dim=1).values.gather(1, place[:, None]).view(-1, 1, 1, 1)
        signs = known.sign() * (known.abs() >= least)
        return signs / self._length(signs).clamp_min(1e-10)

    def distance(self, images: Images, origin: Images) -> PerImage:
        """Return the sum of the changes."""
        return self._length(images - origin).flatten()

    def _clipped(self, images: Images) -> Images:
        return images.clamp(0, 1) if self.valid else images

    @staticmethod
    def _length(change: Images) -> Tensor:
        return change.abs().sum(dim=(1, 2, 3), keepdim=True)


@dataclass(frozen=True)
class L0:
    """At most `eps` pixels may change, each to any colour: a sparse ball.

    Steps have no length in this norm: a step of 1 moves the value of the largest gradient by 1, and
    steps of 0.5 did best on compact networks (`Iterated(ball=L0(100), steps=20, step_size=0.5)`).
    Croce and Hein, "Sparse and imperceivable adversarial attacks", ICCV 2019 (PGD_0).
    """

    eps: int
    norm = "l0"
    valid = True

    def __post_init__(self) -> None:
        if not float(self.eps).is_integer() or self.eps < 1:
            raise UsageError(
                "eps of an L0 ball is a whole number of pixels: expected 1 or more, found "
                f"{self.eps:g}"
            )

    def project(self, images: Images, origin: Images) -> Images:
        """Keep the pixels that have changed most, clipped to [0, 1]."""
        clipped = images.clamp(0, 1)
        # How much farther away an image is that lacks a pixel's change.
        gain = ((images - origin).square() - (images - clipped).square()).sum(dim=1, keepdim=True)
        return torch.where(self._most(gain), clipped, origin)

    def sample(self, origin: Images, seeds: Sequence[int]) -> Images:
        """Draw pixels at random, and their colours uniformly."""
        colours = _noise(origin, seeds, torch.Tensor.uniform_)
        places = _noise(origin[:, :1], [seed ^ 1 for seed in seeds], torch.Tensor.uniform_)
        return torch.where(self._most(places), colours, origin)

    def ascent(self, gradient: Images) -> Images:
        """Return the gradient, its largest value 1."""
        known = gradient.nan_to_num(0.0)
        return known / known.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-30)

    def distance(self, images: Images, origin: Images) -> PerImage:
        """Return how many pixels differ."""
        return (images != origin).any(dim=1).sum(dim=(1, 2)).to(images.dtype)

    def _most(self, size: Float[Tensor, "n 1 h w"]) -> Bool[Tensor, "n 1 h w"]:
        """Tell which pixels are the `eps` largest."""
        flat = size.flatten(1)
        places = flat.topk(min(int(self.eps), flat.shape[1]), dim=1).indices
        return torch.zeros_like(flat, dtype=torch.bool).scatter(1, places, value=True).view_as(size)


def in_radii(length: float, ball: Ball) -> str:
    """Return the length of a step for a report: in radii, unless the radius counts pixels."""
    return f"{length:.3g}" if ball.norm == "l0" else f"{length / ball.eps:.3g} ε"


def _least(fits: Callable[[Tensor], Tensor], enough: Tensor) -> Tensor:
    """Return by bisection the least number for which each image fits, if it does at `enough`."""
    low, high = torch.zeros_like(enough), enough
    for _ in range(30):
        middle = (low + high) / 2
        inside = fits(middle)
        low, high = torch.where(inside, low, middle), torch.where(inside, middle, high)
    return high


def _noise(like: Tensor, seeds: Sequence[int], draw: object) -> Tensor:
    """Draw for each person from its own seed, on the CPU: the same on every device."""
    if len(seeds) != len(like):
        raise ValueError(f"expected one seed an image ({len(like)}), found {len(seeds)}")
    drawn = [
        draw(torch.empty(like.shape[1:]), generator=torch.Generator().manual_seed(seed))  # type: ignore[operator]
        for seed in seeds
    ]
    return torch.stack(drawn).to(like) if drawn else torch.empty_like(like)


def _check_radius(eps: float, *, most: float = math.inf) -> None:
    if not 0 < eps <= most or eps == math.inf:
        raise UsageError(
            f"eps is a radius for images in [0, 1], written 8 / 255: expected more than 0"
            f"{f' and at most {most:g}' if most < math.inf else ''}, found {eps:g}"
        )
