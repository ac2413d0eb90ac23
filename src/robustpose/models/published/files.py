"""Files of weights as other programs write them, read without ever running their code."""

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from numpy._core import multiarray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from robustpose.errors import UsageError
from robustpose.file_kinds import mistaken_for

WRAPPERS = ("module.", "model.", "net.", "network.", "_orig_mod.")
"""What DataParallel, trainers and compilers put before the name of every tensor."""


class _Record:
    """Stands for a log that training frameworks store beside weights; nothing of it is read."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


_HARMLESS: list[Any] = [
    (multiarray.scalar, "numpy.core.multiarray.scalar"),
    (multiarray._reconstruct, "numpy.core.multiarray._reconstruct"),
    multiarray.scalar,
    multiarray._reconstruct,
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in "?bBhHiIqQlLefdgUS"),
    (_Record, "mmengine.logging.history_buffer.HistoryBuffer"),
    (_Record, "mmengine.config.config.ConfigDict"),
]
"""What may stand in a file beside tensors: numbers of numpy, and names that run nothing."""

_UNREADABLE = (RuntimeError, EOFError, OSError, KeyError, ValueError, TypeError, IndexError)
"""What PyTorch and zipfile raise at bytes that make no sense."""

NAMES = ("state_dict", "model_state", "model_state_dict", "model", "net")
"""Under these names files keep their network, in this order of preference."""
DEEPEST = 8
"""No checkpoint keeps its weights in more dictionaries than that."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a PyTorch or safetensors file, by the names of its network.

    An enclosing dictionary (epoch, optimiser, ...) is opened, prefixes of `WRAPPERS` that all
    names share are taken off. Raises `UsageError` if there is no file, it is damaged, holds no
    tensors by name, or asks for code to be run.
    """
    if not path.is_file():
        raise UsageError(f"expected a checkpoint at {path}, found no file")
    content = path.read_bytes()
    weights = _state_dict(_loaded(content, path))
    if not weights:
        raise UsageError(f"{path} holds no weights: expected tensors by name")
    for name, tensor in weights.items():
        if (
            tensor.layout is not torch.strided
            or tensor.is_quantized
            or tensor.is_meta
            or tensor.is_nested
            or not tensor.untyped_storage().nbytes() >= tensor.numel()
        ):
            raise UsageError(f"{path}: {shown(name)} is no plain array of numbers")
    return _unwrapped(weights)


def shown(name: str) -> str:
    """Return the name of a tensor as a message may show it: short, without control characters."""
    plain = name.encode("unicode_escape").decode()
    return plain if len(plain) <= 80 else f"{plain[:77]}..."


def _loaded(content: bytes, path: Path) -> object:
    if mistaken := mistaken_for(content):
        raise UsageError(
            f"expected a PyTorch or safetensors checkpoint at {path}: it is {mistaken}"
        )
    if content[8:9] == b"{":  # safetensors: the length of a header, then its JSON
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise UsageError(f"expected a safetensors checkpoint at {path}: {error}") from error
    _check_archive(content, path)
    try:
        with torch.serialization.safe_globals(_HARMLESS), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles of a protocol that may not be readable
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise UsageError(_refusal(path, str(error))) from error
    except (*_UNREADABLE, AssertionError, AttributeError, RecursionError, MemoryError) as error:
        raise UsageError(_damaged(path)) from error


def _check_archive(content: bytes, path: Path) -> None:
    """Raise `UsageError` for a program, or a changed byte, which PyTorch itself does not see."""
    if not content.startswith(b"PK"):
        return
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, *_UNREADABLE) as error:
        raise UsageError(_damaged(path)) from error
    if damaged:
        raise UsageError(
            f"expected a PyTorch or safetensors checkpoint at {path}: it is damaged, a checksum "
            "does not match; fetch it again"
        )
    if any(name.endswith("/constants.pkl") for name in archive.namelist()):
        raise UsageError(
            f"{path} is a TorchScript program: refused, nothing of it was run. Save the state_dict "
            "of its network and load that"
        )


def _refusal(path: Path, error: str) -> str:
    named = re.search(r"GLOBAL (\S+)|function (\S+)|Blocklisted module (\S+)", error)
    if named is None:
        return _damaged(path)
    name = next(group for group in named.groups() if group)
    return (
        f"{path} asks for {name.rstrip('.')}, which is no weight: refused, nothing of it was run. "
        "If you trust the file, save the state_dict of its network alone and load that"
    )


def _damaged(path: Path) -> str:
    return f"expected a PyTorch or safetensors checkpoint at {path}: damaged, or something else"


def _state_dict(loaded: object, depth: int = 0) -> dict[str, Tensor]:
    """Return the tensors by name that a file is about.

    They may lie in dictionaries: one of `NAMES` is preferred, else that with most of them.
    """
    if isinstance(loaded, list | tuple):
        loaded = dict(enumerate(loaded))
    if not isinstance(loaded, Mapping) or depth > DEEPEST:
        return {}
    for name in NAMES:
        if found := _state_dict(loaded.get(name), depth + 1):
            return found
    own = {name: value for name, value in loaded.items() if isinstance(value, Tensor)}
    # An optimiser keeps its tensors by number, so only dictionaries by name count.
    if not all(isinstance(name, str) for name in own):
        own = {}
    others = [
        _state_dict(value, depth + 1)
        for name, value in loaded.items()
        if not str(name).startswith("optim")
    ]
    return max([own, *others], key=len)


def _unwrapped(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in WRAPPERS:
        if all(name.startswith(prefix) for name in weights):
            return _unwrapped({name.removeprefix(prefix): t for name, t in weights.items()})
    return weights
