"""What a result came from: descriptions of values, their digests, the machine and libraries."""

import hashlib
import inspect
import platform
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import torch
from torch import nn

from robustpose.models.model import PoseModel
from robustpose.studies.digests import digest_of
from robustpose.version import __version__

LIBRARIES = ("torch", "numpy", "opencv-python-headless", "polars")


def described(value: object) -> Any:
    """Return a JSON value that says all that identifies a setting.

    Frozen dataclasses count by type and fields, functions by module, qualified name and source. A
    field of `metadata={"later": True}`, added when there were results already, does not count
    while it has its default: those results are still found.
    Raises `TypeError` for a lambda (it has no name to find it by) and for anything else.
    """
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, tuple | list):
        return [described(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): described(item) for key, item in sorted(value.items())}
    if is_dataclass(value) and not isinstance(value, type):
        content = {
            field.name: described(getattr(value, field.name))
            for field in fields(value)
            if not _as_before(field, getattr(value, field.name))
        }
        return {"type": _name(type(value)), **content}
    if isinstance(value, partial):
        return {
            "partial": described(value.func),
            "args": described(value.args),
            "keywords": described(value.keywords),
        }
    if inspect.isfunction(value) or inspect.isclass(value):
        if value.__name__ == "<lambda>":
            raise TypeError("a lambda cannot be described: give the function a name")
        return {"function": _name(value), "source": digest_of(inspect.getsource(value))}
    raise TypeError(f"{type(value).__name__} cannot be described: use plain values or dataclasses")


def weights_digest(model: PoseModel) -> str:
    """Return a digest of every weight of a model, and of what it expects of a picture.

    Classes of others (a user's network, model or defence) count with their source and weights too:
    that of the package is told by its version.
    """
    digest = hashlib.blake2b(digest_size=16)
    expects = (model.name, model.size, model.codecs, model.own_skeleton, model.normalisation)
    digest.update(" ".join(map(str, expects)).encode())
    _add_weights(digest, model.network)
    for part in (model, model.network, *getattr(model, "defenses", ())):
        if type(part).__module__.partition(".")[0] != "robustpose":
            digest.update(_source(type(part)).encode())
            if isinstance(part, nn.Module) and part is not model and part is not model.network:
                _add_weights(digest, part)
    return digest.hexdigest()


def _add_weights(digest: hashlib.blake2b, module: nn.Module) -> None:
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().float().numpy().tobytes())


def _source(kind: type) -> str:
    """Return the source of a class, or its name where there is no file to read it from."""
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        return _name(kind)


def arithmetic(device: torch.device) -> dict[str, object]:
    """Return what the last bits of a result depend on, beside batch and precision."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads() if device.type == "cpu" else None,
        "torch": torch.__version__,
        "robustpose": __version__,
    }


def machine() -> dict[str, object]:
    """Return what kind of machine this is, nothing that names it."""
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "python": platform.python_version(),
    }


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that figures depend on."""
    return {name: version(name) for name in LIBRARIES}


def _as_before(field: Field[Any], value: object) -> bool:
    return bool(field.metadata.get("later")) and value == field.default


def _name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"
