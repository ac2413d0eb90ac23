"""Scores on clean photographs, with what they came from."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from robustpose.data.coco import Detections
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.metrics.average_precision import AveragePrecision
from robustpose.models.model import PoseModel
from robustpose.scoring import evaluate, evaluate_detections
from robustpose.studies.provenance import libraries, machine, weights_digest
from robustpose.version import __version__


def clean_scores(
    models: Sequence[PoseModel], people: Sequence[Split], *, command: str
) -> dict[str, Any]:
    """Return the PCK of each model on each split as a JSON value, with provenance.

    Networks trained by this package have their `training`: its seed, the images seen by this
    checkpoint, those of the whole training. Whole sets of COCO have `average_precision` besides,
    with the annotated boxes, for models that know all of its joints. A score is None where there
    is nothing to score. Raises `UsageError` if two splits have one name.
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
                    **_training(model),
                    "people": split.name,
                    "pck": _percent(found.pck),
                    **({} if found.oks is None else {"mean_oks": _percent(found.oks)}),
                    "by_joint": {name: _percent(pck) for name, pck in found.by_joint.items()},
                    **({} if found.ap is None else {"average_precision": _figures(found.ap)}),
                }
            )
    return _report(scores, people, command)


def detected_scores(
    models: Sequence[PoseModel], detections: Detections, *, command: str
) -> dict[str, Any]:
    """Return COCO's ten figures of each model on a detector's boxes, as `clean_scores` does."""
    scores = [
        {
            "network": model.name,
            "weights": weights_digest(model),
            "people": detections.people.name,
            "average_precision": _figures(evaluate_detections(model, detections)),
        }
        for model in models
    ]
    return _report(scores, [detections.people], command)


def _report(
    scores: Sequence[dict[str, Any]], people: Sequence[Split], command: str
) -> dict[str, Any]:
    return {
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "machine": machine(),
        "libraries": libraries(),
        "people": {split.name: _people(split) for split in people},
        "scores": list(scores),
    }


def _training(model: PoseModel) -> dict[str, Any]:
    """Return which training the weights are of and how far it was, where their card tells."""
    recipe = model.card.get("recipe")
    if recipe is None:
        return {}
    seen = model.card.get("seen", recipe["images"])
    return {"training": {"seed": recipe["seed"], "seen": seen, "images": recipe["images"]}}


def _people(split: Split) -> dict[str, Any]:
    return {
        "count": len(split),
        "digest": split.digest,
        "threshold": split.threshold,
        "reference": split.reference,
        "alignment": split.cropping.alignment.name.lower(),
        "left_out": dict(split.left_out),
    }


def _figures(precision: AveragePrecision) -> dict[str, float | None]:
    return {name: _percent(value) for name, value in precision._asdict().items()}


def _percent(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
