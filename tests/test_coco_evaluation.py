"""COCO's figures of a network: those of HRNet's code, run on the same maps."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustpose.data.coco import coco_detections, coco_people
from robustpose.data.people import Split
from robustpose.models.codecs import HeatmapCodec, QuarterOffset
from robustpose.models.model import PoseModel
from robustpose.scoring import coco_precision, evaluate, evaluate_detections, predicted
from robustpose.seeds import seed_of
from robustpose.skeletons import COCO17

from .evaluation_reference.scene import (
    HEIGHT,
    PHOTOS,
    SIZE,
    WIDTH,
    annotated,
    annotations,
    detected,
    recorded,
)

EXPECTED = recorded()


class Recorded(nn.Module):
    """A network that has been given its maps; seeds say of whom."""

    random = True

    def __init__(self, maps: dict[int, Tensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.maps = maps

    def forward(self, _: Tensor, seeds: Sequence[int]) -> tuple[Tensor]:
        """Return their maps."""
        return (torch.stack([self.maps[seed] for seed in seeds]),)


def model_of(people: Split, maps: np.ndarray, places: Sequence[int]) -> PoseModel:
    given = zip(people.ids, torch.from_numpy(maps[list(places)]), strict=True)
    return PoseModel(
        Recorded({seed_of(identifier): own for identifier, own in given}),
        name="recorded",
        size=SIZE,
        codecs=[HeatmapCodec(SIZE, sigma=2.0, origin=0.0, decoding=QuarterOffset())],
        skeleton=COCO17,
    ).frozen()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the set, with photographs that show nothing."""
    (tmp_path / "val2017").mkdir()
    for photo in PHOTOS:
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "val2017" / f"{photo:012d}.jpg"), picture)
    (tmp_path / "person_keypoints_val2017.json").write_text(json.dumps(annotations()))
    return tmp_path


def test_annotated_boxes(folder: Path) -> None:
    people = coco_people(folder, "test")
    own = [int(identifier.split("/")[3]) - 1 for identifier in people.ids]
    found = evaluate(model_of(people, annotated().maps, own), people).ap
    assert found is not None
    np.testing.assert_allclose(found, EXPECTED["annotated"], rtol=0, atol=1e-6)


def test_boxes_of_a_detector(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = detected()
    results = [
        {"image_id": photo, "category_id": 1, "bbox": box, "score": score}
        for photo, box, score in zip(seen.photos, seen.boxes, seen.scores, strict=True)
    ]
    path = folder / "boxes.json"
    path.write_text(json.dumps(results))
    boxes = coco_detections(path, folder)
    model = model_of(boxes.people, seen.maps, range(len(results)))
    found = evaluate_detections(model, boxes)
    np.testing.assert_allclose(found, EXPECTED["detected"], rtol=0, atol=1e-6)

    poses = predicted(model, boxes.people)
    alike = coco_precision(poses, boxes.people, SIZE)
    assert abs(alike.ap - found.ap) > 1  # the detector's scores count
    monkeypatch.setattr("robustpose.scoring.oks_nms", lambda *each, **_: each[1] == each[1])
    repeated = coco_precision(poses, boxes.people, SIZE, scores=boxes.scores)
    assert repeated.ap < found.ap - 1  # and so do repeated poses
