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
    "no joints": (
        removing(1, "joints"),
        r"record 2 \(a\.jpg\): has no `joints`: expected 16 pairs",
    ),
    "no image": (removing(2, "image"), r"record 3: has no `image`: expected the file name"),
    "number as image": (
        setting(0, "image", 7),
        r"record 1 .*: expected `image` to be the file name of a photograph, found 7",
    ),
    "folder in image": (
        setting(2, "image", "../b.jpg"),
        r"record 3 \(\.\./b\.jpg\): expected `image` to be the file name",
    ),
    "NaN centre": (
        setting(2, "center", [1.0, np.nan]),
        r"record 3 .*`center` to be two finite numbers \(x, y\), found NaN as number 2",
    ),
    "infinite scale": (
        setting(0, "scale", np.inf),
        r"record 1 .*`scale` to be a finite number, found Infinity",
    ),
    "scale of -1": (
        setting(0, "scale", -1),
        r"record 1 .*`scale` to be a number from 0\.001 to 1,000, found -1$",
    ),
    "scale of text": (
        setting(1, "scale", "2"),
        r"record 2 .*`scale` to be a finite number, found \"2\"$",
    ),
    "null scale": (
        setting(1, "scale", None),
        r"record 2 .*`scale` to be a finite number, found null$",
    ),
    "15 joints": (
        removing(2, "joints", 3),
        r"record 3 .*`joints` to be 16 pairs .*found 15 of them",
    ),
    "ragged joints": (
        setting(2, "joints", 3, [1]),
        r"record 3 \(b\.jpg\): expected `joints` to be",
    ),
    "text in joints": (
        setting(0, "joints", 3, ["1", "2"]),
        r'record 1 .*found \["1", "2"\] as number 4',
    ),
    "17 flags": (
        setting(0, "joints_vis", [1] * 17),
        r"record 1 .*`joints_vis` to be 16 flags of 0 or 1, found 17 of them",
    ),
    "flag of 2": (
        setting(1, "joints_vis", [2] * 16),
        r"record 2 .*`joints_vis` to be 16 flags of 0 or 1, found \[2, 2",
    ),
    "NaN joint": (
        setting(2, "joints", 7, [np.nan, 3]),
        r"record 3 \(b\.jpg\): .*joint 7 \(thorax\) in `joints` .*found nan, 3",
    ),
    "a person twice": (
        lambda people: people.append(dict(people[1])),
        r"record 4 \(a\.jpg\): the same person as record 2",
    ),
    "no person": (lambda people: people.clear(), r"expected people in .*valid\.json, found none"),
    "a person who is a list": (setting(1, []), "record 2: expected an object, found a list"),
    "true as scale": (setting(1, "scale", True), r"record 2 .*`scale` .*found true$"),
    "true in a joint": (
        setting(0, "joints", 3, [True, 2.0]),
        r"record 1 .*`joints` .*found \[true, 2\.0\] as number 4$",
    ),
    "huge centre": (
        setting(2, "center", [1e300, 1]),
        r"record 3 .*`center` to be finite and below a million, found 1e\+300, 1",
    ),
    "huge joint": (setting(1, "joints", 7, [1e308, 0]), r"record 2 .*joint 7 .*found 1e\+308, 0"),
    "huge whole number": (setting(1, "scale", 10**400), r"record 2 .*`scale` .*found 1000"),
    "tiny scale": (setting(1, "scale", 1e-300), r"record 2 .*`scale` .*found 1e-300"),
    "image of two lines": (
        setting(0, "image", "a\nb.jpg"),
        r"record 1 \(a\\nb\.jpg\): .*`image` to be the file name .*found 'a\\nb\.jpg'$",
    ),
    "folder as image": (
        setting(0, "image", "."),
        r"record 1 \(\.\): .*`image` to be the file name",
    ),
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
        (b"", "expected a JSON file at .*: it is empty"),
        (b'[{"image": "a.jpg", ', "expected a JSON file"),
        (b"\xff\xfe\x00", "expected a JSON file"),
        (b"[" * 100_000, "expected a JSON file"),
        (b'{"annotations": []}', "expected a list of people, found an object"),
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
    "NaN joint": (
        setting("part", 1, np.nan),
        r"record 2 \(a\.jpg\): expected joint 0 \(right_ankle\) in `part` to be finite",
    ),
    "NaN head": (
        setting("normalize", 2, np.nan),
        r"record 3 \(b\.jpg\): expected `normalize` to be a number from 0, found nan",
    ),
    "NaN scale": (setting("scale", 2, np.nan), r"record 3 \(b\.jpg\): expected `scale`"),
    "scale of 0": (
        setting("scale", 1, 0),
        r"record 2 \(a\.jpg\): expected `scale` to be a number from",
    ),
    "a person twice": (
        setting("person", 1, 0),
        r"record 2 \(a\.jpg\): the same person as record 1: remove one",
    ),
    "not enlarged": (
        with_array("scale", lambda scale: scale / 1.25),
        "`normalize` to be 20 x `scale`.*found 25 x `scale`",
    ),
    "NaN flag": (setting("visible", 1, 3, np.nan), r"record 2 .*`visible` to be flags .*nan"),
    "negative head": (setting("normalize", 1, -5), r"record 2 .*`normalize` to be a number from 0"),
    "half a person": (
        with_array("person", lambda person: person + 0.5),
        "record 1 .*`person` to be a whole",
    ),
    "nobody": (
        lambda arrays: arrays.update({name: array[:0] for name, array in arrays.items()}),
        r"expected people in .*valid\.h5, found none",
    ),
    "codes of no letters": (
        with_array("imgname", lambda names: np.full((3, 5), 300)),
        r"record 1: expected `imgname` to be text in ASCII, found \[300, 300",
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


@pytest.mark.parametrize("letters", [5, 16], ids=["exact", "padded"])
@pytest.mark.parametrize("kind", [np.uint8, np.float64])
def test_names_may_be_rows_of_character_codes(tmp_path: Path, letters: int, kind: type) -> None:
    """As Newell's converter and the code of Jain et al. have them."""
    arrays = h5_arrays(annotated(PHOTOS))
    expected = mpii_truth(write_h5(tmp_path, arrays))
    names = [name.ljust(letters, b"\0") for name in arrays["imgname"].tolist()]
    arrays["imgname"] = np.array([list(name) for name in names], kind)
    found = mpii_truth(write_h5(tmp_path, arrays))
    assert (found.ids, found.digest) == (expected.ids, expected.digest)


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
POINTS = r"annolist\(1\)\.annorect\(2\) \(a\.jpg\), `annopoints`: "
MAT = {
    "no image": (
        setting(1, "image", {"path": "b.jpg"}),
        r"annolist\(2\)\.image: expected `name`, found none",
    ),
    "no objpos": (
        removing(0, "annorect", 1, "objpos"),
        SECOND + "expected one structure `objpos`, found 0",
    ),
    "no scale": (
        removing(0, "annorect", 1, "scale"),
        SECOND + "expected `scale` to be a finite number, found none",
    ),
    "two scales": (
        setting(0, "annorect", 1, "scale", np.ones(2)),
        SECOND + "`scale`: expected one number, found 2",
    ),
    "NaN scale": (
        setting(0, "annorect", 1, "scale", np.nan),
        SECOND + "expected `scale` to be a finite number, found nan",
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
        POINTS + r"`point`: `y` of number 2: expected a number, found '\?'",
    ),
    "NaN x": (
        points(setting(0, 0, "x", np.nan)),
        SECOND + r"expected joint 1 \(right_knee\) in `annopoints.point` .*found nan",
    ),
    "points that are numbers": (
        points(lambda array: np.ones(4)),
        POINTS + "`point`: expected structures, found numbers",
    ),
    "text as name": (setting(1, "image", "b.jpg"), r"annolist\(2\): `image`: .*found text"),
    "name in a cell": (
        setting(1, "image", {"name": np.array(["b.jpg"], object)}),
        r"annolist\(2\)\.image: `name`: expected text, found a cell array",
    ),
    "objpos of numbers": (
        setting(0, "annorect", 1, "objpos", 5.0),
        SECOND + "`objpos`: expected structures, found numbers",
    ),
    "objpos without x": (
        setting(0, "annorect", 1, "objpos", {"y": 5.0}),
        r"annorect\(2\) \(a\.jpg\), `objpos`: expected `x`, found none",
    ),
    "NaN in objpos": (
        setting(0, "annorect", 1, "objpos", {"x": np.nan, "y": 5.0}),
        r"`objpos`: expected `x` to be a finite number, found nan",
    ),
    "true as scale": (setting(0, "annorect", 1, "scale", True), SECOND + "expected `scale` .*true"),
    "complex scale": (
        setting(0, "annorect", 1, "scale", 1 + 1j),
        SECOND + "`scale`: expected numbers, found complex numbers",
    ),
    "negative scale": (
        setting(0, "annorect", 1, "scale", -2.0),
        SECOND + r"expected `scale` to be a number from 0\.001 to 1,000, found -2$",
    ),
    "text as head box": (
        setting(0, "annorect", 1, "x1", "a"),
        SECOND + "`x1`: expected a number, found 'a'",
    ),
    "NaN head box": (
        setting(0, "annorect", 1, "y2", np.nan),
        SECOND + "expected `y2` to be a finite number, found nan",
    ),
    "true as x": (points(setting(0, 1, "x", True)), SECOND + "expected `x` of every `point`.*true"),
    "NaN flag": (
        points(setting(0, 0, "is_visible", np.nan)),
        SECOND + "expected `is_visible` of 0 or 1, found nan",
    ),
    "no point": (
        setting(0, "annorect", 1, "annopoints", {"points": 1}),
        POINTS + "expected `point`, found none",
    ),
    "a photograph twice": (
        lambda rows: rows.append(rows[1]),
        r"annolist\(3\)\.annorect\(1\) \(b\.jpg\): the same person as annolist\(2\)\.annorect\(1\)",
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
        ({"annolist": np.zeros((0, 0))}, "RELEASE: expected `img_train`, found none"),
        (
            {"annolist": structures([{"image": {"name": "a.jpg"}}]), "img_train": [1, 1]},
            "`img_train` as photographs in `annolist`, found 2 and 1",
        ),
        ({"annolist": np.zeros((0, 0)), "img_train": np.zeros((0, 0))}, "people in .*found none"),
        (
            {"annolist": structures([{"image": {"name": "a.jpg"}}]), "img_train": 2},
            "expected `img_train` of 0 or 1, found 2 as number 1",
        ),
        ({"annolist": "text", "img_train": 1}, "RELEASE: `annolist`: expected .*found text"),
        (np.ones(4), "`RELEASE`: expected structures, found numbers"),
    ],
    ids=["no img_train", "counts", "nobody", "2", "text", "numbers"],
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
            "`headboxes_src` of 2 x 2 x 2,958 .*, found jnt_missing, pos_gt",
        ),
        (setting("jnt_missing", np.zeros((16, 5))), "`jnt_missing` of 16 x 2,958 .* found 16 x 5"),
        (
            setting("jnt_missing", 3, 40, 2),
            r"record 41 \(.*\.jpg\): expected `jnt_missing` to be 0 or 1, found 2",
        ),
        (
            setting("headboxes_src", 0, 0, 9, np.nan),
            r"record 10 \(.*\.jpg\): expected `headboxes_src` to be finite, found nan",
        ),
        (
            setting("pos_gt_src", 5, 0, 9, np.inf),
            r"record 10 \(.*\.jpg\): expected joint 5 .* in `pos_gt_src` to be fin",
        ),
        (
            setting("pos_gt_src", np.full((16, 2, 2958), "x")),
            "`pos_gt_src` of 16 x 2 x 2,958 numbers",
        ),
        (setting("pos_gt_src", np.ones((16, 2, 2958), bool)), r"found 16 .* \(true or false\)"),
        (
            setting("dataset_joints", np.array([["head", "neck"]], object)),
            "in the order rank, rkne",
        ),
    ],
    ids=["no boxes", "5 people", "flag of 2", "NaN box", "inf", "text", "truth", "another order"],
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


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_file_is_no_photograph(tmp_path: Path, make: Callable[[Path], None]) -> None:
    write_json(write_photos(tmp_path, PHOTOS), annotated(PHOTOS))
    (tmp_path / "images" / "b.jpg").unlink()
    make(tmp_path / "images" / "b.jpg")
    with pytest.raises(UsageError, match=r"record 3 \(b\.jpg\): .*no such file; 1 of 2 are"):
        mpii_people(tmp_path, "test")


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
