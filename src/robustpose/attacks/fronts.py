"""What is done to a picture before a network's first layer, without the network behind it."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from robustpose.attacks.losses import Loss
from robustpose.draws import Draws
from robustpose.poses import Images

LAYERS = frozenset([F.conv2d, torch.conv2d, F.conv_transpose2d, torch.conv_transpose2d, F.linear])
"""Where a network begins to look at the picture."""


class Front:
    """What the first layer is given when a loss looks at images.

    A network that draws from the generators of PyTorch, NumPy or Python draws what it would have
    drawn when this object was made.
    """

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self.draws = Draws.now()

    @torch.no_grad()
    def __call__(self, images: Images) -> Tensor:
        """Run the loss as far as the first layer. Raises `RuntimeError` if there is none."""
        with self.draws.again():
            try:
                with _Stop():
                    self.loss(images)
            except _Reached as reached:
                return reached.given
        raise RuntimeError("the loss asks no layer")


class _Reached(Exception):
    def __init__(self, given: Tensor) -> None:
        self.given = given


class _Stop(TorchFunctionMode):
    """Stop at the first layer."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if func in LAYERS:
            raise _Reached(args[0] if args else named["input"])
        return func(*args, **named)
