"""RLE: coordinates, how sure they are, and a flow that learns how errors are distributed.

Li, Bian, Zeng, Wang, Pang, Liu and Lu, "Human Pose Regression with Residual Log-likelihood
Estimation", ICCV 2021. The authors' code divides the features of coordinates by their norm and
has a layer of its own for deviations; here, as in MMPose, one plain layer puts out both.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.models.codecs import RLECodec
from robustpose.models.model import IMAGENET, Normalisation, PoseModel
from robustpose.models.resnet import ResNet
from robustpose.skeletons import LSP14, Skeleton


class RealNVP(nn.Module):
    """A density in the plane (Dinh, Sohl-Dickstein and Bengio 2017): a normal one, remapped.

    Coupling after coupling maps errors to standard normal numbers. Each leaves one axis as it is
    and shifts and scales the other by what two small networks make of the first.
    """

    masks: Tensor

    def __init__(self, couplings: int = 6, features: int = 64) -> None:
        super().__init__()
        kept = [[float(axis != i % 2) for axis in range(2)] for i in range(couplings)]
        self.register_buffer("masks", torch.tensor(kept), persistent=False)
        self.scales = nn.ModuleList(
            nn.Sequential(*_small_network(features), nn.Tanh()) for _ in range(couplings)
        )
        self.shifts = nn.ModuleList(_small_network(features) for _ in range(couplings))

    def forward(self, errors: Float[Tensor, "m 2"]) -> Float[Tensor, "m"]:
        """Return the logarithm of the density at each error."""
        z, log_volume = errors, torch.zeros_like(errors[:, 0])
        couplings = list(zip(self.masks, self.scales, self.shifts, strict=True))
        for mask, scale, shift in reversed(couplings):
            kept = mask * z
            log_scale = (1 - mask) * scale(kept)
            z = kept + (1 - mask) * (z - shift(kept)) * torch.exp(-log_scale)
            log_volume = log_volume - log_scale.sum(dim=1)
        return log_volume - z.square().sum(dim=1) / 2 - math.log(2 * math.pi)


class RLE(nn.Module):
    """A residual network, its features pooled to a `grid` x `grid` map, and one linear layer.

    Four numbers a joint come out: its place, and the logits of its deviation. The flow takes no
    part in that; it is here to be trained, moved and saved with the rest.
    """

    def __init__(self, encoder: ResNet, *, joints: int, grid: int, flow: RealNVP) -> None:
        super().__init__()
        self.grid = grid
        self.encoder = encoder
        self.fc = nn.Linear(encoder.channels * grid * grid, 4 * joints)
        self.flow = flow

    def forward(self, pictures: Float[Tensor, "n 3 h w"]) -> tuple[Float[Tensor, "n k 4"]]:
        features = F.adaptive_avg_pool2d(self.encoder(pictures), self.grid)
        numbers: Tensor = self.fc(features.flatten(1))
        return (numbers.view(len(numbers), -1, 4),)


def rle(
    name: str = "rle",
    *,
    depth: int = 50,
    width: int = 64,
    size: tuple[int, int] = (256, 256),
    grid: int = 1,
    couplings: int = 6,
    flow_features: int = 64,
    origin: tuple[float, float] | None = None,
    stem_pool: bool = True,
    skeleton: Skeleton = LSP14,
    normalisation: Normalisation = IMAGENET,
) -> PoseModel:
    """Build ResNet-50 at 256 x 256 and a linear layer, with a flow of six couplings.

    `grid` and `stem_pool` are as in `deeppose`; `origin` is the pixel that 0 stands for
    (`RLECodec`). `couplings` and `flow_features` are those of the flow, `RealNVP`.
    """
    encoder = ResNet(depth, width=width, stem_pool=stem_pool)
    flow = RealNVP(couplings, flow_features)
    network = RLE(encoder, joints=len(skeleton), grid=grid, flow=flow)
    return PoseModel(
        network,
        name=name,
        size=size,
        codecs=[RLECodec(size, flow, origin=origin)],
        skeleton=skeleton,
        normalisation=normalisation,
    )


def _small_network(features: int) -> nn.Sequential:
    """Return three linear layers that begin near 0, so that the flow begins near a normal law."""
    layers = [nn.Linear(2, features), nn.Linear(features, features), nn.Linear(features, 2)]
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight, gain=0.01)
    first, second, third = layers
    return nn.Sequential(first, nn.LeakyReLU(), second, nn.LeakyReLU(), third)
