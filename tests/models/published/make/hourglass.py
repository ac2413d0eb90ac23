"""Record what published hourglasses put out.

Needs checkouts of bearpaw/pytorch-pose (edc7aec), anibali/pytorch-stacked-hourglass (d43449d),
princeton-vl/pytorch_stacked_hourglass (ceedc14) and Naman-ntc/Pytorch-Human-Pose-Estimation
(11525c3) in folders REPOSITORY@OWNER. From the top of this repository:

    python -m tests.models.published.make.hourglass CHECKOUTS
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from ..recording import record

BEARPAW = "bearpaw/pytorch-pose@edc7aec"
ANIBALI = "anibali/pytorch-stacked-hourglass@d43449d"
PRINCETON = "princeton-vl/pytorch_stacked_hourglass@ceedc14"
AUTHORS = "Naman-ntc/Pytorch-Human-Pose-Estimation@11525c3"
MEAN = torch.tensor([0.4404, 0.4440, 0.4327]).view(3, 1, 1)


def module(path: Path, name: str) -> ModuleType:
    """Import one source file under a name."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def bearpaw(checkouts: Path) -> None:
    """`color_normalize` takes the mean off an RGB image in [0, 1] and does not divide."""
    net = module(checkouts / "pytorch-pose@bearpaw/pose/models/hourglass.py", "bearpaw_hourglass")
    for stacks, blocks, joints, size in (
        (2, 1, 16, (256, 256)),
        (8, 1, 16, (64, 64)),
        (1, 4, 17, (64, 128)),
    ):
        record(
            f"hourglass-bearpaw-{stacks}x{blocks}-{joints}",
            network=net.hg(num_stacks=stacks, num_blocks=blocks, num_classes=joints),
            source=BEARPAW,
            family="hourglass",
            size=size,
            prepare=lambda image: image - MEAN,
            outputs=list,
        )


def anibali(checkouts: Path) -> None:
    """The same network and preparation as bearpaw's, and other ways to build it."""
    path = checkouts / "pytorch-stacked-hourglass@anibali/src/stacked_hourglass/model.py"
    net = module(path, "anibali_hourglass")
    record(
        "hourglass-anibali-hg2",
        network=net.hg2(pretrained=False),
        source=ANIBALI,
        family="hourglass",
        size=(128, 128),
        prepare=lambda image: image - MEAN,
        outputs=list,
    )


def princeton(checkouts: Path) -> None:
    """Images are RGB, divided by 255, channels last; stages are stacked along axis 1."""
    root = checkouts / "pytorch_stacked_hourglass@princeton-vl"
    sys.path.insert(0, str(root))
    from models.posenet import PoseNet  # type: ignore[import-not-found]

    for stacks, features, increase, size in (
        (2, 256, 0, (256, 256)),
        (8, 256, 0, (64, 64)),
        (3, 64, 32, (64, 64)),
    ):
        record(
            f"hourglass-princeton-{stacks}-{features}-{increase}",
            network=PoseNet(stacks, features, 16, increase=increase),
            source=PRINCETON,
            family="hourglass",
            size=size,
            prepare=lambda image: image.permute(0, 2, 3, 1),
            outputs=lambda answer: list(answer.unbind(1)),
        )
    sys.path.remove(str(root))
    for name in [name for name in sys.modules if name.split(".")[0] in ("models", "task")]:
        del sys.modules[name]


def authors(checkouts: Path) -> None:
    """Images are as OpenCV reads them (blue first), over 256 for MPII and over 255 for COCO."""
    root = checkouts / "Pytorch-Human-Pose-Estimation@Naman-ntc/models"
    sys.modules.setdefault("torchvision", ModuleType("torchvision"))
    package = ModuleType("models.modules")
    package.__path__ = []
    sys.modules["models"] = ModuleType("models")
    sys.modules["models.modules"] = package
    module(root / "modules/StackedHourGlass.py", "models.modules.StackedHourGlass")
    package.StackedHourGlass = sys.modules["models.modules.StackedHourGlass"]  # type: ignore[attr-defined]
    net = module(root / "StackedHourGlass.py", "models.StackedHourGlass")
    for channels, stacks, modules, reductions, joints, size in (
        (256, 2, 2, 4, 16, (256, 256)),
        (64, 8, 1, 3, 16, (64, 64)),
        (48, 1, 3, 4, 17, (64, 64)),
    ):
        record(
            f"hourglass-authors-{channels}-{stacks}x{modules}-{reductions}",
            network=net.StackedHourGlass(channels, stacks, modules, reductions, joints),
            source=AUTHORS,
            family="hourglass",
            size=size,
            prepare=for_coco if joints == 17 else for_mpii,
            outputs=list,
        )


def for_mpii(image: Tensor) -> Tensor:
    """Return blue first, 0 to 255, divided by 256."""
    return image.flip(1) * 255 / 256


def for_coco(image: Tensor) -> Tensor:
    """Return blue first, as the loader's ToTensor makes it."""
    return image.flip(1) * 255 / 255


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for make in (bearpaw, anibali, princeton, authors):
        make(folder)
