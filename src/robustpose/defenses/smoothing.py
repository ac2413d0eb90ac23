"""Smoothing: each pixel becomes a mean or a median of those around it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from robustpose.defenses.defense import Defense
from robustpose.errors import UsageError
from robustpose.poses import Images


@dataclass(frozen=True, kw_only=True)
class GaussianSmoothing(Defense):
    """A mean weighted by a Gaussian of `sigma` pixels; gradients are exact.

    At borders the weights of the pixels that there are count, brought to a sum of 1.
    """

    sigma: float

    def __post_init__(self) -> None:
        if not 0 < self.sigma < float("inf"):
            raise UsageError(f"expected a sigma above 0 pixels, found {self.sigma}")

    @property
    def name(self) -> str:
        """`gaussian:SIGMA`."""
        return f"gaussian:{self.sigma:.12g}"

    def change(self, pictures: Images, seeds: Sequence[int]) -> Images:
        """Return the smoothed pictures."""
        height, width = pictures.shape[-2:]
        return self._weights(height, pictures) @ pictures @ self._weights(width, pictures).T

    def _weights(self, side: int, like: Tensor) -> Float[Tensor, "side side"]:
        at = torch.arange(side, dtype=like.dtype, device=like.device)
        return torch.softmax(-(at[:, None] - at).square() / (2 * self.sigma**2), dim=1)


@dataclass(frozen=True, kw_only=True)
class MedianSmoothing(Defense):
    """The median of a square of `window` x `window` pixels, for each colour on its own.

    At borders the outermost pixels are repeated. Gradients are exact: all of it goes to the pixel
    that was chosen, the first one of equal pixels.
    """

    window: int

    def __post_init__(self) -> None:
        if not (isinstance(self.window, int) and self.window in range(3, 100, 2)):
            raise UsageError(f"expected an odd window of 3 to 99 pixels, found {self.window}")

    @property
    def name(self) -> str:
        """`median:WINDOW`."""
        return f"median:{self.window}"

    def change(self, pictures: Images, seeds: Sequence[int]) -> Images:
        """Return the medians; one picture after the other, for a window takes much memory."""
        places = self._places(pictures)
        with torch.no_grad():
            chosen = torch.stack([_middle(picture, places) for picture in pictures])
        image, channel = (
            torch.arange(count, device=chosen.device)[:, None] for count in chosen.shape[:2]
        )
        return pictures.flatten(2)[image[:, None], channel, chosen].view_as(pictures)

    def _places(self, pictures: Images) -> Int[Tensor, "pixels window"]:
        """Return for every pixel the places of those in its window, in a flattened picture."""
        height, width = pictures.shape[-2:]
        reach = torch.arange(self.window) - self.window // 2
        rows, columns = (
            (torch.arange(side)[:, None] + reach).clamp(0, side - 1) for side in (height, width)
        )
        places = rows[:, None, :, None] * width + columns[None, :, None, :]
        return places.view(height * width, self.window**2).to(pictures.device)


def _middle(
    picture: Float[Tensor, "3 h w"], places: Int[Tensor, "pixels window"]
) -> Int[Tensor, "3 pixels"]:
    """Return the places of the medians. A stable sort chooses the same ones on every device."""
    order = picture.flatten(1)[:, places].sort(dim=2, stable=True).indices
    middle = order[..., places.shape[1] // 2]
    return places[torch.arange(len(places), device=places.device), middle]
