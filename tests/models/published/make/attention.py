"""Record what the study authors' multi-context attention puts out.

Needs a checkout of Naman-ntc/Pytorch-Human-Pose-Estimation (11525c3) in a folder
REPOSITORY@OWNER. From the top of this repository:

    python -m tests.models.published.make.attention CHECKOUTS
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from torch import Tensor

from ..recording import record

SOURCE = "Naman-ntc/Pytorch-Human-Pose-Estimation@11525c3"


class Arguments(NamedTuple):
    """What the published class takes, in its order."""

    channels: int = 256
    stacks: int = 2
    modules: int = 2
    reductions: int = 4
    joints: int = 16
    kernel: int = 1
    steps: int = 3


# The first is the published configuration; the others are other depths, widths and data sets.
NETWORKS = {
    "attention-mpii": (Arguments(), (256, 256)),
    "attention-mpii-4x1": (Arguments(32, 4, 1, kernel=11), (64, 64)),
    "attention-coco": (Arguments(48, 3, 3, 2, 17, kernel=5, steps=2), (96, 64)),
    "attention-lsp": (Arguments(64, 1, 1, 3, 14, kernel=3, steps=1), (64, 64)),
}


def from_authors(checkouts: Path, name: str) -> ModuleType:
    """Import one file of the authors' networks; the torchvision that it names is not used.

    Their packages import every network, of which some need a torchvision: only their folders
    are taken.
    """
    sys.modules.setdefault("torchvision", ModuleType("torchvision"))
    folder = checkouts / "Pytorch-Human-Pose-Estimation@Naman-ntc/models"
    for package, path in (("models", folder), ("models.modules", folder / "modules")):
        sys.modules[package] = ModuleType(package)
        sys.modules[package].__path__ = [str(path)]
    return importlib.import_module(f"models.{name}")


def as_mpii(image: Tensor) -> Tensor:
    """Return blue first, 0 to 255, divided by 256."""
    return image.flip(1) * 255 / 256


def as_coco(image: Tensor) -> Tensor:
    """Return blue first; torchvision's `ToTensor` divides by 255."""
    return image.flip(1)


def main(checkouts: Path) -> None:
    """Record every network of the list."""
    published = from_authors(checkouts, "PoseAttention")
    for name, (arguments, size) in NETWORKS.items():
        record(
            name,
            network=published.PoseAttention(*arguments),
            source=SOURCE,
            family="attention",
            size=size,
            prepare=as_coco if arguments.joints == 17 else as_mpii,
            outputs=list,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
