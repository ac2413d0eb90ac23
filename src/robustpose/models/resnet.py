"""Residual networks as encoders (He et al. 2016), with the parameter names of torchvision."""

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.errors import UsageError

LAYERS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
"""Blocks a stage, by depth. From depth 50 on, blocks are bottlenecks."""


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 (with the stride) and 1 x 1 convolutions and a shortcut."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = _shortcut(channels, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """The convolutional part: pictures in, features at 1/`stride` of their size out.

    Encoders of one `name` differ in their weights alone.

    `depth` is 18, 34, 50, 101 or 152; `width` the channels of the first stage (64 in the
    paper; less for compact networks); `channels` the channels of the output. Without
    `stem_pool` the stride is 16 instead of 32: at half the paper's picture size the features keep
    the paper's resolution.
    """

    def __init__(self, depth: int, *, width: int = 64, stem_pool: bool = True) -> None:
        super().__init__()
        self.stride = 32 if stem_pool else 16
        self.name = f"ResNet-{depth}, {width} channels, stride {self.stride}"
        block = BasicBlock if depth < 50 else Bottleneck
        self.channels = 8 * width * block.expansion
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        counts = LAYERS[depth]
        self.layer1 = _stage(block, width, width, counts[0], stride=1)
        self.layer2 = _stage(block, width * block.expansion, 2 * width, counts[1], stride=2)
        self.layer3 = _stage(block, 2 * width * block.expansion, 4 * width, counts[2], stride=2)
        self.layer4 = _stage(block, 4 * width * block.expansion, 8 * width, counts[3], stride=2)

    def forward(self, pictures: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c rows columns"]:
        x = F.relu(self.bn1(self.conv1(pictures)))
        if self.stride == 32:
            x = F.max_pool2d(x, 3, 2, 1)
        y: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return y

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise `UsageError` for a picture whose features would not cover it evenly."""
        if any(length < self.stride or length % self.stride for length in size):
            raise UsageError(
                f"expected a height and width that are multiples of {self.stride}, "
                f"found {size[0]} x {size[1]}"
            )


def _stage(
    block: type[BasicBlock] | type[Bottleneck],
    channels: int,
    width: int,
    count: int,
    *,
    stride: int,
) -> nn.Sequential:
    blocks: Sequence[nn.Module] = [
        block(channels if i == 0 else width * block.expansion, width, stride if i == 0 else 1)
        for i in range(count)
    ]
    return nn.Sequential(*blocks)


def _shortcut(channels: int, out: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and channels == out:
        return None
    return nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
