"""A way back to a picture where a network has cut it off, by a linear fit."""

from collections.abc import Callable, Iterable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from robustpose.attacks.motions import motions, moved_by
from robustpose.attacks.responses import Change, Gains, Response, changed, filtered, gains
from robustpose.poses import Images
from robustpose.seeds import REPEATABLE

RIDGE = 1e-6
"""Added to the variances that are divided by, over their mean."""
FITTED_ON = 4_096
"""Places of an image, at most, that the fit looks at."""
LEAST_EXPLAINED = 0.5
"""What is done to a picture keeps its own gradient if no linear function explains half of it: a
flip, say."""
EXACT = 0.9999
"""Where the fit explains less than this of what is done to a picture, it is no normalisation."""
IN_PLACE = 0.99
"""Where it explains less than this, the picture may have been moved."""
CHANGES = 8
"""Small changes of a picture that are made to see what comes through."""


def bridged(given: Tensor, source: Tensor) -> Tensor:
    """Return `given`, differentiated as the linear function of `source` that comes nearest to it.

    Both are maps (n, channels, rows, columns) of any size. For each image and place, the channels
    of `given` are fitted by least squares to those of `source` (resized): of a normalised picture
    that is its exact derivative, of one with fewer levels the usual stand-in, the identity (BPDA:
    Athalye, Carlini and Wagner, ICML 2018).
    """
    with torch.autocast(given.device.type, enabled=False), torch.enable_grad():
        before = _resized(source.float(), given)
        slope, _ = _fitted(before.detach(), given.detach().float())
        return _differentiated(given, _mapped(before, slope))


def bridged_front(
    given: Tensor, pictures: Images, front: Callable[[Images], Tensor], *, keep: bool
) -> Tensor:
    """Return what the first layer is `given`, differentiated as a linear function of the pictures.

    As `bridged`; `front` makes `given` of pictures. If the fit is not exact, pictures are first
    moved as they seem to have been (`motions.py`). What comes through of a small change is measured
    (`responses.py`), unless `front` never does the same twice: JPEG, say, or a median lose fine
    detail, which an attack by the identity would be spent on. With `keep`, `given` has a way back
    of its own, and keeps it if no linear function explains it, or if it was moved.
    """
    with torch.autocast(given.device.type, enabled=False), torch.enable_grad():
        way = _Way(pictures, given)
        if keep and (way.explained < LEAST_EXPLAINED or (way.moves and _sees(given, pictures))):
            return given
        if way.explained < EXACT and _repeats(front(pictures), given):
            way.narrow(_responses(given, pictures, front))
        return _differentiated(given, way(pictures))


class _Way:
    """The linear function of pictures that comes nearest to what is made of them."""

    def __init__(self, pictures: Images, given: Tensor) -> None:
        self.given, self.motion = given, None
        self.gains: Gains | None = None
        self.slope, self.explained = self._fitted(pictures)
        if self.explained < IN_PLACE:
            self.motion = motions(self.placed(pictures.detach()), given)
        if self.moves:
            self.slope, self.explained = self._fitted(pictures)

    def __call__(self, pictures: Images) -> Tensor:
        """Return what the function makes of pictures; differentiable."""
        placed = self.placed(pictures)
        if self.gains is not None:
            placed = filtered(placed, self.gains)
        return _mapped(placed, self.slope)

    def placed(self, pictures: Images) -> Tensor:
        """Return pictures where they are given, in the size in which they are."""
        resized = _resized(pictures.float(), self.given)
        return resized if self.motion is None else moved_by(resized, self.motion)

    @property
    def moves(self) -> bool:
        """Whether pictures were moved."""
        return self.motion is not None

    @torch.no_grad()
    def narrow(self, responses: Iterable[Response]) -> None:
        """Let no more through of each frequency, in each block, than comes through."""
        self.gains = gains(map(self._seen, responses))

    def _seen(self, response: Response) -> Change:
        made = self.placed(response.made)
        expected = _mapped(made, self.slope)
        back = self.slope.mT
        return Change(made, _mapped(expected, back), _mapped(response.came, back))

    def _fitted(self, pictures: Images) -> tuple[Float[Tensor, "n s g"], float]:
        return _fitted(self.placed(pictures.detach()), self.given.detach().float())


def _sees(given: Tensor, pictures: Images) -> bool:
    """Tell whether most values of pictures have a gradient from what is made of them."""
    (slope,) = torch.autograd.grad(given.sum(), pictures, retain_graph=True)
    return bool((slope.nan_to_num(0.0) != 0).float().mean() > 0.5)


@torch.no_grad()
def _responses(
    given: Tensor, pictures: Images, front: Callable[[Images], Tensor]
) -> Iterator[Response]:
    """Yield small changes of pictures, and what comes of them."""
    for draw in range(CHANGES):
        others = changed(pictures, draw)
        yield Response((others - pictures).float(), (front(others) - given).float())


def _repeats(again: Tensor, given: Tensor) -> bool:
    """Tell whether an answer is the one given before."""
    if again.shape != given.shape:
        return False
    return bool((again - given).abs().max() <= REPEATABLE * given.abs().max())


def _mapped(maps: Tensor, slope: Tensor) -> Tensor:
    """Return a linear map of channels, image by image."""
    return torch.einsum("nshw,nsg->nghw", maps, slope)


def _differentiated(value: Tensor, smooth: Tensor) -> Tensor:
    return value.detach() + (smooth - smooth.detach()).to(value.dtype)


def _resized(source: Tensor, given: Tensor) -> Tensor:
    if source.shape[2:] == given.shape[2:]:
        return source
    return F.interpolate(
        source, size=given.shape[2:], mode="bilinear", align_corners=False, antialias=True
    )


@torch.no_grad()
def _fitted(source: Tensor, given: Tensor) -> tuple[Float[Tensor, "n s g"], float]:
    """Return the slopes of each image, and the share of the variance that they explain."""
    stride = -(-source[0, 0].numel() // FITTED_ON)
    known, wanted = (_centred(maps.flatten(2)[:, :, ::stride]) for maps in (source, given))
    covariance = known @ known.mT
    variance = covariance.diagonal(dim1=1, dim2=2).mean(dim=1).view(-1, 1, 1)
    ridge = (RIDGE * variance).clamp_min(1e-12) * torch.eye(source.shape[1], device=source.device)
    slope = torch.linalg.solve(covariance + ridge, known @ wanted.mT)
    left = (wanted - slope.mT @ known).square().sum()
    return slope, 1 - float(left / wanted.square().sum().clamp_min(1e-12))


def _centred(values: Float[Tensor, "n c p"]) -> Float[Tensor, "n c p"]:
    return values - values.mean(dim=2, keepdim=True)
