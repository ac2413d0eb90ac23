"""How much of a change comes through what is done to a picture: measured, not differentiated."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from robustpose.cosines import SIDE, planes_of, waves_of
from robustpose.poses import Images
from robustpose.seeds import seed_of

CHANGE = 2 / 255
"""By so much every value is changed, up or down."""
WHOLE = 2.0
"""To what is known of a block by its own changes, the whole image adds as much as so many more."""
COLOURS = torch.linalg.qr(torch.tensor([[1.0, 1, 1], [1, 0, -1], [1, -2, 1]]).T)[0].T
"""Brightness and two differences of colour, at right angles, from red, green and blue."""

Gains = Float[Tensor, "n 3 rows columns 8 8"]


class Response(NamedTuple):
    """A small change of pictures, and what has come of it."""

    made: Images
    came: Tensor


class Change(NamedTuple):
    """A small change of pictures, what a linear map makes of it, and what has come of it."""

    made: Images
    expected: Images
    came: Images


def changed(pictures: Images, draw: int) -> Images:
    """Return pictures with every value a little larger or smaller, at random.

    Alike for the same picture and draw, alone or in a batch; otherwise at every step of an attack.
    """
    signs = torch.stack([_signs(picture, draw) for picture in pictures])
    outwards = (pictures - 0.5) * signs > 0.5 - CHANGE
    return pictures + CHANGE * torch.where(outwards, -signs, signs)


def _signs(picture: Tensor, draw: int) -> Tensor:
    seed = seed_of("change", draw, int(1e6 * picture.double().abs().sum()))
    draws = torch.Generator().manual_seed(seed)
    return torch.randint(0, 2, picture.shape, generator=draws).to(picture) * 2 - 1


def gains(changes: Iterable[Change]) -> Gains:
    """Return which share of what was expected of changes came through, from 0 to 1.

    For each block of an image, and each frequency of its brightness and colours; the whole image
    speaks for a block as much as some changes more would.
    """
    came = expected = torch.zeros(())
    count = 0
    for change in changes:
        count += 1
        made = _waves(change.made)
        came = came + _waves(change.came) * made
        expected = expected + _waves(change.expected) * made
    one, other = (WHOLE / count * each.mean(dim=(2, 3), keepdim=True) for each in (came, expected))
    return ((came + one) / (expected + other)).nan_to_num(1.0, 1.0, 1.0).clamp(0, 1)


def filtered(pictures: Images, gain: Gains) -> Images:
    """Return pictures whose frequencies are multiplied by gains; differentiable."""
    height, width = pictures.shape[2:]
    planes = planes_of(gain * _waves(pictures))[:, :, :height, :width]
    return torch.einsum("ij,nihw->njhw", COLOURS.to(pictures), planes)


def _waves(pictures: Images) -> Tensor:
    height, width = pictures.shape[2:]
    whole = F.pad(pictures, (0, -width % SIDE, 0, -height % SIDE), mode="replicate")
    return waves_of(torch.einsum("ij,njhw->nihw", COLOURS.to(whole), whole))
