"""A way back to a picture where a network has cut it off, by a linear fit."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

RIDGE = 1e-6
"""Added to the variances that are divided by, over their mean."""
FITTED_ON = 4_096
"""Places of an image, at most, that the fit looks at."""


def bridged(given: Tensor, source: Tensor, *, least: float = 0.0) -> Tensor:
    """Return `given`, differentiated as the linear function of `source` that comes nearest to it.

    Both are maps (n, channels, rows, columns) of any size. For each image and place, the channels
    of `given` are fitted by least squares to those of `source` (resized): of a normalised picture
    that is its exact derivative, of one with fewer levels or after JPEG the usual stand-in, the
    identity (BPDA: Athalye, Carlini and Wagner, ICML 2018). Where the fit explains less than the
    share `least` of the variance over all images, `given` is returned as it is.
    """
    with torch.autocast(given.device.type, enabled=False), torch.enable_grad():
        before = _resized(source.float(), given)
        slope, explained = _fitted(before.detach(), given.detach().float())
        if explained < least:
            return given
        linear = torch.einsum("nsp,nsg->ngp", before.flatten(2), slope).view(given.shape)
        return given.detach() + (linear - linear.detach()).to(given.dtype)


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
