"""A small smooth classifier, images and starts that both implementations of APGD can take."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from robustpose.attacks.balls import L1, L2, Linf

RECORD = Path(__file__).with_name("expected.json")
PEOPLE, SIDE, CLASSES = 5, 8, 10


@dataclass(frozen=True)
class Case:
    """A ball, and steps enough to show several checkpoints."""

    name: str
    ball: Linf | L2 | L1
    steps: int


CASES = [
    Case("linf", Linf(8 / 255), 40),
    Case("linf, few steps", Linf(8 / 255), 10),
    Case("linf, half the range", Linf(0.5), 100),
    Case("l2", L2(0.7), 60),
    Case("l1", L1(2.0), 40),
]


def drawn(*shape: int, seed: int) -> Tensor:
    """Return numbers of a normal distribution that no version of PyTorch changes.

    Sines of large multiples are as good as random here, and arithmetic in double precision.
    """
    count = int(torch.tensor(shape).prod())
    place = torch.arange(1, 2 * count + 1, dtype=torch.float64)
    even = (torch.sin(place * 12.9898 + seed * 78.233) * 43758.5453).remainder(1).clamp_min(1e-6)
    radius, turn = (-2 * even[:count].log()).sqrt(), 2 * torch.pi * even[count:]
    return (radius * torch.cos(turn)).float().view(shape)


def logits(images: Tensor) -> Tensor:
    """Return what a convolution, a hyperbolic tangent, another and a matrix make of images."""
    seen = torch.tanh(F.conv2d(images - 0.5, drawn(16, 3, 3, 3, seed=1), stride=2, padding=1))
    seen = torch.tanh(F.conv2d(seen, drawn(16, 16, 3, 3, seed=2) / 4, stride=2, padding=1))
    return seen.flatten(1) @ drawn(64, CLASSES, seed=3)


def origins() -> Tensor:
    """Return images from the middle of the range, which small balls do not leave."""
    return 0.5 + 0.2 * torch.tanh(drawn(PEOPLE, 3, SIDE, SIDE, seed=4))


def starts(case: Case) -> Tensor:
    """Return where everybody starts: anywhere in the ball, but few values in L1."""
    away = drawn(PEOPLE, 3, SIDE, SIDE, seed=5)
    if isinstance(case.ball, L1):
        away = away * (drawn(PEOPLE, 3, SIDE, SIDE, seed=6) > 1.2)
    return case.ball.project(origins() + 0.5 * case.ball.eps * away, origins())


def truth() -> Tensor:
    """Return the class that each image is far inside of, by what the network says of it."""
    return logits(origins()).argmax(dim=1)


def expected() -> dict[str, list[list[float]]]:
    """Return the losses that the published code met, a list a step, by the case's name."""
    found: dict[str, list[list[float]]] = json.loads(RECORD.read_text())
    return found
