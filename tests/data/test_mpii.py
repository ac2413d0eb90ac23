"""MPII: the same people from every form, split as published, measured by the head."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from robustpose.data import load_people, mpii
from robustpose.data.crops import crop
from robustpose.data.mpii import mpii_people, mpii_truth, splits
from robustpose.data.mpii.validation import validation_people
from robustpose.data.people import PUBLISHED, Person, Split
from robustpose.errors import UsageError
from robustpose.metrics.distances import relative_errors
from robustpose.metrics.pck import pck_of_errors
from robustpose.skeletons import MPII16

from .mpii_forms import (
    OFFICIAL,
    Annotated,
    annotated,
    h5_arrays,
    photo_rows,
    write_h5,
    write_json,
    write_official,
    write_photos,
)

PHOTOS = ["a.jpg", "a.jpg", "b.jpg", "c.jpg", "a.jpg"]
SORTED = sorted(PHOTOS)  # MPII's own file has the people of a photograph together
WRITE: dict[str, Callable[[Path, Annotated], Path]] = {
    "json": write_json,
    "h5": lambda folder, people: write_h5(folder, h5_arrays(people)),
    "official": lambda folder, people: write_official(folder, photo_rows(people)),
}


def written(folder: Path, form: str, people: Annotated) -> Path:
    WRITE[form](folder, people)
    return write_photos(folder, people.images)


def one_person() -> Annotated:
    """Return somebody at (100, 200) with two joints."""
    people = annotated(["a.jpg"])
    people.centre[0], people.scale[0] = (100, 200), 2
    people.joints[0, 3], people.joints[0, 9] = (31, 42), (1, 1)
    people.labelled[0] = people.visible[0] = [k in (3, 9) for k in range(16)]
    return people


def assert_same(one: Person, other: Person) -> None:
    assert one.id == other.id
    np.testing.assert_array_equal(one.labelled, other.labelled)
    np.testing.assert_allclose(one.joints, other.joints, rtol=0, atol=1e-9)
    np.testing.assert_allclose(one.box.centre, other.box.centre, rtol=1e-12)
    np.testing.assert_allclose(one.box.width, other.box.width, rtol=1e-12)
    np.testing.assert_allclose(one.size or 0, other.size or 0, rtol=1e-12)


def test_all_forms_give_the_same_people(tmp_path: Path) -> None:
    people = annotated(SORTED)
    splits = {form: mpii_people(written(tmp_path / form, form, people), "test") for form in WRITE}
    for form, split in splits.items():
        assert len(split) == 5
        assert split.name == f"mpii/{form}"
        for one, other in zip(splits["json"], split, strict=True):
            assert_same(one, other)
    for one, other in zip(splits["h5"], splits["official"], strict=True):
        np.testing.assert_array_equal(one.visible, other.visible)
        assert not (one.visible & ~one.labelled).any()
    assert any((each.visible != each.labelled).any() for each in splits["official"])


@pytest.mark.parametrize("form", WRITE)
def test_joints_and_boxes_count_from_zero_and_are_moved_once(tmp_path: Path, form: str) -> None:
    (person,) = mpii_people(written(tmp_path, form, one_person()), "test")
    assert person.box.centre == (99, 229)  # 100 - 1; 200 + 15 x 2 - 1
    assert (person.box.width, person.box.height) == (500, 500)  # 200 x 1.25 x 2
    assert person.joints[3].tolist() == [30, 41]
    assert person.joints[9].tolist() == [0, 0]
    assert person.labelled.nonzero()[0].tolist() == [3, 9]
    assert person.size == pytest.approx(50)  # 25 x 2: 0.6 of the head box's diagonal


@pytest.mark.parametrize("form", WRITE)
def test_ids_say_photograph_and_place(tmp_path: Path, form: str) -> None:
    split = mpii_people(written(tmp_path, form, annotated(SORTED)), "test")
    places = ["a/0", "a/1", "a/2", "b/0", "c/0"]
    assert split.ids == [f"mpii/val/{place}" for place in places]


def test_the_rule_of_the_data_set_travels_with_the_people(tmp_path: Path) -> None:
    split = mpii_people(written(tmp_path, "json", annotated(PHOTOS)), "test")
    assert split.skeleton is MPII16
    assert (split.threshold, split.reference) == (0.5, "head")
    assert split.unscored == ("pelvis", "thorax")
    assert split.cropping == PUBLISHED
    batch = crop(split, (256, 256))
    # On the published crop everybody's radius is the same: 5 % of its side.
    np.testing.assert_allclose(batch.size.numpy() * batch.threshold, 12.8, rtol=1e-6)


@pytest.mark.parametrize("form", WRITE)
def test_people_without_a_joint_are_left_out_and_counted(tmp_path: Path, form: str) -> None:
    people = annotated(SORTED)
    people.labelled[1] = people.visible[1] = False
    split = mpii_people(written(tmp_path, form, people), "test")
    if form == "official":  # which has no record of them
        assert (len(split), split.left_out) == (4, {})
        return
    assert split.ids == [f"mpii/val/{place}" for place in ("a/0", "a/2", "b/0", "c/0")]
    assert split.left_out == {"no annotated joint": 1}


def test_people_without_a_head_size_are_not_tested_on(tmp_path: Path) -> None:
    rows = photo_rows(annotated(SORTED))
    for corner in ("x1", "y1", "x2", "y2"):
        rows[1]["annorect"][0].pop(corner)
    write_official(write_photos(tmp_path, SORTED), rows)
    split = mpii_people(tmp_path, "test")
    assert split.left_out == {"no head size to measure errors by": 1}
    assert split.ids == ["mpii/val/a/0", "mpii/val/a/1", "mpii/val/a/2", "mpii/val/c/0"]


def test_neither_missing_coordinates_nor_missing_flags_are_read(tmp_path: Path) -> None:
    digests = set()
    for name, absurd in (("a", -1.0), ("b", 7e8)):
        people = annotated(PHOTOS)
        people.joints = np.where(people.labelled[..., None], people.joints, absurd)
        split = mpii_people(written(tmp_path / name / "same", "json", people), "test")
        digests.add(split.digest)
    assert len(digests) == 1


@pytest.mark.parametrize("change", ["joints", "scale", "centre", "labelled"])
def test_the_digest_follows_the_annotations(tmp_path: Path, change: str) -> None:
    people, moved = annotated(PHOTOS), annotated(PHOTOS)
    values = getattr(moved, change)
    values[0] = ~values[0] if change == "labelled" else values[0] + 1
    one = mpii_people(written(tmp_path / "a", "json", people), "test")
    other = mpii_people(written(tmp_path / "b", "json", moved), "test")
    assert one.digest != other.digest


def test_the_digest_follows_the_photographs(tmp_path: Path) -> None:
    folder = written(tmp_path, "json", annotated(PHOTOS))
    before = mpii_people(folder, "test").digest
    with (folder / "images" / "b.jpg").open("ab") as file:
        file.write(b"more")
    assert mpii_people(folder, "test").digest != before


def validation() -> Annotated:
    """Return people on the photographs of the published validation split."""
    return annotated([image for image, _ in validation_people()])


def test_the_list_of_the_validation_split() -> None:
    people = validation_people()
    assert len(people) == len(set(people)) == 2958
    assert len({image for image, _ in people}) == 2729
    assert people[0] == ("005808361.jpg", 0)


def test_a_file_of_the_validation_split_is_its_test(tmp_path: Path) -> None:
    folder = written(tmp_path, "json", validation())
    split = mpii_people(folder, "test")
    assert (split.name, len(split)) == ("mpii/val", 2958)
    assert split[0].id == "mpii/val/005808361/0"
    assert len(set(split.ids)) == 2958
    with pytest.raises(UsageError, match=r"expected train\.json .* for the split train"):
        mpii_people(folder, "train")


@pytest.fixture
def few_to_train(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make the train split one of 60 people, and return their photographs."""
    assert (splits.TRAIN, splits.VALIDATION) == (22_246, 2_958)
    monkeypatch.setattr(splits, "TRAIN", 60)
    return [f"t{number % 50}.jpg" for number in range(60)]


def test_a_file_of_the_train_split_is_for_training_only(
    tmp_path: Path, few_to_train: list[str]
) -> None:
    write_photos(tmp_path, few_to_train)
    path = write_json(tmp_path, annotated(few_to_train), "train")
    split = mpii_people(tmp_path, "train")
    assert (split.name, len(split)) == ("mpii/train", 60)
    assert split[50].id == "mpii/train/t0/1"
    path.rename(path.with_name("people.json"))
    with pytest.raises(UsageError, match=r"people\.json has the 60 of the train split"):
        mpii_people(tmp_path, "test")


def test_people_of_the_validation_split_are_never_trained_on(
    tmp_path: Path, few_to_train: list[str]
) -> None:
    few_to_train[6] = "005808361.jpg"
    write_photos(tmp_path, few_to_train)
    write_json(tmp_path, annotated(few_to_train), "train")
    with pytest.raises(UsageError, match=r"record 7 \(005808361\.jpg\): .*of the validation"):
        mpii_people(tmp_path, "train")


def test_2958_people_who_are_not_of_the_validation_split_are_refused(tmp_path: Path) -> None:
    people = validation()
    people.images[4] = "new.jpg"
    with pytest.raises(UsageError, match=r"record 5 \(new\.jpg\): no photograph of the validation"):
        mpii_people(written(tmp_path, "json", people), "test")


@pytest.mark.parametrize("form", WRITE)
def test_any_other_number_of_people_is_all_test(tmp_path: Path, form: str) -> None:
    folder = written(tmp_path, form, annotated(SORTED))
    for path in (folder / "annot").glob("valid.*"):
        path.rename(path.with_stem("mine"))
    with pytest.raises(UsageError, match=r"22,246 people of the train split.* has 5: .*all test"):
        mpii_people(folder, "train")
    assert len(mpii_people(folder, "test")) == 5


def test_the_official_file_is_split_by_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = (("v1.jpg", 0), ("v1.jpg", 2), ("v2.jpg", 1))
    monkeypatch.setattr(splits, "validation_people", lambda: listed)
    monkeypatch.setattr(splits, "VALIDATION", len(listed))
    images = ["t1.jpg"] * 2 + ["v1.jpg"] * 3 + ["t2.jpg", "v2.jpg", "v2.jpg", "unannotated.jpg"]
    rows = photo_rows(annotated(images))
    del rows[2]["annorect"][0]["x1"]  # the person of t2.jpg has no head box
    rows.append({"image": {"name": "nobody.jpg"}, "annorect": []})
    write_photos(tmp_path, images)
    write_official(tmp_path, rows, [int(row["image"]["name"] != "unannotated.jpg") for row in rows])
    test, train = mpii_people(tmp_path, "test"), mpii_people(tmp_path, "train")
    assert (test.name, train.name) == ("mpii/val", "mpii/train")
    assert test.ids == [f"mpii/val/{place}" for place in ("v1/0", "v1/1", "v2/0")]
    official = mpii.read(tmp_path / OFFICIAL)
    for person, index in zip(test, (2, 4, 7), strict=True):
        np.testing.assert_array_equal(person.labelled, official.labelled[index])
        np.testing.assert_array_equal(person.box.centre, official.centre[index] - 1)
    assert train.ids == [f"mpii/train/{place}" for place in ("t1/0", "t1/1", "t2/0")]
    assert [person.size is None for person in train] == [False, False, True]
    assert train.left_out == {}


def test_the_official_file_comes_first_and_may_lie_where_it_was_unpacked(tmp_path: Path) -> None:
    written(tmp_path, "json", annotated(["a.jpg"]))
    place = tmp_path / "mpii_human_pose_v1_u12_2"
    write_official(place, photo_rows(annotated(["a.jpg", "a.jpg"])))
    assert len(mpii_people(tmp_path, "test")) == 2


def test_forms_are_found_by_their_usual_names(tmp_path: Path) -> None:
    write_photos(tmp_path, ["a.jpg"])
    write_json(tmp_path, annotated(["a.jpg"]), "mpii_val")
    write_json(tmp_path, annotated(["missing.jpg"]), "mpii_trainval")
    assert mpii_people(tmp_path, "test").ids == ["mpii/val/a/0"]
    (tmp_path / "annot" / "mpii_val.json").rename(tmp_path / "annot" / "other.json")
    with pytest.raises(
        UsageError, match=r"expected valid\.json .*mpii_trainval\.json, other\.json"
    ):
        mpii_people(tmp_path, "test")


def test_folders_that_lack_something_say_what(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found nothing"):
        mpii_people(tmp_path / "nowhere", "test")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="found a file"):
        mpii_people(tmp_path / "file", "test")
    with pytest.raises(UsageError, match=r"valid\.json or annot/valid\.h5 in .*, found none"):
        mpii_people(tmp_path, "test")
    with pytest.raises(UsageError, match="splits train and test, found 'val'"):
        mpii_people(tmp_path, "val")
    folder = written(tmp_path / "set", "json", annotated(PHOTOS))
    (folder / "images" / "b.jpg").unlink()
    message = r"valid\.json, record 3 \(b\.jpg\): expected `image` to be a photograph in .*images"
    with pytest.raises(UsageError, match=message + r".*1 of 3 are missing"):
        mpii_people(folder, "test")


def test_the_data_set_is_in_the_list(tmp_path: Path) -> None:
    folder = written(tmp_path, "json", annotated(PHOTOS))
    assert len(load_people(f"mpii:{folder}")) == 5


@pytest.mark.parametrize("form", ["json", "h5"])
def test_truth_needs_no_photographs_and_has_none(tmp_path: Path, form: str) -> None:
    people = annotated(PHOTOS)
    path = WRITE[form](tmp_path, people)
    truth = mpii_truth(path)
    write_photos(tmp_path, PHOTOS)
    for one, other in zip(truth, mpii_people(tmp_path, "test"), strict=True):
        assert_same(one, other)
    assert [person.photo.name for person in truth] == PHOTOS
    with pytest.raises(UsageError, match=r"b\.jpg cannot be read: .*ground truth alone"):
        truth[2].photo.read()
    with pytest.raises(UsageError, match=r"a\.jpg cannot be read"):
        crop(truth[:1], (64, 64))


def test_a_file_of_truth_has_nobody_to_train_on(tmp_path: Path) -> None:
    path = tmp_path / "valid.h5"
    path.touch()
    with pytest.raises(UsageError, match="people to judge: train people need a folder"):
        load_people(f"mpii:{path}", split="train")


def test_truth_of_other_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected Newell's valid\.h5.*found .*truth\.csv"):
        mpii_truth(tmp_path / "truth.csv")
    with pytest.raises(UsageError, match=r"expected an HDF5 file at .*: no such file"):
        mpii_truth(tmp_path / "valid.h5")
    with pytest.raises(UsageError, match=r"expected a MATLAB file at .*, found nothing"):
        mpii_truth(tmp_path / "truth.mat")


def tompson_arrays(seed: int = 0) -> dict[str, np.ndarray]:
    draws = np.random.default_rng(seed)
    truth = draws.uniform(1, 700, (16, 2, 2958))
    corners = np.stack([truth[9] - 30, truth[9] + [[30], [50]]])
    missing = (draws.random((16, 2958)) < 0.1).astype(np.uint8)
    return {"pos_gt_src": truth, "jnt_missing": missing, "headboxes_src": corners}


def test_truth_in_tompsons_form(tmp_path: Path) -> None:
    arrays = tompson_arrays()
    arrays["jnt_missing"][:, 5] = 1
    arrays["headboxes_src"][:, :, 8] = 0
    scipy.io.savemat(tmp_path / "gt_valid.mat", arrays)
    truth = mpii_truth(tmp_path / "gt_valid.mat")
    assert (truth.name, len(truth)) == ("mpii/val", 2956)
    assert truth.left_out == {"no annotated joint": 1, "no head size to measure errors by": 1}
    person = truth[4]
    assert person.photo.name == validation_people()[4][0]
    np.testing.assert_array_equal(person.labelled, arrays["jnt_missing"][:, 4] == 0)
    np.testing.assert_allclose(
        person.joints[person.labelled], arrays["pos_gt_src"][person.labelled, :, 4] - 1
    )
    assert person.size == pytest.approx(0.6 * np.hypot(60, 80))
    assert person.box.width == pytest.approx(10 * 60)  # the side of everybody's published crop
    assert not {validation_people()[5], validation_people()[8]} & {
        (each.photo.name, int(each.id.rsplit("/", 1)[1])) for each in truth
    }


def test_published_predictions_have_their_published_score(samples: Path) -> None:
    path = samples / "mpii-sample" / "detections_our_format.mat"
    truth = mpii_truth(path)
    predictions = scipy.io.loadmat(path)["pos_pred_src"].transpose(2, 0, 1) - 1
    assert len(truth) == len(predictions) == 2958
    error = relative_errors(
        predictions,
        np.stack([person.joints for person in truth]),
        np.stack([person.labelled for person in truth]) & counted(truth),
        np.array([person.size for person in truth]),
    )
    assert np.isfinite(error).sum() == 38_430
    assert round(pck_of_errors(error, truth.threshold), 2) == 82.34


def counted(people: Split) -> np.ndarray:
    return np.array([joint not in people.unscored for joint in people.skeleton.joints])


def test_the_sample_agrees_with_tompsons_truth(samples: Path) -> None:
    people = mpii_people(samples / "mpii-sample", "test")
    truth = {
        person.id: person
        for person in mpii_truth(samples / "mpii-sample" / "detections_our_format.mat")
    }
    assert [Path(person.photo.name).stem for person in people] == [
        identifier.split("/")[2] for identifier in people.ids
    ]
    assert len(people) == 5
    for person in people:
        other = truth[person.id]
        np.testing.assert_array_equal(person.labelled, other.labelled)
        np.testing.assert_allclose(person.joints, other.joints, rtol=0, atol=1e-3)
        assert person.size == pytest.approx(other.size, rel=1e-6)
        assert person.box.width == pytest.approx(other.box.width, rel=1e-6)
    batch = crop(people, (256, 256))
    assert batch.images.flatten(1).std(dim=1).min() > 0.02
    inside = (batch.joints >= 0) & (batch.joints <= 255)
    assert inside.all(dim=2)[batch.labelled].float().mean() > 0.95
