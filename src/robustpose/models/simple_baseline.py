"""SimpleBaseline, "ResDec" in the study: a residual network and deconvolutions to heatmaps.

Xiao, Wu and Wei, "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from robustpose.models.codecs import HeatmapCodec
from robustpose.models.model import IMAGENET, Normalisation, PoseModel
from robustpose.models.resnet import ResNet
from robustpose.skeletons import LSP14, Skeleton

STRIDE = 4
"""Pixels of the picture a cell of the maps, unless told otherwise."""


class Deconvolution(NamedTuple):
    """A transposed convolution to twice the size: the features it puts out, and its kernel."""

    features: int
    kernel: int = 4


class SimpleBaseline(nn.Module):
    """Deconvolutions bring features at 1/32 (or 1/16) of the picture to maps at 1/4 of it."""

    def __init__(
        self,
        encoder: ResNet,
        deconvolutions: Sequence[Deconvolution],
        *,
        bias: bool,
        final_kernel: int,
        joints: int,
    ) -> None:
        super().__init__()
        self.stride = encoder.stride // 2 ** len(deconvolutions)
        self.encoder = encoder
        self.deconv_layers = deconvolved(encoder.channels, deconvolutions, bias=bias)
        channels = deconvolutions[-1].features if deconvolutions else encoder.channels
        self.final_layer = nn.Conv2d(channels, joints, final_kernel, padding=final_kernel // 2)

    def forward(
        self, pictures: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n k rows columns"]]:
        return (self.final_layer(self.deconv_layers(self.encoder(pictures))),)

    def output_layers(self) -> list[nn.Conv2d]:
        """The layers that put out maps."""
        return [self.final_layer]


def deconvolved(
    channels: int, deconvolutions: Sequence[Deconvolution], *, bias: bool = False
) -> nn.Sequential:
    """Build deconvolutions one after the other, each normalised and rectified."""
    layers: list[nn.Module] = []
    for features, kernel in deconvolutions:
        # For every kernel size, what comes out is exactly twice the size.
        padding, more = (kernel - 1) // 2, kernel % 2
        layers += [
            nn.ConvTranspose2d(channels, features, kernel, 2, padding, more, bias=bias),
            nn.BatchNorm2d(features),
            nn.ReLU(inplace=True),
        ]
        channels = features
    return nn.Sequential(*layers)


def map_network(
    encoder: ResNet,
    *,
    features: int,
    deconvolutions: Sequence[Deconvolution] | None,
    final_kernel: int,
    size: tuple[int, int],
    joints: int,
    bias: bool = False,
) -> SimpleBaseline:
    """Build the network whose maps `resdec`, `integral` and `simcc` read each in its own way.

    Without `deconvolutions`, as many of `features` channels as bring maps to `STRIDE`. Raises
    `UsageError` for a size (height, width) that is no multiple of the encoder's stride.
    """
    encoder.check_size(size)
    if deconvolutions is None:
        deconvolutions = [Deconvolution(features)] * round(math.log2(encoder.stride / STRIDE))
    return SimpleBaseline(
        encoder, deconvolutions, bias=bias, final_kernel=final_kernel, joints=joints
    )


def resdec(
    name: str = "resdec",
    *,
    depth: int = 50,
    width: int = 64,
    features: int = 256,
    deconvolutions: Sequence[Deconvolution] | None = None,
    bias: bool = False,
    final_kernel: int = 1,
    size: tuple[int, int] = (256, 256),
    sigma: float = 2.0,
    origin: float | None = None,
    stem_pool: bool = True,
    skeleton: Skeleton = LSP14,
    normalisation: Normalisation = IMAGENET,
) -> PoseModel:
    """Build SimpleBaseline: ResNet-50 at 256 x 256, three deconvolutions, maps of 64 x 64.

    Without `stem_pool` (`ResNet`) two deconvolutions suffice. `deconvolutions` sets them one by
    one; their number settles the size of the maps. `bias` is theirs, `final_kernel` that of the
    layer that puts out maps, `origin` that of the codec. Raises `UsageError` for a size that is no
    multiple of the encoder's stride.
    """
    encoder = ResNet(depth, width=width, stem_pool=stem_pool)
    network = map_network(
        encoder,
        features=features,
        deconvolutions=deconvolutions,
        final_kernel=final_kernel,
        size=size,
        joints=len(skeleton),
        bias=bias,
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
