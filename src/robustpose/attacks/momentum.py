"""Steps along the gradients of all steps so far, for images that fool other networks too.

MI-FGSM: Dong et al., "Boosting Adversarial Attacks with Momentum", CVPR 2018. NI-FGSM: Lin et al.,
"Nesterov Accelerated Gradient and Scale Invariance for Adversarial Attacks", ICLR 2020.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch

from robustpose.attacks.attack import Outcome
from robustpose.attacks.balls import Ball, Linf, in_radii
from robustpose.attacks.gradients import (
    Estimator,
    GradientFn,
    Passes,
    exact,
    passes,
    step_seeds,
    zero_share,
)
from robustpose.attacks.losses import Loss
from robustpose.errors import UsageError
from robustpose.poses import Images


@dataclass(frozen=True, kw_only=True)
class Momentum:
    """Steps along a sum of gradients in which each counts `decay` to the power of its age.

    Gradients are summed at a mean size of 1 (the authors' code; MI-FGSM's paper divides by the sum,
    which makes no difference to the direction). With `look_ahead` each is taken where the sum so
    far would lead to (NI-FGSM). With `falling`, steps become shorter
    and shorter, down to nothing. The last image is the answer: the one of the highest loss is not
    the one that others are fooled by, and of a network that draws it may be the luckiest draw.
    """

    ball: Ball
    steps: int
    step_size: float
    decay: float = 1.0
    look_ahead: bool = False
    gradient: GradientFn = exact
    falling: bool = field(default=False, metadata={"later": True})

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UsageError(f"expected at least 1 step, found {self.steps}")
        if not 0 < self.step_size < float("inf"):
            raise UsageError(f"expected a step size above 0, found {self.step_size}")
        if not 0 <= self.decay <= 1:
            raise UsageError(f"expected a decay from 0 to 1, found {self.decay}")

    @property
    def cost(self) -> int:
        """Gradient evaluations an image, or as much work in forward passes."""
        return self._passes.cost

    @property
    def description(self) -> str:
        """How many steps of which size, along which sum, and from where."""
        steps = "One step" if self.steps == 1 else f"{self.steps} steps"
        ahead = " looked ahead for" if self.look_ahead else ""
        along = f", {self.gradient.name}," if isinstance(self.gradient, Estimator) else ""
        size = in_radii(self.step_size, self.ball)
        falling = ", falling to nothing," if self.falling else ""
        return (
            f"{steps} of {size}{falling} along a sum of gradients{ahead}"
            f"{along} that decays by {self.decay:g}, from the clean image"
        )

    def __call__(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Images:
        """Return images in the ball around `images` on which `loss` is higher."""
        return self.outcome(loss, images, seeds).images

    def outcome(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Outcome:
        """Attack, and say what it cost."""
        origin = images.detach()
        current, direction = origin, torch.zeros_like(origin)
        zero_gradient = torch.zeros(len(origin), device=origin.device)
        for step in range(self.steps):
            length = self.step_size * (1 - step / self.steps if self.falling else 1)
            ahead = length * self.decay * direction if self.look_ahead else 0
            _, gradient = self.gradient(loss, current + ahead, step_seeds(seeds, 0, step))
            if step == 0:
                zero_gradient = zero_share(gradient)
            size = gradient.abs().mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-30)
            direction = self.decay * direction + gradient / size
            moved = current + length * self.ball.ascent(direction)
            current = self.ball.project(moved, origin)
        return Outcome(
            current,
            zero_gradient if self._passes.gradients else None,
            gradients=self._passes.gradients,
            queries=self._passes.queries,
        )

    @property
    def _passes(self) -> Passes:
        return passes(self.gradient, gradients=self.steps)


def mi_fgsm(*, eps: float, steps: int = 10, ball: Callable[[float], Ball] = Linf) -> Momentum:
    """Steps of eps / steps along the sum of all gradients (Dong et al.: decay 1)."""
    return Momentum(ball=ball(eps), steps=steps, step_size=eps / max(steps, 1))


def ni_fgsm(*, eps: float, steps: int = 10, ball: Callable[[float], Ball] = Linf) -> Momentum:
    """The same steps, with gradients from where the sum so far would lead to (Lin et al.)."""
    return replace(mi_fgsm(eps=eps, steps=steps, ball=ball), look_ahead=True)
