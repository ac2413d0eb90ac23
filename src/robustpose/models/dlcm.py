"""Deeply learned compositional models (Tang, Yu and Wu, ECCV 2018): from joints to parts and back.

An hourglass for each level of parts, from the joints up to the largest parts and down to the joints
again: five for three levels. The structure is that of published Torch code derived from the
authors': the stem has three 3 x 3 convolutions, no residual follows an hourglass, and where a
residual changes the number of channels, its shortcut has a BatchNorm and a ReLU.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.errors import UsageError
from robustpose.models.codecs import HeatmapCodec
from robustpose.models.codecs.parts import PartsCodec
from robustpose.models.compositions import MPII_PARTS, Composition
from robustpose.models.hourglass import Hourglass, Residual
from robustpose.models.model import IMAGENET, Normalisation, PoseModel

STRIDE = 4
"""Pixels of the picture a cell of the maps."""


class Reshaping(Residual):
    """A residual from one number of channels to another: BatchNorm and ReLU begin its shortcut too.

    `after_relu` says that its input comes out of a ReLU, so that the bottleneck begins with none.
    """

    def __init__(self, channels: int, out: int, *, after_relu: bool = False) -> None:
        super().__init__(channels, out)
        shortcut = (nn.BatchNorm2d(channels), nn.ReLU(inplace=True), nn.Conv2d(channels, out, 1))
        self.add_module("skip", nn.Sequential(*shortcut))
        if after_relu:
            self.add_module("bn1", nn.Identity())  # the ReLU behind it changes nothing any more


class Level(nn.Module):
    """One hourglass with its head: features in, features and the maps of a level out."""

    def __init__(self, depth: int, features: int, maps: int) -> None:
        super().__init__()
        self.hourglass = Hourglass(depth, features)
        self.linear = convolution(features, features, 1)
        self.maps = nn.Conv2d(features, maps, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.linear(self.hourglass(x))
        return features, self.maps(features)


class DLCM(nn.Module):
    """Stem to 1/4 of the picture, levels bottom-up, then all but the highest again top-down.

    `maps` are the maps of each level, from the lowest to the highest. Every step is fed the
    features and maps before it; going down, the maps that the way up gave for the same level take
    the place of as many features.
    """

    def __init__(self, maps: Sequence[int], *, features: int, depth: int) -> None:
        super().__init__()
        quarter, half = features // 4, features // 2
        self.top = len(maps) - 1
        down = maps[-2::-1]
        self.stem = nn.Sequential(
            convolution(3, quarter, 3),
            nn.MaxPool2d(2),
            convolution(quarter, quarter, 3),
            convolution(quarter, quarter, 3),
            Reshaping(quarter, half, after_relu=True),
            nn.MaxPool2d(2),
            Residual(half, half),
            Reshaping(half, features),
        )
        self.levels = nn.ModuleList(Level(depth, features, count) for count in (*maps, *down))
        self.merge_features = nn.ModuleList(
            nn.Conv2d(features, features, 1) for _ in range(2 * self.top)
        )
        self.merge_maps = nn.ModuleList(
            nn.Conv2d(count, features, 1) for count in (*maps, *down[:-1])
        )
        self.reduce = nn.ModuleList(Reshaping(features, features - count) for count in down)

    def forward(
        self, pictures: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n _ rows columns"], ...]:
        x = self.stem(pictures)
        outputs: list[Tensor] = []
        for step, level in enumerate(self.levels):
            if step > self.top:
                on_the_way_up = outputs[2 * self.top - step]
                x = torch.cat([on_the_way_up, self.reduce[step - self.top - 1](x)], dim=1)
            features, maps = level(x)
            outputs.append(maps)
            if step < 2 * self.top:
                x = x + self.merge_features[step](features) + self.merge_maps[step](maps)
        return tuple(outputs)

    def output_layers(self) -> list[nn.Conv2d]:
        """The layers that put out maps."""
        return [level.maps for level in self.levels if isinstance(level, Level)]


def convolution(channels: int, out: int, kernel: int) -> nn.Sequential:
    """Return a convolution that keeps the size of the map, with BatchNorm and ReLU after it."""
    return nn.Sequential(
        nn.Conv2d(channels, out, kernel, padding=kernel // 2),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )


def dlcm(
    name: str = "dlcm",
    *,
    features: int = 256,
    depth: int = 4,
    size: tuple[int, int] = (256, 256),
    sigma: float = 1.0,
    composition: Composition = MPII_PARTS,
    normalisation: Normalisation = IMAGENET,
) -> PoseModel:
    """Build the network of the paper: 256 features, depth 4, maps of 64 x 64, 15.5 M parameters.

    `composition` says which parts the joints of its skeleton make up. All stages but the first and
    the last, which have maps of joints alone, put out maps of parts before those of the joints.
    `sigma` is the width of bumps and ridges in cells. Raises `UsageError` for fewer features than
    the maps of bones and joints need.
    """
    joints = HeatmapCodec(size, stride=STRIDE, sigma=sigma)
    up = [
        PartsCodec(size, stride=STRIDE, sigma=sigma, parts=parts) if parts else joints
        for parts in composition.levels
    ]
    maps = [len(parts) + len(composition.skeleton) for parts in composition.levels]
    # One channel of features for the maps' own would have a bottleneck of half a channel.
    if features < max(maps[:-1]) + 2:
        raise UsageError(f"{name} needs at least {max(maps[:-1]) + 2} features, found {features}")
    network = DLCM(maps, features=features, depth=depth)
    return PoseModel(
        network,
        name=name,
        size=size,
        codecs=[*up, *up[-2::-1]],
        skeleton=composition.skeleton,
        normalisation=normalisation,
    )
