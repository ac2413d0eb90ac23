"""Scores on clean photographs, with what they came from."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.scoring import evaluate
from robustpose.studies.provenance import libraries, machine, weights_digest
from robustpose.version import __version__


def clean_scores(
    models: Sequence[PoseModel], people: Sequence[Split], *, command: str
) -> dict[str, Any]:
    """Return the PCK of each model on each split as a JSON value, with provenance.

    A score is None where there is no joint to score. Raises `UsageError` if two splits have one
    name.
    """
    names = [split.name for split in people]
    if len(set(names)) < len(names):
        raise UsageError(f"expected sets of people with different names, found {', '.join(names)}")
    scores = []
    for model in models:
        digest = weights_digest(model)
        for split in people:
            found = evaluate(model, split)
            scores.append(
                {
                    "network": model.name,
                    "weights": digest,
                    "people": split.name,
                    "pck": _percent(found.pck),
                    **({} if found.oks is None else {"mean_oks": _percent(found.oks)}),
                    "by_joint": {name: _percent(pck) for name, pck in found.by_joint.items()},
                }
            )
    return {
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "machine": machine(),
        "libraries": libraries(),
        "people": {split.name: _people(split) for split in people},
        "scores": scores,
    }


def _people(split: Split) -> dict[str, Any]:
    return {
        "count": len(split),
        "digest": split.digest,
        "threshold": split.threshold,
        "reference": split.reference,
        "left_out": dict(split.left_out),
    }


def _percent(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
