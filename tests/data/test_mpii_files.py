"""Annotations of MPII that are not as they should be: the message names file, record and field."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from robustpose.data.mpii import mpii_people, mpii_truth
from robustpose.errors import UsageError

from .mpii_forms import (
    OFFICIAL,
    annotated,
    h5_arrays,
    json_people,
    photo_rows,
    structures,
    write_h5,
    write_json,
    write_official,
    write_photos,
)

PHOTOS = ["a.jpg", "a.jpg", "b.jpg"]
Change = Callable[[Any], object]


def setting(*path: Any) -> Change:
    """Return a change: what lies at all of the path but its end is set to that."""
    *way, key, value = path

    def change(content: Any) -> None:
        for step in way:
            content = content[step]
        content[key] = value

    return change


def removing(*path: Any) -> Change:
    *way, key = path

    def change(content: Any) -> None:
        for step in way:
            content = content[step]
        del content[key]

    return change


JSON = {
    "no joints": (removing(1, "joints"), r"record 2 \(a\.jpg\): expected .* found no `joints`$"),
    "no image": (removing(2, "image"), r"record 3: expected .* found no `image`"),
    "number as image": (setting(0, "image", 7), "record 1: expected `image` to be text, found 7"),
    "folder in image": (setting(2, "image", "../b.jpg"), r"record 3 .*file name of a photograph"),
    "NaN centre": (setting(2, "center", [1.0, np.nan]), r"record 3 .*`center` to be finite"),
    "infinite scale": (setting(0, "scale", np.inf), r"record 1 .*`scale` to be a positive number"),
    "scale of -1": (setting(0, "scale", -1), r"`scale` to be a positive number, found -1"),
    "scale of text": (setting(1, "scale", "2"), r"record 2 .*`scale` to be a number, found text"),
    "null scale": (setting(1, "scale", None), r"record 2 .*`scale` to be a number, found null"),
    "15 joints": (removing(2, "joints", 3), r"record 3 .*`joints` to be 16 x 2 .* found 15 x 2"),
    "ragged joints": (
        setting(2, "joints", 3, [1]),
        r"record 3 \(b\.jpg\): expected `joints` to be",
    ),
    "text in joints": (setting(0, "joints", 3, ["1", "2"]), r"record 1 .*found other values in it"),
    "17 flags": (
        setting(0, "joints_vis", [1] * 17),
        r"record 1 .*`joints_vis` to be 16 .*found 17",
    ),
    "flag of 2": (
        setting(1, "joints_vis", [2] * 16),
        r"record 2 .*`joints_vis` of 0 or 1, found 2",
    ),
    "NaN joint": (
        setting(2, "joints", 7, [np.nan, 3]),
        r"record 3 \(b\.jpg\): .*joint 7 \(thorax\), found nan, 3",
    ),
    "a person twice": (
        lambda people: people.append(dict(people[1])),
        r"record 4 \(a\.jpg\): the same person as record 2",
    ),
    "no person": (lambda people: people.clear(), r"expected people in .*valid\.json, found none"),
    "a person who is a list": (setting(1, []), "record 2: expected an object, found a list"),
    "no photograph": (setting(1, "image", "c.jpg"), r"record 2 \(c\.jpg\): expected `image` to be"),
}


@pytest.mark.parametrize("case", JSON)
def test_odd_json_is_refused(tmp_path: Path, case: str) -> None:
    people = json_people(annotated(PHOTOS))
    path = write_json(write_photos(tmp_path, PHOTOS), annotated(PHOTOS))
    assert len(mpii_people(tmp_path, "test")) == 3
    change, message = JSON[case]
    change(people)
    path.write_text(json.dumps(people))
    with pytest.raises(UsageError, match=message) as error:
        mpii_people(tmp_path, "test")
    assert "valid.json" in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a JSON file at .*: Expecting value"),
        (b'[{"image": "a.jpg", ', "expected a JSON file"),
        (b"\xff\xfe\x00", "expected a JSON file"),
        (b"[" * 100_000, "expected a JSON file"),
        (b'{"annotations": []}', "expected a list of people in .*, found an object"),
    ],
    ids=["empty", "cut short", "bytes", "deep", "object"],
)
def test_what_is_no_list_of_people_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "valid.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        mpii_truth(path)


def with_array(name: str, change: Callable[[np.ndarray], object]) -> Change:
    def changed(arrays: dict[str, np.ndarray]) -> None:
        result = change(arrays[name])
        arrays[name] = arrays[name] if result is None else np.asarray(result)

    return changed


H5 = {
    "no part": (removing("part"), r"expected .* in .*valid\.h5, found no `part`"),
    "a row too few": (
        with_array("part", lambda part: part[:2]),
        "expected `part` of 3 x 16 x 2, one row for each `imgname`, found 2 x 16 x 2",
    ),
    "17 joints": (with_array("visible", lambda flags: np.ones((3, 17))), "`visible` of 3 x 16"),
    "one value": (with_array("scale", lambda scale: scale[0]), "`scale` of 3, .* found one value"),
    "numbers as names": (with_array("imgname", lambda names: [1, 2, 3]), "`imgname` to be text"),
    "text as scale": (with_array("scale", lambda scale: [b"1"] * 3), "`scale` to be numbers"),
    "NaN joint": (setting("part", 1, np.nan), "record 2: expected `part` to be finite"),
    "NaN head": (setting("normalize", 2, np.nan), "record 3: expected `normalize` to be finite"),
    "NaN scale": (setting("scale", 2, np.nan), r"record 3 \(b\.jpg\): expected `scale`"),
    "scale of 0": (
        setting("scale", 1, 0),
        r"record 2 \(a\.jpg\): expected `scale` to be a positive",
    ),
    "a person twice": (
        setting("person", 1, 0),
        r"record 2 \(a\.jpg\): the same person as record 1: remove one",
    ),
    "not enlarged": (
        with_array("scale", lambda scale: scale / 1.25),
        "`normalize` to be 20 x `scale`.*found 25 x `scale`",
    ),
    "an odd name": (with_array("imgname", lambda n: [b"\xff.jpg"] * 3), "record 1: .*in ASCII"),
}


@pytest.mark.parametrize("case", H5)
def test_odd_hdf5_is_refused(tmp_path: Path, case: str) -> None:
    arrays = h5_arrays(annotated(PHOTOS))
    assert len(mpii_truth(write_h5(tmp_path, arrays))) == 3
    change, message = H5[case]
    change(arrays)
    path = write_h5(tmp_path, arrays)
    with pytest.raises(UsageError, match=message) as error:
        mpii_truth(path)
    assert "valid.h5" in str(error.value)


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_hdf5_that_is_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    path = write_h5(tmp_path, h5_arrays(annotated(PHOTOS)))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UsageError, match=r"expected an HDF5 file at .*valid\.h5"):
        mpii_truth(path)


def points(change: Callable[[np.ndarray], object]) -> Change:
    """Return a change of the joints of the second person of the first photograph."""

    def changed(rows: Any) -> None:
        inner = rows[0]["annorect"][1]["annopoints"]
        result = change(inner["point"])
        inner["point"] = inner["point"] if result is None else result

    return changed


SECOND = r"annolist\(1\)\.annorect\(2\) \(a\.jpg\): "
MAT = {
    "no image": (setting(1, "image", {"path": "b.jpg"}), r"annolist\(2\): expected `image.name`"),
    "no objpos": (removing(0, "annorect", 1, "objpos"), SECOND + "expected one `objpos`, found 0"),
    "no scale": (removing(0, "annorect", 1, "scale"), SECOND + "expected `scale`, found none"),
    "two scales": (
        setting(0, "annorect", 1, "scale", np.ones(2)),
        SECOND + "`scale`: expected one number, found 2",
    ),
    "NaN scale": (
        setting(0, "annorect", 1, "scale", np.nan),
        r"record 2 \(a\.jpg\): expected `scale` to be a positive number, found nan",
    ),
    "joint 16": (
        points(setting(0, 1, "id", 16)),
        SECOND + "expected a joint `id` of 0 to 15, found 16",
    ),
    "joint 0.5": (
        points(setting(0, 1, "id", 0.5)),
        SECOND + "expected a joint `id` of 0 to 15, found 0.5",
    ),
    "a joint twice": (points(setting(0, 0, "id", 7)), SECOND + ".*found `id` 7 twice"),
    "empty x": (points(setting(0, 1, "x", np.zeros(0))), SECOND + "expected `x` of every `point`"),
    "no y": (
        points(lambda array: structures([{"x": 3, "id": 7}])),
        SECOND + "expected `y` of every `point`",
    ),
    "text as y": (
        points(setting(0, 1, "y", "?")),
        SECOND + r"`annopoints`: expected a number.*'\?'",
    ),
    "NaN x": (points(setting(0, 0, "x", np.nan)), r"record 2 \(a\.jpg\): expected finite coord"),
    "points that are numbers": (
        points(lambda array: np.ones(4)),
        SECOND + "`annopoints`: expected structures",
    ),
    "a photograph twice": (
        lambda rows: rows.append(rows[1]),
        r"record 4 \(b\.jpg\): the same person as record 3",
    ),
}


@pytest.mark.parametrize("case", MAT)
def test_odd_matlab_files_are_refused(tmp_path: Path, case: str) -> None:
    people = annotated(PHOTOS)
    people.labelled[:] = [k in (1, 7, 9) for k in range(16)]
    write_official(write_photos(tmp_path, PHOTOS), photo_rows(people))
    assert len(mpii_people(tmp_path, "test")) == 3
    rows = photo_rows(people)
    change, message = MAT[case]
    change(rows)
    write_official(tmp_path, rows)
    with pytest.raises(UsageError, match=message) as error:
        mpii_people(tmp_path, "test")
    assert OFFICIAL in str(error.value)


@pytest.mark.parametrize(
    ("release", "message"),
    [
        ({"annolist": np.zeros((0, 0))}, "with `annolist` and `img_train`, found no `img_train`"),
        (
            {"annolist": structures([{"image": {"name": "a.jpg"}}]), "img_train": [1, 1]},
            "`img_train` as photographs in `annolist`, found 2 and 1",
        ),
        ({"annolist": np.zeros((0, 0)), "img_train": np.zeros((0, 0))}, "people in .*found none"),
        (np.ones(4), "expected structures, found other values"),
    ],
    ids=["no img_train", "counts", "nobody", "numbers"],
)
def test_a_release_without_its_parts_is_refused(
    tmp_path: Path, release: object, message: str
) -> None:
    scipy.io.savemat(tmp_path / OFFICIAL, {"RELEASE": release})
    with pytest.raises(UsageError, match=message):
        mpii_people(tmp_path, "test")


def test_a_matlab_file_of_something_else_is_refused(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / OFFICIAL, {"joints": np.ones(3)})
    with pytest.raises(UsageError, match=r"variable `RELEASE` in .*u12_1\.mat, found joints"):
        mpii_people(tmp_path, "test")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            removing("headboxes_src"),
            "`headboxes_src` of 2 x 2 x 2958 .*, found jnt_missing, pos_gt",
        ),
        (setting("jnt_missing", np.zeros((16, 5))), "`jnt_missing` of 16 x 2958 .* found 16 x 5"),
        (setting("jnt_missing", 3, 40, 2), "record 41: expected `jnt_missing` of 0 or 1"),
        (
            setting("headboxes_src", 0, 0, 9, np.nan),
            "record 10: expected `headboxes_src` to be fin",
        ),
        (setting("pos_gt_src", 5, 0, 9, np.inf), r"record 10 \(.*\.jpg\): expected finite coordin"),
        (
            setting("pos_gt_src", np.full((16, 2, 2958), "x")),
            "`pos_gt_src` of 16 x 2 x 2958 numbers",
        ),
        (
            setting("dataset_joints", np.array([["head", "neck"]], object)),
            "in the order rank, rkne",
        ),
    ],
    ids=["no boxes", "5 people", "flag of 2", "NaN box", "inf", "text", "another order"],
)
def test_odd_files_of_tompsons_form_are_refused(
    tmp_path: Path, change: Change, message: str
) -> None:
    arrays: dict[str, Any] = {
        "pos_gt_src": np.ones((16, 2, 2958)) * np.arange(1, 2959),
        "jnt_missing": np.zeros((16, 2958)),
        "headboxes_src": np.stack([np.zeros((2, 2958)), np.ones((2, 2958))]),
    }
    change(arrays)
    scipy.io.savemat(tmp_path / "truth.mat", arrays)
    with pytest.raises(UsageError, match=message):
        mpii_truth(tmp_path / "truth.mat")


def test_an_official_file_cut_short_or_changed_is_refused_or_read(tmp_path: Path) -> None:
    rows = photo_rows(annotated(PHOTOS))
    path = write_official(write_photos(tmp_path, PHOTOS), rows, compressed=False)
    whole = path.read_bytes()
    for end in range(len(whole) - 40, len(whole), 3):
        path.write_bytes(whole[:end])
        with pytest.raises(UsageError):
            mpii_people(tmp_path, "test")
    random = np.random.default_rng(0)
    for _ in range(60):
        content = bytearray(whole)
        for place in random.integers(0, len(whole), 3):
            content[place] = random.integers(256)
        path.write_bytes(content)
        try:
            people = mpii_people(tmp_path, "test")
        except UsageError:
            continue
        assert all(np.isfinite(person.size or 0.0) for person in people)
