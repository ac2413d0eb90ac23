"""HRNet: resolutions side by side, which exchange what they see (Sun et al., CVPR 2019).

"Deep High-Resolution Representation Learning for Human Pose Estimation": the finest branch keeps
a quarter of the picture's resolution throughout, so nothing has to be recovered from coarse maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.models.codecs import HeatmapCodec
from robustpose.models.model import IMAGENET, Normalisation, PoseModel
from robustpose.models.resnet import BasicBlock, Bottleneck
from robustpose.skeletons import LSP14, Skeleton

STRIDE = 4
"""Pixels of the picture a cell of the finest branch, and of the maps."""


@dataclass(frozen=True)
class Branch:
    """Residual blocks in a row at one resolution: how wide, how many, of which kind."""

    width: int
    blocks: int = 4
    bottleneck: bool = False

    @property
    def channels(self) -> int:
        """Channels that come out: bottlenecks put out four times their width."""
        return self.width * self._block.expansion

    @property
    def _block(self) -> type[BasicBlock] | type[Bottleneck]:
        return Bottleneck if self.bottleneck else BasicBlock

    def row(self, channels: int) -> nn.Sequential:
        """Return the blocks, the first of which is fed so many channels."""
        return nn.Sequential(
            *(
                self._block(channels if index == 0 else self.channels, self.width, 1)
                for index in range(self.blocks)
            )
        )


@dataclass(frozen=True)
class Stage:
    """Branches, each at half the resolution of the one before, and so many exchanges."""

    modules: int
    branches: tuple[Branch, ...]

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each branch, the finest first."""
        return tuple(branch.channels for branch in self.branches)


class Fusion(nn.Module):
    """What one branch receives: the sum of all, brought to its channels and resolution."""

    def __init__(self, channels: Sequence[int], *, own: int) -> None:
        super().__init__()
        self.own = own
        self.paths = nn.ModuleList(_path(channels, other, own) for other in range(len(channels)))

    def forward(self, branches: Sequence[Tensor]) -> Tensor:
        size = branches[self.own].shape[-2:]
        brought = [path(x) for path, x in zip(self.paths, branches, strict=True)]
        total = _enlarged(brought[0], size)
        for x in brought[1:]:
            total = total + _enlarged(x, size)
        return F.relu(total)


class Exchange(nn.Module):
    """Residual blocks on every branch, then each of the first `outputs` receives from all."""

    def __init__(self, stage: Stage, *, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branch.row(branch.channels) for branch in stage.branches)
        self.fusions = nn.ModuleList(Fusion(stage.channels, own=own) for own in range(outputs))

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        seen = [row(x) for row, x in zip(self.branches, branches, strict=True)]
        return [fusion(seen) for fusion in self.fusions]


class Transition(nn.Module):
    """From the branches of one stage to those of the next: new ones begin at the coarsest."""

    def __init__(self, before: Sequence[int], after: Sequence[int]) -> None:
        super().__init__()
        self.last = len(before) - 1
        self.paths = nn.ModuleList()
        for index, channels in enumerate(after):
            if index > self.last:
                self.paths.append(_descent(before[-1], channels, steps=index - self.last))
            elif channels != before[index]:
                self.paths.append(_convolution(before[index], channels, 3))
            else:
                self.paths.append(nn.Identity())

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        return [path(branches[min(index, self.last)]) for index, path in enumerate(self.paths)]


class HRNet(nn.Module):
    """Stem and blocks at 1/4 of the picture, stages of more and more branches, one map a joint.

    `stem` are the channels of the two strided convolutions, `first` the blocks that follow them
    (the paper's first stage), `stages` the further ones. `kernel` is that of the last layer.
    """

    def __init__(
        self, *, stem: int, first: Branch, stages: Sequence[Stage], joints: int, kernel: int = 1
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _convolution(3, stem, 3, stride=2),
            _convolution(stem, stem, 3, stride=2),
            first.row(stem),
        )
        channels = [(first.channels,), *(stage.channels for stage in stages)]
        self.transitions = nn.ModuleList(
            Transition(before, after) for before, after in pairwise(channels)
        )
        self.stages = nn.ModuleList(_exchanges(stage, last=False) for stage in stages[:-1])
        self.stages.append(_exchanges(stages[-1], last=True))
        self.maps = nn.Conv2d(channels[-1][0], joints, kernel, padding=kernel // 2)

    def forward(
        self, pictures: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n k rows columns"]]:
        branches = [self.stem(pictures)]
        for transition, stage in zip(self.transitions, self.stages, strict=True):
            branches = stage(transition(branches))
        return (self.maps(branches[0]),)

    def output_layers(self) -> list[nn.Conv2d]:
        """The layers that put out maps."""
        return [self.maps]


def hrnet(
    name: str = "hrnet",
    *,
    width: int = 32,
    modules: Sequence[int] = (1, 4, 3),
    blocks: int = 4,
    stem: int = 64,
    size: tuple[int, int] = (256, 256),
    sigma: float = 2.0,
    skeleton: Skeleton = LSP14,
    normalisation: Normalisation = IMAGENET,
) -> PoseModel:
    """Build HRNet-W32 of the paper; `width` 48 is its HRNet-W48.

    `width` are the channels of the finest branch, which double with every coarser one. `modules`
    are the exchanges of the second, third, ... stage, the first of which has two branches.
    `blocks` are the residual blocks of a branch between exchanges, and of the first stage, whose
    bottlenecks are as wide as the `stem`.
    """
    stages = [
        Stage(count, tuple(Branch(width * 2**index, blocks) for index in range(branches)))
        for branches, count in enumerate(modules, start=2)
    ]
    first = Branch(stem, blocks, bottleneck=True)
    return PoseModel(
        HRNet(stem=stem, first=first, stages=stages, joints=len(skeleton)),
        name=name,
        size=size,
        codecs=[HeatmapCodec(size, stride=STRIDE, sigma=sigma)],
        skeleton=skeleton,
        normalisation=normalisation,
    )


def _exchanges(stage: Stage, *, last: bool) -> nn.Sequential:
    """Return the exchanges of a stage; the very last of the network has only the finest output."""
    every = len(stage.branches)
    outputs = [every] * (stage.modules - 1) + [1 if last else every]
    return nn.Sequential(*(Exchange(stage, outputs=count) for count in outputs))


def _path(channels: Sequence[int], other: int, own: int) -> nn.Module:
    """Return what brings another branch to the channels of one, and down to its resolution."""
    if other == own:
        return nn.Identity()
    if other > own:
        return _convolution(channels[other], channels[own], 1, relu=False)
    return _descent(channels[other], channels[own], steps=own - other, relu=False)


def _descent(channels: int, out: int, *, steps: int, relu: bool = True) -> nn.Sequential:
    """Return strided convolutions; the last one changes the channels, and has no ReLU if told."""
    before = [_convolution(channels, channels, 3, stride=2) for _ in range(steps - 1)]
    return nn.Sequential(*before, _convolution(channels, out, 3, stride=2, relu=relu))


def _convolution(
    channels: int, out: int, kernel: int, *, stride: int = 1, relu: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(out),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if relu else []))


def _enlarged(x: Tensor, size: Sequence[int]) -> Tensor:
    """Return a coarser map at the resolution of a finer one."""
    return x if x.shape[-2:] == size else F.interpolate(x, size=list(size), mode="nearest")
