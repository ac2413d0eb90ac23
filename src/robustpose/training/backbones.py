"""Encoders that start with weights from elsewhere: a file, or another network of the package."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from robustpose.errors import UsageError
from robustpose.models import bundled_networks, bundled_path
from robustpose.models.checkpoints import is_own, read_checkpoint
from robustpose.models.model import PoseModel
from robustpose.models.published.files import read_weights
from robustpose.models.resnet import ResNet

PREFIX = "encoder."
"""What stands before the names of an encoder's tensors, in messages too."""


class Backbone(NamedTuple):
    """Weights of an encoder, named encoder.conv1.weight and so on, and what a card says of them."""

    weights: Mapping[str, Tensor]
    record: Mapping[str, Any]


def weights_path(source: str) -> Path:
    """Return the file that `source` is, or the bundled weights of the network that it names.

    Raises `UsageError` if it is neither.
    """
    if Path(source).exists():
        return Path(source)
    if source not in bundled_networks():
        raise UsageError(
            f"expected a file of weights, or a network that comes with some "
            f"({', '.join(bundled_networks())}): found {source}"
        )
    return bundled_path(source)


def read_backbone(path: Path, *, source: str) -> Backbone:
    """Read an encoder from a file: a checkpoint of this package, or a ResNet of torchvision.

    A ResNet of torchvision is a state dict (conv1.weight, layer1.0.conv1.weight, ...), also
    within another dictionary or with the prefix of DataParallel; its classifier (fc) is left
    out. `source` is what a card calls it. Raises `UsageError` for a file without weights.
    """
    stored = read_checkpoint(path) if is_own(path) else None
    weights = read_weights(path) if stored is None else stored.weights
    record: dict[str, Any] = {
        "source": Path(source).name,
        "sha256": sha256(path.read_bytes()).hexdigest(),
    }
    if stored is not None:
        record |= {"network": stored.model, "card": dict(stored.card)}
    return Backbone(_encoder(weights), record)


def encoder_of(model: PoseModel) -> ResNet:
    """Return the encoder of a model. Raises `UsageError` if it has none."""
    encoders = [module for module in model.network.modules() if isinstance(module, ResNet)]
    if not encoders:
        raise UsageError(
            f"{model.name} takes no backbone: that fills the encoder (a ResNet) of a network, and "
            "it has none"
        )
    return encoders[0]


def take_encoder(
    model: PoseModel, weights: Mapping[str, Tensor], *, source: str = "the backbone"
) -> int:
    """Fill the encoder of a model; returns how many tensors it took. Other weights are not read.

    Raises `UsageError` if the model has no encoder, and with what is missing, left over or of
    another shape if the weights are not those of such an encoder.
    """
    own = {PREFIX + name: tensor for name, tensor in encoder_of(model).state_dict().items()}
    given = {name: tensor for name, tensor in weights.items() if name.startswith(PREFIX)}
    _check(own, given, f"{source} does not fit the encoder of {model.name}")
    taken = [name for name in own if name in given]
    with torch.no_grad():
        for name in taken:
            own[name].copy_(given[name])
    return len(taken)


def _encoder(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the encoder's part of the weights of a whole network, or of a bare ResNet."""
    # Where an encoder lies deeper in its network, more stands before its names (maps.encoder.).
    inner = {
        PREFIX + name.rpartition(PREFIX)[2]: tensor
        for name, tensor in weights.items()
        if f".{PREFIX}" in f".{name}"
    }
    return inner or {
        PREFIX + name: tensor for name, tensor in weights.items() if not name.startswith("fc.")
    }


def _check(own: Mapping[str, Tensor], given: Mapping[str, Tensor], complaint: str) -> None:
    if not own.keys() & given.keys():
        found = ", ".join(name.removeprefix(PREFIX) for name in sorted(given)[:3])
        raise UsageError(f"{complaint}: it holds no ResNet, its tensors are named {found} ...")
    missing = [
        name
        for name in own.keys() - given.keys()
        if not name.endswith("num_batches_tracked")  # PyTorch before 0.4.1 had none
    ]
    extra = list(given.keys() - own.keys())
    differing = [
        f"{name} {tuple(given[name].shape)}, expected {tuple(own[name].shape)}"
        for name in own.keys() & given.keys()
        if own[name].shape != given[name].shape
    ]
    findings = [
        f"{title}: {len(names)} tensors, first {min(names)}"
        for title, names in (
            ("missing", missing),
            ("left over", extra),
            ("of another shape", differing),
        )
        if names
    ]
    if findings:
        raise UsageError(f"{complaint}; {'; '.join(findings)}")
