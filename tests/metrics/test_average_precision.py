"""COCO's ten figures: equal to pycocotools, whatever lies in the file."""

import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

from robustpose.coco_files import read_annotations
from robustpose.errors import UsageError
from robustpose.metrics.average_precision import AveragePrecision, average_precision

from .crowds import Content, crowded, detections, found_at, official, somebody, unlabelled


def assert_equal(found: AveragePrecision, annotations: Content, results: list[Content]) -> None:
    np.testing.assert_allclose(found, official(annotations, results), rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("levels", [1000, 3], ids=["few ties", "many ties"])
def test_the_ten_figures_are_those_of_pycocotools(seed: int, levels: int) -> None:
    draw = np.random.default_rng([seed, levels])
    annotations = crowded(draw)
    results = detections(draw, annotations, levels=levels)
    found = average_precision(annotations, results)
    assert 0 < found.ap < 100
    assert found.ap_50 > found.ap_75
    assert_equal(found, annotations, results)


@pytest.mark.parametrize(
    ("sides", "missing"),
    [((15, 30), {"ap_medium", "ap_large", "ar_medium", "ar_large"}), ((60, 110), {"ap_large"})],
)
def test_without_people_of_a_size_its_figures_are_nan(
    sides: tuple[float, float], missing: set[str]
) -> None:
    draw = np.random.default_rng(0)
    annotations = crowded(draw, sides=sides)
    results = detections(draw, annotations)
    found = average_precision(annotations, results)
    assert missing <= {name for name, value in found._asdict().items() if np.isnan(value)}
    assert_equal(found, annotations, results)


def test_no_more_than_twenty_count_on_a_picture() -> None:
    draw = np.random.default_rng(3)
    people = [somebody(draw, number + 1, 0, 150) for number in range(10)]
    categories = [{"id": 1, "name": "person"}]
    annotations = {"images": [{"id": 0}], "annotations": people, "categories": categories}
    bad = [found_at(draw, people[0], off=0.5, score=0.9) for _ in range(16)]
    good = [found_at(draw, person, off=0, score=0.5) for person in people]
    found = average_precision(annotations, [*good, *bad])
    assert found.ar == pytest.approx(40)  # four of the ten are among the first twenty
    assert_equal(found, annotations, [*good, *bad])


def test_boxes_of_results_decide_their_size_as_in_pycocotools() -> None:
    draw = np.random.default_rng(4)
    annotations = crowded(draw)
    results = detections(draw, annotations)
    boxed = [{**each, "bbox": [0, 0, 20, 30]} for each in results]
    assert_equal(average_precision(annotations, boxed), annotations, boxed)
    assert average_precision(annotations, boxed) != average_precision(annotations, results)


@pytest.mark.parametrize("kind", ["crowd", "ignored"])
def test_what_is_found_in_a_crowd_or_on_ignored_people_does_not_count(kind: str) -> None:
    """One person is found; better scores on others that do not count cost nothing."""
    draw = np.random.default_rng(5)
    person = somebody(draw, 1, 0, 100)
    other = unlabelled(somebody(draw, 2, 0, 100)) | {"iscrowd": int(kind == "crowd")}
    annotations = {"images": [{"id": 0}], "annotations": [person, other]}
    right = found_at(draw, person, off=0, score=0.5)
    on_other = [found_at(draw, other, off=0, score=0.9) for _ in range(1 + 2 * (kind == "crowd"))]
    results = [right, *on_other]
    found = average_precision(annotations, results)
    assert found.ap == pytest.approx(100)
    annotations["categories"] = [{"id": 1, "name": "person"}]
    assert_equal(found, annotations, results)
    far = other | {"bbox": [5000, 5000, 10, 10]}
    nobody = found_at(draw, far, off=0, score=0.9)
    assert average_precision(annotations, [right, nobody]).ap == pytest.approx(50, abs=0.5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("year", ["train2017", "val2017"])
def test_real_people_with_shaken_poses(samples: Path, year: str, seed: int) -> None:
    path = samples / f"coco-tiny/annotations/person_keypoints_{year}.json"
    annotations = json.loads(path.read_text())
    draw = np.random.default_rng(seed)
    results = [
        found_at(draw, person, off=draw.choice([0.02, 0.08, 0.2]), score=draw.random())
        for person in annotations["annotations"]
    ]
    assert sum(person["iscrowd"] for person in annotations["annotations"]) > 0
    found = average_precision(path, results)
    assert 10 < found.ap < 90
    assert_equal(found, annotations, results)


def test_figures_are_in_percent_and_of_perfect_poses_a_hundred() -> None:
    draw = np.random.default_rng(6)
    annotations = crowded(draw)
    counted = [p for p in annotations["annotations"] if p["num_keypoints"] and not p["iscrowd"]]
    results = [found_at(draw, person, off=0, score=1.0) for person in counted]
    assert average_precision(annotations, results) == pytest.approx(10 * [100])


def test_without_a_result_nothing_is_found() -> None:
    annotations = crowded(np.random.default_rng(7))
    assert average_precision(annotations, []) == tuple(10 * [0])
    nobody = {"images": annotations["images"], "annotations": []}
    assert np.isnan(average_precision(nobody, [])).all()


def test_an_id_of_zero_is_an_id() -> None:
    """The evaluators take a match with annotation 0 for none: people are renumbered for them."""
    person = somebody(np.random.default_rng(8), 0, 0, 100)
    annotations = {"images": [{"id": 0}], "annotations": [person]}
    results = [found_at(np.random.default_rng(9), person, off=0, score=1.0)]
    assert average_precision(annotations, results).ap == pytest.approx(100)


def test_files_content_and_read_annotations_score_alike(tmp_path: Path) -> None:
    draw = np.random.default_rng(10)
    annotations = crowded(draw)
    results = detections(draw, annotations)
    (tmp_path / "truth.json").write_text(json.dumps(annotations))
    (tmp_path / "found.json").write_text(json.dumps(results))
    before = deepcopy((annotations, results))
    found = average_precision(annotations, results)
    assert (annotations, results) == before
    assert average_precision(tmp_path / "truth.json", tmp_path / "found.json") == found
    assert average_precision(read_annotations(annotations), results) == found


def test_other_categories_are_passed_over() -> None:
    draw = np.random.default_rng(11)
    annotations = crowded(draw)
    results = detections(draw, annotations)
    found = average_precision(annotations, results)
    annotations["categories"].append({"id": 9, "name": "cat"})
    annotations["annotations"].append({"id": 5, "image_id": 0, "category_id": 9})
    assert average_precision(annotations, [*results, results[0] | {"category_id": 9}]) == found


MALFORMED: list[tuple[Content, str]] = [
    ({"image_id": 99}, "`image_id` 99 is no image of the annotations"),
    ({"image_id": "7"}, 'expected `image_id` to be a whole number below 2.63, found "7"'),
    ({"keypoints": 50 * [1]}, "expected `keypoints` to be 51 finite .* found 50 of them"),
    ({"keypoints": [1, float("nan"), *49 * [1]]}, "expected `keypoints` .* NaN as number 2"),
    ({"score": float("inf")}, "expected `score` to be a finite number, found Infinity"),
    ({"category_id": None}, "expected `category_id` to be a whole number below 2.63, found null"),
]


@pytest.mark.parametrize(("change", "message"), MALFORMED)
def test_results_that_do_not_fit_are_named(change: Content, message: str) -> None:
    draw = np.random.default_rng(12)
    annotations = crowded(draw)
    results = detections(draw, annotations)
    results[1] |= change
    with pytest.raises(UsageError, match=f"^the results, result 2: {message}"):
        average_precision(annotations, results)


@pytest.mark.parametrize("field", ["image_id", "category_id", "keypoints", "score"])
def test_a_result_without_a_field_is_named(field: str) -> None:
    draw = np.random.default_rng(13)
    annotations = crowded(draw)
    results = detections(draw, annotations)
    del results[2][field]
    with pytest.raises(UsageError, match=f"^the results, result 3: has no `{field}`: expected"):
        average_precision(annotations, results)


def test_results_that_are_no_list_are_refused(tmp_path: Path) -> None:
    annotations = crowded(np.random.default_rng(14))
    (tmp_path / "found.json").write_text('{"annotations": []}')
    with pytest.raises(UsageError, match=r"found\.json: expected a list .*found an object"):
        average_precision(annotations, tmp_path / "found.json")
    with pytest.raises(UsageError, match=r"truth\.json, found none"):
        average_precision(tmp_path / "truth.json", [])
