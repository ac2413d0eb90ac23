"""Balls: what an attacker may change. An image stays near its origin and in the valid range."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from robustpose.errors import UsageError
from robustpose.poses import Images, PerImage


class Ball(Protocol):
    """All images within a distance of an origin, and (if `valid`) within [0, 1]."""

    @property
    def eps(self) -> float:
        """The radius, for images in [0, 1]."""
        ...

    @property
    def norm(self) -> str:
        """`linf` or `l2`: how the distance is measured."""
        ...

    def project(self, images: Images, origin: Images) -> Images:
        """Return the nearest images that lie in ball and range together."""
        ...

    def sample(self, origin: Images, seeds: Sequence[int]) -> Images:
        """Draw an image at random from the ball of each origin, from its person's seed."""
        ...

    def ascent(self, gradient: Images) -> Images:
        """Return the direction of steepest ascent, a step of length 1 in this norm."""
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
        return gradient.sign()

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
        low = torch.zeros_like(delta[:, :1, :1, :1])
        # Shrunk by 1 / (1 + high), the unclipped change fits; clipping only shortens it.
        high = (self.distance(images, origin).view_as(low) / self.eps).clamp_min(1e-12)
        for _ in range(30):
            middle = (low + high) / 2
            too_far = self._length((origin + delta / (1 + middle)).clamp(0, 1) - origin) > self.eps
            low, high = torch.where(too_far, middle, low), torch.where(too_far, high, middle)
        clipped = images.clamp(0, 1)
        fits = self._length(clipped - origin) <= self.eps
        return torch.where(fits, clipped, (origin + delta / (1 + high)).clamp(0, 1))

    def sample(self, origin: Images, seeds: Sequence[int]) -> Images:
        """Draw uniformly from the ball: a normal direction, a radius to the power 1/d."""
        direction = _noise(origin, seeds, torch.Tensor.normal_)
        share = _noise(origin[:, :1, :1, :1], [seed ^ 1 for seed in seeds], torch.Tensor.uniform_)
        radius = self.eps * share ** (1 / origin[0].numel())
        return self.project(origin + radius * self.ascent(direction), origin)

    def ascent(self, gradient: Images) -> Images:
        """Return the gradient at length 1; a zero gradient stays zero."""
        return gradient / self._length(gradient).clamp_min(1e-30)

    def distance(self, images: Images, origin: Images) -> PerImage:
        """Return the Euclidean length of the change."""
        return self._length(images - origin).flatten()

    @staticmethod
    def _length(change: Images) -> Tensor:
        # Scaled by the largest value, so that the squares of small gradients do not vanish.
        largest = change.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-30)
        return largest * (change / largest).square().sum(dim=(1, 2, 3), keepdim=True).sqrt()


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
