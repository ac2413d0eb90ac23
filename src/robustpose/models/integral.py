"""Integral regression: the maps of SimpleBaseline, read as probabilities of where a joint is.

Sun, Xiao, Wei, Liang and Wei, "Integral Human Pose Regression", ECCV 2018. The network is that of
`simple_baseline.py`; what differs is the codec.
"""

from collections.abc import Sequence

from robustpose.models.codecs import IntegralCodec
from robustpose.models.model import IMAGENET, Normalisation, PoseModel
from robustpose.models.resnet import ResNet
from robustpose.models.simple_baseline import Deconvolution, map_network
from robustpose.skeletons import LSP14, Skeleton


def integral(
    name: str = "integral",
    *,
    depth: int = 50,
    width: int = 64,
    features: int = 256,
    deconvolutions: Sequence[Deconvolution] | None = None,
    final_kernel: int = 1,
    size: tuple[int, int] = (256, 256),
    beta: float = 1.0,
    power: int = 1,
    origin: float | None = None,
    stem_pool: bool = True,
    skeleton: Skeleton = LSP14,
    normalisation: Normalisation = IMAGENET,
) -> PoseModel:
    """Build ResNet-50 at 256 x 256, maps of 64 x 64 and their mean place, mean absolute error.

    `beta`, `power` and `origin` are those of `IntegralCodec`, all else is as in `resdec`. Raises
    `UsageError` for a size that is no multiple of the encoder's stride.
    """
    encoder = ResNet(depth, width=width, stem_pool=stem_pool)
    network = map_network(
        encoder,
        features=features,
        deconvolutions=deconvolutions,
        final_kernel=final_kernel,
        size=size,
        joints=len(skeleton),
    )
    codec = IntegralCodec(size, stride=network.stride, beta=beta, power=power, origin=origin)
    return PoseModel(
        network,
        name=name,
        size=size,
        codecs=[codec],
        skeleton=skeleton,
        normalisation=normalisation,
    )
