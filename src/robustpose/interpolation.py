"""Linear interpolation as products with matrices: its gradients are the same at every run.

Those of PyTorch's own functions are summed in any order on a GPU, and an attack that takes signs
shows it.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def between(places: Float[Tensor, "*axes m"], count: int) -> Float[Tensor, "*axes m count"]:
    """Return the weights with which values at 0, 1, ..., count - 1 are read at places between.

    Beyond either end the value of the end is read.
    """
    at = torch.arange(count, dtype=places.dtype, device=places.device)
    return (1 - (places.clamp(0, count - 1)[..., None] - at).abs()).clamp_min(0)
