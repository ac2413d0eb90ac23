"""The generators that any code may draw from without a seed: their states, and how to go back."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Draws:
    """Where the global generators of PyTorch (each device's), NumPy and Python stand."""

    torch: Tensor
    cuda: tuple[Tensor, ...]
    numpy: dict[str, Any]
    python: tuple[Any, ...]

    @classmethod
    def now(cls) -> "Draws":
        """Return where they stand now."""
        used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        cuda = torch.cuda.get_rng_state_all() if used else ()
        numpy = np.random.get_state(legacy=False)
        assert isinstance(numpy, dict)
        return cls(torch.get_rng_state(), tuple(cuda), numpy, random.getstate())

    @contextmanager
    def again(self) -> Iterator[None]:
        """Draw from here; afterwards the generators stand where they stood before."""
        before = Draws.now()
        self._set()
        try:
            yield
        finally:
            before._set()

    def _set(self) -> None:
        torch.set_rng_state(self.torch)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)
        np.random.set_state(self.numpy)
        random.setstate(self.python)
