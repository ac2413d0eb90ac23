"""Weights and pictures that any machine makes alike, for networks of any shape.

The published code and ours are filled by name, so that a small file of outputs stands for a
checkpoint of a hundred megabytes.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def filled(shapes: Mapping[str, Sequence[int]], seed: int) -> dict[str, Tensor]:
    """Return a tensor for each name, whose values depend on seed, name and shape alone."""
    return {name: _tensor(name, tuple(shape), seed) for name, shape in shapes.items()}


def picture(size: tuple[int, int], seed: int, count: int = 1) -> Tensor:
    """Return RGB images in [0, 1] of (height, width) `size`."""
    return torch.rand(count, 3, *size, generator=_generator("picture", seed))


def _tensor(name: str, shape: tuple[int, ...], seed: int) -> Tensor:
    generator = _generator(name, seed)
    if name.endswith("num_batches_tracked"):
        return torch.tensor(1)
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        return 0.5 + torch.rand(shape, generator=generator)
    if len(shape) < 2:
        return 0.1 * torch.randn(shape, generator=generator)
    return torch.randn(shape, generator=generator) / math.sqrt(math.prod(shape[1:]))


def _generator(name: str, seed: int) -> torch.Generator:
    digest = hashlib.blake2b(f"{seed} {name}".encode(), digest_size=7).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big"))
