"""SimpleBaseline, "ResDec" in the study: a residual network and deconvolutions to heatmaps.

Xiao, Wu and Wei, "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018.
"""

import math

from jaxtyping import Float
from torch import Tensor, nn

from robustpose.models.codecs import HeatmapCodec
from robustpose.models.model import PoseModel
from robustpose.models.resnet import ResNet
from robustpose.skeletons import LSP14, Skeleton

STRIDE = 4
"""Pixels of the picture a cell of the maps."""


class SimpleBaseline(nn.Module):
    """Deconvolutions bring features at 1/32 (or 1/16) of the picture to maps at 1/4 of it."""

    def __init__(self, encoder: ResNet, *, features: int, joints: int) -> None:
        super().__init__()
        self.encoder = encoder
        layers: list[nn.Module] = []
        count = round(math.log2(encoder.stride / STRIDE))
        for channels in (encoder.channels, *[features] * (count - 1)):
            layers += [
                nn.ConvTranspose2d(channels, features, 4, 2, 1, bias=False),
                nn.BatchNorm2d(features),
                nn.ReLU(inplace=True),
            ]
        self.deconv_layers = nn.Sequential(*layers)
        self.final_layer = nn.Conv2d(features, joints, 1)

    def forward(
        self, pictures: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n k rows columns"]]:
        return (self.final_layer(self.deconv_layers(self.encoder(pictures))),)

    def output_layers(self) -> list[nn.Conv2d]:
        """The layers that put out maps, which training starts afresh for its second loss."""
        return [self.final_layer]


def resdec(
    name: str = "resdec",
    *,
    depth: int = 50,
    width: int = 64,
    features: int = 256,
    size: tuple[int, int] = (256, 256),
    sigma: float = 2.0,
    stem_pool: bool = True,
    skeleton: Skeleton = LSP14,
) -> PoseModel:
    """Build SimpleBaseline: ResNet-50 at 256 x 256, three deconvolutions, maps of 64 x 64.

    Without `stem_pool` (`ResNet`) two deconvolutions suffice.
    """
    encoder = ResNet(depth, width=width, stem_pool=stem_pool)
    network = SimpleBaseline(encoder, features=features, joints=len(skeleton))
    codec = HeatmapCodec(size, stride=STRIDE, sigma=sigma)
    return PoseModel(network, name=name, size=size, codecs=[codec], skeleton=skeleton)
