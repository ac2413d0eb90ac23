"""SimCC: each joint classified along x and along y, from the maps of SimpleBaseline.

Li, Yang, Liu, Zhang, Wang, Wang, Yang and Xia, "SimCC: a Simple Coordinate Classification
Perspective for Human Pose Estimation", ECCV 2022.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from robustpose.models.codecs import SimCCCodec
from robustpose.models.model import IMAGENET, Normalisation, PoseModel
from robustpose.models.resnet import ResNet
from robustpose.models.simple_baseline import Deconvolution, SimpleBaseline, map_network
from robustpose.skeletons import LSP14, Skeleton


class SimCC(nn.Module):
    """All `cells` of a joint's map, and one linear layer an axis that all joints share."""

    def __init__(self, maps: SimpleBaseline, *, cells: int, bins: tuple[int, int]) -> None:
        super().__init__()
        self.maps = maps
        self.along_x = nn.Linear(cells, bins[0])
        self.along_y = nn.Linear(cells, bins[1])

    def forward(self, pictures: Float[Tensor, "n 3 h w"]) -> tuple[Float[Tensor, "n k bins"]]:
        (maps,) = self.maps(pictures)
        cells = maps.flatten(2)
        return (torch.cat([self.along_x(cells), self.along_y(cells)], dim=2),)


def simcc(
    name: str = "simcc",
    *,
    depth: int = 50,
    width: int = 64,
    features: int = 256,
    deconvolutions: Sequence[Deconvolution] | None = None,
    final_kernel: int = 1,
    size: tuple[int, int] = (256, 256),
    ratio: float = 2.0,
    sigma: float = 6.0,
    beta: float = 1.0,
    origin: float | None = None,
    stem_pool: bool = True,
    skeleton: Skeleton = LSP14,
    normalisation: Normalisation = IMAGENET,
) -> PoseModel:
    """Build ResNet-50 at 256 x 256, maps of 64 x 64 and 512 bins an axis.

    `ratio`, `sigma` (in bins), `beta` and `origin` are those of `SimCCCodec`, all else is as in
    `resdec`; the paper's lighter network has no `deconvolutions`, `()`. Raises `UsageError` for a
    size that is no multiple of the encoder's stride.
    """
    encoder = ResNet(depth, width=width, stem_pool=stem_pool)
    maps = map_network(
        encoder,
        features=features,
        deconvolutions=deconvolutions,
        final_kernel=final_kernel,
        size=size,
        joints=len(skeleton),
    )
    codec = SimCCCodec(size, ratio=ratio, sigma=sigma, beta=beta, origin=origin)
    cells = (size[0] // maps.stride) * (size[1] // maps.stride)
    return PoseModel(
        SimCC(maps, cells=cells, bins=codec.bins),
        name=name,
        size=size,
        codecs=[codec],
        skeleton=skeleton,
        normalisation=normalisation,
    )
