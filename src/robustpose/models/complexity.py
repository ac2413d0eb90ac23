"""What a network costs: parameters, and multiply-adds of one picture."""

import copy
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from robustpose.models.model import PoseModel


class Complexity(NamedTuple):
    """Counts of one network, for one picture of its own size.

    `multiply_adds` are those of convolutions and linear layers that are really done; papers call
    them FLOPs. `as_published` is the figure of the tables of SimpleBaseline and HRNet, in their
    "GFLOPs": their counter takes a transposed convolution for an ordinary one at the size of its
    output, which is four times what it does, and divides by 2**30. It says 8.99 for the ResNet-50
    SimpleBaseline at 256 x 192, where 5.43 thousand million are done.
    """

    parameters: int
    multiply_adds: int
    as_published: float


def complexity(model: PoseModel) -> Complexity:
    """Count parameters and multiply-adds. Only shapes go through the network, no numbers."""
    network = model.network
    if not next(network.parameters()).is_meta:
        network = copy.deepcopy(network).to("meta")
    network.eval()
    done: list[int] = []
    published: list[int] = []
    hooks = [
        module.register_forward_hook(_counting(done, published))
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)
    ]
    with torch.no_grad():
        network(torch.empty(1, 3, *model.size, device="meta"))
    for hook in hooks:
        hook.remove()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Complexity(parameters, sum(done), sum(published) / 2**30)


def _counting(done: list[int], published: list[int]) -> Callable[[nn.Module, Any, Tensor], None]:
    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, Tensor)
        if isinstance(module, nn.Linear):
            own = as_published = math.prod(output.shape[1:-1])
        else:
            as_published = math.prod(output.shape[2:])
            own = math.prod((inputs[0] if module.transposed else output).shape[2:])
        done.append(weight.numel() * own)
        published.append(weight.numel() * as_published)

    return count
