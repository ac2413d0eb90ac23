"""Weights in files: safetensors, half precision, with a model card in the header."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from robustpose.errors import UsageError
from robustpose.models.model import PoseModel

Card = Mapping[str, Any]


class Checkpoint(NamedTuple):
    """What a file of weights holds: the zoo name it is for, its model card, its tensors."""

    model: str
    card: Card
    weights: dict[str, Tensor]


def save_checkpoint(model: PoseModel, card: Card, path: Path) -> None:
    """Write the weights of a model; the file appears whole or not at all.

    Matrices and kernels are kept in half precision, vectors (biases, statistics of
    normalisation) in single.
    """
    weights = {name: _stored(tensor) for name, tensor in model.network.state_dict().items()}
    content = save(weights, metadata={"model": model.name, "card": json.dumps(dict(card))})
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial.write_bytes(content)
    os.replace(partial, path)


def is_own(path: Path) -> bool:
    """Tell whether `save_checkpoint` wrote a file: safetensors with a model and its card."""
    try:
        with safe_open(path, framework="pt") as file:
            return {"model", "card"} <= (file.metadata() or {}).keys()
    except (SafetensorError, OSError):
        return False


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a file that `save_checkpoint` wrote. Raises `UsageError` for anything else."""
    if not path.is_file():
        raise UsageError(f"expected a checkpoint at {path}, found no file")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UsageError(f"expected a safetensors checkpoint at {path}: {error}") from error
    if "model" not in header:
        raise UsageError(f"{path} is no checkpoint of robustpose: its header names no model")
    try:
        card = json.loads(header.get("card", "{}"))
    except json.JSONDecodeError as error:
        raise UsageError(f"the model card in {path} is no JSON: {error}") from error
    return Checkpoint(header["model"], card, weights)


def load_weights(model: PoseModel, weights: Mapping[str, Tensor], source: str) -> None:
    """Put weights into a model.

    Raises `UsageError` with what is missing, left over or of another shape if they do not fit.
    """
    expected = model.network.state_dict()
    missing = sorted(expected.keys() - weights.keys())
    extra = sorted(weights.keys() - expected.keys())
    differing = sorted(
        f"{name} ({tuple(weights[name].shape)}, expected {tuple(expected[name].shape)})"
        for name in expected.keys() & weights.keys()
        if weights[name].shape != expected[name].shape
    )
    if missing or extra or differing:
        findings = [
            f"{title}: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''} ({len(names)})"
            for title, names in (
                ("missing", missing),
                ("left over", extra),
                ("of another shape", differing),
            )
            if names
        ]
        raise UsageError(f"{source} does not fit {model.name}; {'; '.join(findings)}")
    model.network.load_state_dict(
        {name: weights[name].to(expected[name].dtype) for name in weights}
    )


def _stored(tensor: Tensor) -> Tensor:
    kept = tensor.detach().cpu().contiguous()
    return kept.half() if kept.is_floating_point() and kept.dim() > 1 else kept
