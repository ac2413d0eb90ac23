"""Gradients estimated from values alone, for any attack that steps along gradients.

Natural evolution strategies (NES): Wierstra et al., JMLR 2014; as an attack: Ilyas, Engstrom,
Athalye and Lin, "Black-box Adversarial Attacks with Limited Queries and Information", ICML 2018.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from robustpose.attacks.gradients import Ascent, Passes
from robustpose.attacks.losses import Loss
from robustpose.errors import UsageError
from robustpose.poses import Images, PerImage


@dataclass(frozen=True, kw_only=True)
class NES:
    """Differences of the loss along pairs of opposite Gaussian directions, `samples` images in all.

    The estimate is sum((L(x + sigma u) - L(x - sigma u)) u) / (sigma samples): the gradient of the
    loss smoothed by noise of `sigma` (for images in [0, 1]). With a `tile` above 1 the directions
    are constant on squares of so many pixels (Ilyas, Engstrom and Madry, "Prior Convictions",
    ICLR 2019): fewer dimensions to find out about, and none of the fine structure. The value is
    that of the image itself and takes one query more. Directions belong to the person's seed.

    Images asked about are not clipped to [0, 1], as in the published code.
    """

    samples: int = 50
    sigma: float = 0.001
    tile: int = 1

    def __post_init__(self) -> None:
        if self.samples < 2 or self.samples % 2:
            raise UsageError(f"expected an even number of samples, found {self.samples}")
        if not 0 < self.sigma < float("inf"):
            raise UsageError(f"expected a sigma above 0, found {self.sigma}")
        if self.tile < 1:
            raise UsageError(f"expected tiles of at least 1 pixel, found {self.tile}")

    @property
    def name(self) -> str:
        """From how many queries an estimate is made."""
        return f"gradients estimated from {self.samples} queries"

    @torch.no_grad()
    def __call__(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Ascent:
        """Return the loss and the estimate of its gradient."""
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        gradient = torch.zeros_like(images)
        for _ in range(self.samples // 2):
            direction = self._direction(images, generators)
            ahead, behind = (loss(images + way * self.sigma * direction) for way in (1, -1))
            gradient += (ahead - behind).view(-1, 1, 1, 1) * direction
        return Ascent(loss(images), gradient / (self.sigma * self.samples))

    @torch.no_grad()
    def value(self, loss: Loss, images: Images, seeds: Sequence[int]) -> PerImage:
        """Return the loss alone."""
        return loss(images)

    def passes(self, *, gradients: int, values: int) -> Passes:
        """Return what so many estimates, and so many values alone, take: queries only."""
        return Passes(0, gradients * (self.samples + 1) + values)

    def _direction(self, images: Images, generators: Sequence[torch.Generator]) -> Images:
        height, width = images.shape[-2:]
        cells = (3, -(-height // self.tile), -(-width // self.tile))
        drawn = torch.stack([torch.randn(cells, generator=each) for each in generators])
        spread = drawn.repeat_interleave(self.tile, dim=2).repeat_interleave(self.tile, dim=3)
        return spread[..., :height, :width].to(images)
