"""Flip test: the mean of what a network says of a picture and of its mirror image."""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from robustpose.errors import UsageError
from robustpose.geometry import resized
from robustpose.models.codecs import (
    CoordinateCodec,
    HeatmapCodec,
    IntegralCodec,
    PartsCodec,
    RLECodec,
    SimCCCodec,
)
from robustpose.models.mirror import NEVER, check_mirror, mirrored_back
from robustpose.models.model import PoseModel
from robustpose.models.wrapping import Wrapped
from robustpose.poses import Images


def flip_tested(model: PoseModel, *, shift: bool | None = None) -> PoseModel:
    """Return a model that averages its outputs for a picture and for its mirror image.

    The outputs of the mirror image are mirrored back, left and right joints exchanged, at every
    stage: heatmaps and SimCC's scores cell by cell, coordinates, RLE's coordinates and deviations,
    the probabilities of integral regression (hence its coordinates). As HRNet's authors and MMPose
    do it; the tables of COCO are made so. Losses and attacks see the averages, at twice the cost.
    The network is shared with `model`, the given one, whose answers do not change.

    `shift` moves mirrored heatmaps one cell to the right, what published code does where cell i
    lies at pixel 4 i (`SHIFT_HEATMAP`, `shift_heatmap`): mirrored, such cells lie 3/4 of a cell
    too far left. By default that is done where it brings them nearer, so not for cells that lie
    evenly in the picture, nor with UDP. Coordinates are mirrored exactly (MMPose: `shift_coords`).
    SimCC's bins are not shifted, as in MMPose, where they lie one bin too far right.

    Raises `UsageError` for a model that is wrapped already, a codec of another kind, a skeleton or
    parts that are not symmetric, and for `shift` without heatmaps.
    """
    if type(model) is not PoseModel:
        kind = type(model).__name__
        raise UsageError(f"the flip test is for a plain PoseModel: {model.name} is a {kind}")
    check_mirror(model)
    if shift is not None and not all(isinstance(codec, HeatmapCodec) for codec in model.codecs):
        raise UsageError(f"shift is of heatmaps: {model.name} has none, leave it out")
    return FlipTested(model, shift=shift)


class FlipTested(Wrapped):
    """A model under the flip test, as `flip_tested` makes it."""

    def __init__(self, model: PoseModel, *, shift: bool | None) -> None:
        said = {None: "", True: " with shift", False: " without shift"}[shift]
        super().__init__(model, name=f"{model.name}, flip test{said}")
        self.shift = shift

    def forward(self, images: Images, seeds: Sequence[int] | None = None) -> tuple[Tensor, ...]:
        """Return the mean output of every stage; a random network draws the same for both."""
        pictures = resized(images, self.size)
        outputs = super().forward(pictures, seeds)
        mirrored = super().forward(pictures.flip(-1), seeds)
        backs = mirrored_back(self, mirrored, shift=self.shift)
        return tuple(
            AVERAGES[type(codec)](codec, own, back)
            for codec, own, back in zip(self.codecs, outputs, backs, strict=True)
        )


def _mean(codec: object, own: Tensor, back: Tensor) -> Tensor:
    return (own + back) * 0.5


def _with_deviations(codec: RLECodec, own: Tensor, back: Tensor) -> Tensor:
    """Return the mean of places, and the logits of the mean of deviations."""
    places = (own[..., :2] + back[..., :2]) * 0.5
    one, two = own[..., 2:], back[..., 2:]
    deviation = torch.logaddexp(F.logsigmoid(one), F.logsigmoid(two))
    rest = torch.logaddexp(F.logsigmoid(-one), F.logsigmoid(-two))
    return torch.cat([places, deviation - rest], dim=-1)


def _mixture(codec: IntegralCodec, own: Tensor, back: Tensor) -> Tensor:
    """Return maps whose soft-max is the mean of both probabilities.

    A mirrored map may be one column wider, which has no probability in the other.
    """
    one, two = (
        F.log_softmax(codec.beta * maps.flatten(2), dim=2).view(maps.shape) for maps in (own, back)
    )
    wider = back.shape[-1] - own.shape[-1]
    return torch.logaddexp(F.pad(one, (0, wider), value=NEVER), two) / codec.beta


AVERAGES: Mapping[type, Callable[..., Tensor]] = {
    HeatmapCodec: _mean,
    PartsCodec: _mean,
    CoordinateCodec: _mean,
    RLECodec: _with_deviations,
    SimCCCodec: _mean,
    IntegralCodec: _mixture,
}
"""How an output and the one for the mirror image, mirrored back, are averaged, by codec."""
