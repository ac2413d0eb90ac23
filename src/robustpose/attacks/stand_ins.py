"""Gradients through operations that have none, or next to none: stand-ins on the way back.

Backward pass differentiable approximation (BPDA): Athalye, Carlini and Wagner, "Obfuscated
Gradients Give a False Sense of Security", ICML 2018. The way forth is exact, always.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from robustpose.attacks.gradients import Ascent, exact
from robustpose.attacks.losses import Loss
from robustpose.poses import Images

STEEP = 4.0
"""Sigmoid and tanh are differentiated as if no value were larger than this."""
LEAK = 0.1
"""The slope of a stand-in for a rectifier where the rectifier has none."""


def stand_ins(loss: Loss, images: Images, seeds: Sequence[int]) -> Ascent:
    """Differentiate the loss, with stand-ins for operations whose gradient is or may be zero.

    Rounding (also by a cast to 8 bits), signs and clamps are differentiated by the identity;
    sigmoid, tanh and soft-max as if their argument were smaller, so that none is saturated;
    rectifiers with a leak. Operations are caught as they run: nothing is known of models here. Not
    caught are those that write into a tensor whose new value is then read from there (`relu_`), and
    all that leave PyTorch. A gradient function as `exact` is; one forward and one backward pass.
    """
    with _StandIns():
        return exact(loss, images, seeds)


class _StandIns(TorchFunctionMode):
    """Every operation that has a stand-in, wherever it is called, with its gradient."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        stand_in = STAND_INS.get(func)
        given = args[0] if args else named.get("input")
        if stand_in is None or not isinstance(given, Tensor) or not given.requires_grad:
            return func(*args, **named)
        smooth = stand_in(*args, **named)
        if smooth is None:
            return func(*args, **named)
        with torch.no_grad():
            # Of a copy: some operations write into what they are given.
            if args:
                value = func(given.clone(), *args[1:], **named)
            else:
                value = func(**{**named, "input": given.clone()})
        return _Instead.apply(smooth, value)  # type: ignore[no-untyped-call]


class _Instead(torch.autograd.Function):
    """The value of one tensor with the gradient of another of its shape."""

    @staticmethod
    def forward(ctx: Any, smooth: Tensor, value: Tensor) -> Tensor:
        return value.to(smooth.dtype, copy=True)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


def _same(input: Tensor, *_: Any, **__: Any) -> Tensor:
    return input


def _cast(input: Tensor, *targets: Any, **named: Any) -> Tensor | None:
    """Stand in for a cast to 8 bits, which rounds down; others keep their gradient."""
    return input if torch.uint8 in (*targets, *named.values()) else None


def _leaky(input: Tensor, *_: Any, **__: Any) -> Tensor:
    return F.leaky_relu(input, LEAK)


def _sigmoid(input: Tensor, **_: Any) -> Tensor:
    return torch.sigmoid(_gentle(input))


def _tanh(input: Tensor, **_: Any) -> Tensor:
    return torch.tanh(_gentle(input))


def _softmax(input: Tensor, *settings: Any, **named: Any) -> Tensor:
    return F.softmax(_gentle(input - input.detach().mean()), *settings, **named)


def _gentle(values: Tensor) -> Tensor:
    """Return values of each image divided so that none is larger than `STEEP`."""
    largest = values.detach().abs().flatten(1).amax(dim=1)
    return values / (largest / STEEP).clamp_min(1).view(-1, *[1] * (values.dim() - 1))


STAND_INS: Mapping[Any, Callable[..., Tensor | None]] = {
    **dict.fromkeys([torch.round, torch.floor, torch.ceil, torch.trunc, torch.fix], _same),
    **dict.fromkeys([Tensor.round, Tensor.floor, Tensor.ceil, Tensor.trunc, Tensor.fix], _same),
    **dict.fromkeys([torch.sign, Tensor.sign, torch.sgn, Tensor.sgn, Tensor.byte], _same),
    **dict.fromkeys([torch.clamp, Tensor.clamp, torch.clip, Tensor.clip], _same),
    **dict.fromkeys([F.hardtanh, F.relu6, F.hardsigmoid], _same),
    **dict.fromkeys([Tensor.to, Tensor.type], _cast),
    **dict.fromkeys([F.relu, torch.relu, Tensor.relu], _leaky),
    **dict.fromkeys([torch.sigmoid, Tensor.sigmoid, F.sigmoid], _sigmoid),
    **dict.fromkeys([torch.tanh, Tensor.tanh, F.tanh], _tanh),
    **dict.fromkeys([F.softmax, torch.softmax, Tensor.softmax], _softmax),
}
"""What an operation is differentiated as, by its function; None: as itself."""
