"""Pose models: architectures, and the zoo of networks that a name stands for."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import torch

from robustpose.errors import UsageError, check_choice
from robustpose.models.checkpoints import Card, load_weights, read_checkpoint
from robustpose.models.deeppose import deeppose
from robustpose.models.hourglass import hourglass
from robustpose.models.model import PoseModel
from robustpose.models.simple_baseline import resdec

COMPACT = (128, 128)


@dataclass(frozen=True)
class ZooEntry:
    """A network of the zoo: how it is built, and whether its weights come with the package."""

    summary: str
    build: Callable[[], PoseModel]
    bundled: bool = False


ZOO: dict[str, ZooEntry] = {
    "deeppose": ZooEntry(
        "coordinates regressed by ResNet-34 and a linear layer, 256 px",
        lambda: deeppose("deeppose"),
    ),
    "resdec": ZooEntry(
        "SimpleBaseline: heatmaps by ResNet-50 and three deconvolutions, 256 px",
        lambda: resdec("resdec"),
    ),
    "hourglass2": ZooEntry(
        "two stacked hourglasses of 256 features, 256 px",
        lambda: hourglass("hourglass2", stacks=2),
    ),
    "deeppose-compact": ZooEntry(
        "coordinates regressed by a narrow ResNet-18, 128 px, trained as long as the others",
        lambda: deeppose("deeppose-compact", depth=18, width=24, size=COMPACT, stem_pool=False),
        bundled=True,
    ),
    "deeppose-best-compact": ZooEntry(
        "the same regressor at its best: encoder of resdec-compact, features kept in place",
        lambda: deeppose(
            "deeppose-best-compact",
            depth=18,
            width=24,
            size=COMPACT,
            stem_pool=False,
            grid=4,
            power=1,
        ),
        bundled=True,
    ),
    "resdec-compact": ZooEntry(
        "SimpleBaseline with a narrow ResNet-18, 128 px",
        lambda: resdec(
            "resdec-compact",
            depth=18,
            width=24,
            features=64,
            size=COMPACT,
            sigma=1.0,
            stem_pool=False,
        ),
        bundled=True,
    ),
    "hourglass2-compact": ZooEntry(
        "two stacked hourglasses of 96 features, 128 px",
        lambda: hourglass("hourglass2-compact", stacks=2, features=96, size=COMPACT),
        bundled=True,
    ),
}


def build_model(name: str, *, seed: int = 0) -> PoseModel:
    """Build a network of the zoo with random weights from `seed`, in evaluation mode.

    Raises `UsageError` for an unknown name.
    """
    check_choice("network", name, ZOO)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ZOO[name].build().channels_last().eval()


def load_model(name: str, *, checkpoint: Path | str | None = None) -> PoseModel:
    """Load a trained network of the zoo, frozen and in evaluation mode.

    Without `checkpoint`, the weights that come with the package. Raises `UsageError` for an
    unknown name, a name that has no bundled weights, or a file that does not fit.
    """
    model = build_model(name)
    if checkpoint is None and not ZOO[name].bundled:
        with_weights = ", ".join(key for key, entry in ZOO.items() if entry.bundled)
        raise UsageError(
            f"{name} has no weights in the package: pass checkpoint=FILE (made by `robustpose "
            f"train {name}`), or use one that has: {with_weights}"
        )
    path = Path(checkpoint) if checkpoint is not None else bundled_path(name)
    stored = read_checkpoint(path)
    if stored.model != name:
        raise UsageError(f"{path} holds {stored.model}, expected {name}")
    load_weights(model, stored.weights, str(path))
    model.card = stored.card
    return model.frozen()


def bundled_path(name: str) -> Path:
    """Return where the bundled weights of a network lie."""
    return Path(str(files("robustpose.models") / "weights" / f"{name}.safetensors"))


def bundled_networks() -> list[str]:
    """Return the names of the networks whose weights come with the package."""
    return [name for name, entry in ZOO.items() if entry.bundled]


def bundled_card(name: str) -> Card:
    """Return the model card of a bundled network."""
    return read_checkpoint(bundled_path(name)).card
