"""MATLAB files: what is read agrees with SciPy; what is damaged or of another kind is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from robustpose.data.matlab import Damaged, Matrix, arrays, variable
from robustpose.errors import UsageError

NUMBERS = {
    "double": 3.25,
    "whole": 7.0,  # written in one byte
    "negative": -300.0,
    "byte": np.uint8(200),
    "short": np.int16(-5),
    "long": np.int64(2**40),
    "float": np.float32(0.5),
    "flag": True,
    "letter": "1",
    "digits": "12.5",
    "empty": np.zeros((0, 0)),
    "no_text": "",
}


def write(folder: Path, *, compressed: bool = True, **variables: Any) -> Path:
    path = folder / "file.mat"
    scipy.io.savemat(path, variables, do_compression=compressed)
    return path


def oracle(value: np.ndarray) -> float | None:
    return float(value.item()) if value.size else None


@pytest.mark.parametrize("compressed", [True, False])
def test_single_numbers_are_those_that_scipy_reads(tmp_path: Path, *, compressed: bool) -> None:
    path = write(tmp_path, compressed=compressed, first=1, s=NUMBERS, last="x")
    expected = scipy.io.loadmat(path)["s"][0, 0]
    (found,) = variable(path, "s").elements()
    columns = variable(path, "s").columns()
    assert list(found) == list(columns) == list(NUMBERS)
    for name, matrix in found.items():
        assert matrix.number() == oracle(expected[name]), name
        assert columns[name] == [oracle(expected[name])], name
    assert found["empty"].number() is None
    assert found["letter"].number() == 1


def test_arrays_of_structures_are_read_in_order(tmp_path: Path) -> None:
    points = np.array([[(1.5, 2, "a"), (300, 4, "bc"), (5, -6.25, "")]], [(c, "O") for c in "xyt"])
    (outer,) = variable(
        write(tmp_path, s={"point": points, "none": np.zeros((0, 0))}), "s"
    ).elements()
    rows = outer["point"].elements()
    assert [(row["x"].number(), row["y"].number(), row["t"].text()) for row in rows] == [
        (1.5, 2, "a"),
        (300, 4, "bc"),
        (5, -6.25, ""),
    ]
    assert outer["point"].length == 3
    assert outer["none"].elements() == []
    assert outer["none"].columns() == {}
    assert outer["none"].length == 0


def test_numbers_go_down_the_columns(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.uint16).reshape(2, 3)
    assert variable(write(tmp_path, v=values), "v").numbers().tolist() == [0, 3, 1, 4, 2, 5]
    assert variable(write(tmp_path, v=np.zeros((0, 4))), "v").numbers().tolist() == []


@pytest.mark.parametrize(
    ("value", "read", "message"),
    [
        (np.zeros((2, 2)), "number", "expected one number, found 4"),
        ("twelve", "number", "expected a number, found 'twelve'"),
        ({"x": 1}, "number", "expected numbers, found structures"),
        (1 + 2j, "number", "expected numbers, found complex numbers"),
        (np.array([1, "a"], object)[:1], "number", "expected numbers, found a cell array"),
        (np.ones(3), "elements", "expected structures, found numbers"),
        (np.ones(3), "text", "expected text, found numbers"),
        ("text", "columns", "expected structures, found text"),
        ({"x": 1, "y": "two"}, "columns", "`y` of number 1: expected a number, found 'two'"),
    ],
)
def test_values_of_another_kind_are_named(
    tmp_path: Path, value: object, read: str, message: str
) -> None:
    matrix = variable(write(tmp_path, v=value), "v")
    with pytest.raises(Damaged, match=message):
        getattr(matrix, read)()


def test_truth_values_are_no_numbers(tmp_path: Path) -> None:
    assert variable(write(tmp_path, v=True), "v").number() is True
    assert variable(write(tmp_path, v={"x": 1, "y": False}), "v").columns() == {
        "x": [1],
        "y": [False],
    }
    assert variable(write(tmp_path, v=np.array([True, False])), "v").numbers().tolist() == [1, 0]
    assert arrays(write(tmp_path, v=np.array([True, False])))["v"].dtype == bool


def test_a_variable_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a variable `RELEASE` in .*file\.mat, found a, b"):
        variable(write(tmp_path, a=1, b=2), "RELEASE")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    values = np.random.default_rng(0).random((300, 3))
    path = write(tmp_path, v=values)
    assert len(variable(path, "v").numbers()) == arrays(path)["v"].size == 900
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    for read in (arrays, lambda path: variable(path, "v")):
        with pytest.raises(UsageError, match=r"expected a MATLAB file .* at .*file\.mat"):
            read(path)


def test_what_is_cut_short_is_noticed_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, compressed=False, s={"x": np.ones(50)})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UsageError, match="200 bytes are missing"):
        variable(path, "s")


def test_what_is_damaged_inside_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    whole = variable(write(tmp_path, compressed=False, s={"x": np.ones(50)}), "s")
    (found,) = Matrix(whole.content[:-200], whole.at).elements()
    with pytest.raises(Damaged, match="expected 50 numbers"):
        found["x"].numbers()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"MATLAB 7.3 MAT-file" + bytes(200), "version 7.3: .*option -v7"),
        (b"MATLAB 5.0" + bytes(114) + b"\x01\x00MI" + bytes(100), "big-endian"),
        (b"no MATLAB file at all " * 40, "found 880 bytes of something else"),
    ],
)
def test_files_of_another_version_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file.mat"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        variable(path, "v")


def test_missing_files_are_named(tmp_path: Path) -> None:
    for read in (arrays, lambda path: variable(path, "v")):
        with pytest.raises(UsageError, match=r"none\.mat, found nothing"):
            read(tmp_path / "none.mat")
        with pytest.raises(UsageError, match="found a folder"):
            read(tmp_path)
