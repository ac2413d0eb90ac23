"""Tiny networks of every codec, and one defence of every kind."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from robustpose.defenses import (
    JPEG,
    BitDepth,
    Defense,
    GaussianSmoothing,
    MedianSmoothing,
    Mirror,
    ResizeAndPad,
)
from robustpose.models.compositions import LSP_PARTS
from robustpose.models.deeppose import deeppose
from robustpose.models.dlcm import dlcm
from robustpose.models.hourglass import hourglass
from robustpose.models.integral import integral
from robustpose.models.model import PoseModel
from robustpose.models.pyranet import pyranet
from robustpose.models.rle import rle
from robustpose.models.simcc import simcc
from robustpose.models.simple_baseline import resdec

SIZE = (64, 96)
TINY: dict[str, Any] = {"depth": 18, "width": 8, "size": SIZE}
NETWORKS: dict[str, Callable[[], PoseModel]] = {
    "deeppose": lambda: deeppose("deeppose", **TINY),
    "rle": lambda: rle("rle", **TINY),
    "integral": lambda: integral("integral", **TINY, features=16),
    "simcc": lambda: simcc("simcc", **TINY),
    "resdec": lambda: resdec("resdec", **TINY, features=16),
    "udp": lambda: resdec("resdec", **TINY, features=16).decoded_by(udp=True),
    "hourglass": lambda: hourglass("hourglass", stacks=2, features=16, depth=2, size=SIZE),
    "dlcm": lambda: dlcm("dlcm", features=32, depth=3, size=SIZE, composition=LSP_PARTS),
    "pyranet": lambda: pyranet(
        "pyranet", features=16, depth=2, modules=1, base_width=4, cardinality=3, size=SIZE
    ),
}
"""Every codec; several stages; one that draws random numbers itself."""
DEFENSES: tuple[Defense, ...] = (
    Mirror(),
    GaussianSmoothing(sigma=1),
    MedianSmoothing(window=3),
    JPEG(quality=75),
    BitDepth(bits=4),
    ResizeAndPad(least=0.8),
)


@pytest.fixture(scope="session")
def plain() -> dict[str, PoseModel]:
    """Return the networks without a defence, untrained and frozen."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return {name: build().frozen() for name, build in NETWORKS.items()}


@pytest.fixture(scope="session", params=NETWORKS)
def model(request: pytest.FixtureRequest, plain: dict[str, PoseModel]) -> PoseModel:
    """Return each of the networks."""
    return plain[request.param]


@pytest.fixture(scope="session")
def pictures() -> Tensor:
    """Return three random pictures of 8 bits, as smooth as a photograph that is out of focus."""
    coarse = torch.rand(3, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.interpolate(coarse, size=SIZE, mode="bicubic").clamp(0, 1)
    return (smooth * 255).round() / 255
