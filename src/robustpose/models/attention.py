"""Multi-context attention (Chu, Yang, Ouyang, Ma, Yuille and Wang, CVPR 2017).

Hourglasses that weigh their features by maps of where to look, one map for the whole body and, in
the later stacks, one for each joint. This is the network of the paper's Torch code
(bearpaw/pose-attention); what the authors of the robustness study made of it is another network,
in `ported_attention.py`.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.errors import UsageError
from robustpose.models.codecs import HeatmapCodec
from robustpose.models.hourglass import Residual
from robustpose.models.model import IMAGENET, Normalisation, PoseModel
from robustpose.skeletons import LSP14, Skeleton


class Maps(nn.Conv2d):
    """The 1 x 1 convolution that makes maps of features."""

    def __init__(self, features: int, joints: int) -> None:
        super().__init__(features, joints, 1)


class HourglassResidual(nn.Module):
    """A residual with a third branch, which sees twice as far: pooled and brought up again."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.residual = Residual(features, features)
        self.pooled = nn.Sequential(
            nn.BatchNorm2d(features),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(features, features, 3, padding=1),
            nn.BatchNorm2d(features),
            nn.ReLU(inplace=True),
            nn.Conv2d(features, features, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        far = F.interpolate(self.pooled(x), scale_factor=2, mode="nearest")
        near: Tensor = self.residual(x)
        return near + far


class AttentionHourglass(nn.Module):
    """Down to 1/2**depth of the map and up again, with a skip at every scale.

    `modules` make up the skip and the way down. `pooled` is the paper's hourglass: modules of the
    skip grow with the map, and a single residual stands at the bottom and on the way up. Without
    it, every path is a row of so many residuals.
    """

    def __init__(self, depth: int, features: int, *, modules: int, pooled: bool) -> None:
        super().__init__()
        below = 1 if pooled else modules
        self.skip = pooled_skip(depth, modules, features) if pooled else row(modules, features)
        self.down = row(modules, features)
        self.inner: nn.Module = (
            AttentionHourglass(depth - 1, features, modules=modules, pooled=pooled)
            if depth > 1
            else row(below, features)
        )
        self.up = row(below, features)

    def forward(self, x: Tensor) -> Tensor:
        low = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        skipped: Tensor = self.skip(x)
        return skipped + F.interpolate(low, scale_factor=2, mode="nearest")


def row(modules: int, features: int) -> nn.Sequential:
    """Return so many residuals, one after the other."""
    return nn.Sequential(*(Residual(features, features) for _ in range(modules)))


def pooled_skip(depth: int, modules: int, features: int) -> nn.Sequential:
    """Return the skip past `depth` more poolings: the larger the map, the more pooled branches.

    A module is a residual and `depth` - 2 with a third branch. At the smallest scale, the first
    module is a residual and each of the others has a third branch.
    """
    if depth == 1:
        others = (HourglassResidual(features) for _ in range(modules - 1))
        return nn.Sequential(Residual(features, features), *others)
    units: list[nn.Module] = []
    for _ in range(modules):
        units.append(Residual(features, features))
        units.extend(HourglassResidual(features) for _ in range(depth - 2))
    return nn.Sequential(*units)


class Attention(nn.Module):
    """Maps of where to look, in [0, 1]: a conditional random field, solved in a few steps.

    The field's unary term U is a convolution of the features. A step of its mean-field solution
    is q = sigmoid(k * q + U), beginning with q = U; all steps share the kernel k, which each of
    the maps has for itself.
    """

    def __init__(self, features: int, maps: int, *, kernel: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.unary = nn.Conv2d(features, maps, 3, padding=1)
        self.kernel = spreading(maps, kernel)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n maps h w"]:
        unary = self.unary(x)
        q: Tensor = unary
        for _ in range(self.steps):
            q = torch.sigmoid(self.kernel(q) + unary)
        return q


class PartMaps(nn.Module):
    """A map a joint, each made of features that are weighed by an attention of its own.

    Weighing features by one map and making one map of them is making the map first and weighing
    it, so one convolution serves all joints.
    """

    def __init__(self, features: int, joints: int, *, kernel: int, steps: int) -> None:
        super().__init__()
        self.attention = Attention(features, joints, kernel=kernel, steps=steps)
        self.maps = Maps(features, joints)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        maps: Tensor = self.attention(x) * F.conv2d(x, self.maps.weight)
        bias: Tensor = self.maps.bias  # type: ignore[assignment]
        return maps + bias[:, None, None]


class AttentionStack(nn.Module):
    """One hourglass with its head of `width`: features in, features and maps out.

    All stacks weigh features by one map; those with `parts` by one map a joint after that.
    """

    def __init__(
        self,
        hourglass: AttentionHourglass,
        *,
        features: int,
        joints: int,
        width: int,
        parts: bool,
        kernel: int,
        steps: int,
    ) -> None:
        super().__init__()
        self.hourglass = hourglass
        self.first = linear(features, width)
        self.second = linear(width, width)
        self.attention = Attention(width, 1, kernel=kernel, steps=steps)
        self.maps: nn.Module = (
            PartMaps(width, joints, kernel=kernel, steps=steps) if parts else Maps(width, joints)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first = self.first(self.hourglass(x))
        second = self.second(first)
        return first, self.maps(second * self.attention(second))


class StackedAttention(nn.Module):
    """Stem to 1/4 of the picture, then stacks; each is fed the features and maps before it."""

    def __init__(
        self,
        stem: nn.Module,
        stacks: Sequence[nn.Module],
        *,
        merge_features: Sequence[nn.Module],
        merge_maps: Sequence[nn.Module],
    ) -> None:
        super().__init__()
        self.stem = stem
        self.stacks = nn.ModuleList(stacks)
        self.merge_features = nn.ModuleList(merge_features)
        self.merge_maps = nn.ModuleList(merge_maps)

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
        return [layer for layer in self.modules() if isinstance(layer, Maps)]


def spreading(maps: int, kernel: int) -> nn.Conv2d:
    """Return a convolution of maps by a kernel each. Raises `UsageError` for an even kernel."""
    if kernel % 2 == 0:
        raise UsageError(f"expected an odd size of the attention's kernel, found {kernel}")
    return nn.Conv2d(maps, maps, kernel, padding=kernel // 2, groups=maps)


def linear(channels: int, out: int) -> nn.Sequential:
    """Return a 1 x 1 convolution, BatchNorm and ReLU after it."""
    return nn.Sequential(nn.Conv2d(channels, out, 1), nn.BatchNorm2d(out), nn.ReLU(inplace=True))


def attention(
    name: str,
    *,
    stacks: int = 8,
    features: int = 256,
    depth: int = 4,
    modules: int | None = None,
    holistic: int | None = None,
    kernel: int = 11,
    steps: int = 3,
    last: int | None = None,
    stem: tuple[int, int] | None = None,
    size: tuple[int, int] = (256, 256),
    sigma: float = 1.0,
    origin: float | None = None,
    skeleton: Skeleton = LSP14,
    normalisation: Normalisation = IMAGENET,
) -> PoseModel:
    """Build the network of the paper: 8 stacks of 256 features, the last head 512 wide.

    `modules` of a path of the hourglass are 8 / `stacks` by default, so that networks of fewer
    stacks are as deep. The first `holistic` stacks, by default half of them, have no attention
    for each joint; the last always has. `kernel` and `steps` are those of the attention, `last`
    is the width of the last head (by default twice the features), `stem` the channels at full
    and half resolution and at a quarter of it (by default a quarter and half of the features).

    The Torch code's option for the kernel says 1, which spreads nothing; its training script
    says 11, which is taken here. There, four stacks are holistic whatever their number, half of
    1 is taken off the pixels (RGB), and a map of the background can be added, which is left out.
    """
    first, second = stem or (features // 4, features // 2)
    count = max(1, 8 // stacks) if modules is None else modules
    plain = min(stacks // 2 if holistic is None else holistic, stacks - 1)
    widths = [features] * (stacks - 1) + [2 * features if last is None else last]
    network = StackedAttention(
        nn.Sequential(
            nn.Conv2d(3, first, 7, padding=3),
            nn.BatchNorm2d(first),
            nn.ReLU(inplace=True),
            Residual(first, first),
            nn.MaxPool2d(2),
            Residual(first, first),
            Residual(first, second),
            nn.MaxPool2d(2),
            Residual(second, second),
            Residual(second, second),
            Residual(second, features),
        ),
        [
            AttentionStack(
                AttentionHourglass(depth, features, modules=count, pooled=True),
                features=features,
                joints=len(skeleton),
                width=width,
                parts=index >= plain,
                kernel=kernel,
                steps=steps,
            )
            for index, width in enumerate(widths)
        ],
        merge_features=[linear(features, features) for _ in range(stacks - 1)],
        merge_maps=[nn.Conv2d(len(skeleton), features, 1) for _ in range(stacks - 1)],
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
