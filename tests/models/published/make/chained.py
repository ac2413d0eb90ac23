"""Record what the study authors' chained predictions put out.

Needs a checkout of Naman-ntc/Pytorch-Human-Pose-Estimation (11525c3) in a folder
Pytorch-Human-Pose-Estimation@Naman-ntc, and a torchvision that fits the installed torch. From the
top of this repository:

    python -m tests.models.published.make.chained CHECKOUTS
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import torchvision  # type: ignore[import-untyped]
from torch import Tensor, nn

from ..recording import record

SOURCE = "Naman-ntc/Pytorch-Human-Pose-Estimation@11525c3"


def main(checkouts: Path) -> None:
    """The published code takes pictures of 256 x 256 pixels only."""
    package = ModuleType("models")  # the published one imports every network
    package.__path__ = [str(checkouts / "Pytorch-Human-Pose-Estimation@Naman-ntc/models")]
    sys.modules["models"] = package
    published = importlib.import_module("models.ChainedPredictions")
    for depth in (18, 34):
        setattr(torchvision.models, f"resnet{depth}", untrained(depth))
    for depth, hidden_kernel, map_kernel, joints, prepare in (
        (34, 1, 1, 16, on_mpii),
        (18, 3, 3, 17, on_coco),
        (18, 5, 1, 14, on_mpii),
    ):
        record(
            f"chained-authors-{depth}-{joints}",
            network=published.ChainedPredictions(
                f"resnet{depth}", hidden_kernel, map_kernel, joints
            ),
            source=SOURCE,
            family="chained",
            size=(256, 256),
            prepare=prepare,
        )


def untrained(depth: int) -> object:
    """Return torchvision's ResNet of a depth, made to ignore that trained weights are wanted."""
    build = getattr(torchvision.models, f"resnet{depth}")

    def model(*, pretrained: bool) -> nn.Module:
        del pretrained
        network: nn.Module = build()
        return network

    return model


def on_mpii(image: Tensor) -> Tensor:
    """Return blue first, 0 to 255, divided by 256."""
    return image.flip(1) * 255 / 256


def on_coco(image: Tensor) -> Tensor:
    """Return blue first; torchvision's ToTensor divides by 255."""
    return image.flip(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
