"""COCO: who is read, how they are cut and measured, what is refused and how it is said."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from robustpose.data import load_people
from robustpose.data.coco import (
    coco_detections,
    coco_jain2019_people,
    coco_people,
    coco_results,
)
from robustpose.data.crops import crop
from robustpose.data.people import UDP
from robustpose.errors import UsageError
from robustpose.geometry import inverse, transformed
from robustpose.metrics.average_precision import average_precision
from robustpose.metrics.oks import oks
from robustpose.poses import Pose
from robustpose.scoring import errors
from robustpose.skeletons import COCO17

REFERENCE = json.loads((Path(__file__).parent / "coco_reference/expected.json").read_text())
Content = dict[str, Any]
Change = Callable[[Content], object]


def keypoints(*, flag: int = 2, seed: int = 0) -> list[float]:
    """Return 17 joints within 20 to 60 pixels, all with one flag."""
    places = np.random.default_rng(seed).integers(20, 60, (17, 2)).tolist()
    return [number for x, y in places for number in (x, y, flag)]


def person(number: int, image: int = 7, **changes: Any) -> Content:
    points = changes.pop("keypoints", keypoints(seed=number))
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "iscrowd": 0,
        "area": 900.0,
        "bbox": [15.5, 18.0, 40.0, 45.0],
        "num_keypoints": sum(flag > 0 for flag in points[2::3]),
        "keypoints": points,
        **changes,
    }


def content(*people: Content) -> Content:
    """Return a file of annotations with two photographs of 90 x 70 pixels."""
    return {
        "images": [
            {"id": each, "file_name": f"{each:012d}.jpg", "width": 90, "height": 70}
            for each in (7, 8)
        ],
        "annotations": list(people or (person(101), person(102), person(103, image=8))),
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}],
    }


def write(folder: Path, annotations: Content | str, year: str = "val2017") -> Path:
    """Write a data set of drawn photographs; text is written as it is."""
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    (folder / year).mkdir(exist_ok=True)
    for number in (7, 8):
        picture = np.full((70, 90, 3), 20 * number, np.uint8)
        cv2.imwrite(str(folder / year / f"{number:012d}.jpg"), picture)
    text = annotations if isinstance(annotations, str) else json.dumps(annotations)
    (folder / "annotations" / f"person_keypoints_{year}.json").write_text(text)
    return folder


def test_people_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    people = coco_people(write(tmp_path / "some", content()), "test")
    assert people.ids == [
        "coco/test/000000000007/101",
        "coco/test/000000000007/102",
        "coco/test/000000000008/103",
    ]
    first = people[0]
    assert first.joints.ravel().tolist() == [
        number for place, number in enumerate(keypoints(seed=101)) if place % 3 != 2
    ]
    assert first.labelled.all()
    assert first.visible.all()
    assert first.size == 30.0  # the root of the area
    assert Path(first.photo.name).name == "000000000007.jpg"
    assert (people.name, people.skeleton, people.left_out) == ("coco/some/test", COCO17, {})
    assert people.sigmas == COCO17.oks_sigmas


def test_the_years_are_the_splits(tmp_path: Path) -> None:
    write(tmp_path, content(person(1)), "val2017")
    write(tmp_path, content(person(2), person(3)), "train2017")
    assert len(load_people(f"coco:{tmp_path}")) == 1
    assert len(load_people(f"coco:{tmp_path}", split="train")) == 2
    with pytest.raises(UsageError, match="splits train and test, found 'val'"):
        coco_people(tmp_path, "val")


def test_a_folder_of_images_around_the_photographs_will_do(tmp_path: Path) -> None:
    write(tmp_path, content())
    (tmp_path / "images").mkdir()
    (tmp_path / "val2017").rename(tmp_path / "images/val2017")
    assert len(crop(coco_people(tmp_path, "test"), (32, 24))) == 3


def test_flags_say_what_is_labelled_and_what_is_seen(tmp_path: Path) -> None:
    points = keypoints()
    points[2], points[5] = 0, 1
    points[0:2] = [0, 0]
    found = coco_people(write(tmp_path, content(person(1, keypoints=points))), "test")[0]
    assert found.labelled.tolist() == [False] + 16 * [True]
    assert found.visible.tolist() == [False, False] + 15 * [True]


def test_whom_networks_never_see_is_left_out_and_counted(tmp_path: Path) -> None:
    nobody = keypoints(flag=0)
    annotations = content(
        person(1),
        person(2, iscrowd=1),
        person(3, iscrowd=1, keypoints=nobody),
        person(4, keypoints=nobody),
        person(5, area=0.0),
        person(6, bbox=[95.0, 10.0, 20.0, 20.0]),
        person(7, bbox=[10.0, 10.0, 20.0, 0.5]),
        {"id": 8, "image_id": 7, "category_id": 3},
    )
    annotations["categories"].append({"id": 3, "name": "car"})
    people = coco_people(write(tmp_path, annotations), "test")
    assert people.ids == ["coco/test/000000000007/1"]
    assert people.left_out == {
        "crowd": 2,
        "no labelled joint": 1,
        "no area, or outside the picture": 3,
    }


def test_photographs_of_nobody_need_not_be_there(tmp_path: Path) -> None:
    folder = write(tmp_path, content(person(1), person(2, image=8, keypoints=keypoints(flag=0))))
    (folder / "val2017/000000000008.jpg").unlink()
    assert len(coco_people(folder, "test")) == 1


def test_the_digest_follows_annotations_and_photographs(tmp_path: Path) -> None:
    folder = write(tmp_path, content(person(1)))
    first = coco_people(folder, "test").digest
    assert coco_people(folder, "test").digest == first
    write(tmp_path, content(person(1, area=901.0)))
    assert coco_people(folder, "test").digest != first
    write(tmp_path, content(person(1)))
    with (folder / "val2017/000000000007.jpg").open("ab") as photo:
        photo.write(b"\0")
    assert coco_people(folder, "test").digest != first


def shift(found: np.ndarray, published: np.ndarray, canvas: tuple[int, int]) -> float:
    """Return how far apart two maps put what the second puts into the corners of the canvas."""
    width, height = canvas
    corners = np.array([[0, 0], [0, height], [width, 0], [width, height]], float)
    there = transformed(transformed(corners, inverse(published)), found)
    return float(np.abs(there - corners).max())


@pytest.mark.parametrize("case", REFERENCE["crops"], ids=lambda case: f"{case['box']}")
def test_crops_are_those_of_published_code(tmp_path: Path, case: Content) -> None:
    """Published maps are in single precision: 0.002 pixels."""
    annotations = content(person(1, bbox=case["box"]))
    annotations["images"][0] |= dict(zip(("width", "height"), case["size"], strict=True))
    people = coco_people(write(tmp_path, annotations), "test")
    width, height = case["canvas"]
    found = people.affine(people[0], (height, width))
    assert shift(found, np.array(case["published"]), (width, height)) < 0.002
    found = replace(people, cropping=UDP).affine(people[0], (height, width))
    assert shift(found, np.array(case["udp"]), (width, height)) < 0.002


def test_a_crop_that_leaves_the_picture_keeps_joints_where_they_are(tmp_path: Path) -> None:
    points = [number for _ in range(17) for number in (60, 35, 2)]
    folder = write(tmp_path, content(person(1, bbox=[30, 5, 80, 65], keypoints=points)))
    picture = np.zeros((70, 90, 3), np.uint8)
    picture[35, 60] = 255
    (folder / "val2017/000000000007.jpg").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    batch = crop(coco_people(folder, "test"), (256, 192))
    light = batch.images[0].mean(0)
    peak = divmod(int(light.argmax()), 192)
    assert batch.joints[0, 0].tolist() == pytest.approx([peak[1], peak[0]], abs=1.5)
    corner = batch.to_photo[0] @ torch.tensor([191.0, 128.0, 1.0])
    assert corner[0] > 90  # beyond the photograph: black
    assert not batch.images[0, :, :, -5:].any()


def test_errors_have_the_unit_of_oks(tmp_path: Path) -> None:
    """Against the formula of the evaluator, on the canvas, with a joint that is not labelled."""
    points = keypoints()
    points[2::3] = [0] + 16 * [2]
    people = coco_people(write(tmp_path, content(person(1, keypoints=points))), "test")
    batch = crop(people, (256, 192))
    scale = float(batch.size[0]) / 30
    moved = batch.joints + torch.tensor([3.0, -4.0])
    found = oks(errors(Pose(moved, torch.ones(1, 17)), batch), people.sigmas)
    distance = 5 / scale  # in pixels of the photograph
    variances = (2 * np.array(COCO17.oks_sigmas[1:])) ** 2
    expected = np.exp(-(distance**2) / (2 * 900 * variances)).mean()
    np.testing.assert_allclose(found, [expected], rtol=1e-5)


@pytest.mark.parametrize("case", REFERENCE["counted"], ids=lambda case: f"{case['joints'][0][1]}")
@pytest.mark.parametrize("swapped", [False, True])
def test_the_studys_code_counts_these_joints(tmp_path: Path, case: Content, swapped: bool) -> None:
    """The photograph is the canvas of 256 pixels: the box is 204.8 pixels, enlarged 256."""
    places = np.array(case["joints"])[:, ::-1] if swapped else np.array(case["joints"])
    inside = [100.0, 100.0, 2.0]  # the right ankle of the record goes where the nose was
    points = [*inside, *np.insert(places[1:], 2, 2, axis=1).ravel().tolist()]
    annotations = content(person(1, keypoints=points, bbox=[25.6, 25.6, 205.8, 205.8]))
    annotations["images"][0] |= {"width": 300, "height": 300}
    people = coco_jain2019_people(write(tmp_path, annotations), "test")
    found = people[0]
    assert found.size == pytest.approx(256)
    assert found.labelled.tolist()[1:-1] == case["counted"][1:]


def test_the_studys_code_has_a_score_of_its_own(tmp_path: Path) -> None:
    nowhere = [number for _ in range(17) for number in (89, 69, 2)]
    annotations = content(person(1), person(2, bbox=[0, 0, 20, 20], keypoints=nowhere))
    people = load_people(f"coco-jain2019:{write(tmp_path / 'some', annotations)}")
    assert (people.name, people.threshold, people.reference) == (
        "coco-jain2019/some/test",
        0.05,
        "side of the crop",
    )
    assert people.unscored == ("right_ankle",)
    assert people.sigmas is None
    assert people.left_out == {"no joint that the study's code counts": 1}
    batch = crop(people, (256, 256))
    assert (batch.size * batch.threshold).tolist() == pytest.approx([12.8])
    assert batch.scored.sum() == 16
    moved = batch.joints.clone()
    moved[0, :8, 0] += 12.7
    moved[0, 8:, 0] += 12.9
    found = errors(Pose(moved, torch.ones(1, 17)), batch) <= people.threshold
    assert found.tolist() == [8 * [True] + 9 * [False]]
    assert people.digest != coco_people(tmp_path / "some", "test").digest


def box(image: int, score: float, **changes: Any) -> Content:
    return {"image_id": image, "category_id": 1, "bbox": [-5, 2, 30, 60], "score": score, **changes}


def test_people_of_a_detector_have_boxes_and_nothing_else(tmp_path: Path) -> None:
    folder = write(tmp_path / "some", content())
    path = tmp_path / "boxes.json"
    found = [box(8, 0.9), box(7, 0.1), box(7, 0.5, category_id=2), box(7, 0.6)]
    path.write_text(json.dumps([*found, box(7, 0.7, bbox=[3, 3, 0, 5])]))
    people, scores = coco_detections(path, folder, least_score=0.2)
    assert people.ids == ["coco/detected/000000000008/1", "coco/detected/000000000007/4"]
    assert scores.tolist() == [0.9, 0.6]
    assert people.left_out == {"a score below 0.2": 1, "no width or height": 1}
    assert people.name == "coco/some/test/boxes"
    assert not people[0].labelled.any()
    assert people[0].size is None
    assert (people[0].box.centre, people[0].box.width, people[0].box.height) == ((10, 32), 37.5, 75)
    assert crop(people, (64, 48)).size.tolist() == [0, 0]


def test_predictions_become_results(tmp_path: Path) -> None:
    """Perfect poses have a precision of 100; HRNet's score is the mean over reliable joints."""
    folder = write(tmp_path, content(person(1, area=2000.0), person(2, image=8, area=2000.0)))
    people = coco_people(folder, "test")
    confidence = np.full((2, 17), 0.8)
    confidence[1, :16] = 0.2
    joints = np.stack([someone.joints for someone in people])
    results = coco_results(people.ids, joints, confidence, scores=np.array([0.5, 1.0]))
    assert [each["score"] for each in results] == pytest.approx([0.4, 0.8])
    assert [each["image_id"] for each in results] == [7, 8]
    assert results[0]["keypoints"][:3] == [*people[0].joints[0], 0.8]
    assert average_precision(content(*_annotated(folder)), results).ap == pytest.approx(100)
    silent = coco_results(people.ids, joints, np.zeros((2, 17)))
    assert [each["score"] for each in silent] == [0, 0]
    with pytest.raises(UsageError, match="id of a person of COCO, found 'lsp/test/im1'"):
        coco_results(["lsp/test/im1"], joints[:1], confidence[:1])


def _annotated(folder: Path) -> list[Content]:
    path = folder / "annotations/person_keypoints_val2017.json"
    found: list[Content] = json.loads(path.read_text())["annotations"]
    return found


def changed(change: Change) -> str:
    """Return a file of annotations after a change, NaN and all."""
    made = deepcopy(content())
    change(made)
    return json.dumps(made)


def _set(field: str, value: object, *, at: int = 1, of: str = "annotations") -> Change:
    return lambda made: made[of][at].update({field: value})


def _drop(field: str, *, at: int = 1, of: str = "annotations") -> Change:
    return lambda made: made[of][at].pop(field)


MALFORMED: dict[str, tuple[Change, str]] = {
    "no images": (lambda made: made.pop("images"), ": expected a list `images`, found null"),
    "no annotations": (
        lambda made: made.update(annotations={}),
        ": expected a list `annotations`, found an object",
    ),
    "a record that is none": (
        lambda made: made["annotations"].insert(1, 5),
        ", annotation 2: expected an object, found a number",
    ),
    "a field that is missing": (
        _drop("area"),
        ", annotation 2 (id 102): has no `area`: expected a number from 0, below 10^12",
    ),
    "no category": (
        _drop("category_id", at=0),
        ", annotation 1 (id 101): has no `category_id`: expected a whole number below 2^63",
    ),
    "NaN in the box": (
        _set("bbox", [1, float("nan"), 5, 5]),
        ", annotation 2 (id 102): expected `bbox` to be four numbers below a million (x, y, "
        "width, height), the sides from 0, found NaN as number 2",
    ),
    "a box of negative width": (
        _set("bbox", [1, 1, -5, 5], at=2),
        ", annotation 3 (id 103): expected `bbox` to be four numbers below a million (x, y, "
        "width, height), the sides from 0, found [1, 1, -5, 5]",
    ),
    "a joint that is no number": (
        _set("keypoints", ["12", *keypoints()[1:]]),
        ", annotation 2 (id 102): expected `keypoints` to be 51 numbers below a million (x, y, "
        'flag of 17 joints), found "12" as number 1',
    ),
    "a joint that is missing": (
        _set("keypoints", keypoints()[:48]),
        ", annotation 2 (id 102): expected `keypoints` to be 51 numbers below a million (x, y, "
        "flag of 17 joints), found 48 of them",
    ),
    "no keypoints at all": (
        _set("keypoints", None),
        ", annotation 2 (id 102): expected `keypoints` to be 51 numbers below a million (x, y, "
        "flag of 17 joints), found null",
    ),
    "a flag of 3": (
        _set("keypoints", keypoints(flag=3)),
        ", annotation 2 (id 102): expected the flags in `keypoints` to be 0, 1 or 2, found 3",
    ),
    "a wrong count": (
        _set("num_keypoints", 5),
        ", annotation 2 (id 102): `num_keypoints` says 5, but `keypoints` has 17 labelled",
    ),
    "an area of infinity": (
        _set("area", float("inf")),
        ", annotation 2 (id 102): expected `area` to be a number from 0, below 10^12, "
        "found Infinity",
    ),
    "an unknown image": (
        _set("image_id", 9),
        ", annotation 2 (id 102): `image_id` 9 is no image of the file",
    ),
    "an id twice": (
        _set("id", 101),
        ", annotation 2 (id 101): `id` is that of annotation 1 as well",
    ),
    "an image twice": (
        _set("id", 7, of="images"),
        ", image 2 (id 7): `id` is that of image 1 as well",
    ),
    "an id that is a word": (
        _set("id", "one", at=0),
        ', annotation 1 (one): expected `id` to be a whole number below 2^63, found "one"',
    ),
    "a crowd of 2": (
        _set("iscrowd", 2),
        ", annotation 2 (id 102): expected `iscrowd` to be 0 or 1, found 2",
    ),
    "an image without a name": (
        _drop("file_name", of="images"),
        ", image 2 (id 8): has no `file_name`: expected the name of a file below the folder of "
        "photographs",
    ),
    "a photograph elsewhere": (
        _set("file_name", "../secret.jpg", of="images"),
        ", image 2 (id 8): expected `file_name` to be the name of a file below the folder of "
        'photographs, found "../secret.jpg"',
    ),
    "an image without height": (
        _set("height", 0, of="images"),
        ", image 2 (id 8): expected `height` to be a whole number from 1, below a million, found 0",
    ),
    "true among the numbers of a box": (
        _set("bbox", [1, True, 5.0, 5]),
        ", annotation 2 (id 102): expected `bbox` to be four numbers below a million (x, y, "
        "width, height), the sides from 0, found true as number 2",
    ),
    "true as an area": (
        _set("area", True),
        ", annotation 2 (id 102): expected `area` to be a number from 0, below 10^12, found true",
    ),
    "true as an id": (
        _set("id", True),
        ", annotation 2: expected `id` to be a whole number below 2^63, found true",
    ),
    "true as a width": (
        _set("width", True, of="images"),
        ", image 2 (id 8): expected `width` to be a whole number from 1, below a million, "
        "found true",
    ),
    "a joint beyond all photographs": (
        _set("keypoints", [1e300, *keypoints()[1:]]),
        ", annotation 2 (id 102): expected `keypoints` to be 51 numbers below a million (x, y, "
        f"flag of 17 joints), found {json.dumps([1e300, *keypoints()[1:]])[:57]}...",
    ),
    "a number as a name": (
        _set("file_name", 5, of="images"),
        ", image 2 (id 8): expected `file_name` to be the name of a file below the folder of "
        "photographs, found 5",
    ),
    "a name of two lines": (
        _set("file_name", "a\nb.jpg", of="images"),
        ", image 2 (id 8): expected `file_name` to be the name of a file below the folder of "
        'photographs, found "a\\nb.jpg"',
    ),
    "other people": (
        _set("name", "cat", at=0, of="categories"),
        ': expected a category `person`, found ["cat"]',
    ),
    "other joints": (
        _set("keypoints", ["nose"], at=0, of="categories"),
        ', category 1 (id 1): expected `keypoints` to be COCO\'s 17 in their order, found ["nose"]',
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_does_not_fit_is_named_by_file_record_and_field(tmp_path: Path, name: str) -> None:
    change, message = MALFORMED[name]
    folder = write(tmp_path, changed(change))
    with pytest.raises(UsageError) as error:
        coco_people(folder, "test")
    path = folder / "annotations/person_keypoints_val2017.json"
    assert str(error.value) == f"{path}{message}"


def test_ids_of_two_types_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, changed(_set("image_id", 2**64 - 1)))
    with pytest.raises(UsageError, match=r"annotation 2 \(id 102\): .*`image_id`"):
        coco_people(folder, "test")


@pytest.mark.parametrize("name", [300 * "a" + ".jpg", 3000 * "a/" + "b.jpg", "folder"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, changed(_set("file_name", name, of="images")))
    (folder / "val2017/folder").mkdir()
    with pytest.raises(UsageError, match=r"image 2 \(id 8\): expected `file_name` .*no such file"):
        coco_people(folder, "test")


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"images": '])
def test_what_is_no_such_json_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"person_keypoints_val2017\.json"):
        coco_people(write(tmp_path, text), "test")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected a folder .*nowhere, found nothing"):
        coco_people(tmp_path / "nowhere", "test")
    folder = write(tmp_path / "some", content())
    with pytest.raises(UsageError, match=r"file at .*person_keypoints_train2017.json, found none"):
        coco_people(folder, "train")
    (folder / "val2017/000000000008.jpg").unlink()
    with pytest.raises(UsageError, match=r"image 2 \(id 8\): .*1 of 2 photographs are missing"):
        coco_people(folder, "test")
    (folder / "val2017").rename(folder / "photos")
    with pytest.raises(UsageError, match=r"expected photographs in .*val2017, found no such"):
        coco_people(folder, "test")


def test_a_photograph_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, content())
    small = np.zeros((35, 45, 3), np.uint8)
    cv2.imwrite(str(folder / "val2017/000000000007.jpg"), small)
    with pytest.raises(UsageError, match=r"7\.jpg is 45 x 35, .* a picture of 90 x 70 pixels"):
        crop(coco_people(folder, "test"), (32, 32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 9}, r"result 2: `image_id` 9 is no image of .*val2017\.json"),
        ({"bbox": [1, 2, 3]}, r"result 2: expected `bbox` .*found 3 of them"),
        ({"score": float("nan")}, r"result 2: expected `score` to be a finite number, found NaN"),
        ({"score": None}, r"result 2: expected `score` to be a finite number, found null"),
    ],
)
def test_detections_that_do_not_fit_are_named(
    tmp_path: Path, change: Content, message: str
) -> None:
    folder, path = write(tmp_path, content()), tmp_path / "boxes.json"
    path.write_text(json.dumps([box(7, 0.5), box(8, 0.5) | change]))
    with pytest.raises(UsageError, match=rf"boxes\.json, {message}"):
        coco_detections(path, folder)


def test_real_people_are_read(samples: Path) -> None:
    train, test = (coco_people(samples / "coco-tiny", split) for split in ("train", "test"))
    assert (len(train), train.left_out) == (57, {"crowd": 3, "no labelled joint": 37})
    assert (len(test), test.left_out) == (46, {"crowd": 4, "no labelled joint": 43})
    batch = crop(test, (256, 192))
    assert batch.images.shape == (46, 3, 256, 192)
    inside = (batch.joints >= 0) & (batch.joints <= torch.tensor([191.0, 255.0]))
    assert inside.all(dim=2)[batch.labelled].float().mean() > 0.98
