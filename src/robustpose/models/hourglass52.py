"""Hourglass-52 and -104: hourglasses of plain residual blocks, as MMPose has them for poses.

Not Newell's network but the detector CornerNet's (Law and Deng, "CornerNet: Detecting Objects as
Paired Keypoints", ECCV 2018): blocks are two 3 x 3 convolutions, the picture shrinks
by strides instead of pooling, and channels grow on the way down. Maps are not fed to the next
stack. MMPose puts one 1 x 1 layer of maps on the features of every stack.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.models.codecs import HeatmapCodec
from robustpose.models.model import IMAGENET, Normalisation, PoseModel
from robustpose.models.resnet import BasicBlock
from robustpose.skeletons import LSP14, Skeleton

STRIDE = 4
"""Pixels of the picture a cell of the maps."""


class Level(NamedTuple):
    """One resolution of an hourglass: its channels, and its residual blocks in a row."""

    channels: int
    blocks: int


class Hourglass(nn.Module):
    """To half the resolution and back, through the levels below, with a skip beside."""

    def __init__(self, levels: Sequence[Level]) -> None:
        super().__init__()
        here, below = levels[0], levels[1]
        rest = [here.channels] * here.blocks
        lower = [below.channels] * here.blocks
        self.skip = _row([here.channels, *rest])
        self.down = _row([here.channels, *lower], stride=2)
        self.inner = (
            Hourglass(levels[1:])
            if len(levels) > 2
            else _row([below.channels] * (below.blocks + 1))
        )
        self.up = _row([*lower, here.channels])  # the channels change in the last block

    def forward(self, x: Tensor) -> Tensor:
        low = self.up(self.inner(self.down(x)))
        skipped: Tensor = self.skip(x)
        return skipped + F.interpolate(low, size=list(skipped.shape[-2:]), mode="nearest")


class Stack(nn.Module):
    """One hourglass with its head: features in, features and maps out."""

    def __init__(self, levels: Sequence[Level], *, features: int, joints: int, kernel: int) -> None:
        super().__init__()
        self.hourglass = Hourglass(levels)
        self.features = _convolution(levels[0].channels, features, 3)
        self.maps = nn.Conv2d(features, joints, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = F.relu(self.features(self.hourglass(x)))
        return features, self.maps(features)


class Merge(nn.Module):
    """What the next stack is fed: input and features of the stack before."""

    def __init__(self, channels: int, *, features: int) -> None:
        super().__init__()
        self.input = _convolution(channels, channels, 1)
        self.features = _convolution(features, channels, 1)
        self.block = BasicBlock(channels, channels, 1)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        merged: Tensor = self.block(F.relu(self.input(x) + self.features(features)))
        return merged


class ResidualHourglass(nn.Module):
    """Stem to 1/4 of the picture, then stacks; each is fed the input and features before it.

    `stem` are the channels of the first convolution, `features` those that maps are made from,
    `kernel` is that of the layers that make them.
    """

    def __init__(
        self,
        stacks: int,
        levels: Sequence[Level],
        *,
        stem: int,
        features: int,
        joints: int,
        kernel: int = 1,
    ) -> None:
        super().__init__()
        channels = levels[0].channels
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, 7, 2, 3, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
            BasicBlock(stem, channels, 2),
        )
        self.stacks = nn.ModuleList(
            Stack(levels, features=features, joints=joints, kernel=kernel) for _ in range(stacks)
        )
        self.merges = nn.ModuleList(Merge(channels, features=features) for _ in range(stacks - 1))

    def forward(
        self, pictures: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n k rows columns"], ...]:
        x = self.stem(pictures)
        outputs = []
        for index, stack in enumerate(self.stacks):
            features, maps = stack(x)
            outputs.append(maps)
            if index < len(self.merges):
                x = self.merges[index](x, features)
        return tuple(outputs)

    def output_layers(self) -> list[nn.Conv2d]:
        """The layers that put out maps."""
        return [stack.maps for stack in self.stacks if isinstance(stack, Stack)]


def hourglass52(
    name: str = "hourglass52",
    *,
    stacks: int = 1,
    channels: Sequence[int] = (256, 256, 384, 384, 384, 512),
    blocks: Sequence[int] = (2, 2, 2, 2, 2, 4),
    size: tuple[int, int] = (256, 256),
    sigma: float = 2.0,
    skeleton: Skeleton = LSP14,
    normalisation: Normalisation = IMAGENET,
) -> PoseModel:
    """Build Hourglass-52; two `stacks` are Hourglass-104.

    `channels` and `blocks` are those of each resolution, the finest first: one more than the
    hourglass halves the picture. Features are as many as channels of the finest, the first
    convolution has half as many.
    """
    levels = [Level(*level) for level in zip(channels, blocks, strict=True)]
    network = ResidualHourglass(
        stacks, levels, stem=channels[0] // 2, features=channels[0], joints=len(skeleton)
    )
    codec = HeatmapCodec(size, stride=STRIDE, sigma=sigma)
    return PoseModel(
        network,
        name=name,
        size=size,
        codecs=[codec] * stacks,
        skeleton=skeleton,
        normalisation=normalisation,
    )


def _row(channels: Sequence[int], *, stride: int = 1) -> nn.Sequential:
    """Return blocks from each number of channels to the next; the first one has the stride."""
    return nn.Sequential(
        *(
            BasicBlock(before, after, stride if index == 0 else 1)
            for index, (before, after) in enumerate(pairwise(channels))
        )
    )


def _convolution(channels: int, out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(out)
    )
