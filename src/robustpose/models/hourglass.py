"""Stacked hourglasses (Newell, Yang and Deng, ECCV 2016): maps refined stack by stack."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.models.codecs import HeatmapCodec
from robustpose.models.model import PoseModel
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


class Hourglass(nn.Module):
    """Down to 1/2**depth of the map and up again, with a skip at every scale."""

    def __init__(self, depth: int, features: int) -> None:
        super().__init__()
        self.skip = Residual(features, features)
        self.down = Residual(features, features)
        self.inner: nn.Module = (
            Hourglass(depth - 1, features) if depth > 1 else Residual(features, features)
        )
        self.up = Residual(features, features)

    def forward(self, x: Tensor) -> Tensor:
        low = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        skipped: Tensor = self.skip(x)
        return skipped + F.interpolate(low, scale_factor=2, mode="nearest")


class Stack(nn.Module):
    """One hourglass with its head: features in, features and maps out."""

    def __init__(self, depth: int, features: int, joints: int) -> None:
        super().__init__()
        self.hourglass = Hourglass(depth, features)
        self.residual = Residual(features, features)
        self.linear = nn.Sequential(
            nn.Conv2d(features, features, 1), nn.BatchNorm2d(features), nn.ReLU(inplace=True)
        )
        self.maps = nn.Conv2d(features, joints, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.linear(self.residual(self.hourglass(x)))
        return features, self.maps(features)


class StackedHourglass(nn.Module):
    """Stem to 1/4 of the picture, then stacks; each is fed the features and maps before it."""

    def __init__(self, stacks: int, *, features: int, depth: int, joints: int) -> None:
        super().__init__()
        quarter, half = features // 4, features // 2
        self.stem = nn.Sequential(
            nn.Conv2d(3, quarter, 7, 2, 3),
            nn.BatchNorm2d(quarter),
            nn.ReLU(inplace=True),
            Residual(quarter, half),
            nn.MaxPool2d(2),
            Residual(half, half),
            Residual(half, features),
        )
        self.stacks = nn.ModuleList(Stack(depth, features, joints) for _ in range(stacks))
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
        """The layers that put out maps, which training starts afresh for its second loss."""
        return [stack.maps for stack in self.stacks if isinstance(stack, Stack)]


def hourglass(
    name: str,
    *,
    stacks: int,
    features: int = 256,
    depth: int = 4,
    size: tuple[int, int] = (256, 256),
    sigma: float = 1.0,
    skeleton: Skeleton = LSP14,
) -> PoseModel:
    """Build stacked hourglasses of the paper: 256 features, depth 4, maps of 64 x 64."""
    network = StackedHourglass(stacks, features=features, depth=depth, joints=len(skeleton))
    codec = HeatmapCodec(size, stride=4, sigma=sigma)
    return PoseModel(network, name=name, size=size, codecs=[codec] * stacks, skeleton=skeleton)
