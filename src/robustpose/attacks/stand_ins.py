"""Gradients through operations that have none, or next to none: stand-ins on the way back.

Backward pass differentiable approximation (BPDA): Athalye, Carlini and Wagner, "Obfuscated
Gradients Give a False Sense of Security", ICML 2018. The way forth is exact, always.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeGuard

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor
from torch.overrides import TorchFunctionMode

from robustpose.attacks.bridges import bridged, bridged_front
from robustpose.attacks.fronts import LAYERS, Front
from robustpose.attacks.gradients import Ascent, exact
from robustpose.attacks.losses import Loss
from robustpose.poses import Images, PerImage

STEEP = 4.0
"""Sigmoid and tanh are differentiated as if no value were larger than this."""
LEAK = 0.1
"""The slope of a stand-in for a rectifier where the rectifier has none."""
FADED = 0.9
"""What is made of the last layer is bridged if more of its values than this have no gradient: more
than pooling or rectifiers leave without."""
CUT = 0.9999
"""So is what lies between two layers, where a network may look at few values by rights."""


def stand_ins(loss: Loss, images: Images, seeds: Sequence[int]) -> Ascent:
    """Differentiate the loss, with stand-ins for operations whose gradient is or may be zero.

    Rounding (also by a cast to 8 bits), signs and clamps are differentiated by the identity;
    sigmoid, tanh and soft-max as if their argument were smaller, so that none is saturated;
    rectifiers with a leak. Whatever is done to a picture before the first layer, in PyTorch or out
    of it, is differentiated as the linear function of the picture that comes nearest to it, if it
    comes near; so is what lies between two layers without a way back, or with one of the network's
    own making (`bridged`), and what is made of a layer's answer if next to none of it has one.
    Hooks on gradients are left out.

    Operations are caught as they run: nothing is known of models here. Not caught are those that
    write into a tensor whose new value is then read from there (`relu_`). A gradient that is not
    finite counts as none. A gradient function as `exact` is; one forward and one backward pass.
    """
    found = exact(_Watched(loss), images, seeds)
    return found._replace(gradient=found.gradient.nan_to_num(0.0, 0.0, 0.0))


class _StandIns(TorchFunctionMode):
    """Every operation that has a stand-in, wherever it is called, with its gradient."""

    def __init__(self, picture: Images, front: Front) -> None:
        super().__init__()
        self.root, self.front = picture, front
        self.picture: Images | None = picture  # what no layer has seen yet
        self.source: Tensor = picture  # the last map with a way back to the picture
        self.anew = False  # whether gradients have been asked for where a way back may end
        self.layer: Tensor | None = None  # what the last layer answered

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        # An operation under `no_grad` has a gradient all the same, wherever it can have one.
        if not torch.is_grad_enabled() and _needs_gradient((*args, *given.values())):
            with suppress(RuntimeError), torch.enable_grad():
                return self._called(func, args, given)
        return self._called(func, args, given)

    def _called(self, func: Any, args: Any, named: dict[str, Any]) -> Any:
        if func is Tensor.register_hook:
            return None  # what would change a gradient on its way
        self.anew = self.anew or func in BEGINNINGS
        given = args[0] if args else named.get("input")
        if self._is_map(given) and given.is_floating_point():
            led = self._led_back(func, given)
            if led is not given:
                args, named = ((led, *args[1:]), named) if args else (args, {**named, "input": led})
        result = _stood_in(func, args, named)
        if self._is_map(result) and self._leads_back(result):
            # A view: functions of others replace the history of what they return.
            self.source = result.view_as(result)
            if func in LAYERS:
                self.layer = result
        return result

    def _led_back(self, func: Any, maps: Tensor) -> Tensor:
        """Return maps with a way back to the picture, for an operation on them."""
        if func in LAYERS and self.picture is not None:
            picture, self.picture = self.picture, None
            return bridged_front(maps, picture, self.front, keep=self._leads_back(maps))
        if not self._leads_back(maps):
            return bridged(maps, self.source) if func in LAYERS or func in ENDS else maps
        if _of_others(maps) and self.source is not maps and func is not Tensor.detach:
            return bridged(maps, self.source)
        if self.layer is not None and (func in LAYERS or func in ENDS):
            most = FADED if func in ANSWERS else CUT
            if _faded(maps, self.layer, most):
                return bridged(maps, self.layer)
        return maps

    def _leads_back(self, maps: Tensor) -> bool:
        """Tell whether maps have a way back to the picture."""
        return maps.requires_grad and (not self.anew or _slope(maps, self.root) is not None)

    def _is_map(self, value: Any) -> TypeGuard[Tensor]:
        """Tell whether a value is maps (n, channels, rows, columns) of the images."""
        return isinstance(value, Tensor) and value.dim() == 4 and len(value) == len(self.source)


@dataclass(frozen=True)
class _Watched:
    """A loss whose operations have their stand-ins."""

    loss: Loss

    def __call__(self, images: Images) -> PerImage:
        with _StandIns(images, Front(self.loss)):
            return self.loss(images)

    def take(self, index: Int[Tensor, "m"]) -> "_Watched":
        return _Watched(self.loss.take(index))


def _of_others(maps: Tensor) -> bool:
    """Tell whether a map comes from a function whose gradient somebody has written."""
    function = maps.grad_fn
    made = isinstance(function, torch.autograd.function.BackwardCFunction)
    return made and not isinstance(function, _Instead._backward_cls)


def _faded(maps: Tensor, layer: Tensor, most: float) -> bool:
    """Tell whether more of a layer's answer has no gradient from what was made of it."""
    slope = None if maps is layer else _slope(maps, layer)
    return slope is not None and bool((slope.nan_to_num(0.0) == 0).float().mean() > most)


def _slope(maps: Tensor, of: Tensor) -> Tensor | None:
    """Return the gradient of the sum of maps, or nothing if they do not depend on it."""
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(maps.sum(), of, retain_graph=True, allow_unused=True)
    return slope


def _needs_gradient(values: tuple[Any, ...]) -> bool:
    return any(isinstance(value, Tensor) and value.requires_grad for value in values)


def _stood_in(func: Any, args: Any, named: Mapping[str, Any]) -> Any:
    """Call an operation, with the gradient of its stand-in if it has one."""
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


ANSWERS = frozenset([Tensor.float, Tensor.flatten, torch.flatten])
"""What is done to outputs: they are brought to single precision, and their cells laid in a row."""
ENDS = ANSWERS | {F.batch_norm, torch.batch_norm}
"""Operations on what may have lost its way back."""
BEGINNINGS = frozenset([Tensor.requires_grad_, Tensor.requires_grad.__set__])  # type: ignore[attr-defined]
"""Where a gradient is asked for, maybe of what has no way back to the picture."""

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
