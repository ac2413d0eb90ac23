"""Maps that depend on a seed alone, the cases that were recorded, and where the record lies."""

import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

RECORD = Path(__file__).parent / "expected.json.gz"


class Case(NamedTuple):
    """So many people and joints on maps of (rows, columns) with bumps `sigma` cells wide."""

    people: int
    joints: int
    shape: tuple[int, int]
    sigma: float
    noise: float
    kernel: int


CASES = {
    "coco-256x192": Case(6, 17, (64, 48), 2.0, 0.02, 11),
    "coco-384x288": Case(4, 17, (96, 72), 3.0, 0.02, 17),
    "mpii-256x256": Case(3, 16, (64, 64), 2.0, 0.1, 11),
    "small": Case(20, 14, (12, 9), 1.5, 0.05, 11),
    "noise": Case(20, 14, (16, 12), 2.0, 2.0, 11),
}


def maps(case: Case) -> Tensor:
    """Return maps (n, k, rows, columns): bumps of many heights, some beyond a border, and noise.

    The first joint of every second person has no positive value.
    """
    random = torch.Generator().manual_seed(sum(case.shape))
    rows, columns = case.shape
    count = (case.people, case.joints, 1, 1)
    x = torch.rand(count, generator=random) * (columns + 3) - 2
    y = torch.rand(count, generator=random) * (rows + 3) - 2
    height = 0.05 + torch.rand(count, generator=random)
    square = (torch.arange(columns) - x) ** 2 + (torch.arange(rows)[:, None] - y) ** 2
    drawn = height * torch.exp(-square / (2 * case.sigma**2))
    noise = torch.randn(drawn.shape, generator=random)
    drawn = drawn + case.noise * height * noise
    drawn[::2, 0] = -drawn[::2, 0].abs() - 1e-3
    return drawn


def recorded() -> dict[str, Any]:
    """Return what published code made of the maps."""
    content: dict[str, Any] = json.loads(gzip.decompress(RECORD.read_bytes()))
    return content
