"""APGD: gradient ascent with momentum that settles the length of its steps by itself.

Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks", ICML 2020, for L-inf and L2; "Mind the box: l1-APGD for sparse adversarial
attacks on image classifiers", ICML 2021, for L1. Radii that shrink: Croce, Singh and Hein, "Towards
reliable evaluation and fast training of robust semantic segmentation models" (SEA), ECCV 2024.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from robustpose.attacks.attack import Outcome
from robustpose.attacks.balls import L1, L2, Linf
from robustpose.attacks.best import Best
from robustpose.attacks.gradients import (
    Ascent,
    Estimator,
    GradientFn,
    Passes,
    exact,
    passes,
    step_seeds,
    value,
    zero_share,
)
from robustpose.attacks.losses import Loss
from robustpose.attacks.paces import Halving, Pace, Sparser, wide
from robustpose.errors import UsageError
from robustpose.poses import Images, PerImage
from robustpose.seeds import seed_of


class Stage(NamedTuple):
    """A part of the steps, in a ball of another radius."""

    radius: float
    """In radii of the attack's ball."""
    share: float
    """Of all steps."""


WHOLE = (Stage(1.0, 1.0),)
SEA = (Stage(2.0, 0.3), Stage(1.5, 0.3), Stage(1.0, 0.4))
"""From twice the radius inwards (SEA, L-inf)."""
MIND_THE_BOX = (Stage(3.0, 0.3), Stage(2.0, 0.3), Stage(1.0, 0.4))
"""From three times the radius inwards (AutoAttack's L1)."""


@dataclass(frozen=True, kw_only=True)
class APGD:
    """Steps that are shortened where the loss no longer rises, from the best image so far.

    In L-inf and L2 balls the first step is of two radii, and steps have a momentum of a quarter of
    the last one. At checkpoints, after 22 % of the steps and then ever more often, whoever's loss
    rose in at most a share `rho` of the steps since the last one, or whose best loss stands since
    then with the same step, goes on from their best image in steps of half the length. In L1 balls
    steps go along the largest gradients alone: fewer values where the best image has few, in steps
    that are as long as the radius again whenever it has become sparser.

    With more than one stage, the first steps are made in larger balls, and their best image is
    projected into the next; only the last stage counts. The answer is the best image over restarts
    of each person on their own; its loss is known from the gradient passes, and only the last image
    of each stage needs one forward pass more. Starts are random images of the first ball
    (`random_start`, from the person's seed) or the clean image.

    Followed is the authors' code where it differs from their papers, except for two slips:
    `docs/design/optimisers.md`.
    """

    ball: Linf | L2 | L1
    steps: int = 100
    restarts: int = 1
    random_start: bool = True
    stages: tuple[Stage, ...] = WHOLE
    rho: float = 0.75
    gradient: GradientFn = exact

    def __post_init__(self) -> None:
        if not isinstance(self.ball, Linf | L2 | L1):
            raise UsageError(
                f"APGD knows L-inf, L2 and L1 balls, found {type(self.ball).__name__}: use Iterated"
            )
        if self.restarts < 1 or self.steps < 1:
            raise UsageError(
                f"expected at least 1 step and 1 restart, found {self.steps} and {self.restarts}"
            )
        if self.restarts > 1 and not self.random_start:
            raise UsageError("restarts need a random start")
        if not 0 < self.rho < 1:
            raise UsageError(f"expected a rho between 0 and 1, found {self.rho}")
        _check_stages(self.stages, self.steps)

    @property
    def cost(self) -> int:
        """Gradient evaluations an image, or as much work in forward passes."""
        return self._passes.cost

    @property
    def description(self) -> str:
        """How many steps, along which gradient, in which balls, and from where."""
        along = f" along {self.gradient.name}" if isinstance(self.gradient, Estimator) else ""
        radii = ", ".join(f"{stage.radius:g}" for stage in self.stages)
        shrinking = f" in balls of {radii} ε" if len(self.stages) > 1 else ""
        start = "a random image of the ball" if self.random_start else "the clean image"
        often = "" if self.restarts == 1 else f", {self.restarts} times"
        return f"{self.steps} steps of APGD{along}{shrinking}, from {start}{often}"

    def __call__(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Images:
        """Return images in the ball around `images` on which `loss` is higher."""
        return self.outcome(loss, images, seeds).images

    def outcome(
        self, loss: Loss, images: Images, seeds: Sequence[int], *, start: Images | None = None
    ) -> Outcome:
        """Attack, and say what it cost; the first climb begins at `start`, if that is given."""
        origin = images.detach()
        best = Best(origin)
        zero_gradient = None
        for restart in range(self.restarts):
            current = self._start(origin, seeds, restart) if start is None or restart else start
            for number, (ball, steps) in enumerate(self._parts()):
                slope = _Slope(self.gradient, loss, seeds, restart * len(self.stages) + number)
                found = self._climbed(ball, steps, slope, origin, current)
                current = found.images
                zero_gradient = found.zero_gradient if zero_gradient is None else zero_gradient
            best.see(found.images, found.value)
        spent = self._passes
        return Outcome(
            best.images,
            zero_gradient if spent.gradients else None,
            gradients=spent.gradients,
            queries=spent.queries,
        )

    @property
    def _passes(self) -> Passes:
        values = self.restarts * len(self.stages)
        return passes(self.gradient, gradients=self.restarts * self.steps, values=values)

    def _parts(self) -> list[tuple[Linf | L2 | L1, int]]:
        """Return the ball and the steps of each stage."""
        steps = [int(stage.share * self.steps) for stage in self.stages[:-1]]
        balls = [_scaled(self.ball, stage.radius) for stage in self.stages]
        return list(zip(balls, [*steps, self.steps - sum(steps)], strict=True))

    def _start(self, origin: Images, seeds: Sequence[int], restart: int) -> Images:
        if not self.random_start:
            return origin
        ball, _ = self._parts()[0]
        return ball.sample(origin, [seed_of("restart", restart, seed) for seed in seeds])

    def _pace(self, ball: Linf | L2 | L1, steps: int, origin: Images, start: Images) -> Pace:
        if isinstance(ball, L1):
            return Sparser(ball, steps, origin, start)
        return Halving(ball, steps, self.rho, origin)

    def _climbed(
        self, ball: Linf | L2 | L1, steps: int, slope: "_Slope", origin: Images, start: Images
    ) -> "_Found":
        """Climb in one ball, from a start that is brought into it."""
        current = previous = ball.project(start, origin)
        pace = self._pace(ball, steps, origin, current)
        best = Best(current)
        steepest = zero_gradient = torch.zeros_like(current)
        for step in range(steps):
            reached, gradient = slope.at(current, step)
            if step == 0:
                zero_gradient = zero_share(gradient)
            better = wide(best.see(current, reached))
            steepest = torch.where(better, gradient, steepest)
            back = wide(pace.returning(step, reached, best))
            current = torch.where(back, best.images, current)
            gradient = torch.where(back, steepest, gradient)
            current, previous = pace.moved(current, previous, gradient, origin), current
        best.see(current, slope.height(current, steps))
        return _Found(best.images, best.value, zero_gradient)


class _Found(NamedTuple):
    images: Images
    value: PerImage
    zero_gradient: PerImage


@dataclass(frozen=True)
class _Slope:
    """A loss and how it is differentiated, with seeds of their own for each step of a climb."""

    gradient: GradientFn
    loss: Loss
    seeds: Sequence[int]
    climb: int

    def at(self, images: Images, step: int) -> Ascent:
        return self.gradient(self.loss, images, step_seeds(self.seeds, self.climb, step))

    def height(self, images: Images, step: int) -> PerImage:
        return value(self.gradient, self.loss, images, step_seeds(self.seeds, self.climb, step))


def _scaled(ball: Linf | L2 | L1, radius: float) -> Linf | L2 | L1:
    """Return the ball of so many radii; a box is at most as large as the range."""
    eps = radius * ball.eps
    return replace(ball, eps=min(eps, 1.0) if isinstance(ball, Linf) else eps)


def _check_stages(stages: tuple[Stage, ...], steps: int) -> None:
    shares, radii = [stage.share for stage in stages], [stage.radius for stage in stages]
    if not stages or radii[-1] != 1 or min(radii) < 1 or abs(sum(shares) - 1) > 1e-6:
        raise UsageError(
            "expected stages whose shares add up to 1, the last of radius 1 and none smaller, "
            f"found {[tuple(stage) for stage in stages]}"
        )
    if min(shares) * steps < 1:
        raise UsageError(f"expected at least one step a stage, found {steps} in {len(stages)}")
