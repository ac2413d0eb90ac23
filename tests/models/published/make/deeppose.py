"""Record what published regression networks put out: DeepPose, RLE, integral regression, SimCC.

Needs checkouts of Naman-ntc/Pytorch-Human-Pose-Estimation (11525c3) and open-mmlab/mmpose
(759b39c, version 1.3.2) in folders REPOSITORY@OWNER, and torchvision for the first. mmengine and
mmcv are not needed: what the networks take from them is stood in for. From the top of this
repository:

    python -m tests.models.published.make.deeppose CHECKOUTS
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from ..recording import record

AUTHORS = "Naman-ntc/Pytorch-Human-Pose-Estimation@11525c3"
MMPOSE = "open-mmlab/mmpose@759b39c"
MEAN = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
STD = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)


def authors(checkouts: Path) -> None:
    """Images are as OpenCV reads them (blue first), divided by 256; for COCO by 255."""
    import torchvision

    class Untrained:
        """torchvision's networks, without a download of weights."""

        def __getattr__(self, name: str) -> Any:
            return lambda pretrained: getattr(torchvision.models, name)()

    sys.modules["torchvision"] = SimpleNamespace(models=Untrained())  # type: ignore[assignment]
    root = checkouts / "Pytorch-Human-Pose-Estimation@Naman-ntc/models"
    packages(root.parent, "models", "models.modules")
    deeppose = importlib.import_module("models.DeepPose").DeepPose
    for depth, joints, size in ((34, 16, (256, 256)), (50, 17, (64, 64)), (18, 16, (64, 96))):
        divisor = 255 if joints == 17 else 256
        record(
            f"deeppose-authors-{depth}-{joints}",
            network=deeppose(joints, f"resnet{depth}"),
            source=AUTHORS,
            family="deeppose",
            size=size,
            prepare=lambda image, divisor=divisor: image.flip(1) * 255 / divisor,
            outputs=lambda answer: [answer.unflatten(1, (-1, 2))],
        )


def regression(checkouts: Path) -> None:
    """`RegressionHead` and `RLEHead` behind global average pooling."""
    pooling = imported(checkouts, "necks.gap_neck").GlobalAveragePooling
    for family, head, cases in (
        (
            "deeppose",
            imported(checkouts, "heads.regression_heads.regression_head").RegressionHead,
            ((50, 64, 17, (256, 192)), (18, 16, 16, (64, 64)), (152, 8, 16, (64, 96))),
        ),
        (
            "rle",
            imported(checkouts, "heads.regression_heads.rle_head").RLEHead,
            ((50, 64, 17, (256, 192)), (101, 8, 16, (64, 64))),
        ),
    ):
        for depth, width, joints, size in cases:
            backbone = encoder(checkouts, depth, width)
            network = named(backbone=backbone, neck=pooling(), head=head(backbone.feat_dim, joints))
            record(
                f"{family}-mmpose-{depth}x{width}-{joints}",
                network=network,
                source=MMPOSE,
                family=family,
                size=size,
                prepare=normalised,
            )


def integral(checkouts: Path) -> None:
    """`DSNTHead`: its maps are recorded as they are before the soft-max."""
    dsnt = imported(checkouts, "heads.regression_heads.dsnt_head").DSNTHead
    for depth, width, joints, size, features, kernels in (
        (50, 64, 17, (256, 256), (256, 256, 256), (4, 4, 4)),
        (18, 16, 16, (64, 96), (24, 16), (3, 2)),
    ):
        backbone = encoder(checkouts, depth, width)
        cells = (size[1] // 32, size[0] // 32)
        head = dsnt(
            backbone.feat_dim,
            cells,
            joints,
            deconv_out_channels=features,
            deconv_kernel_sizes=kernels,
        )
        head.forward = head.simplebaseline_head.forward
        record(
            f"integral-mmpose-{depth}x{width}-{joints}",
            network=named(backbone=backbone, head=head),
            source=MMPOSE,
            family="integral",
            size=size,
            prepare=normalised,
        )


def simcc(checkouts: Path) -> None:
    """`SimCCHead` with and without deconvolutions; the two axes are put in a row."""
    simcc_head = imported(checkouts, "heads.coord_cls_heads.simcc_head").SimCCHead
    for depth, width, joints, size, ratio, features in (
        (50, 64, 17, (256, 192), 2.0, (256, 256, 256)),
        (18, 16, 16, (64, 96), 3.0, (16, 16, 16)),
        (34, 8, 16, (128, 64), 2.0, None),
    ):
        backbone = encoder(checkouts, depth, width)
        head = simcc_head(
            backbone.feat_dim,
            joints,
            (size[1], size[0]),
            (size[1] // 32, size[0] // 32),
            ratio,
            deconv_out_channels=features,
        )
        record(
            f"simcc-mmpose-{depth}x{width}-{joints}",
            network=named(backbone=backbone, head=head),
            source=MMPOSE,
            family="simcc",
            size=size,
            prepare=normalised,
            outputs=lambda answer: [torch.cat(answer, dim=2)],
        )


def encoder(checkouts: Path, depth: int, width: int) -> nn.Module:
    """Return MMPose's residual network with `width` channels in its first stage."""
    resnet = imported(checkouts, "backbones.resnet").ResNet
    return resnet(depth, stem_channels=width, base_channels=width)


def normalised(image: Tensor) -> Tensor:
    """Return what MMPose's preprocessor makes of an image: red first, 0 to 255, standardised."""
    return (image * 255 - MEAN) / STD


def named(**parts: nn.Module) -> nn.Sequential:
    """Return modules in a row, each under its name."""
    network = nn.Sequential()
    for name, part in parts.items():
        network.add_module(name, part)
    return network


def imported(checkouts: Path, name: str) -> ModuleType:
    """Import a module of `mmpose.models`, and none of the packages around it."""
    if "mmpose" not in sys.modules:
        stand_in(checkouts / "mmpose@open-mmlab")
    return importlib.import_module(f"mmpose.models.{name}")


def stand_in(root: Path) -> None:
    """Put what MMPose's networks, losses and codecs ask of other packages into `sys.modules`."""
    models = ["backbones", "heads", "losses", "necks", "utils"]
    heads = ["coord_cls_heads", "heatmap_heads", "regression_heads"]
    packages(
        root,
        "mmpose",
        "mmpose.models",
        "mmpose.utils",
        *(f"mmpose.models.{name}" for name in models),
        *(f"mmpose.models.heads.{name}" for name in heads),
    )
    for name in (
        "mmcv",
        "mmcv.cnn",
        "mmengine",
        "mmengine.config",
        "mmengine.dist",
        "mmengine.logging",
        "mmengine.model",
        "mmengine.structures",
        "mmengine.utils",
        "mmengine.utils.dl_utils.parrots_wrapper",
        "mmpose.codecs.utils",
        "mmpose.datasets.datasets.utils",
        "mmpose.evaluation.functional",
        "mmpose.registry",
        "mmpose.structures",
    ):
        sys.modules[name] = Unneeded(name)
    registry = Registry()
    sys.modules["mmpose.registry"].__dict__.update(MODELS=registry, KEYPOINT_CODECS=registry)
    sys.modules["mmengine.model"].__dict__.update(BaseModule=Module)
    sys.modules["mmcv.cnn"].__dict__.update(
        build_conv_layer=convolution,
        build_norm_layer=lambda _, channels, postfix="": (f"bn{postfix}", nn.BatchNorm2d(channels)),
        build_upsample_layer=lambda settings: nn.ConvTranspose2d(**without_type(settings)),
    )
    importlib.import_module("mmpose.models.losses.regression_loss")
    heatmaps = importlib.import_module("mmpose.models.heads.heatmap_heads.heatmap_head")
    sys.modules["mmpose.models.heads"].__dict__.update(HeatmapHead=heatmaps.HeatmapHead)


def packages(root: Path, *names: str) -> None:
    """Make packages whose modules can be imported while their own `__init__` is not run."""
    for name in names:
        package = ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")))]
        sys.modules[name] = package


class Unneeded(ModuleType):
    """A module of which only names are needed, to import others."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class Module(nn.Module):
    """MMEngine's module, without its ways to initialise weights."""

    def __init__(self, init_cfg: object = None) -> None:
        super().__init__()


class Registry:
    """Classes by name. What is not registered (losses without weights) is built as nothing."""

    def __init__(self) -> None:
        self.classes: dict[str, type] = {}

    def register_module(self) -> Any:
        """Return a decorator that notes a class."""

        def note(each: type) -> type:
            self.classes[each.__name__] = each
            return each

        return note

    def build(self, settings: dict[str, Any]) -> Any:
        """Return an object of the class that `type` names."""
        return self.classes.get(settings["type"], nn.Identity)(**without_type(settings))


def convolution(settings: dict[str, Any] | None, *sizes: int, **more: Any) -> nn.Conv2d:
    """Return the convolution that MMCV builds from such settings."""
    return nn.Conv2d(*sizes, **more, **without_type(settings or {}))


def without_type(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments among settings."""
    return {name: value for name, value in settings.items() if name != "type"}


if __name__ == "__main__":
    for make in (authors, regression, integral, simcc):
        make(Path(sys.argv[1]))
