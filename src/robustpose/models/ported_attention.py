"""The robustness study authors' port of multi-context attention, which is another network.

Unlike in `attention.py`, its residuals have no third branch, its first stacks no attention, and
its later ones an attention that is a sum instead of a probability.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.models.attention import (
    AttentionHourglass,
    Maps,
    StackedAttention,
    row,
    spreading,
)
from robustpose.models.codecs import HeatmapCodec
from robustpose.models.hourglass import Residual
from robustpose.models.model import IMAGENET, Normalisation, PoseModel
from robustpose.skeletons import LSP14, Skeleton


class AddedAttention(nn.Module):
    """The attention: features after a BatchNorm, times U + sigmoid(k * BatchNorm(q)).

    Every step has a BatchNorm and a kernel of its own; the kernels begin alike.
    """

    def __init__(self, features: int, *, kernel: int, steps: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(features)
        self.unary = nn.Conv2d(features, 1, 3, padding=1)
        first = spreading(1, kernel)
        self.steps = nn.ModuleList()
        for _ in range(steps):
            own = spreading(1, kernel)
            own.load_state_dict(first.state_dict())
            self.steps.append(nn.Sequential(nn.BatchNorm2d(1), own))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        x = self.norm(x)
        unary = self.unary(x)
        q: Tensor = unary
        for step in self.steps:
            q = unary + torch.sigmoid(step(q))
        return x * q


class PortedPartMaps(nn.Module):
    """The maps of later stacks: for each joint an attention, a BatchNorm and a map."""

    def __init__(self, features: int, joints: int, *, kernel: int, steps: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList(
            nn.Sequential(
                AddedAttention(features, kernel=kernel, steps=steps),
                nn.BatchNorm2d(features),
                Maps(features, 1),
            )
            for _ in range(joints)
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        return torch.cat([part(x) for part in self.parts], dim=1)


class PortedStack(nn.Module):
    """An hourglass with its head: features in, features and maps out."""

    def __init__(
        self, hourglass: AttentionHourglass, maps: nn.Module, *, features: int, modules: int
    ) -> None:
        super().__init__()
        self.hourglass = hourglass
        self.residual = row(modules, features)
        self.linear = activated(features, features)
        self.maps = maps

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.linear(self.residual(self.hourglass(x)))
        return features, self.maps(features)


def activated(channels: int, out: int, kernel: int = 1, stride: int = 1) -> nn.Sequential:
    """Return a convolution, BatchNorm and ReLU before it."""
    conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2)
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True), conv)


def ported_attention(
    name: str,
    *,
    stacks: int = 2,
    features: int = 256,
    depth: int = 4,
    modules: int = 2,
    kernel: int = 1,
    steps: int = 3,
    stem: tuple[int, int] | None = None,
    size: tuple[int, int] = (256, 256),
    sigma: float = 1.0,
    origin: float | None = None,
    skeleton: Skeleton = LSP14,
    normalisation: Normalisation = IMAGENET,
) -> PoseModel:
    """Build the study authors' port: 2 stacks of 256 features, 2 residuals in each row.

    The stem's BatchNorm and ReLU come before its convolution, which has stride 2: pixels that
    they cut off have no gradient. The first half of the stacks makes maps without attention, the
    second (and greater) half with one a joint. `stem` are the channels at half and at a quarter
    of the resolution, by default a quarter and half of the features.
    """
    first, second = stem or (features // 4, features // 2)
    heads: list[nn.Module] = [
        nn.Sequential(nn.BatchNorm2d(features), Maps(features, len(skeleton)))
        if index < stacks // 2
        else PortedPartMaps(features, len(skeleton), kernel=kernel, steps=steps)
        for index in range(stacks)
    ]
    network = StackedAttention(
        nn.Sequential(
            *activated(3, first, 7, 2),
            Residual(first, second),
            nn.MaxPool2d(2),
            Residual(second, second),
            Residual(second, features),
        ),
        [
            PortedStack(
                AttentionHourglass(depth, features, modules=modules, pooled=False),
                head,
                features=features,
                modules=modules,
            )
            for head in heads
        ],
        merge_features=[nn.Conv2d(features, features, 1) for _ in range(stacks - 1)],
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
