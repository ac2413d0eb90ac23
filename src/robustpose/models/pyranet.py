"""PyraNet (Yang, Li, Ouyang, Li and Wang, ICCV 2017): residuals that see many scales at once.

This is the network of the authors of the robustness study. The paper's Torch code (bearpaw/PyraNet)
differs from it: BatchNorm and ReLU come after the first convolution, not before it; pyramids are
brought up bilinearly, not by repetition; shortcuts with a convolution have a BatchNorm and a ReLU
before it, and there is one on every way up; no residuals follow an hourglass.

The pyramids pool over regions that are drawn at random, in evaluation as in training.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.models.codecs import HeatmapCodec
from robustpose.models.hourglass import Residual
from robustpose.models.model import IMAGENET, Normalisation, PoseModel
from robustpose.skeletons import LSP14, Skeleton


class Chance:
    """Where random numbers come from: PyTorch's own generator, or a generator for each image.

    With `seeds`, one an image, the numbers of an image depend on its seed alone, not on the
    images beside it; they are those that PyTorch's generator on the CPU draws for this image
    alone after `torch.manual_seed(seed)`.
    """

    def __init__(self, seeds: Sequence[int] | None) -> None:
        self.generators = None
        if seeds is not None:
            self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c 2"]:
        """Return two numbers in [0, 1) for each channel of each image."""
        count, channels = x.shape[:2]
        if self.generators is None:
            return torch.rand(count, channels, 2, dtype=x.dtype, device=x.device)
        drawn = [torch.rand(channels, 2, generator=each) for each in self.generators]
        return torch.stack(drawn).to(x)


class Pyramid(nn.Module):
    """Features seen at so many scales, from nearly their own down to half of it, added up.

    Fractional max-pooling makes each scale, a 3 x 3 convolution reads it, and repetition brings
    it up again.
    """

    def __init__(self, channels: int, scales: int) -> None:
        super().__init__()
        step = 2 ** (-1 / scales)
        self.ratios = [step ** (index + 1) for index in range(scales)]
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(scales)
        )

    def forward(self, x: Float[Tensor, "n c h w"], chance: Chance) -> Float[Tensor, "n c h w"]:
        height, width = x.shape[-2:]
        total = torch.zeros_like(x)
        for ratio, conv in zip(self.ratios, self.convs, strict=True):
            # Rounded down: the last ratio is often a hair less than a half.
            smaller = (int(height * ratio), int(width * ratio))
            pooled = F.fractional_max_pool2d(x, 2, smaller, _random_samples=chance(x))
            total = total + F.interpolate(conv(pooled), size=(height, width), mode="nearest")
        return total


class PyramidResidual(nn.Module):
    """A residual with a pyramid beside its 3 x 3 convolution, 1/`base_width` of its width."""

    def __init__(self, channels: int, out: int, *, base_width: int, cardinality: int) -> None:
        super().__init__()
        half, narrow = out // 2, out // base_width
        self.near = nn.Sequential(*activated(channels, half), *activated(half, half, 3))
        self.enter = activated(channels, narrow)
        self.norm = nn.BatchNorm2d(narrow)
        self.pyramid = Pyramid(narrow, cardinality)
        self.leave = activated(narrow, half)
        self.join = activated(half, out)
        self.skip = nn.Conv2d(channels, out, 1) if channels != out else None

    def forward(self, x: Tensor, chance: Chance) -> Tensor:
        far = self.pyramid(F.relu(self.norm(self.enter(x))), chance)
        y: Tensor = self.join(self.leave(far) + self.near(x))
        return y + (x if self.skip is None else self.skip(x))


PyramidOf = Callable[[int, int], PyramidResidual]
"""Makes a pyramid residual from channels to channels."""


class Row(nn.ModuleList):
    """Residuals one after the other, pyramids if there is a `pyramid`, plain ones if not."""

    def __init__(self, modules: int, features: int, pyramid: PyramidOf | None) -> None:
        super().__init__((pyramid or Residual)(features, features) for _ in range(modules))

    def forward(self, x: Tensor, chance: Chance) -> Tensor:
        for unit in self:
            x = unit(x, chance) if isinstance(unit, PyramidResidual) else unit(x)
        return x


class PyramidHourglass(nn.Module):
    """Down to 1/2**depth of the map and up again, with pyramids where maps are large."""

    def __init__(self, depth: int, features: int, *, modules: int, pyramid: PyramidOf) -> None:
        super().__init__()
        below = pyramid if depth > 2 else None
        self.skip = Row(modules, features, pyramid if depth > 1 else None)
        self.down = Row(modules, features, below)
        self.inner: nn.Module = (
            PyramidHourglass(depth - 1, features, modules=modules, pyramid=pyramid)
            if depth > 1
            else Row(modules, features, None)
        )
        self.up = Row(modules, features, below)

    def forward(self, x: Tensor, chance: Chance) -> Tensor:
        skipped: Tensor = self.skip(x, chance)
        low = self.down(F.max_pool2d(x, 2), chance)
        low = self.up(self.inner(low, chance), chance)
        return skipped + F.interpolate(low, scale_factor=2, mode="nearest")


class PyramidStack(nn.Module):
    """One hourglass with its head: features in, features and maps out."""

    def __init__(self, hourglass: PyramidHourglass, *, features: int, modules: int, joints: int):
        super().__init__()
        self.hourglass = hourglass
        self.residual = nn.Sequential(*(Residual(features, features) for _ in range(modules)))
        self.linear = activated(features, features)
        self.maps = nn.Conv2d(features, joints, 1)

    def forward(self, x: Tensor, chance: Chance) -> tuple[Tensor, Tensor]:
        features = self.linear(self.residual(self.hourglass(x, chance)))
        return features, self.maps(features)


class PyramidStem(nn.Module):
    """From pictures to features at 1/4 of their size: a strided convolution and three pyramids."""

    def __init__(self, features: int, *, channels: tuple[int, int], pyramid: PyramidOf) -> None:
        super().__init__()
        first, second = channels
        self.conv = activated(3, first, 7, 2)
        self.before = pyramid(first, second)
        self.after = pyramid(second, second)
        self.last = pyramid(second, features)

    def forward(self, pictures: Tensor, chance: Chance) -> Tensor:
        x = F.max_pool2d(self.before(self.conv(pictures), chance), 2)
        y: Tensor = self.last(self.after(x, chance), chance)
        return y


class PyraNet(nn.Module):
    """Stem to 1/4 of the picture, then stacks; each is fed the features and maps before it.

    `random` says that answers depend on chance: two passes differ unless PyTorch's generator is
    seeded before each, or `seeds` are given, one an image.
    """

    random = True

    def __init__(
        self,
        stacks: int,
        *,
        features: int,
        depth: int,
        modules: int,
        joints: int,
        stem: tuple[int, int],
        pyramid: PyramidOf,
    ) -> None:
        super().__init__()
        self.stem = PyramidStem(features, channels=stem, pyramid=pyramid)
        self.stacks = nn.ModuleList(
            PyramidStack(
                PyramidHourglass(depth, features, modules=modules, pyramid=pyramid),
                features=features,
                modules=modules,
                joints=joints,
            )
            for _ in range(stacks)
        )
        self.merge_features = nn.ModuleList(
            nn.Conv2d(features, features, 1) for _ in range(stacks - 1)
        )
        self.merge_maps = nn.ModuleList(nn.Conv2d(joints, features, 1) for _ in range(stacks - 1))

    def forward(
        self, pictures: Float[Tensor, "n 3 h w"], seeds: Sequence[int] | None = None
    ) -> tuple[Float[Tensor, "n k rows columns"], ...]:
        chance = Chance(seeds)
        x = self.stem(pictures, chance)
        outputs = []
        for index, stack in enumerate(self.stacks):
            features, maps = stack(x, chance)
            outputs.append(maps)
            if index < len(self.merge_maps):
                x = x + self.merge_features[index](features) + self.merge_maps[index](maps)
        return tuple(outputs)

    def output_layers(self) -> list[nn.Conv2d]:
        """The layers that put out maps."""
        return [stack.maps for stack in self.stacks if isinstance(stack, PyramidStack)]


def activated(channels: int, out: int, kernel: int = 1, stride: int = 1) -> nn.Sequential:
    """Return a convolution, BatchNorm and ReLU before it."""
    conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2)
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True), conv)


def pyranet(
    name: str,
    *,
    stacks: int = 2,
    features: int = 256,
    depth: int = 4,
    modules: int = 2,
    base_width: int = 6,
    cardinality: int = 30,
    stem: tuple[int, int] | None = None,
    size: tuple[int, int] = (256, 256),
    sigma: float = 1.0,
    origin: float | None = None,
    skeleton: Skeleton = LSP14,
    normalisation: Normalisation = IMAGENET,
) -> PoseModel:
    """Build the study authors' PyraNet: 2 stacks of 256 features, pyramids of 30 scales.

    `modules` are the residuals in a row on every path, `cardinality` the scales of a pyramid and
    `base_width` how much narrower it is than the residual around it. `stem` are the channels at
    half and at a quarter of the resolution, by default a quarter and half of the features.
    """
    network = PyraNet(
        stacks,
        features=features,
        depth=depth,
        modules=modules,
        joints=len(skeleton),
        stem=stem or (features // 4, features // 2),
        pyramid=partial(PyramidResidual, base_width=base_width, cardinality=cardinality),
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
