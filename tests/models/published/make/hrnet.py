"""Record what published HRNets put out, and stand in for what MMPose's networks import.

Needs checkouts of leoxiaobin/deep-high-resolution-net.pytorch (6f69e46) and open-mmlab/mmpose
(759b39c) in folders REPOSITORY@OWNER; neither mmpose nor mmcv nor mmengine is installed. From the
top of this repository:

    python -m tests.models.published.make.hrnet CHECKOUTS
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from ..recording import record

AUTHORS = "leoxiaobin/deep-high-resolution-net.pytorch@6f69e46"
MMPOSE = "open-mmlab/mmpose@759b39c"
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def authors(checkouts: Path) -> None:
    """Images are RGB in [0, 1] (COLOR_RGB of every HRNet setting), less the mean of ImageNet."""
    path = checkouts / "deep-high-resolution-net.pytorch@leoxiaobin/lib/models/pose_hrnet.py"
    spec = importlib.util.spec_from_file_location("pose_hrnet", path)
    assert spec is not None
    assert spec.loader is not None
    net = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(net)
    published = [stage(1, 32, (4, 4)), stage(4, 32, (4,) * 3), stage(3, 32, (4,) * 4)]
    small = [stage(2, 12, (1, 2)), stage(1, 12, (2, 1, 1)), stage(2, 12, (1, 3, 1, 2))]
    # Stages may have more branches than the second to fourth of the paper, and bottlenecks.
    other = [stage(1, 8, (1, 1, 1)), stage(2, 8, (1, 2, 1)), stage(1, 8, (1,) * 4)]
    other[0]["BLOCK"] = "BOTTLENECK"
    other[0]["NUM_CHANNELS"] = [2, 4, 8]
    for name, stages, joints, kernel, size in (
        ("w32-17", published, 17, 1, (256, 192)),
        ("w12-16", small, 16, 3, (128, 96)),
        ("w8-14", other, 14, 1, (64, 64)),
    ):
        extra: dict[str, Any] = {"FINAL_CONV_KERNEL": kernel, "PRETRAINED_LAYERS": ["*"]}
        extra |= {f"STAGE{number}": each for number, each in enumerate(stages, start=2)}
        record(
            f"hrnet-authors-{name}",
            network=net.PoseHighResolutionNet({"MODEL": {"EXTRA": extra, "NUM_JOINTS": joints}}),
            source=AUTHORS,
            family="hrnet",
            size=size,
            prepare=lambda image: (image - MEAN) / STD,
        )


def stage(modules: int, width: int, blocks: Sequence[int]) -> dict[str, Any]:
    """Return the settings of a stage in the authors' words."""
    return {
        "NUM_MODULES": modules,
        "NUM_BRANCHES": len(blocks),
        "BLOCK": "BASIC",
        "NUM_BLOCKS": list(blocks),
        "NUM_CHANNELS": [width * 2**index for index in range(len(blocks))],
        "FUSE_METHOD": "SUM",
    }


def mmpose(checkouts: Path) -> None:
    """The same network under other names; the head was called keypoint_head before version 1."""
    stand_in(checkouts)
    backbone = importlib.import_module("mmpose.models.backbones.hrnet")
    head = importlib.import_module("mmpose.models.heads.heatmap_heads.heatmap_head")
    for name, width, modules, blocks, first, joints, kernel, size, called in (
        ("w48-17", 48, (1, 4, 3), 4, "BOTTLENECK", 17, 1, (64, 64), "head"),
        ("w16-16", 16, (1, 2, 1), 2, "BASIC", 16, 3, (128, 128), "keypoint_head"),
    ):
        stages = {
            f"stage{number}": {
                "num_modules": count,
                "num_branches": number,
                "block": "BASIC",
                "num_blocks": (blocks,) * number,
                "num_channels": [width * 2**index for index in range(number)],
            }
            for number, count in enumerate(modules, start=2)
        }
        stages["stage1"] = {
            "num_modules": 1,
            "num_branches": 1,
            "block": first,
            "num_blocks": (blocks,),
            "num_channels": (64,),
        }
        final = {"kernel_size": kernel, "padding": kernel // 2}
        record(
            f"hrnet-mmpose-{name}",
            network=Estimator(
                backbone.HRNet(stages),
                head.HeatmapHead(width, joints, deconv_out_channels=None, final_layer=final),
                called=called,
            ),
            source=MMPOSE,
            family="hrnet",
            size=size,
            prepare=as_mmpose,
        )


def as_mmpose(image: Tensor) -> Tensor:
    """Return what MMPose makes of the 0 to 255, blue first, that OpenCV reads."""
    opened = 255 * image.flip(1)
    mean = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
    std = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)
    return (opened.flip(1) - mean) / std


class Estimator(nn.Module):
    """MMPose's backbone and head under the names that its checkpoints have."""

    def __init__(self, backbone: nn.Module, head: nn.Module, *, called: str = "head") -> None:
        super().__init__()
        self.called = called
        self.backbone = backbone
        self.add_module(called, head)

    def forward(self, images: Tensor) -> Any:
        return getattr(self, self.called)(self.backbone(images))


def stand_in(checkouts: Path) -> None:
    """Let single source files of MMPose be imported without mmcv and mmengine.

    Its packages are entered without running their own code, which would import everything.
    """
    root = checkouts / "mmpose@open-mmlab/mmpose"
    for package in ("", "models", "models.backbones", "models.heads", "models.heads.heatmap_heads"):
        module(f"mmpose.{package}".rstrip(".")).__path__ = [str(root / package.replace(".", "/"))]
    module("mmpose.registry", MODELS=Registry(), KEYPOINT_CODECS=Registry())
    module("mmpose.evaluation.functional", pose_pck_accuracy=None)
    module("mmpose.models.utils.tta", flip_heatmaps=None)
    module("mmpose.utils.tensor_utils", to_numpy=None)
    hints = ("ConfigType", "Features", "OptConfigType", "OptSampleList", "Predictions")
    module("mmpose.utils.typing", **dict.fromkeys((*hints, "InstanceList", "MultiConfig"), Any))
    module("mmengine.model", BaseModule=BaseModule, constant_init=None)
    module("mmengine.structures", PixelData=Any, InstanceData=Any)
    module("mmengine.utils.dl_utils.parrots_wrapper", _BatchNorm=nn.BatchNorm2d)
    module(
        "mmcv.cnn",
        ConvModule=ConvModule,
        build_conv_layer=convolution,
        build_norm_layer=normalisation,
        build_upsample_layer=None,
    )


def module(name: str, **contents: object) -> ModuleType:
    """Put an empty module with some contents where an import finds it."""
    made = sys.modules.setdefault(name, ModuleType(name))
    for key, value in contents.items():
        setattr(made, key, value)
    return made


class Registry:
    """A decorator that does nothing, and losses that nobody asks."""

    def register_module(self) -> Callable[[Any], Any]:
        return lambda registered: registered

    def build(self, _: object) -> nn.Module:
        return nn.Identity()


class BaseModule(nn.Module):
    """mmengine's modules take an argument for initialisation."""

    def __init__(self, init_cfg: object = None) -> None:
        super().__init__()


def convolution(cfg: dict[str, Any] | None, *sizes: int, **settings: Any) -> nn.Conv2d:
    """Build an ordinary convolution; the settings come apart or in the dictionary."""
    settings |= {name: value for name, value in (cfg or {}).items() if name != "type"}
    return nn.Conv2d(*sizes, **settings)


def normalisation(_: object, channels: int, postfix: int | str = "") -> tuple[str, nn.Module]:
    """Build batch normalisation, and the name under which a block keeps it."""
    return f"bn{postfix}", nn.BatchNorm2d(channels)


class ConvModule(nn.Sequential):
    """A convolution without bias, batch normalisation and ReLU, unless told not to."""

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        norm_cfg: object,
        act_cfg: object = "ReLU",
    ) -> None:
        super().__init__()
        self.add_module("conv", nn.Conv2d(channels, out, kernel, stride, padding, bias=False))
        self.add_module("bn", nn.BatchNorm2d(out))
        if act_cfg is not None:
            self.add_module("activate", nn.ReLU(inplace=True))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for make in (authors, mmpose):
        make(folder)
