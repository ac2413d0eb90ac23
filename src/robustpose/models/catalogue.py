"""The zoo as a list: what each network costs, scores and comes from."""

from collections.abc import Mapping
from typing import NamedTuple

import torch

from robustpose.models.complexity import complexity
from robustpose.models.loading import bundled_card
from robustpose.models.zoo import ZOO, ZooEntry


class Listed(NamedTuple):
    """One network: costs for a picture of its own size, clean scores in percent by data set.

    `licence` is that of the data behind the bundled weights; None where none are bundled.
    """

    name: str
    summary: str
    source: str
    size: tuple[int, int]
    parameters: int
    multiply_adds: int
    scores: Mapping[str, float]
    licence: str | None


def catalogue() -> list[Listed]:
    """Return every network of the zoo, in its order."""
    return [_listed(name, entry) for name, entry in ZOO.items()]


def _listed(name: str, entry: ZooEntry) -> Listed:
    with torch.device("meta"):  # counting needs no numbers
        model = entry.build()
    counts = complexity(model)
    card = bundled_card(name) if entry.bundled else {}
    licences = dict.fromkeys(data["licence"] for data in card.get("data", ()))
    return Listed(
        name,
        entry.summary,
        entry.source,
        model.size,
        counts.parameters,
        counts.multiply_adds,
        {key.removeprefix("PCK "): value for key, value in card.get("scores", {}).items()},
        " and ".join(licences) if licences else None,
    )
