"""A way back to a picture where a network has cut it off, by a linear fit."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from robustpose.attacks.responses import Change, Gains, changed, filtered, gains
from robustpose.poses import Images

RIDGE = 1e-6
"""Added to the variances that are divided by, over their mean."""
FITTED_ON = 4_096
"""Places of an image, at most, that the fit looks at."""
LEAST_EXPLAINED = 0.5
"""What is done to a picture keeps its own gradient if no linear function explains half of it: a
flip, say."""
EXACT = 0.9999
"""Where the fit explains less than this of what is done to a picture, it is no normalisation."""
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

    As `bridged`; `front` makes `given` of pictures. If the fit is not exact, what comes through of
    a small change is measured (`responses.py`): JPEG, say, or a median lose its fine detail, which
    an attack by the identity would be spent on. With `keep`, a `given` that no linear function
    explains is returned as it is.
    """
    with torch.autocast(given.device.type, enabled=False), torch.enable_grad():
        before = _resized(pictures.float(), given)
        slope, explained = _fitted(before.detach(), given.detach().float())
        if keep and explained < LEAST_EXPLAINED:
            return given
        if explained < EXACT:
            before = filtered(before, _measured(given, pictures, front, slope))
        return _differentiated(given, _mapped(before, slope))


@torch.no_grad()
def _measured(
    given: Tensor, pictures: Images, front: Callable[[Images], Tensor], slope: Tensor
) -> Gains:
    """Return the share of small changes that comes through, by block and frequency."""

    def change(draw: int) -> Change:
        others = changed(pictures, draw)
        made = _resized((others - pictures).float(), given)
        expected, answer = _mapped(made, slope), front(others)
        # Some fronts draw another size each time: of those nothing can be measured.
        came = (answer - given).float() if answer.shape == given.shape else expected
        return Change(made, _mapped(expected, slope.mT), _mapped(came, slope.mT))

    return gains(change(draw) for draw in range(CHANGES))


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
