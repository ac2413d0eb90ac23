"""Leeds Sports Pose: which people are read, how they are measured, what is refused."""

import csv
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from robustpose.data.crops import crop
from robustpose.data.lsp import lsp_people, torso
from robustpose.data.people import Person
from robustpose.errors import UsageError
from robustpose.skeletons import LSP14

RIGHT_SHOULDER, LEFT_SHOULDER, RIGHT_HIP, LEFT_HIP = 8, 9, 2, 3
WriteFolder = Callable[..., Path]


def annotations(count: int, seed: int = 0) -> np.ndarray:
    """Return joints (14, 3, people), all labelled."""
    joints = np.random.default_rng(seed).uniform(20, 180, (14, 3, count))
    joints[:, 2] = 1
    return joints


def write_folder(folder: Path, joints: np.ndarray, *, photos: int | None = None) -> Path:
    """Write a data set whose photographs are empty files."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for number in range(1, (joints.shape[-1] if photos is None else photos) + 1):
        (folder / "images" / f"im{number:05d}.jpg").touch()
    scipy.io.savemat(folder / "joints.mat", {"joints": joints})
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 10,000 people; the diagonals of every tenth are not labelled."""
    joints = annotations(10_000)
    joints[[RIGHT_SHOULDER, LEFT_SHOULDER], 2, ::10] = 0
    joints[:, 2, 20] = 0  # photograph 21 has no joint at all
    return write_folder(tmp_path_factory.mktemp("lsp"), joints)


def numbers(people: object) -> list[int]:
    return [int(Path(person.photo.name).stem[2:]) for person in people]


def test_the_whole_set_is_split_by_number_without_near_duplicates(whole: Path) -> None:
    train, test = lsp_people(whole, "train"), lsp_people(whole, "test")
    table = files("robustpose.data").joinpath("lspet_near_duplicates.csv").read_text()
    leaks = {int(row["train_photo"]) for row in csv.DictReader(table.splitlines())}
    assert len(leaks) == 14
    assert numbers(train) == [n for n in range(1, 9001) if n not in leaks and n != 21]
    assert numbers(test) == [n for n in range(9001, 10_001) if n % 10 != 1]
    assert train.left_out == {"fewer than two labelled joints": 1}
    assert test.left_out == {"no labelled torso diagonal to measure errors by": 100}
    assert train[0].size is None  # without a reference length people still serve for training
    assert (train.name, test.name, test.threshold) == ("lsp/train", "lsp/test", 0.2)


def test_ids_are_unique_and_stable(whole: Path) -> None:
    ids = [person.id for person in lsp_people(whole, "test")]
    assert len(set(ids)) == len(ids)
    assert ids[0] == "lsp/test/im09002"


def test_a_folder_of_another_count_is_all_test(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, annotations(12))
    assert numbers(lsp_people(folder, "test")) == list(range(1, 13))
    with pytest.raises(UsageError, match=r"training needs the whole set of 10,000.* has 12"):
        lsp_people(folder, "train")
    with pytest.raises(UsageError, match="found 'validation'"):
        lsp_people(folder, "validation")


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ([], 50.0),  # the longer diagonal
        ([LEFT_HIP], 30.0),
        ([LEFT_SHOULDER], 50.0),
        ([LEFT_SHOULDER, LEFT_HIP], None),
        ([RIGHT_SHOULDER, RIGHT_HIP], None),
    ],
)
def test_the_torso_is_the_longer_labelled_diagonal(
    missing: list[int], expected: float | None
) -> None:
    joints, labelled = np.zeros((14, 2)), np.ones(14, bool)
    joints[RIGHT_SHOULDER], joints[LEFT_HIP] = (0, 0), (30, 40)
    joints[LEFT_SHOULDER], joints[RIGHT_HIP] = (20, 0), (20, 30)
    labelled[missing] = False
    assert torso(joints, labelled) == expected
    assert LSP14.joints[RIGHT_SHOULDER] == "right_shoulder"
    assert LSP14.joints[LEFT_HIP] == "left_hip"


def test_coordinates_without_a_label_are_never_read(tmp_path: Path) -> None:
    splits = []
    for name, absurd in (("a", 0.0), ("b", np.nan), ("c", 1e9)):
        joints = annotations(5)
        joints[[0, 8], 2] = 0
        joints[[0, 8], :2] = absurd
        splits.append(lsp_people(write_folder(tmp_path / name, joints), "test"))
    first = splits[0]
    for other in splits[1:]:
        assert other.digest == first.digest
        for a, b in zip(first, other, strict=True):
            assert (a.box, a.size) == (b.box, b.size)
            np.testing.assert_array_equal(a.joints, b.joints)


def test_the_digest_follows_the_annotations(tmp_path: Path) -> None:
    one = lsp_people(write_folder(tmp_path / "a", annotations(3)), "test")
    moved = annotations(3)
    moved[4, 0, 1] += 1
    assert lsp_people(write_folder(tmp_path / "b", moved), "test").digest != one.digest


def test_the_crop_is_the_square_round_the_labelled_joints(tmp_path: Path) -> None:
    joints = annotations(1)
    joints[:, 0, 0], joints[:, 1, 0] = np.linspace(40, 140, 14), np.linspace(60, 80, 14)
    joints[13, :, 0] = 900, 900, 0
    (person,) = lsp_people(write_folder(tmp_path, joints), "test")
    low, high = joints[0, :2, 0], joints[12, :2, 0]
    assert person.box.centre == pytest.approx(tuple((low + high) / 2))
    assert person.box.width == pytest.approx(1.3 * (high[0] - low[0]))


def flagged(value: float) -> np.ndarray:
    joints = annotations(3)
    joints[2, 2, 1] = value
    return joints


def nan_joint() -> np.ndarray:
    joints = annotations(3)
    joints[5, 0, 1] = np.nan
    return joints


@pytest.mark.parametrize(
    ("joints", "message"),
    [
        (annotations(3).transpose(1, 0, 2), "`joints` of shape 3 x 14 x 3"),
        (np.zeros((16, 3, 3)), "`joints` of shape 16 x 3 x 3"),
        (np.zeros((14, 3, 0)), "`joints` of shape 14 x 3 x 0"),
        (np.zeros(42), "`joints` of shape 1 x 42"),
        (np.full((14, 3, 2), "x"), "joints"),
        (flagged(2), r"person 2: expected the flag of joint 3 \(right_hip\) .* 0 or 1, found 2"),
        (flagged(np.nan), r"person 2: .*flag of joint 3 .*found nan"),
        (
            nan_joint(),
            r"joints\.mat, person 2: expected joint 6 \(left_ankle\) in `joints` .*found nan",
        ),
        (annotations(3) > 1, "joints.mat, found true or false"),
        (np.where(annotations(3) > 1, 1e308, 1.0), "below a million, found 1e"),
    ],
    ids=[
        "3 x 14",
        "16 joints",
        "nobody",
        "flat",
        "text",
        "flag 2",
        "NaN flag",
        "NaN joint",
        "truth",
        "huge",
    ],
)
def test_annotations_of_another_form_are_refused(
    tmp_path: Path, joints: np.ndarray, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        lsp_people(write_folder(tmp_path, joints, photos=3), "test")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"no MATLAB file at all" * 40], ids=["empty", "short", "text"]
)
def test_a_file_that_is_not_matlab_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = write_folder(tmp_path, annotations(2))
    (folder / "joints.mat").write_bytes(content)
    with pytest.raises(UsageError, match=r"expected a MATLAB file.*joints\.mat"):
        lsp_people(folder, "test")


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_a_truncated_matlab_file_is_refused(tmp_path: Path, share: float) -> None:
    path = write_folder(tmp_path, annotations(20)) / "joints.mat"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UsageError, match="expected a MATLAB file"):
        lsp_people(tmp_path, "test")


def test_a_file_without_joints_lists_what_it_has(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, annotations(2))
    scipy.io.savemat(folder / "joints.mat", {"poses": np.zeros(3)})
    with pytest.raises(UsageError, match="found poses"):
        lsp_people(folder, "test")


def test_a_sparse_array_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, annotations(2))
    scipy.io.savemat(folder / "joints.mat", {"joints": scipy.sparse.eye_array(14, 3)})
    with pytest.raises(UsageError, match=r"14 joints x 3 .*found a sparse array"):
        lsp_people(folder, "test")


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_file_is_no_photograph(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = write_folder(tmp_path, annotations(3)) / "images" / "im00002.jpg"
    path.unlink()
    make(path)
    with pytest.raises(UsageError, match=r"person 2: .*im00002\.jpg, found no such file; 1 of"):
        lsp_people(tmp_path, "test")


def test_two_photographs_of_one_number_are_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, annotations(3))
    (folder / "images" / "im00002.png").touch()
    with pytest.raises(UsageError, match=r"found im00002\.jpg and im00002\.png: remove one"):
        lsp_people(folder, "test")


def test_folders_that_lack_something_say_what(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found nothing"):
        lsp_people(tmp_path / "nowhere", "test")
    with pytest.raises(UsageError, match=r"joints\.mat.*found none"):
        lsp_people(tmp_path, "test")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="found a file"):
        lsp_people(tmp_path / "file", "test")
    folder = write_folder(tmp_path, annotations(3))
    (folder / "images" / "im00002.jpg").unlink()
    with pytest.raises(
        UsageError, match=r"person 2: .*im00002\.jpg, found no such file; 1 of the 3"
    ):
        lsp_people(folder, "test")
    for path in (folder / "images").iterdir():
        path.unlink()
    (folder / "images").rmdir()
    with pytest.raises(UsageError, match="no such folder"):
        lsp_people(folder, "test")


def test_the_sample_counts_agree_with_its_flags(samples: Path) -> None:
    folder = samples / "lspet-sample"
    joints = scipy.io.loadmat(folder / "joints.mat")["joints"]
    scored = [
        bool(
            (joints[RIGHT_SHOULDER, 2, i] and joints[LEFT_HIP, 2, i])
            or (joints[LEFT_SHOULDER, 2, i] and joints[RIGHT_HIP, 2, i])
        )
        for i in range(joints.shape[2])
    ]
    people = lsp_people(folder, "test")
    assert len(scored) == 300
    assert numbers(people) == [i + 1 for i, known in enumerate(scored) if known]
    assert sum(people.left_out.values()) == 300 - len(people)
    flags = joints[:, 2, [n - 1 for n in numbers(people)]]
    assert sum(int(person.labelled.sum()) for person in people) == int(flags.sum())


def test_real_people_can_be_cut_out(samples: Path) -> None:
    people = lsp_people(samples / "lspet-sample", "test").limited(6)
    batch = crop(people, (64, 64))

    def in_the_middle(person: Person, row: int) -> bool:
        joints = batch.joints[row][batch.labelled[row]]
        return bool(((joints > 0) & (joints < 63)).all())

    assert all(in_the_middle(person, row) for row, person in enumerate(people))
    assert batch.images.flatten(1).std(dim=1).min() > 0.02
