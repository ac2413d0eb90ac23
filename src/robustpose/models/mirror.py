"""Mirrored back: what a network says of a mirror image, in terms of the picture itself."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from robustpose.errors import UsageError
from robustpose.models.codecs import (
    CoordinateCodec,
    HeatmapCodec,
    IntegralCodec,
    PartsCodec,
    RLECodec,
    SimCCCodec,
)
from robustpose.models.model import PoseModel

NEVER = -100.0
"""The logarithm of a probability that is none in single precision."""


def mirrored_back(
    model: PoseModel, stages: Sequence[Tensor], *, shift: bool | None = None
) -> tuple[Tensor, ...]:
    """Return outputs for the mirror images of pictures as outputs for the pictures themselves.

    At every stage left and right joints are exchanged and places mirrored: coordinates exactly,
    maps and bins cell by cell. `shift` moves mirrored heatmaps one cell to the right; by default
    that is done where it brings them nearer (`offset`). Maps of integral regression whose cells
    would lie between those of the picture give their probability to both neighbours, so that the
    mean place is exact; they are then one column wider. SimCC's bins are not shifted.

    The model must have passed `check_mirror`.
    """
    mirror = model.own_skeleton.mirror
    return tuple(
        MIRRORED[type(codec)](codec, stage, mirror, shift=shift)
        for codec, stage in zip(model.codecs, stages, strict=True)
    )


def check_mirror(model: PoseModel) -> None:
    """Raise `UsageError` if anything that a model says has no mirror image.

    That is a codec of another kind, a skeleton or parts that are not symmetric, and cells of
    integral regression that lie too far from their mirror images.
    """
    skeleton = model.own_skeleton
    try:
        mirror = skeleton.mirror
    except ValueError as error:
        raise UsageError(
            f"{skeleton.name} has a left or right joint without its partner: {model.name} has no "
            "mirror image"
        ) from error
    for codec in model.codecs:
        if type(codec) not in MIRRORED:
            kind = type(codec).__name__
            raise UsageError(f"nothing says how to mirror {kind} ({model.name})")
        if isinstance(codec, PartsCodec):
            _channels(codec, mirror)
        if isinstance(codec, IntegralCodec) and not 0 <= offset(codec) < 1:
            raise UsageError(
                f"the mirror image of cells with their origin at pixel {codec.origin} is more than "
                f"a cell away from them ({model.name})"
            )


def offset(codec: HeatmapCodec | IntegralCodec) -> float:
    """Return how many cells too far left the cells of a mirrored map lie."""
    if isinstance(codec, HeatmapCodec) and codec.udp:
        return 0.0
    width, stride = codec.size[1], codec.stride
    origin = (stride - 1) / 2 if codec.origin is None else codec.origin
    return (width - 1 - 2 * origin) / stride - (width // stride - 1)


def _maps(
    codec: HeatmapCodec, output: Tensor, mirror: Sequence[int], *, shift: bool | None
) -> Tensor:
    back = output.flip(-1)[:, _channels(codec, mirror)]
    if offset(codec) >= 0.5 if shift is None else shift:
        back = torch.cat([back[..., :1], back[..., :-1]], dim=-1)  # the first column stays as well
    return back


def _coordinates(
    codec: CoordinateCodec, output: Tensor, mirror: Sequence[int], *, shift: None
) -> Tensor:
    return _places(codec, output)[:, list(mirror)]


def _with_deviations(
    codec: RLECodec, output: Tensor, mirror: Sequence[int], *, shift: None
) -> Tensor:
    back = output[:, list(mirror)]
    return torch.cat([_places(codec, back[..., :2]), back[..., 2:]], dim=-1)


def _bins(codec: SimCCCodec, output: Tensor, mirror: Sequence[int], *, shift: None) -> Tensor:
    along_x = codec.bins[0]
    back = torch.cat([output[..., :along_x].flip(-1), output[..., along_x:]], dim=-1)
    return back[:, list(mirror)]


def _probabilities(
    codec: IntegralCodec, output: Tensor, mirror: Sequence[int], *, shift: None
) -> Tensor:
    back, right = output.flip(-1)[:, list(mirror)], offset(codec)
    if right == 0:
        return back
    logarithm = F.log_softmax(codec.beta * back.flatten(2), dim=2).view(back.shape)
    spread = torch.logaddexp(
        F.pad(logarithm, (0, 1), value=NEVER) + math.log(1 - right),
        F.pad(logarithm, (1, 0), value=NEVER) + math.log(right),
    )
    return spread / codec.beta


MIRRORED: Mapping[type, Callable[..., Tensor]] = {
    HeatmapCodec: _maps,
    PartsCodec: _maps,
    CoordinateCodec: _coordinates,
    RLECodec: _with_deviations,
    SimCCCodec: _bins,
    IntegralCodec: _probabilities,
}
"""How an output is mirrored back, by what its codec is."""


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


def _places(codec: CoordinateCodec | RLECodec, places: Tensor) -> Tensor:
    """Return shares (n, k, 2) of the picture in its mirror image."""
    width, origin = codec.size[1], codec.origin
    ends = 0.0 if origin is None else (width - 1 - 2 * origin[0]) / width
    return torch.stack([ends - places[..., 0], places[..., 1]], dim=-1)
