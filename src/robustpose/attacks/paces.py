"""How far the steps of APGD go: halved where the loss no longer rises, or along fewer values."""

from typing import Protocol

import torch
from jaxtyping import Bool
from torch import Tensor

from robustpose.attacks.balls import L1, L2, Linf
from robustpose.attacks.best import Best
from robustpose.poses import Images, PerImage

MOMENTUM = 0.25
"""How much of the last step is made again; the paper's alpha is what is left."""


class Pace(Protocol):
    """How far the next step of each person goes, and who begins again from their best image."""

    def returning(self, step: int, reached: PerImage, best: Best) -> Bool[Tensor, "n"]:
        """Note the loss after so many steps; return who goes on from their best image."""
        ...

    def moved(self, current: Images, previous: Images, gradient: Images, origin: Images) -> Images:
        """Return the next image of each person."""
        ...


class Halving:
    """Steps with momentum, halved at checkpoints (Croce and Hein 2020, section 3)."""

    def __init__(self, ball: Linf | L2, steps: int, rho: float, origin: Images) -> None:
        self.ball = ball
        self.rho = rho
        self.periods = _periods(steps)
        self.size = 2 * ball.eps * torch.ones_like(origin[:, :1, :1, :1])
        self.momentum = 0.0
        self.last = torch.full_like(origin[:, 0, 0, 0], torch.inf)
        self.rises = torch.zeros_like(self.last)
        self.best = torch.zeros_like(self.last)
        self.halved = torch.ones_like(self.last, dtype=torch.bool)

    def returning(self, step: int, reached: PerImage, best: Best) -> Bool[Tensor, "n"]:
        self.rises += reached > self.last
        self.last = reached
        if step not in self.periods:
            return torch.zeros_like(self.halved)
        rarely = self.rises <= self.rho * self.periods[step]
        stuck = ~self.halved & (best.value <= self.best)
        self.halved = rarely | stuck
        self.best = best.value
        self.rises = torch.zeros_like(self.rises)
        self.size = torch.where(wide(self.halved), self.size / 2, self.size)
        return self.halved

    def moved(self, current: Images, previous: Images, gradient: Images, origin: Images) -> Images:
        ahead = self.ball.project(current + self.size * self.ball.ascent(gradient), origin)
        kept, self.momentum = self.momentum, MOMENTUM
        both = current + (ahead - current) * (1 - kept) + (current - previous) * kept
        return self.ball.project(both, origin)


class Sparser:
    """Steps along few values: fewer where the best image has few (Croce and Hein 2021, section 4).

    They are as long as the radius again when it has become sparser, and shorter otherwise.
    """

    def __init__(self, ball: L1, steps: int, origin: Images, start: Images) -> None:
        self.ball = ball
        self.period = max(int(0.04 * steps), 1)
        self.origin = origin
        count = origin[0].numel()
        changed = self._changed(start)
        sparse = (changed > 0) & (changed < count)
        self.changed = torch.where(sparse, changed, count)
        self.share = torch.where(sparse, self._share(changed), 0.2)
        self.size = torch.full_like(self.share, ball.eps)

    def returning(self, step: int, reached: PerImage, best: Best) -> Bool[Tensor, "n"]:
        if step == 0 or step % self.period:
            return torch.zeros_like(reached, dtype=torch.bool)
        changed = self._changed(best.images)
        sparser = changed < 0.95 * self.changed
        eps = self.ball.eps
        self.size = torch.where(sparser, eps, (self.size / 1.5).clamp_min(eps / 10))
        self.share = self._share(changed)
        self.changed = changed
        return sparser

    def moved(self, current: Images, previous: Images, gradient: Images, origin: Images) -> Images:
        step = wide(self.size) * self.ball.ascent(gradient, wide(self.share))
        return self.ball.project(current + step, origin)

    def _changed(self, images: Images) -> PerImage:
        return (images != self.origin).flatten(1).sum(dim=1).to(images.dtype)

    def _share(self, changed: PerImage) -> PerImage:
        return changed / (1.5 * self.origin[0].numel())


def wide(each: Tensor) -> Tensor:
    """Return one value an image as one that fits images."""
    return each.view(-1, 1, 1, 1)


def _periods(steps: int) -> dict[int, int]:
    """Return how many steps each checkpoint looks back on, by the number of steps before it."""
    period, least, less = (max(int(share * steps), 1) for share in (0.22, 0.06, 0.03))
    found: dict[int, int] = {}
    step = period
    while step < steps:
        found[step] = period
        period = max(period - less, least)
        step += period
    return found
