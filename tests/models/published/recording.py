"""Small files of what published code puts out, and how they are made and read."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .filling import filled, picture

FOLDER = Path(__file__).parent / "reference"
KEPT = 200
"""So many values of each output are kept, evenly spread over it."""


class Reference(NamedTuple):
    """One network of published code: the tensors it is made of and what it put out."""

    source: str
    family: str
    seed: int
    size: tuple[int, int]
    shapes: dict[str, list[int]]
    outputs: list[dict[str, Any]]


def record(
    name: str,
    *,
    network: nn.Module,
    source: str,
    family: str,
    size: tuple[int, int],
    prepare: Callable[[Tensor], Tensor],
    seed: int = 0,
    outputs: Callable[[Any], Sequence[Tensor]] = lambda answer: [answer],
) -> None:
    """Fill a published network, run it on a picture, and write `reference/NAME.json.gz`.

    `source` names repository and commit, `prepare` is what the published code does to an RGB
    image in [0, 1] before its network, `outputs` takes the stages out of its answer.
    """
    network.eval()
    shapes = {key: list(tensor.shape) for key, tensor in network.state_dict().items()}
    network.load_state_dict(filled(shapes, seed))
    with torch.no_grad():
        torch.manual_seed(seed)  # for networks that draw random numbers
        answer = outputs(network(prepare(picture(size, seed))))
    content = Reference(source, family, seed, size, shapes, [summary(each) for each in answer])
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(content._asdict(), separators=(",", ":"))
    (FOLDER / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def reference(name: str) -> Reference:
    """Read `reference/NAME.json.gz`."""
    content = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
    return Reference(**{**content, "size": tuple(content["size"])})


def summary(output: Tensor) -> dict[str, Any]:
    """Return shape, largest magnitude and evenly spread values of an output."""
    flat = output.detach().float().flatten()
    at = torch.linspace(0, len(flat) - 1, min(KEPT, len(flat))).round().long()
    return {
        "shape": list(output.shape),
        "largest": flat.abs().max().item(),
        "values": [round(value, 9) for value in flat[at].tolist()],
    }
