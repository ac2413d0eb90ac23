"""Stacked hourglasses (Newell, Yang and Deng, ECCV 2016): maps refined stack by stack.

The structure is that of the paper's Torch code. What published re-implementations do otherwise is
set by arguments: how many residuals stand in a row (`modules`), how wide the stem is, and whether a
BatchNorm and ReLU come before a convolution instead of after it (`activation_first`).
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.models.codecs import HeatmapCodec
from robustpose.models.model import IMAGENET, Normalisation, PoseModel
from robustpose.skeletons import LSP14, Skeleton


class Residual(nn.Module):
    """A pre-activation bottleneck of half the width, and a shortcut."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        half = out // 2
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, half, 1)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1)
        self.bn3 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(half, out, 1)
        self.skip = nn.Conv2d(channels, out, 1) if channels != out else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv1(F.relu(self.bn1(x)))
        y = self.conv2(F.relu(self.bn2(y)))
        y = self.conv3(F.relu(self.bn3(y)))
        return y + (x if self.skip is None else self.skip(x))


def residuals(modules: int, channels: int, out: int) -> nn.Module:
    """Return `modules` residuals in a row; the first changes the number of channels."""
    if modules == 1:
        return Residual(channels, out)
    return nn.Sequential(Residual(channels, out), *(Residual(out, out) for _ in range(modules - 1)))


def convolution(
    channels: int, out: int, kernel: int = 1, stride: int = 1, *, activation_first: bool
) -> nn.Sequential:
    """Return a convolution with BatchNorm and ReLU after it, or before it."""
    conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2)
    if activation_first:
        return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), conv)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU())


class Hourglass(nn.Module):
    """Down to 1/2**depth of the map and up again, with a skip at every scale.

    Below the first pooling there are `growth` more features (none in the paper).
    """

    def __init__(self, depth: int, features: int, *, modules: int = 1, growth: int = 0) -> None:
        super().__init__()
        wider = features + growth
        self.skip = residuals(modules, features, features)
        self.down = residuals(modules, features, wider)
        self.inner: nn.Module = (
            Hourglass(depth - 1, wider, modules=modules)
            if depth > 1
            else residuals(modules, wider, wider)
        )
        self.up = residuals(modules, wider, features)

    def forward(self, x: Tensor) -> Tensor:
        low = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        skipped: Tensor = self.skip(x)
        return skipped + F.interpolate(low, scale_factor=2, mode="nearest")


class Stack(nn.Module):
    """One hourglass with its head: features in, features and maps out."""

    def __init__(
        self,
        hourglass: Hourglass,
        *,
        features: int,
        joints: int,
        modules: int,
        activation_first: bool,
    ) -> None:
        super().__init__()
        self.hourglass = hourglass
        self.residual = residuals(modules, features, features)
        self.linear = convolution(features, features, activation_first=activation_first)
        self.maps = nn.Conv2d(features, joints, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.linear(self.residual(self.hourglass(x)))
        return features, self.maps(features)


class StackedHourglass(nn.Module):
    """Stem to 1/4 of the picture, then stacks; each is fed the features and maps before it.

    `stem` are the channels after the first convolution and after the two residuals around the
    pooling; the third residual makes `features` of them.
    """

    def __init__(
        self,
        stacks: int,
        *,
        features: int,
        depth: int,
        joints: int,
        stem: tuple[int, int, int],
        modules: int,
        growth: int,
        activation_first: bool,
    ) -> None:
        super().__init__()
        first, before, after = stem
        self.stem = nn.Sequential(
            *convolution(3, first, 7, 2, activation_first=activation_first),
            Residual(first, before),
            nn.MaxPool2d(2),
            Residual(before, after),
            Residual(after, features),
        )
        self.stacks = nn.ModuleList(
            Stack(
                Hourglass(depth, features, modules=modules, growth=growth),
                features=features,
                joints=joints,
                modules=modules,
                activation_first=activation_first,
            )
            for _ in range(stacks)
        )
        self.merge_features = nn.ModuleList(
            nn.Conv2d(features, features, 1) for _ in range(stacks - 1)
        )
        self.merge_maps = nn.ModuleList(nn.Conv2d(joints, features, 1) for _ in range(stacks - 1))

    def forward(
        self, pictures: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n k rows columns"], ...]:
        x = self.stem(pictures)
        outputs = []
        for index, stack in enumerate(self.stacks):
            features, maps = stack(x)
            outputs.append(maps)
            if index < len(self.merge_maps):
                x = x + self.merge_features[index](features) + self.merge_maps[index](maps)
        return tuple(outputs)

    def output_layers(self) -> list[nn.Conv2d]:
        """The layers that put out maps."""
        return [stack.maps for stack in self.stacks if isinstance(stack, Stack)]


def hourglass(
    name: str,
    *,
    stacks: int,
    features: int = 256,
    depth: int = 4,
    modules: int = 1,
    stem: tuple[int, int, int] | None = None,
    growth: int = 0,
    activation_first: bool = False,
    size: tuple[int, int] = (256, 256),
    sigma: float = 1.0,
    origin: float | None = None,
    skeleton: Skeleton = LSP14,
    normalisation: Normalisation = IMAGENET,
) -> PoseModel:
    """Build stacked hourglasses of the paper: 256 features, depth 4, maps of 64 x 64.

    `modules` are the residuals in a row on every path, `stem` the channels of the stem (a
    quarter, half and half of `features` by default), `growth` how many features there are more
    below the first pooling. With `activation_first`, BatchNorm and ReLU come before the single
    convolutions, the very first included, as in the study authors' code: pixels that they cut off
    have no gradient.
    """
    network = StackedHourglass(
        stacks,
        features=features,
        depth=depth,
        joints=len(skeleton),
        stem=stem or (features // 4, features // 2, features // 2),
        modules=modules,
        growth=growth,
        activation_first=activation_first,
    )
    codec = HeatmapCodec(size, stride=4, sigma=sigma, origin=origin)
    return PoseModel(
        network,
        name=name,
        size=size,
        codecs=[codec] * stacks,
        skeleton=skeleton,
        normalisation=normalisation,
    )
