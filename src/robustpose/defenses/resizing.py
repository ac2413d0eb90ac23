"""Random resizing and padding: a smaller copy of the picture somewhere in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from robustpose.defenses.defense import Defense
from robustpose.errors import UsageError
from robustpose.interpolation import between
from robustpose.models.codecs import (
    CoordinateCodec,
    HeatmapCodec,
    IntegralCodec,
    PartsCodec,
    RLECodec,
    SimCCCodec,
)
from robustpose.models.model import PoseModel
from robustpose.placement import Placement, copied, placements
from robustpose.poses import Images


@dataclass(frozen=True, kw_only=True)
class ResizeAndPad(Defense):
    """A copy of random size, from `least` of the picture to all of it, at a random place on black.

    Xie et al., "Mitigating Adversarial Effects Through Randomization", ICLR 2018, with `least` at
    299 / 331 = 0.9. Gradients are exact for the size and place that are drawn. Coordinates are
    brought back exactly, RLE's deviations as they are; maps and bins are read between cells.
    """

    least: float
    deterministic = False

    def __post_init__(self) -> None:
        if not 0 < self.least <= 1:
            raise UsageError(
                f"expected the least size as a share above 0 and up to 1, found {self.least}"
            )

    @property
    def name(self) -> str:
        """`resize:LEAST`."""
        return f"resize:{self.least:.12g}"

    def change(self, pictures: Images, seeds: Sequence[int]) -> Images:
        """Return the copies, bilinear, on black."""
        height, width = pictures.shape[-2:]
        return copied(pictures, *placements((height, width), self.least, seeds, pictures))

    def restore(
        self, stages: tuple[Tensor, ...], model: PoseModel, seeds: Sequence[int]
    ) -> tuple[Tensor, ...]:
        """Return the outputs in terms of the pictures, not of the copies."""
        along_x, along_y = placements(model.size, self.least, seeds, stages[-1])
        return tuple(
            RESTORED[type(codec)](codec, stage, along_x, along_y)
            for codec, stage in zip(model.codecs, stages, strict=True)
        )

    def check(self, model: PoseModel) -> None:
        """Raise `UsageError` for a codec of another kind."""
        for codec in model.codecs:
            if type(codec) not in RESTORED:
                kind = type(codec).__name__
                raise UsageError(f"nothing says how to bring back {kind} ({model.name})")


def _cells(
    placement: Placement, count: int, spacing: float, origin: float
) -> Float[Tensor, "n count count"]:
    """Return the matrices that read the cells of pictures off those of their copies."""
    at = torch.arange(count, dtype=placement.scale.dtype, device=placement.scale.device)
    return between((placement.forth(at * spacing + origin) - origin) / spacing, count)


def _maps(
    codec: HeatmapCodec | IntegralCodec, maps: Tensor, along_x: Placement, along_y: Placement
) -> Tensor:
    height, width = codec.size
    rows, columns = maps.shape[-2:]
    across, down = float(codec.stride), float(codec.stride)
    origin = (codec.stride - 1) / 2 if codec.origin is None else codec.origin
    if isinstance(codec, HeatmapCodec) and codec.udp:
        across, down, origin = (width - 1) / (columns - 1), (height - 1) / (rows - 1), 0.0
    from_columns = _cells(along_x, columns, across, origin)
    return _cells(along_y, rows, down, origin)[:, None] @ maps @ from_columns[:, None].mT


def _probabilities(
    codec: IntegralCodec, maps: Tensor, along_x: Placement, along_y: Placement
) -> Tensor:
    """Read probabilities, not their logarithms, or a sharp map's mean would stick to its cells."""
    share = F.softmax(codec.beta * maps.flatten(2), dim=2).view(maps.shape)
    return _maps(codec, share, along_x, along_y).clamp_min(1e-30).log() / codec.beta


def _coordinates(
    codec: CoordinateCodec | RLECodec, output: Tensor, along_x: Placement, along_y: Placement
) -> Tensor:
    joints = codec.decode(output).joints
    back = [along_x.back(joints[..., 0]), along_y.back(joints[..., 1])]
    return torch.cat([codec.encode(torch.stack(back, dim=-1)), output[..., 2:]], dim=-1)


def _bins(codec: SimCCCodec, output: Tensor, along_x: Placement, along_y: Placement) -> Tensor:
    spacing = 1 / codec.ratio
    origin = (spacing - 1) / 2 if codec.origin is None else codec.origin
    x, y = output[..., : codec.bins[0]], output[..., codec.bins[0] :]
    read = [
        scores @ _cells(placement, scores.shape[-1], spacing, origin).mT
        for scores, placement in ((x, along_x), (y, along_y))
    ]
    return torch.cat(read, dim=-1)


RESTORED: Mapping[type, Callable[..., Tensor]] = {
    HeatmapCodec: _maps,
    PartsCodec: _maps,
    CoordinateCodec: _coordinates,
    RLECodec: _coordinates,
    SimCCCodec: _bins,
    IntegralCodec: _probabilities,
}
"""How an output for copies is brought back to the pictures, by what its codec is."""
