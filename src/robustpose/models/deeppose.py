"""DeepPose: joints regressed as coordinates (Toshev and Szegedy 2014), on a residual network."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.models.codecs import CoordinateCodec
from robustpose.models.model import IMAGENET, Normalisation, PoseModel
from robustpose.models.resnet import ResNet
from robustpose.skeletons import LSP14, Skeleton


class DeepPose(nn.Module):
    """A residual network, its features pooled to a `grid` x `grid` map, and one linear layer."""

    def __init__(self, encoder: ResNet, *, joints: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        self.encoder = encoder
        self.fc = nn.Linear(encoder.channels * grid * grid, 2 * joints)

    def forward(self, pictures: Float[Tensor, "n 3 h w"]) -> tuple[Float[Tensor, "n k 2"]]:
        features = F.adaptive_avg_pool2d(self.encoder(pictures), self.grid)
        coordinates: Tensor = self.fc(features.flatten(1))
        return (coordinates.view(len(coordinates), -1, 2),)


def deeppose(
    name: str = "deeppose",
    *,
    depth: int = 34,
    width: int = 64,
    size: tuple[int, int] = (256, 256),
    grid: int = 1,
    power: int = 2,
    origin: tuple[float, float] | None = None,
    stem_pool: bool = True,
    skeleton: Skeleton = LSP14,
    normalisation: Normalisation = IMAGENET,
) -> PoseModel:
    """Build the regressor of the study: ResNet-34 and a linear layer, mean squared error.

    `grid` 1 is global average pooling; a larger grid keeps where features lie. `power` is
    that of the training loss and `origin` the pixel that 0 stands for (`CoordinateCodec`);
    `stem_pool` is that of the encoder (`ResNet`).
    """
    encoder = ResNet(depth, width=width, stem_pool=stem_pool)
    network = DeepPose(encoder, joints=len(skeleton), grid=grid)
    codec = CoordinateCodec(size, power=power, origin=origin)
    return PoseModel(
        network,
        name=name,
        size=size,
        codecs=[codec],
        skeleton=skeleton,
        normalisation=normalisation,
    )
