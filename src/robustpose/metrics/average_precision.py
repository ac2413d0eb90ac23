"""Average precision and recall of COCO's key points, by the official rules.

`faster-coco-eval` does the matching; its ten figures are those of pycocotools, but for annotations
with the id 0, which COCO has none of and pycocotools takes for "not matched": here they are people
like others. Poses are matched to people of one photograph by OKS, best score first, at most 20 a
photograph. Crowds and people without a labelled joint are neither to be found nor to be missed: a
pose that is matched to one counts neither for nor against.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from robustpose.coco_files import (
    BOX,
    KEYPOINTS,
    Annotations,
    image_places,
    read_annotations,
    read_results,
)
from robustpose.json_records import NUMBER, Record, Records


class AveragePrecision(NamedTuple):
    """COCO's ten figures in percent, in the order of the official evaluator; NaN where it says -1.

    `ap` and `ar` are means over the OKS thresholds 0.5, 0.55, ... 0.95. Medium people have areas of
    32^2 to 96^2 pixels, large ones more.
    """

    ap: float
    ap_50: float
    ap_75: float
    ap_medium: float
    ap_large: float
    ar: float
    ar_50: float
    ar_75: float
    ar_medium: float
    ar_large: float


def average_precision(
    annotations: Path | Record | Annotations, results: Path | Sequence[Record]
) -> AveragePrecision:
    """Score results by the official rules.

    `annotations` is `person_keypoints_*.json`, its content, or what `read_annotations` made of it
    (which saves time where several results are scored). `results` is a JSON list, or its content:
    `image_id`, `category_id`, `keypoints` (17 x (x, y, anything)) and `score`. Where they have a
    `bbox`, its area decides whether an unmatched one is medium or large, as in pycocotools, else
    the extent of its joints. Nothing that is given is changed. Raises `UsageError` for records that
    do not fit, by file, record and field.
    """
    if not isinstance(annotations, Annotations):
        annotations = read_annotations(annotations)
    found = read_results(results, annotations)
    content = _found(found, annotations)
    if not len(annotations):
        return AveragePrecision(*[float("nan")] * 10)
    return _evaluated(_truth(annotations), content)


def _evaluated(truth: dict[str, Any], found: list[dict[str, Any]]) -> AveragePrecision:
    from faster_coco_eval import COCO, COCOeval_faster

    people = COCO(truth)
    evaluation = COCOeval_faster(people, people.loadRes(found), iouType="keypoints")
    with np.errstate(over="ignore"):  # of predictions that are finite and absurd
        evaluation.run()
    figures = np.asarray(evaluation.stats[:10], dtype=np.float64)
    return AveragePrecision(*np.where(figures < 0, np.nan, 100 * figures).tolist())


def _truth(people: Annotations) -> dict[str, Any]:
    """Return what the evaluator reads, with ids from 1: to it, a match with id 0 is none."""
    columns = zip(
        people.image_ids[people.photo].tolist(),
        people.keypoints.reshape(len(people), -1).tolist(),
        people.labelled.sum(axis=1).tolist(),
        people.boxes.tolist(),
        people.area.tolist(),
        people.crowd.astype(int).tolist(),
        strict=True,
    )
    names = ("image_id", "keypoints", "num_keypoints", "bbox", "area", "iscrowd")
    return {
        "images": [{"id": each} for each in people.image_ids.tolist()],
        "categories": [{"id": people.category, "name": "person"}],
        "annotations": [
            {"id": number, "category_id": people.category, **dict(zip(names, row, strict=True))}
            for number, row in enumerate(columns, start=1)
        ],
    }


def _found(results: Records, people: Annotations) -> list[dict[str, Any]]:
    columns = {
        "image_id": people.image_ids[image_places(results, people.image_ids, people.file)],
        "keypoints": results.column("keypoints", KEYPOINTS),
        "score": results.column("score", NUMBER),
    }
    if len(results) and results.rows[0].get("bbox"):
        columns["bbox"] = results.column("bbox", BOX)
    lists = [column.tolist() for column in columns.values()]
    return [
        {"category_id": people.category, **dict(zip(columns, row, strict=True))}
        for row in zip(*lists, strict=True)
    ]
