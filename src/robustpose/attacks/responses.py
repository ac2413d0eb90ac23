"""How much of a change comes through what is done to a picture: measured, not differentiated."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from robustpose.cosines import SIDE, planes_of, waves_of
from robustpose.poses import Images

CHANGE = 2 / 255
"""By so much every value is changed, up or down."""
FEWEST = 64
"""Blocks of an image; fewer tell nothing of single frequencies."""
COLOURS = torch.linalg.qr(torch.tensor([[1.0, 1, 1], [1, 0, -1], [1, -2, 1]]).T)[0].T
"""Brightness and two differences of colour, at right angles, from red, green and blue."""

Gains = Float[Tensor, "n 3 1 1 8 8"]


def changed(pictures: Images) -> Images:
    """Return pictures with every value a little larger or smaller, at random.

    Alike for the same picture, alone or in a batch, and otherwise at every step of an attack.
    """
    signs = torch.stack([_signs(picture) for picture in pictures])
    outwards = (pictures - 0.5) * signs > 0.5 - CHANGE
    return pictures + CHANGE * torch.where(outwards, -signs, signs)


def _signs(picture: Tensor) -> Tensor:
    draws = torch.Generator().manual_seed(int(1e6 * picture.double().abs().sum()))
    return torch.randint(0, 2, picture.shape, generator=draws).to(picture) * 2 - 1


def gains(came: Images, expected: Images, change: Images) -> Gains:
    """Return which share of what was expected of a change came through, from 0 to 1.

    For each image and each frequency of brightness and colours, from all its blocks. What a few
    blocks tell badly is drawn towards the mean of all frequencies (empirical Bayes).
    """
    one, other, along = map(_waves, (came, expected, change))
    whole = _over_blocks(other * along)
    gain = (_over_blocks(one * along) / whole).nan_to_num(1.0, 1.0, 1.0)
    chance = _over_blocks(((one - gain * other) * along).square()) / whole.square()
    chance = chance.nan_to_num(0.0, 0.0, 0.0)
    mean = gain.mean(dim=(4, 5), keepdim=True)
    if along.shape[2] * along.shape[3] < FEWEST:
        return mean.expand_as(gain).clamp(0, 1)
    spread = ((gain - mean).square() - chance).mean(dim=(4, 5), keepdim=True).clamp_min(1e-6)
    return (mean + spread / (spread + chance) * (gain - mean)).clamp(0, 1)


def filtered(pictures: Images, gain: Gains) -> Images:
    """Return pictures whose frequencies are multiplied by gains; differentiable."""
    height, width = pictures.shape[2:]
    planes = planes_of(gain * _waves(pictures))[:, :, :height, :width]
    return torch.einsum("ij,nihw->njhw", COLOURS.to(pictures), planes)


def _waves(pictures: Images) -> Tensor:
    height, width = pictures.shape[2:]
    whole = F.pad(pictures, (0, -width % SIDE, 0, -height % SIDE), mode="replicate")
    return waves_of(torch.einsum("ij,njhw->nihw", COLOURS.to(whole), whole))


def _over_blocks(waves: Tensor) -> Tensor:
    return waves.sum(dim=(2, 3), keepdim=True)
