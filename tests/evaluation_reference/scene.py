"""A set of COCO that depends on seeds alone, what a detector finds, and maps of a network.

Where the record of HRNet's figures for it lies.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

RECORD = Path(__file__).with_name("expected.json")
SIZE = (256, 192)
WIDTH, HEIGHT = 320, 240
PHOTOS = range(1, 9)
Content = dict[str, Any]


class Seen(NamedTuple):
    """Boxes (x, y, width, height) on photographs, with their scores and a network's maps."""

    photos: list[int]
    boxes: list[list[float]]
    scores: list[float]
    maps: np.ndarray


def annotations() -> Content:
    """Return 40 people on eight photographs, crowds and unlabelled ones among them."""
    draw = np.random.RandomState(0)
    people = []
    for number in range(40):
        side = draw.uniform(40, 180)
        low = draw.uniform((0, 0), (WIDTH - 0.6 * side, HEIGHT - side))
        joints = (low + draw.uniform(0, 1, (17, 2)) * (0.6 * side, side)).round()
        flags = draw.choice(3, 17, p=(0.2, 0.2, 0.6)) * (number % 7 != 3)
        points = np.concatenate([joints, flags[:, None]], axis=1) * (flags > 0)[:, None]
        people.append(
            {
                "id": number + 1,
                "image_id": int(draw.choice(PHOTOS)),
                "category_id": 1,
                "iscrowd": int(number % 9 == 5),
                "area": 0.4 * side**2,
                "bbox": [*low.tolist(), 0.6 * side, side],
                "num_keypoints": int((flags > 0).sum()),
                "keypoints": points.ravel().tolist(),
            }
        )
    images = [
        {"id": each, "file_name": f"{each:012d}.jpg", "width": WIDTH, "height": HEIGHT}
        for each in PHOTOS
    ]
    return {"images": images, "annotations": people, "categories": [{"id": 1, "name": "person"}]}


def annotated() -> Seen:
    """Return everybody's own box, and maps of nearly the truth."""
    people = annotations()["annotations"]
    return _seen(people, [person["bbox"] for person in people], [1.0] * len(people), seed=1)


def detected() -> Seen:
    """Return boxes near people, several of most of them, and maps that often say the same."""
    draw = np.random.RandomState(2)
    people, boxes = [], []
    for person in annotations()["annotations"]:
        for _ in range(draw.randint(0, 5)):
            x, y, width, height = person["bbox"]
            sides = np.array([width, height, width, height])
            people.append(person)
            boxes.append(([x, y, width, height] + draw.normal(0, 0.03, 4) * sides).tolist())
    return _seen(people, boxes, draw.uniform(0.05, 1, len(boxes)).tolist(), seed=3)


def _seen(people: list[Content], boxes: list[list[float]], scores: list[float], seed: int) -> Seen:
    draw = np.random.RandomState(seed)
    maps = np.stack([_maps(*each, draw) for each in zip(people, boxes, strict=True)])
    return Seen([person["image_id"] for person in people], boxes, scores, maps)


def _maps(person: Content, box: list[float], draw: np.random.RandomState) -> np.ndarray:
    """Return bumps of several heights near joints, or a corner for unlabelled ones, and noise."""
    low, sides = np.array(person["bbox"][:2]), np.array(person["bbox"][2:])
    joints = np.reshape(person["keypoints"], (17, 3))[:, :2].clip(low, low + sides)
    joints = joints + draw.normal(0, 1, (17, 2)) * draw.choice([0.2, 0.2, 2, 9])
    rows, columns = SIZE[0] // 4, SIZE[1] // 4
    cell = 1.25 * max(box[3] / rows, box[2] / columns)
    middle = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])
    x, y = ((joints - middle) / cell + (columns / 2, rows / 2)).T[..., None]
    along_x = np.exp(-((np.arange(columns) - x) ** 2) / 8)
    along_y = np.exp(-((np.arange(rows) - y) ** 2) / 8)
    bumps = along_y[:, :, None] * along_x[:, None, :] * draw.uniform(0.15, 1, (17, 1, 1))
    noisy: np.ndarray = (bumps + draw.normal(0, 0.01, bumps.shape)).astype(np.float32)
    return noisy


def recorded() -> dict[str, list[float]]:
    """Return HRNet's ten figures on the annotated and on the detected boxes."""
    content: dict[str, list[float]] = json.loads(RECORD.read_text())
    return content
