"""Attacks that step along the gradient: FGSM, IGSM and PGD are settings of one loop.

FGSM: Goodfellow, Shlens and Szegedy, ICLR 2015. IGSM (basic iterative method, BIM): Kurakin,
Goodfellow and Bengio, ICLR workshop 2017. PGD: Madry et al., ICLR 2018.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from robustpose.attacks.attack import Outcome
from robustpose.attacks.balls import Ball, Linf, in_radii
from robustpose.attacks.best import Best
from robustpose.attacks.gradients import (
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
from robustpose.errors import UsageError
from robustpose.poses import Images
from robustpose.seeds import seed_of


@dataclass(frozen=True, kw_only=True)
class Iterated:
    """Signed (L-inf) or normalised (L2) gradient steps inside a ball.

    Without `keep_best` the last image is the answer, as in the papers. With it, the image of
    the highest loss over all steps and restarts, per image; its loss is known from the gradient
    passes, and only the last image of each restart needs one forward pass more. A restart
    starts at a random image of the ball (if `random_start`) drawn from the person's seed.
    """

    ball: Ball
    steps: int
    step_size: float
    random_start: bool = False
    restarts: int = 1
    keep_best: bool = False
    gradient: GradientFn = exact

    def __post_init__(self) -> None:
        if self.steps < 1 or self.restarts < 1:
            raise UsageError(
                f"expected at least 1 step and 1 restart, found {self.steps} and {self.restarts}"
            )
        if not 0 < self.step_size < float("inf"):
            raise UsageError(f"expected a step size above 0, found {self.step_size}")
        if self.restarts > 1 and not (self.random_start and self.keep_best):
            raise UsageError("restarts need a random start, and keep the best image")

    @property
    def cost(self) -> int:
        """Gradient evaluations an image, or as much work in forward passes."""
        return self._passes.cost

    @property
    def description(self) -> str:
        """How many steps of which size, along which gradient, and from where."""
        steps = "One step" if self.steps == 1 else f"{self.steps} steps"
        start = "a random image of the ball" if self.random_start else "the clean image"
        often = "" if self.restarts == 1 else f", {self.restarts} times"
        along = f" along {self.gradient.name}" if isinstance(self.gradient, Estimator) else ""
        return f"{steps} of {in_radii(self.step_size, self.ball)}{along}, from {start}{often}"

    def __call__(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Images:
        """Return images in the ball around `images` on which `loss` is higher."""
        return self.outcome(loss, images, seeds).images

    def outcome(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Outcome:
        """Attack, and say what it cost."""
        origin = images.detach()
        best = Best(origin) if self.keep_best else None
        zero_gradient = torch.zeros(len(origin), device=origin.device)
        current = origin
        for restart in range(self.restarts):
            current = self._start(origin, seeds, restart)
            for step in range(self.steps):
                reached, gradient = self.gradient(loss, current, step_seeds(seeds, restart, step))
                if restart == step == 0:
                    zero_gradient = zero_share(gradient)
                if best is not None:
                    best.see(current, reached)
                moved = current + self.step_size * self.ball.ascent(gradient)
                current = self.ball.project(moved, origin)
            if best is not None:
                last = step_seeds(seeds, restart, self.steps)
                best.see(current, value(self.gradient, loss, current, last))
        return Outcome(
            current if best is None else best.images,
            zero_gradient if self._passes.gradients else None,
            gradients=self._passes.gradients,
            queries=self._passes.queries,
        )

    @property
    def _passes(self) -> Passes:
        values = self.restarts if self.keep_best else 0
        return passes(self.gradient, gradients=self.restarts * self.steps, values=values)

    def _start(self, origin: Images, seeds: Sequence[int], restart: int) -> Images:
        if not self.random_start:
            return origin
        return self.ball.sample(origin, [seed_of("restart", restart, seed) for seed in seeds])


def fgsm(*, eps: float, ball: Callable[[float], Ball] = Linf) -> Iterated:
    """One step of the whole radius. `eps` for images in [0, 1]: `8 / 255`."""
    return Iterated(ball=ball(eps), steps=1, step_size=eps)


def igsm(
    *,
    eps: float,
    steps: int = 10,
    step_size: float | None = None,
    ball: Callable[[float], Ball] = Linf,
) -> Iterated:
    """Steps of `step_size` (by default eps / 3) from the clean image; the last image counts.

    The study uses eps / 3 to eps / 2 for untargeted and eps / 9 to eps / 7 for targeted attacks.
    """
    size = eps / 3 if step_size is None else step_size
    return Iterated(ball=ball(eps), steps=steps, step_size=size)


def pgd(
    *,
    eps: float,
    steps: int = 40,
    step_size: float | None = None,
    restarts: int = 1,
    ball: Callable[[float], Ball] = Linf,
) -> Iterated:
    """Steps from random starts (by default of 2.5 eps / steps); the best image is kept."""
    size = 2.5 * eps / max(steps, 1) if step_size is None else step_size
    return Iterated(
        ball=ball(eps),
        steps=steps,
        step_size=size,
        random_start=True,
        restarts=restarts,
        keep_best=True,
    )
