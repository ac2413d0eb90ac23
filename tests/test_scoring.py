"""Scores straight from tensors."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from robustpose.data import load_people
from robustpose.data.coco import Detections, coco_detections, coco_results
from robustpose.data.crops import crop
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.geometry import transformed
from robustpose.metrics.average_precision import average_precision
from robustpose.models.model import PoseModel
from robustpose.poses import Images, Pose, PoseBatch
from robustpose.scoring import errors, evaluate, evaluate_detections, pck, predicted
from robustpose.skeletons import LSP14


def batch_of(size: list[float], labelled: torch.Tensor) -> PoseBatch:
    count = len(size)
    return PoseBatch(
        ids=tuple(map(str, range(count))),
        images=torch.zeros(count, 3, 8, 8),
        joints=torch.zeros(count, 14, 2),
        labelled=labelled,
        size=torch.tensor(size, dtype=torch.float32),
        threshold=0.5,
        skeleton=LSP14,
        to_photo=torch.eye(2, 3).expand(count, 2, 3),
    )


def pose(*far: float) -> Pose:
    """Return people whose joints are all this far to the right of the truth."""
    joints = torch.zeros(len(far), 14, 2)
    joints[..., 0] = torch.tensor(far)[:, None]
    return Pose(joints, torch.ones(len(far), 14))


def test_joints_within_half_of_the_size_are_right() -> None:
    every = torch.ones(3, 14, dtype=torch.bool)
    assert pck(pose(5, 5.01, 0), batch_of([10, 10, 10], every)) == pytest.approx(200 / 3)


def test_joints_without_label_and_people_without_size_are_not_scored() -> None:
    labelled = torch.ones(3, 14, dtype=torch.bool)
    labelled[1, :7] = False
    found = pck(pose(0, 9, 9), batch_of([10, 10, 0], labelled))
    assert found == pytest.approx(100 * 14 / 21)
    assert math.isnan(pck(pose(0), batch_of([0], labelled[:1])))


def test_evaluate_is_the_pck_of_all_people_whatever_the_batches(
    network: PoseModel, people: Split
) -> None:
    batch = crop(people, network)
    expected = pck(network.predict(batch.images), batch)
    for batch_size in (1, 3, 4):
        scores = evaluate(network, people, batch_size=batch_size)
        assert scores.pck == pytest.approx(expected)
        assert scores.people == 4
        assert list(scores.by_joint) == list(LSP14.joints)
        assert np.mean(list(scores.by_joint.values())) == pytest.approx(expected)


def test_nobody_cannot_be_scored(networks: dict[str, PoseModel], people: Split) -> None:
    with pytest.raises(UsageError):
        evaluate(networks["deeppose"], people[:0])


def test_people_scored_by_oks_have_their_mean_beside_the_pck(
    people: Split, networks: dict[str, PoseModel]
) -> None:
    model = networks["resdec"]
    assert evaluate(model, people).oks is None
    similar = replace(people, sigmas=(0.1,) * 14)
    batch = crop(people, model)
    error = errors(model.predict(batch.images, batch.seeds), batch)
    each = [np.mean([math.exp(-(e**2) / 0.08) for e in row if e == e]) for row in error]
    found = evaluate(model, similar).oks
    assert found == pytest.approx(100 * np.mean(each), rel=1e-3)


class Knowing(PoseModel):
    """A model that has been told what to say of each of some people, in pixels of photographs."""

    def __init__(self, people: Split, joints: np.ndarray, confidence: np.ndarray) -> None:
        super().__init__(
            nn.Linear(1, 1), name="knowing", size=(64, 48), codecs=(), skeleton=people.skeleton
        )
        self.frozen()
        batch = crop(people, self.size)
        self.said = {
            seed: (torch.tensor(transformed(own, people.affine(person, self.size))), sure)
            for seed, person, own, sure in zip(
                batch.seeds, people, joints, torch.tensor(confidence), strict=True
            )
        }

    def predict(self, images: Images, seeds: Sequence[int] | None = None) -> Pose:
        """Return what was told."""
        assert seeds is not None
        joints, confidence = zip(*(self.said[seed] for seed in seeds), strict=True)
        return Pose(torch.stack(joints).float(), torch.stack(confidence).float())


@pytest.fixture
def persons(coco: Path) -> Split:
    return load_people(f"coco:{coco}")


def truth(people: Split) -> np.ndarray:
    return np.stack([person.joints for person in people])


def test_predictions_are_in_pixels_of_photographs(persons: Split) -> None:
    draw = np.random.default_rng(0)
    off = draw.normal(0, 9, (3, 17, 2))
    confidence = draw.uniform(0, 1, (3, 17))
    for batch_size in (2, 32):
        model = Knowing(persons, truth(persons) + off, confidence)
        found = predicted(model, persons, batch_size=batch_size)
        np.testing.assert_allclose(found.joints, truth(persons) + off, atol=1e-3)
        np.testing.assert_allclose(found.confidence, confidence, rtol=1e-6)
        far = np.linalg.norm(off, axis=2) / math.sqrt(1500)
        np.testing.assert_allclose(found.errors, far, atol=1e-4)


def test_a_whole_set_of_coco_is_scored_by_precision(persons: Split) -> None:
    right = evaluate(Knowing(persons, truth(persons), np.ones((3, 17))), persons).ap
    assert right is not None
    assert (right.ap, right.ar) == pytest.approx((100, 100))
    off = truth(persons) + np.array([0.0, 0, 200])[:, None, None]
    one_missed = evaluate(Knowing(persons, off, np.ones((3, 17))), persons).ap
    assert one_missed is not None
    assert one_missed.ar == pytest.approx(200 / 3)


def test_there_is_no_precision_of_a_part_nor_of_some_joints(
    persons: Split, networks: dict[str, PoseModel]
) -> None:
    known = Knowing(persons, truth(persons), np.ones((3, 17)))
    assert evaluate(known, persons[:2]).ap is None
    assert evaluate(networks["resdec"], persons).ap is None  # it knows LSP's 14 joints
    nobody = truth(persons)
    nobody[0, 0] = np.nan
    assert evaluate(Knowing(persons, nobody, np.ones((3, 17))), persons).ap is None


def detected(coco: Path, boxes: Sequence[tuple[int, float]]) -> Detections:
    """Return detections: each the box of one of the three people, with a score."""
    people = load_people(f"coco:{coco}").people
    found = [
        {
            "image_id": int(people[person].id.split("/")[2]),
            "category_id": 1,
            "bbox": [people[person].box.centre[0] - 20, people[person].box.centre[1] - 30, 40, 60],
            "score": score,
        }
        for person, score in boxes
    ]
    (coco / "boxes.json").write_text(json.dumps(found))
    return coco_detections(coco / "boxes.json", coco)


def test_repeated_poses_are_dropped_before_they_are_scored(coco: Path, persons: Split) -> None:
    """The first person is found twice, better than the others once."""
    boxes = detected(coco, [(0, 0.9), (0, 0.8), (1, 0.7), (2, 0.6)])
    joints = truth(persons)[[0, 0, 1, 2]]
    joints[1] += 0.2
    model = Knowing(boxes.people, joints, np.ones((4, 17)))
    assert evaluate_detections(model, boxes).ap == pytest.approx(100)
    everything = coco_results(boxes.people.ids, joints, np.ones((4, 17)), scores=boxes.scores)
    assert persons.annotations is not None
    assert average_precision(persons.annotations, everything).ap < 95


def test_a_poses_score_is_its_own_times_its_boxes(coco: Path, persons: Split) -> None:
    """A pose of nobody costs nothing where it comes last, by its box or by its joints."""
    joints = truth(persons)[[0, 1, 2, 0]]
    joints[3] += 400
    for box, joint, ap in ((0.1, 1.0, 100), (1.0, 0.3, 100), (1.0, 1.0, 75)):
        boxes = detected(coco, [(0, 0.9), (1, 0.9), (2, 0.9), (0, box)])
        confidence = np.array([0.9, 0.9, 0.9, joint])[:, None].repeat(17, axis=1)
        found = evaluate_detections(Knowing(boxes.people, joints, confidence), boxes).ap
        assert found == pytest.approx(ap, abs=0.5)


def test_poses_are_compared_over_the_area_of_their_crops(
    monkeypatch: pytest.MonkeyPatch, persons: Split
) -> None:
    areas = []

    def noted(joints: np.ndarray, scores: np.ndarray, area: np.ndarray, *_: object, **__: object):
        areas.extend(area.tolist())
        return np.ones(len(scores), dtype=bool)

    monkeypatch.setattr("robustpose.scoring.oks_nms", noted)
    evaluate(Knowing(persons, truth(persons), np.ones((3, 17))), persons)
    expected = []
    for box in (person.box for person in persons):
        height = max(box.height, box.width * 64 / 48)
        expected.append(height * height * 48 / 64)
    assert areas == pytest.approx(expected)


def test_detections_ask_for_all_joints_and_come_together(
    coco: Path, networks: dict[str, PoseModel]
) -> None:
    boxes = detected(coco, [(0, 0.9), (1, 0.7)])
    with pytest.raises(UsageError, match="does not know nose, left_eye"):
        evaluate_detections(networks["resdec"], boxes)
    model = Knowing(boxes.people, np.zeros((2, 17, 2)), np.ones((2, 17)))
    with pytest.raises(UsageError, match="all people of a set"):
        evaluate_detections(model, boxes._replace(people=boxes.people[:1]))
