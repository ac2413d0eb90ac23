"""Annotations of crowded pictures and detections of them, and what pycocotools makes of both."""

import contextlib
import io
from copy import deepcopy
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

Content = dict[str, Any]
Draw = np.random.Generator


def official(annotations: Content, results: list[Content]) -> np.ndarray:
    """Return pycocotools' ten figures in percent, NaN where they say -1."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = deepcopy(annotations)
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(deepcopy(results)), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return np.where(evaluation.stats < 0, np.nan, 100 * evaluation.stats)


def somebody(draw: Draw, number: int, image: int, side: float) -> Content:
    """Return a person of about side x side pixels; hidden and unlabelled joints among them."""
    corner = draw.uniform(0, 300, 2)
    places = corner + draw.uniform(0, side, (17, 2))
    flags = draw.choice(3, 17, p=(0.3, 0.2, 0.5))
    points = np.concatenate([places.round(), flags[:, None]], axis=1)
    points[flags == 0] = 0
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "iscrowd": 0,
        "area": float(0.6 * side**2),
        "bbox": [*corner.round(2).tolist(), side, side],
        "num_keypoints": int((flags > 0).sum()),
        "keypoints": points.astype(int).ravel().tolist(),
    }


def unlabelled(person: Content) -> Content:
    return person | {"keypoints": 51 * [0], "num_keypoints": 0}


def found_at(draw: Draw, person: Content, *, off: float, score: float) -> Content:
    """Return a detection of a person, each joint off by about a share of the person's side."""
    places = np.reshape(person["keypoints"], (17, 3))[:, :2].astype(float)
    if not person["num_keypoints"]:
        x, y, width, height = person["bbox"]
        places = np.array([x, y]) + draw.uniform(0, 1, (17, 2)) * (width, height)
    places = places + draw.normal(0, off * person["area"] ** 0.5, (17, 2))
    points = np.concatenate([places, draw.uniform(0, 1, (17, 1))], axis=1)
    return {
        "image_id": person["image_id"],
        "category_id": 1,
        "keypoints": points.ravel().tolist(),
        "score": score,
    }


def crowded(draw: Draw, *, images: int = 12, sides: tuple[float, float] = (15, 260)) -> Content:
    """Return annotations: several people a picture, some in crowds, some without labels."""
    people: list[Content] = []
    for image in draw.permutation(images).tolist():
        for _ in range(draw.integers(0, 7)):
            person = somebody(draw, 1000 + len(people), image, draw.uniform(*sides))
            kind = draw.integers(0, 8)
            person = unlabelled(person) if kind <= 1 else person
            people.append(person | {"iscrowd": int(kind in (0, 2))})
    return {
        "images": [{"id": image} for image in range(images)],
        "annotations": people,
        "categories": [{"id": 1, "name": "person"}],
    }


def detections(draw: Draw, annotations: Content, *, levels: int = 1000) -> list[Content]:
    """Return detections: good and bad, some doubled, some of nobody, with `levels` scores."""
    results = []
    for person in annotations["annotations"]:
        for _ in range(draw.choice(4, p=(0.15, 0.5, 0.2, 0.15))):
            score = float(draw.integers(1, levels + 1) / levels)
            off = float(draw.choice([0.01, 0.05, 0.1, 0.3]))
            results.append(found_at(draw, person, off=off, score=score))
    for _ in range(len(annotations["images"])):
        image = int(draw.integers(len(annotations["images"])))
        nobody = somebody(draw, 0, image, draw.uniform(10, 300)) | {"num_keypoints": 0}
        score = float(draw.integers(1, levels + 1) / levels)
        results.append(found_at(draw, nobody, off=0.1, score=score))
    return results
