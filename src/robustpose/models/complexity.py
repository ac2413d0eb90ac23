"""What a network costs: parameters, and multiply-adds of one picture."""

import copy
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from robustpose.models.model import PoseModel


class Complexity(NamedTuple):
    """Counts of one network, for one picture of its own size.

    `multiply_adds` are those of convolutions and matrix products that are really done; papers
    call them FLOPs. `as_published` is the figure of the tables of SimpleBaseline and HRNet, in
    their "GFLOPs": their counter takes a transposed convolution for an ordinary one at the size of
    its output, which is four times what it does, and divides by 2**30. It says 8.99 for the
    ResNet-50 SimpleBaseline at 256 x 192, where 5.43 thousand million are done.
    """

    parameters: int
    multiply_adds: int
    as_published: float


def complexity(model: PoseModel) -> Complexity:
    """Count parameters and multiply-adds. Only shapes go through the network, no numbers."""
    network = copy.deepcopy(model.network).to("meta").eval()
    counted: list[int] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.register_forward_hook(_into(counted))
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.empty(1, 3, *model.size, device="meta"))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Complexity(parameters, counter.get_total_flops() // 2, sum(counted) / 2**30)


def _into(counted: list[int]) -> Callable[[nn.Module, Any, Tensor], None]:
    def count(module: nn.Module, _: Any, output: Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, Tensor)
        counted.append(weight.numel() * math.prod(output.shape[2:]))

    return count
