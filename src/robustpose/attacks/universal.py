"""One perturbation for all images, found in small steps through mini-batches of them.

Metzen, Kumar, Brox and Fischer, "Universal Adversarial Perturbations Against Semantic Image
Segmentation", ICCV 2017, in mini-batches as Jain et al. (2019) set it; Shafahi et al., "Universal
Adversarial Training", AAAI 2020.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from robustpose.attacks.balls import L2, Linf
from robustpose.attacks.gradients import exact
from robustpose.attacks.losses import Loss
from robustpose.errors import UsageError
from robustpose.poses import Images, PerImage

Perturbation = Float[Tensor, "3 h w"]
"""What is added to every image; images are RGB in [0, 1]."""

State = Mapping[str, Tensor]
"""How far a fit is. All that decides the next step, as tensors, so that a file can hold it."""


def apply(images: Images, perturbation: Perturbation, *, valid: bool = True) -> Images:
    """Return images with the perturbation added to each, clipped to [0, 1] if `valid`."""
    moved = images + perturbation
    return moved.clamp(0, 1) if valid else moved


@dataclass(frozen=True, kw_only=True)
class UniversalAscent:
    """Signed (L-inf) or normalised (L2) steps up the loss summed over a mini-batch.

    The perturbation u starts at zero and stays in the ball around zero. Images are clipped to the
    valid range when it is added, if the ball asks for it, and the gradient is that with respect to
    u through the clip. With `momentum`, a step follows the gradients of all steps so far, each
    weighted by `momentum` to the power of its age.

    With `clip`, no image counts for more than min(loss, beta): above it, an image no longer pulls.
    Losses of networks have different scales, so that beta is `clip` times the mean loss of the
    first mini-batch, on which u is still zero. (For negative losses, of targeted attacks, it lies
    as far above that mean; from 2 on it is never reached, since those losses end at zero.)
    """

    ball: Linf | L2
    step_size: float
    momentum: float = 0.0
    clip: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.step_size < float("inf"):
            raise UsageError(f"expected a step size above 0, found {self.step_size}")
        if not 0 <= self.momentum < 1:
            raise UsageError(
                f"expected a momentum of at least 0 and below 1, found {self.momentum}"
            )
        if self.clip is not None and not self.clip > 1:
            raise UsageError(
                f"losses are clipped at a multiple of the clean ones: expected more than 1, found "
                f"{self.clip}"
            )

    def start(self, images: Images) -> State:
        """Return the state before the first step, for images like these."""
        return {
            "perturbation": torch.zeros_like(images[0]),
            "direction": torch.zeros_like(images[0]),
            "beta": torch.full((), torch.inf, device=images.device),
            "loss": torch.full((), torch.nan, device=images.device),
            "step": torch.zeros((), dtype=torch.int64, device=images.device),
        }

    def step(self, state: State, loss: Loss, images: Images) -> State:
        """Return the state after one step on a mini-batch, at one gradient an image.

        Its `loss` is the mean over the mini-batch before the step, for those who watch. The order
        of the images does not matter beyond the last bits.
        """
        before = self.perturbation(state)
        shown = apply(images, before, valid=self.ball.valid)
        value, gradient = exact(loss, shown, ())
        gradient = gradient.masked_fill(shown != images + before, 0)
        beta = self._beta(state, value)
        pulling = (value < beta).view(-1, 1, 1, 1)
        direction = self.momentum * state["direction"] + (gradient * pulling).sum(dim=0)
        return {
            "perturbation": self._moved(before, direction),
            "direction": direction,
            "beta": beta,
            "loss": value.mean(),
            "step": state["step"] + 1,
        }

    def perturbation(self, state: State) -> Perturbation:
        """Return the perturbation found so far."""
        return state["perturbation"]

    def _beta(self, state: State, value: PerImage) -> Tensor:
        """Return above which loss an image no longer pulls: settled by the first mini-batch."""
        if self.clip is None or state["step"] > 0:
            return state["beta"]
        return value.mean() + (self.clip - 1) * value.mean().abs()

    def _moved(self, perturbation: Perturbation, direction: Perturbation) -> Perturbation:
        moved = perturbation + self.step_size * self.ball.ascent(direction[None])[0]
        around_zero = replace(self.ball, valid=False)
        return around_zero.project(moved[None], torch.zeros_like(moved)[None])[0]


def metzen(
    *,
    eps: float,
    step_size: float | None = None,
    ball: Callable[[float], Linf | L2] = Linf,
) -> UniversalAscent:
    """u <- project(u + step_size x sign(gradient of the summed loss)), steps of eps / 200.

    Metzen et al. (2017), with the step size and (by the caller) the mini-batches of 16 of Jain et
    al. (2019), section 3. Metzen et al. take the gradient over all images for each step. At this
    step size the border of the ball is 200 steps away.
    """
    return UniversalAscent(ball=ball(eps), step_size=eps / 200 if step_size is None else step_size)


def shafahi(
    *,
    eps: float,
    step_size: float | None = None,
    momentum: float = 0.9,
    clip: float | None = 4.0,
    ball: Callable[[float], Linf | L2] = Linf,
) -> UniversalAscent:
    """Stochastic gradient ascent on the clipped loss min(loss, beta): steps of eps / 10.

    Shafahi et al. (2020), section 3: u <- project(u + step), with the step from the gradient of a
    mini-batch, and the loss of each image clipped so that none of them dominates. What differs:
    beta (9 for cross-entropy in widely used code) is relative to the clean losses, since losses of
    poses have no common scale; for the same reason steps are signed, and follow a decaying sum of
    gradients (momentum); and their length stays the same, so that a fit can go on for longer.
    """
    size = eps / 10 if step_size is None else step_size
    return UniversalAscent(ball=ball(eps), step_size=size, momentum=momentum, clip=clip)
