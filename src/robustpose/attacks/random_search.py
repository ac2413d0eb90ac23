"""Square: random search that asks for values alone and changes one square of the image at a time.

Andriushchenko, Croce, Flammarion and Hein, "Square Attack: a query-efficient black-box adversarial
attack via random search", ECCV 2020.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from robustpose.attacks.attack import Outcome
from robustpose.attacks.balls import L2, Linf
from robustpose.attacks.losses import Loss
from robustpose.attacks.queries import Search
from robustpose.errors import UsageError
from robustpose.poses import Images
from robustpose.seeds import seed_of

HALVINGS = (10, 50, 200, 500, 1_000, 2_000, 4_000, 6_000, 8_000)
"""Queries, of 10,000, after which a square covers half as much of the image (section 3.1)."""
DRAWN = 8
"""Numbers in [0, 1) that a proposal is made of: two places, three signs, which way up."""

Drawn = Float[Tensor, "n 8"]


@dataclass(frozen=True, kw_only=True)
class Square(Search):
    """Squares of one change a channel are tried at random places; what raises the loss is kept.

    `queries` values of the loss are asked for, that of the start among them, and no gradient. The
    start is stripes (L-inf) or a grid of pyramids (L2) at the border of the ball. Squares cover
    `p_init` of the image at first, and less and less by the paper's schedule, which is rescaled to
    `queries`. Places, signs and whether a change is kept are each person's own.

    What differs from the paper's code: windows reach the last row and column, and a change that
    happens to be none is not drawn again.
    """

    p_init: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.p_init <= 1:
            raise UsageError(
                f"expected squares of more than 0 and at most 1 of the image, found {self.p_init}"
            )

    @property
    def description(self) -> str:
        """What is tried, how often and from where."""
        start = "vertical stripes" if isinstance(self.ball, Linf) else "a grid of pyramids"
        return f"{self.queries} queries of Square, from {start}"

    @torch.no_grad()
    def outcome(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Outcome:
        """Attack, and say what it cost."""
        origin = images.detach()
        proposals = _Boxes(self.ball) if isinstance(self.ball, Linf) else _Pyramids(self.ball)
        drawn = _drawn("proposals", seeds, (self.queries, DRAWN)).to(origin)
        best = proposals.start(origin, seeds)
        reached = loss(best)
        for query in range(1, self.queries):
            side = self._side(query - 1, *origin.shape[-2:])
            tried = proposals.moved(best, origin, side, drawn[:, query])
            value = loss(tried)
            better = value > reached
            best = torch.where(better.view(-1, 1, 1, 1), tried, best)
            reached = torch.where(better, value, reached)
        return Outcome(best, None, gradients=0, queries=self.queries)

    def _side(self, query: int, height: int, width: int) -> int:
        """Return how many pixels the side of a square has."""
        place = query * 10_000 // self.queries
        share = self.p_init / 2 ** sum(place > halving for halving in HALVINGS)
        return min(max(round(math.sqrt(share * height * width)), 1), height, width)


class _Proposals(Protocol):
    def start(self, origin: Images, seeds: Sequence[int]) -> Images: ...

    def moved(self, best: Images, origin: Images, side: int, drawn: Drawn) -> Images: ...


@dataclass(frozen=True)
class _Boxes:
    """Every value at the border of an L-inf ball: one sign a channel and square (Algorithm 2)."""

    ball: Linf

    def start(self, origin: Images, seeds: Sequence[int]) -> Images:
        """Return vertical stripes one pixel wide."""
        signs = _signs(_drawn("stripes", seeds, (3, 1, origin.shape[-1])).to(origin))
        return self.ball.project(origin + self.ball.eps * signs, origin)

    def moved(self, best: Images, origin: Images, side: int, drawn: Drawn) -> Images:
        """Move a square by two radii: whatever it was, it then lies at the border."""
        tried = best.clone()
        tried[_window(best, side, drawn[:, :2])] += 2 * self.ball.eps * _colours(drawn)
        return self.ball.project(tried, origin)


@dataclass(frozen=True)
class _Pyramids:
    """The whole length of an L2 ball, moved from one window to another (Algorithm 3)."""

    ball: L2

    def start(self, origin: Images, seeds: Sequence[int]) -> Images:
        """Return pyramids side by side, a fifth of the image wide each."""
        height, width = origin.shape[-2:]
        side = max(min(height, width) // 5, 1)
        rows, columns = height // side, width // side
        drawn = _drawn("pyramids", seeds, (rows * columns, DRAWN)).to(origin)
        change = torch.zeros_like(origin)
        for tile in range(rows * columns):
            top = (height - rows * side) // 2 + tile // columns * side
            left = (width - columns * side) // 2 + tile % columns * side
            pyramids = _pyramids(side, drawn[:, tile])
            change[:, :, top : top + side, left : left + side] = pyramids
        return self._whole(change, origin)

    def moved(self, best: Images, origin: Images, side: int, drawn: Drawn) -> Images:
        """Empty two windows and put a pyramid of their length, and of what is spare, into one."""
        side = min(max(side, 3) | 1, *origin.shape[-2:])
        change = best - origin
        lengths = change.square().sum(dim=(2, 3), keepdim=True)
        into, out_of = (_window(best, side, drawn[:, at : at + 2]) for at in (0, 5))
        before = change[into]
        change[into] = 0
        change[out_of] = 0
        freed = lengths - change.square().sum(dim=(2, 3), keepdim=True)
        spare = (self.ball.eps**2 - lengths.sum(dim=1, keepdim=True)).clamp_min(0) / 3
        direction = _unit(_pyramids(side, drawn) + _unit(before, (2, 3)), (2, 3))
        change[into] = direction * (freed + spare).clamp_min(0).sqrt()
        return self._whole(change, origin)

    def _whole(self, change: Images, origin: Images) -> Images:
        images = origin + self.ball.eps * self.ball.ascent(change)
        return images.clamp(0, 1) if self.ball.valid else images


def _drawn(reason: str, seeds: Sequence[int], shape: tuple[int, ...]) -> Float[Tensor, "n ..."]:
    """Draw uniform numbers for each person from their own seed, on the CPU."""
    generators = [torch.Generator().manual_seed(seed_of(reason, seed)) for seed in seeds]
    return torch.stack([torch.rand(shape, generator=each) for each in generators])


def _signs(drawn: Tensor) -> Tensor:
    return torch.where(drawn < 0.5, -1.0, 1.0).to(drawn)


def _colours(drawn: Drawn) -> Float[Tensor, "n 3 1 1"]:
    """Return the sign of each channel."""
    return _signs(drawn[:, 2:5, None, None])


def _window(images: Images, side: int, place: Float[Tensor, "n 2"]) -> tuple[Tensor, ...]:
    """Return the index of each person's window (n, 3, side, side), `place` of [0, 1) each way."""
    people, channels, height, width = (
        torch.arange(count, device=images.device) for count in images.shape
    )
    room = place.new_tensor([len(height) - side + 1, len(width) - side + 1])
    corner = (place * room).long()
    return (
        people[:, None, None, None],
        channels[:, None, None],
        (corner[:, :1] + height[:side])[:, None, :, None],
        (corner[:, 1:] + width[:side])[:, None, None, :],
    )


def _pyramids(side: int, drawn: Drawn) -> Float[Tensor, "n 3 s s"]:
    """Return two pyramids, one of them upside down, of length 1 together in each channel.

    They lie side by side or one above the other, and have a sign in each channel.
    """
    half = side // 2
    both = torch.cat([_pyramid(half, side), -_pyramid(side - half, side)])
    both = _unit(both, (0, 1)).to(drawn)
    flat = (drawn[:, 7] < 0.5).view(-1, 1, 1, 1)
    return torch.where(flat, both, both.T) * _colours(drawn)


def _pyramid(rows: int, columns: int) -> Float[Tensor, "rows columns"]:
    """Return steps of 1/k^2, the k-th wide by k cells around the middle (section 3.2)."""
    down = (torch.arange(rows) - rows // 2).abs()
    across = (torch.arange(columns) - columns // 2).abs()
    steps = 1 / torch.arange(1.0, max(rows, columns) // 2 + 2).square()
    heights: Tensor = steps.flip(0).cumsum(0).flip(0)
    return heights[torch.maximum(down[:, None], across)]


def _unit(values: Tensor, axes: tuple[int, int]) -> Tensor:
    """Return values of length 1 over two axes; zeros stay."""
    length = values.square().sum(dim=axes, keepdim=True).sqrt()
    return values / length.clamp_min(1e-12)
