"""Chained predictions: one joint after the other, each told of all maps before it.

Gkioxari, Toshev and Jaitly, "Chained Predictions Using Convolutional Neural Networks", ECCV 2016.
Weights of the steps are not tied, and joints come in the order of their ease, as in the paper. The
layers are those of the robustness study's code: a ResNet for the encoder, mean squared error on
maps instead of a soft-max over cells, no activation between the convolutions that read a map, and
a deception of two linear up-steps. That code takes joints in the order of the data set, which is
`order=skeleton.joints`.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.errors import UsageError
from robustpose.models.codecs import HeatmapCodec
from robustpose.models.model import IMAGENET, Normalisation, PoseModel
from robustpose.models.resnet import ResNet
from robustpose.skeletons import LSP14, Skeleton

EASE = (
    "head_top",
    "nose",
    "eye",
    "ear",
    "neck",
    "thorax",
    "shoulder",
    "pelvis",
    "hip",
    "elbow",
    "knee",
    "wrist",
    "ankle",
)
"""Parts of the body, those that detectors find most often first."""


def easy_first(skeleton: Skeleton) -> tuple[str, ...]:
    """Return the joints of a skeleton in the order of `EASE`; unknown parts come last."""

    def rank(joint: str) -> int:
        part = joint.removeprefix("left_").removeprefix("right_")
        return EASE.index(part) if part in EASE else len(EASE)

    return tuple(sorted(skeleton.joints, key=rank))


def observation(hidden: int, kernel: int) -> nn.Sequential:
    """Return what reads a map for the hidden state: 1 to `hidden` channels, a quarter the size."""
    # A 1 x 1 convolution of stride 2 reads every second cell: the one before it makes no others.
    strides = (2, 1) if kernel == 1 else (1, 2)
    return nn.Sequential(
        nn.Conv2d(1, hidden, 1, strides[0]),
        nn.Conv2d(hidden, hidden, kernel, strides[1], kernel // 2),
        nn.BatchNorm2d(hidden),
        nn.Conv2d(hidden, hidden, kernel, 2, kernel // 2),
        nn.BatchNorm2d(hidden),
    )


class Step(nn.Module):
    """From the hidden state of one joint to that of the next, which is told of `seen` maps."""

    def __init__(self, seen: int, *, hidden: int, hidden_kernel: int, map_kernel: int) -> None:
        super().__init__()
        self.transition = nn.Sequential(
            nn.Conv2d(hidden, hidden, hidden_kernel, padding=hidden_kernel // 2),
            nn.BatchNorm2d(hidden),
        )
        self.observations = nn.ModuleList(observation(hidden, map_kernel) for _ in range(seen))

    def forward(self, state: Tensor, maps: Sequence[Tensor]) -> Tensor:
        total: Tensor = self.transition(state)
        for observe, each in zip(self.observations, maps, strict=True):
            total = total + observe(each)
        return F.relu(total)


class UpStep(nn.Module):
    """Twice the size: the sum of transposed convolutions with small, middle and large kernels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.towers = nn.ModuleList(
            nn.ConvTranspose2d(channels, channels, kernel, 2, kernel // 2 - 1)
            for kernel in (2, 4, 6)
        )

    def forward(self, x: Tensor) -> Tensor:
        small, middle, large = (tower(x) for tower in self.towers)
        total: Tensor = small + middle + large
        return total


class Deception(nn.Module):
    """From a hidden state to the map of one joint, four times its size."""

    def __init__(self, hidden: int, channels: int) -> None:
        super().__init__()
        self.start = nn.Conv2d(hidden, channels, 1)
        self.up1 = UpStep(channels)
        self.up2 = UpStep(channels)
        self.end = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, state: Tensor) -> Tensor:
        y: Tensor = self.end(self.up2(self.up1(self.start(state))))
        return y


class ChainedPredictions(nn.Module):
    """An encoder's features are the first hidden state; each step adds the maps so far to it.

    `order` are the indices of the joints as they are predicted; maps come out by joint.
    """

    def __init__(
        self,
        encoder: ResNet,
        *,
        order: Sequence[int],
        hidden: int,
        channels: int,
        hidden_kernel: int,
        map_kernel: int,
    ) -> None:
        super().__init__()
        self.stride = encoder.stride // 4
        self.turns = [order.index(joint) for joint in range(len(order))]
        self.encoder = encoder
        self.first = nn.Conv2d(encoder.channels, hidden, 1)
        self.steps = nn.ModuleList(
            Step(seen, hidden=hidden, hidden_kernel=hidden_kernel, map_kernel=map_kernel)
            for seen in range(1, len(order))
        )
        self.deceptions = nn.ModuleList(Deception(hidden, channels) for _ in order)

    def forward(
        self, pictures: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n k rows columns"]]:
        state = self.first(self.encoder(pictures))
        maps = [self.deceptions[0](state)]
        for step, deception in zip(self.steps, self.deceptions[1:], strict=True):
            state = step(state, maps)
            maps.append(deception(state))
        return (torch.cat([maps[turn] for turn in self.turns], dim=1),)

    def output_layers(self) -> list[nn.Conv2d]:
        """The layers that put out maps."""
        return [each.end for each in self.deceptions if isinstance(each, Deception)]


def chained(
    name: str = "chained",
    *,
    depth: int = 34,
    width: int = 64,
    hidden: int = 64,
    channels: int = 32,
    hidden_kernel: int = 1,
    map_kernel: int = 1,
    order: Sequence[str] | None = None,
    size: tuple[int, int] = (256, 256),
    sigma: float = 1.0,
    origin: float | None = None,
    stem_pool: bool = True,
    skeleton: Skeleton = LSP14,
    normalisation: Normalisation = IMAGENET,
) -> PoseModel:
    """Build the study's chain: ResNet-34 at 256 x 256, 64 hidden channels, maps of 32 x 32.

    `channels` are those of the deceptions, `hidden_kernel` and `map_kernel` the kernels that read
    the hidden state and earlier maps. `order` names the joints as they are predicted, by default
    the easiest first. Without `stem_pool` (`ResNet`) maps are of 1/4 of the picture, else of 1/8.
    Raises `UsageError` for an order that is not of the skeleton's joints, for even kernels and for
    a size that is no multiple of the encoder's stride.
    """
    order = easy_first(skeleton) if order is None else tuple(order)
    if sorted(order) != sorted(skeleton.joints):
        raise UsageError(
            f"expected an order of the {len(skeleton)} joints of {skeleton.name}, "
            f"found {', '.join(order)}"
        )
    if hidden_kernel % 2 == 0 or map_kernel % 2 == 0:
        raise UsageError(f"expected odd kernels, found {hidden_kernel} and {map_kernel}")
    encoder = ResNet(depth, width=width, stem_pool=stem_pool)
    encoder.check_size(size)
    network = ChainedPredictions(
        encoder,
        order=[skeleton.joints.index(joint) for joint in order],
        hidden=hidden,
        channels=channels,
        hidden_kernel=hidden_kernel,
        map_kernel=map_kernel,
    )
    codec = HeatmapCodec(size, stride=network.stride, sigma=sigma, origin=origin)
    return PoseModel(
        network,
        name=name,
        size=size,
        codecs=[codec],
        skeleton=skeleton,
        normalisation=normalisation,
    )
