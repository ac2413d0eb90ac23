"""Predictions made elsewhere: every format says the same, and what does not fit is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from robustpose.data.people import Split
from robustpose.data.rendered import rendered_people
from robustpose.errors import UsageError
from robustpose.predictions import read_predictions, score, score_results


@pytest.fixture(scope="module")
def people() -> Split:
    return rendered_people("test", count=4, pixels=200)


@pytest.fixture
def joints(people: Split) -> np.ndarray:
    """Return the truth with 3 of 14 joints of one person far off and one of another unknown."""
    joints = np.stack([person.joints for person in people])
    joints[1, :3] += 100
    joints[2, 13] = np.nan
    return joints


def numpy_file(path: Path, joints: np.ndarray) -> Path:
    np.save(path / "poses.npy", joints)
    return path / "poses.npy"


def hdf5_file(path: Path, name: str = "poses.h5", **arrays: np.ndarray) -> Path:
    """Write HDF5; .mat is such a file since MATLAB 7.3, behind 512 bytes that say so."""
    matlab = name.endswith(".mat")
    with h5py.File(path / name, "w", userblock_size=512 if matlab else 0) as file:
        for key, array in arrays.items():
            file[key] = array
    if matlab:
        with (path / name).open("r+b") as raw:
            raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return path / name


def matlab_file(path: Path, **arrays: np.ndarray) -> Path:
    scipy.io.savemat(path / "poses.mat", arrays)
    return path / "poses.mat"


def with_confidence(joints: np.ndarray) -> np.ndarray:
    """Return x, y and a confidence of each joint."""
    return np.concatenate([joints, np.full((*joints.shape[:2], 1), 0.7)], axis=2)


def as_trained(path: Path, joints: np.ndarray) -> Path:
    """Write what Newell's training code leaves: shuffled, with cells and their value."""
    order = np.array([2, 0, 3, 1])
    rows = np.concatenate([joints + 1, np.full((*joints.shape[:2], 3), 0.7)], axis=2)[order]
    return hdf5_file(path, preds=rows, idxs=np.array([10.0, 25, 40, 41])[order])


WRITE: dict[str, Callable[[Path, np.ndarray], Path]] = {
    "numpy": numpy_file,
    "numpy, people last": lambda path, joints: numpy_file(path, np.transpose(joints, (1, 2, 0))),
    "Newell's demo": lambda path, joints: hdf5_file(path, preds=joints + 1),
    "Newell's training": as_trained,
    "PyraNet": lambda path, joints: hdf5_file(path, preds=with_confidence(joints + 1)),
    "Torch's order": lambda path, joints: hdf5_file(path, preds=(joints + 1).T),
    "bearpaw, HRNet": lambda path, joints: matlab_file(path, preds=joints + 1),
    "people last": lambda path, joints: matlab_file(path, preds=(joints + 1).transpose(1, 2, 0)),
    "Tompson": lambda path, joints: matlab_file(
        path, pos_pred_src=(joints + 1).transpose(1, 2, 0), pos_gt_src=np.zeros((14, 2, 4))
    ),
    "MATLAB 7.3": lambda path, joints: hdf5_file(path, "poses.mat", preds=(joints + 1).T),
    "Tompson in MATLAB 7.3": lambda path, joints: hdf5_file(
        path, "poses.mat", pos_pred_src=(joints + 1).transpose(0, 2, 1)
    ),
}


@pytest.mark.parametrize("write", WRITE.values(), ids=WRITE.keys())
def test_every_format_says_the_same(
    write: Callable[[Path, np.ndarray], Path], joints: np.ndarray, people: Split, tmp_path: Path
) -> None:
    path = write(tmp_path, joints)
    np.testing.assert_allclose(read_predictions(path, people), joints)
    own = 0 if path.suffix == ".npy" else 1
    for first in (0, 1):
        read = read_predictions(path, people, first_pixel=first)
        np.testing.assert_allclose(read, joints + own - first)


def test_as_many_people_as_joints_are_told_apart_by_the_usual_order_alone(tmp_path: Path) -> None:
    square = rendered_people("test", count=14, pixels=32)
    joints = np.random.default_rng(0).uniform(0, 32, (14, 14, 2))
    for path in (numpy_file(tmp_path, joints), WRITE["Tompson"](tmp_path, joints)):
        np.testing.assert_allclose(read_predictions(path, square), joints)
    with pytest.raises(UsageError, match=r"2 x 14 x 14 numbers do not tell .* as 14 x 14 x 2"):
        read_predictions(numpy_file(tmp_path, joints.T), square)


@pytest.mark.parametrize("idxs", [[1, 2, 2, 4], [1, 2, 3], [[1], [2], [3], [4]]])
def test_an_order_that_is_none_is_refused(
    idxs: list[int], joints: np.ndarray, people: Split, tmp_path: Path
) -> None:
    path = hdf5_file(tmp_path, preds=joints, idxs=np.array(idxs))
    with pytest.raises(UsageError, match=r"`idxs` in .* to number the 4 people"):
        read_predictions(path, people)


def test_scores_count_what_is_off_and_what_is_unknown_as_wrong(
    joints: np.ndarray, people: Split
) -> None:
    found = score(joints, people)
    assert found.pck == pytest.approx(100 * (4 * 14 - 4) / (4 * 14))
    assert found.by_joint["right_ankle"] == 75
    assert found.by_joint["left_ankle"] == 100
    assert found.by_pair["ankle"] == 87.5
    assert found.by_joint["head_top"] == 75
    assert found.further["PCK@0.1"] == found.pck


def test_the_mean_of_joints_counts_rare_ones_as_much_as_others(
    joints: np.ndarray, people: Split
) -> None:
    """One ankle of one person is labelled, and wrong: one joint of 14, but one of 53 alone."""
    first = np.arange(14) > 0
    some = [
        replace(person, labelled=person.labelled & (first | (number == 1)))
        for number, person in enumerate(people)
    ]
    found = score(joints, replace(people, people=some))
    assert found.by_joint["right_ankle"] == 0
    (mean,) = (value for name, value in found.further.items() if name.startswith("mean of"))
    assert mean == pytest.approx((10 * 100 + 3 * 75 + 0) / 14)
    assert found.pck == pytest.approx(100 * 49 / 53)


def test_the_threshold_belongs_to_the_people_and_is_inclusive(people: Split) -> None:
    person = replace(people[0], joints=np.zeros((14, 2)), size=10.0)
    one = replace(people, people=(person,), threshold=0.5)
    moved = np.zeros((1, 14, 2))
    moved[..., 0] = 5.0
    assert score(moved, one).pck == 100
    assert score(np.nextafter(moved, 6.0), one).pck == 0


def test_unscored_joints_are_left_out(joints: np.ndarray, people: Split) -> None:
    found = score(joints, replace(people, unscored=("right_ankle", "head_top")))
    assert found.pck == pytest.approx(100 * (4 * 12 - 2) / (4 * 12))
    assert np.isnan(found.by_joint["head_top"])


@pytest.mark.parametrize("shape", [(3, 14, 2), (4, 16, 2), (4, 14, 4), (4, 28), (), (1,) * 9])
def test_another_number_of_people_or_joints_is_refused(
    shape: tuple[int, ...], people: Split, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="expected 4 x 14 x 2 numbers"):
        read_predictions(numpy_file(tmp_path, np.zeros(shape)), people)


def broken(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def matlab_of_words(path: Path) -> Path:
    scipy.io.savemat(path, {"pos_pred_src": np.full((14, 2, 4), "far")})
    return path


def hdf5_without_end(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("preds", (10**11, 14, 2), "f4", chunks=(1, 14, 2))
    return path


def several_arrays(path: Path) -> Path:
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))
    return path


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda folder: folder / "none.npy", "found no file"),
        (lambda folder: broken(folder / "a.txt", b"1 2 3"), "found a.txt"),
        (lambda folder: broken(folder / "a.npy", b"1 2 3"), "as numpy.save writes it at .*other"),
        (lambda folder: broken(folder / "a.h5", b"1 2 3"), "an HDF5 file at .*something else"),
        (lambda folder: hdf5_file(folder, poses=np.zeros(3)), "`preds` or .* found poses"),
        (lambda folder: hdf5_file(folder), "found nothing"),
        (lambda folder: hdf5_file(folder, preds=np.zeros((4, 14, 2)).astype("S")), "expected num"),
        (lambda folder: hdf5_file(folder, "a.mat", preds=np.zeros((2, 14))), "found 2 x 14"),
        (lambda folder: matlab_file(folder, pos_gt_src=np.zeros((14, 2, 4))), "found pos_gt_src"),
        (lambda folder: matlab_file(folder, preds=np.zeros((4, 13, 2))), "found 4 x 13 x 2"),
        (lambda folder: matlab_of_words(folder / "a.mat"), "expected numbers"),
        (lambda folder: hdf5_without_end(folder / "a.h5"), "expected 4 x 14 x 2 numbers"),
        (lambda folder: several_arrays(folder / "a.npy"), "several arrays"),
        (lambda folder: broken(folder / "a.npy", b"PK\x03\x04 no archive"), "no array of numbers"),
        (
            lambda folder: broken(
                folder / "a.npy", b"\x93NUMPY\x01\x00\x08\x00((((((((" + bytes(99)
            ),
            "no array of numbers",
        ),
    ],
)
def test_other_files_are_refused(
    write: Callable[[Path], Path], said: str, people: Split, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        read_predictions(write(tmp_path), people)


def test_nobody_can_not_be_scored(people: Split) -> None:
    with pytest.raises(UsageError, match="nobody to score"):
        score(np.zeros((0, 14, 2)), people[:0])


def test_small_numbers_do_not_wrap(people: Split, tmp_path: Path) -> None:
    path = tmp_path / "poses.mat"
    scipy.io.savemat(path, {"pos_pred_src": np.zeros((14, 2, 4), np.uint16)})
    assert (read_predictions(path, people) == -1).all()


def test_words_are_no_numbers(people: Split, tmp_path: Path) -> None:
    np.save(tmp_path / "words.npy", np.full((4, 14, 2), "far"))
    with pytest.raises(UsageError, match="expected numbers"):
        read_predictions(tmp_path / "words.npy", people)


def test_results_are_scored_on_the_annotations_that_the_name_means(tmp_path: Path) -> None:
    keypoints = [number for joint in range(17) for number in (10 * joint, 5 * joint, 2)]
    person = {"id": 1, "image_id": 7, "category_id": 1, "keypoints": keypoints}
    person |= {"num_keypoints": 17, "area": 5000.0, "iscrowd": 0, "bbox": [0, 0, 160, 80]}
    annotations = {
        "images": [{"id": 7, "file_name": "7.jpg", "width": 200, "height": 100}],
        "annotations": [person],
        "categories": [{"id": 1, "name": "person"}],
    }
    path = tmp_path / "annotations" / "person_keypoints_val2017.json"
    path.parent.mkdir()
    path.write_text(json.dumps(annotations))
    result = {"image_id": 7, "category_id": 1, "keypoints": keypoints, "score": 0.9}
    results = tmp_path / "results.json"
    results.write_text(json.dumps([result]))
    for people in (f"coco:{tmp_path}", f"coco:{path}"):
        assert score_results(results, people).ap == pytest.approx(100)
    with pytest.raises(UsageError, match="expected coco:FOLDER"):
        score_results(results, "rendered")
