"""Flip test: the mean of what a network says of a picture and of its mirror image."""

import math
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
from robustpose.models.model import PoseModel
from robustpose.poses import Images

NEVER = -100.0
"""The logarithm of a probability that is none in single precision."""


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
    _check(model)
    if shift is not None and not all(isinstance(codec, HeatmapCodec) for codec in model.codecs):
        raise UsageError(f"shift is of heatmaps: {model.name} has none, leave it out")
    return FlipTested(model, shift=shift)


class FlipTested(PoseModel):
    """A model under the flip test, as `flip_tested` makes it."""

    def __init__(self, model: PoseModel, *, shift: bool | None) -> None:
        said = {None: "", True: " with shift", False: " without shift"}[shift]
        super().__init__(
            model.network,
            name=f"{model.name}, flip test{said}",
            size=model.size,
            codecs=model.codecs,
            skeleton=model.own_skeleton,
            normalisation=model.normalisation,
        )
        self.shift = shift
        self.skeleton, self.card = model.skeleton, model.card
        self.precision, self.layout = model.precision, model.layout
        self.training = model.training
        self.to(model.mean.device)

    def forward(self, images: Images, seeds: Sequence[int] | None = None) -> tuple[Tensor, ...]:
        """Return the mean output of every stage; a random network draws the same for both."""
        pictures = resized(images, self.size)
        outputs = super().forward(pictures, seeds)
        mirrored = super().forward(pictures.flip(-1), seeds)
        mirror = self.own_skeleton.mirror
        return tuple(
            AVERAGES[type(codec)](codec, own, other, mirror, shift=self.shift)
            for codec, own, other in zip(self.codecs, outputs, mirrored, strict=True)
        )


def _check(model: PoseModel) -> None:
    """Raise `UsageError` if anything of a model has no mirror image."""
    skeleton = model.own_skeleton
    try:
        mirror = skeleton.mirror
    except ValueError as error:
        raise UsageError(
            f"{skeleton.name} has a left or right joint without its partner: {model.name} cannot "
            "be flip tested"
        ) from error
    for codec in model.codecs:
        if type(codec) not in AVERAGES:
            kind = type(codec).__name__
            raise UsageError(f"the flip test does not know how to mirror {kind} ({model.name})")
        if isinstance(codec, PartsCodec):
            _channels(codec, mirror)
        if isinstance(codec, IntegralCodec) and not 0 <= _offset(codec) < 1:
            raise UsageError(
                f"the mirror image of cells with their origin at pixel {codec.origin} is more than "
                f"a cell away from them ({model.name})"
            )


def _maps(
    codec: HeatmapCodec, own: Tensor, other: Tensor, mirror: Sequence[int], *, shift: bool | None
) -> Tensor:
    back = other.flip(-1)[:, _channels(codec, mirror)]
    if _offset(codec) >= 0.5 if shift is None else shift:
        back = torch.cat([back[..., :1], back[..., :-1]], dim=-1)  # the first column stays as well
    return (own + back) * 0.5


def _coordinates(
    codec: CoordinateCodec, own: Tensor, other: Tensor, mirror: Sequence[int], *, shift: None
) -> Tensor:
    return (own + _mirrored(codec, other)[:, list(mirror)]) * 0.5


def _with_deviations(
    codec: RLECodec, own: Tensor, other: Tensor, mirror: Sequence[int], *, shift: None
) -> Tensor:
    """Return the mean of places, and the logits of the mean of deviations."""
    back = other[:, list(mirror)]
    places = (own[..., :2] + _mirrored(codec, back[..., :2])) * 0.5
    one, two = own[..., 2:], back[..., 2:]
    deviation = torch.logaddexp(F.logsigmoid(one), F.logsigmoid(two))
    rest = torch.logaddexp(F.logsigmoid(-one), F.logsigmoid(-two))
    return torch.cat([places, deviation - rest], dim=-1)


def _bins(
    codec: SimCCCodec, own: Tensor, other: Tensor, mirror: Sequence[int], *, shift: None
) -> Tensor:
    along_x = codec.bins[0]
    back = torch.cat([other[..., :along_x].flip(-1), other[..., along_x:]], dim=-1)
    return (own + back[:, list(mirror)]) * 0.5


def _mixture(
    codec: IntegralCodec, own: Tensor, other: Tensor, mirror: Sequence[int], *, shift: None
) -> Tensor:
    """Return maps whose soft-max is the mean of both probabilities.

    Where the cells of the mirrored map lie between those of the other, each gives its probability
    to its two neighbours, so that the mean place is exact; maps are then one column wider.
    """
    back = other.flip(-1)[:, list(mirror)]
    one, two = (
        F.log_softmax(codec.beta * maps.flatten(2), dim=2).view(maps.shape) for maps in (own, back)
    )
    offset = _offset(codec)
    if offset > 0:
        one = F.pad(one, (0, 1), value=NEVER)
        two = torch.logaddexp(
            F.pad(two, (0, 1), value=NEVER) + math.log(1 - offset),
            F.pad(two, (1, 0), value=NEVER) + math.log(offset),
        )
    return torch.logaddexp(one, two) / codec.beta


AVERAGES: Mapping[type, Callable[..., Tensor]] = {
    HeatmapCodec: _maps,
    PartsCodec: _maps,
    CoordinateCodec: _coordinates,
    RLECodec: _with_deviations,
    SimCCCodec: _bins,
    IntegralCodec: _mixture,
}
"""How an output and the one for the mirror image are averaged, by what their codec is."""


def _channels(codec: HeatmapCodec, mirror: Sequence[int]) -> list[int]:
    """Return for each map which one takes its place in a mirror image: those of parts, of joints.

    Raises `UsageError` for a part without its partner.
    """
    if not isinstance(codec, PartsCodec):
        return list(mirror)
    # A part is a set of bones, each a set of two joints: their order says nothing.
    parts = [frozenset(frozenset(bone) for bone in part) for part in codec.parts]
    exchanged = [frozenset(frozenset(mirror[i] for i in bone) for bone in part) for part in parts]
    for part, other in zip(codec.parts, exchanged, strict=True):
        if other not in parts:
            raise UsageError(f"the part of bones {part} has no partner on the other side")
    return [*map(parts.index, exchanged), *(len(parts) + joint for joint in mirror)]


def _offset(codec: HeatmapCodec | IntegralCodec) -> float:
    """Return how many cells too far left the cells of a mirrored map lie."""
    if isinstance(codec, HeatmapCodec) and codec.udp:
        return 0.0
    width, stride = codec.size[1], codec.stride
    origin = (stride - 1) / 2 if codec.origin is None else codec.origin
    return (width - 1 - 2 * origin) / stride - (width // stride - 1)


def _mirrored(codec: CoordinateCodec | RLECodec, places: Tensor) -> Tensor:
    """Return shares (n, k, 2) of the picture in its mirror image."""
    width, origin = codec.size[1], codec.origin
    ends = 0.0 if origin is None else (width - 1 - 2 * origin[0]) / width
    return torch.stack([ends - places[..., 0], places[..., 1]], dim=-1)
