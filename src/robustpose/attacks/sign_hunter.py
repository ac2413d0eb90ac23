"""SignHunter: a search for the sign of each value, which compares values of a loss and no more.

Al-Dujaili and O'Reilly, "Sign Bits Are All You Need for Black-Box Attacks", ICLR 2020.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from robustpose.attacks.attack import Outcome
from robustpose.attacks.losses import Loss
from robustpose.attacks.queries import Search
from robustpose.poses import Images


@dataclass(frozen=True, kw_only=True)
class SignHunter(Search):
    """The signs of the whole image are turned, then of its halves, its quarters, and so on.

    The start has every value raised by as much as the ball allows. An image is halved in the order
    of its channels, then rows, then columns. `queries` values of the loss are asked for, that of
    the start among them. A turn is kept unless the loss falls. In the paper it has to rise; but
    answers that are few numbers, as joints are, often stay the same, and a search that moves on
    such plateaus comes off them. Nothing is drawn.
    """

    @property
    def description(self) -> str:
        """What is tried, how often and from where."""
        return f"{self.queries} queries of SignHunter, from an image brighter everywhere"

    @torch.no_grad()
    def outcome(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Outcome:
        """Attack, and say what it cost."""
        origin = images.detach()
        signs = torch.ones_like(origin).flatten(1)
        best = self._moved(origin, signs)
        reached = loss(best)
        for start, end in islice(_blocks(signs.shape[1]), self.queries - 1):
            turned = signs.clone()
            turned[:, start:end] *= -1
            tried = self._moved(origin, turned)
            value = loss(tried)
            kept = value >= reached
            signs = torch.where(kept[:, None], turned, signs)
            best = torch.where(kept.view(-1, 1, 1, 1), tried, best)
            reached = torch.where(kept, value, reached)
        return Outcome(best, None, gradients=0, queries=self.queries)

    def _moved(self, origin: Images, signs: Tensor) -> Images:
        change = self.ball.eps * self.ball.ascent(signs.view_as(origin))
        return self.ball.project(origin + change, origin)


def _blocks(values: int) -> Iterator[tuple[int, int]]:
    """Yield first and last + 1 of all values, of their halves, down to single ones; and again."""
    while True:
        size = values
        while True:
            yield from ((start, min(start + size, values)) for start in range(0, values, size))
            if size == 1:
                break
            size = -(-size // 2)
