"""Record what published SimpleBaselines put out.

Needs checkouts of microsoft/human-pose-estimation.pytorch (49f3f44),
leoxiaobin/deep-high-resolution-net.pytorch (6f69e46) and open-mmlab/mmpose (759b39c) in folders
REPOSITORY@OWNER; nothing of OpenMMLab is installed. From the top of this repository:

    python -m tests.models.published.make.resdec CHECKOUTS
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from torch import Tensor, nn

from ..recording import record
from .hrnet import AUTHORS, MEAN, MMPOSE, STD, Estimator, as_mmpose, module, stand_in

MICROSOFT = "microsoft/human-pose-estimation.pytorch@49f3f44"


def microsoft(checkouts: Path) -> None:
    """Blue comes first, in [0, 1]; the statistics of red, green, blue are not turned round."""
    path = checkouts / "human-pose-estimation.pytorch@microsoft/lib/models/pose_resnet.py"
    net = source(path, "microsoft_pose_resnet")
    for name, depth, joints, filters, kernels, bias, final_kernel, size in (
        ("50-17", 50, 17, (256, 256, 256), (4, 4, 4), False, 1, (256, 192)),
        ("18-16", 18, 16, (64, 48), (3, 2), True, 3, (96, 64)),
        ("34-17", 34, 17, (32, 32, 24, 16), (4, 3, 2, 4), False, 1, (64, 64)),
    ):
        extra = settings(depth, filters, kernels, bias=bias, final_kernel=final_kernel)
        model = SimpleNamespace(EXTRA=extra, NUM_JOINTS=joints, STYLE="pytorch", INIT_WEIGHTS=False)
        record(
            f"resdec-microsoft-{name}",
            network=net.get_pose_net(SimpleNamespace(MODEL=model), is_train=False),
            source=MICROSOFT,
            family="resdec",
            size=size,
            prepare=blue_first,
        )


def authors(checkouts: Path) -> None:
    """HRNet's authors convert colours for HRNet only: COLOR_RGB is false for every ResNet."""
    path = checkouts / "deep-high-resolution-net.pytorch@leoxiaobin/lib/models/pose_resnet.py"
    net = source(path, "hrnet_pose_resnet")
    for depth, joints, features, size in ((34, 16, 96, (128, 128)), (152, 14, 16, (64, 96))):
        extra = settings(depth, (features,) * 3, (4, 4, 4), bias=False, final_kernel=1)
        model = SimpleNamespace(EXTRA=extra, NUM_JOINTS=joints, INIT_WEIGHTS=False)
        record(
            f"resdec-authors-{depth}-{joints}",
            network=net.get_pose_net(SimpleNamespace(MODEL=model), is_train=False),
            source=AUTHORS,
            family="resdec",
            size=size,
            prepare=blue_first,
        )


def mmpose(checkouts: Path) -> None:
    """The same network under other names, for RGB; any width, and no deconvolution at all."""
    stand_in(checkouts)
    module("mmengine.model", constant_init=None)
    module("mmcv.cnn", build_upsample_layer=deconvolution)
    backbone = importlib.import_module("mmpose.models.backbones.resnet")
    head = importlib.import_module("mmpose.models.heads.heatmap_heads.heatmap_head")
    for name, depth, width, joints, filters, kernels, final_kernel, size, called in (
        ("50-17", 50, 64, 17, (256, 256, 256), (4, 4, 4), 1, (128, 96), "head"),
        ("18-16", 18, 24, 16, (32, 16), (2, 3), 3, (64, 64), "keypoint_head"),
        ("34-17", 34, 16, 17, (), (), 1, (64, 64), "head"),
    ):
        encoder = backbone.ResNet(depth, stem_channels=width, base_channels=width)
        final = {"kernel_size": final_kernel, "padding": final_kernel // 2}
        record(
            f"resdec-mmpose-{name}",
            network=Estimator(
                encoder,
                head.HeatmapHead(
                    (32 if depth >= 50 else 8) * width, joints, filters, kernels, final_layer=final
                ),
                called=called,
            ),
            source=MMPOSE,
            family="resdec",
            size=size,
            prepare=as_mmpose,
        )


def settings(
    depth: int, filters: Sequence[int], kernels: Sequence[int], *, bias: bool, final_kernel: int
) -> SimpleNamespace:
    """Return the settings of a head in the publishers' words."""
    return SimpleNamespace(
        NUM_LAYERS=depth,
        NUM_DECONV_LAYERS=len(filters),
        NUM_DECONV_FILTERS=filters,
        NUM_DECONV_KERNELS=kernels,
        DECONV_WITH_BIAS=bias,
        FINAL_CONV_KERNEL=final_kernel,
    )


def blue_first(image: Tensor) -> Tensor:
    """Return what OpenCV reads, divided by 255, with statistics as if it were red first."""
    return (image.flip(1) - MEAN) / STD


def source(path: Path, name: str) -> ModuleType:
    """Import one source file under a name."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def deconvolution(cfg: dict[str, Any]) -> nn.ConvTranspose2d:
    """Build mmcv's upsampling layer of the type "deconv"."""
    return nn.ConvTranspose2d(**{name: value for name, value in cfg.items() if name != "type"})


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for make in (microsoft, authors, mmpose):
        make(folder)
