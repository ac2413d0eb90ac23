"""JSON files of records: what cannot be read, and what will not do in a field."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from robustpose.errors import UsageError
from robustpose.json_records import NUMBER, Numbers, Text, read_json, records_of

PAIRS = Numbers("pairs", shape=(3, 2))
NAME = Text("a short name", fits=lambda name: len(name) < 9)


def refused(name: str, field: Numbers | Text, *values: object) -> str:
    """Return what is said of the field of a list of records."""
    rows = [{"id": 7 + place, name: value} for place, value in enumerate(values)]
    with pytest.raises(UsageError) as error:
        records_of("file.json", "record", rows, "a list").column(name, field)
    return str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b" \n", "it is damaged or cut short (expecting value in line 2, column 1)"),
        (b"[1, 2", "it is damaged or cut short (expecting ',' delimiter in line 1, column 6)"),
        (b"[1, \xff]", "it is damaged or cut short (no text from byte 4 on)"),
        (
            100_000 * b"[",
            "it is damaged or cut short (lists within lists, deeper than can be read)",
        ),
        (5_000 * b"9", "it is damaged or cut short (a number of more digits than can be read)"),
        (gzip.compress(b"[]", mtime=0), "it is packed with gzip: unpack it"),
        (b"<html>404", "it is a web page, not the file that it leads to"),
        (
            b"version https://git-lfs.github.com/spec/v1",
            "it is the pointer of Git LFS: run `git lfs pull` for the file itself",
        ),
    ],
)
def test_what_is_no_json_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(UsageError) as error:
        read_json(path)
    assert str(error.value) == f"expected a JSON file at {path}: {message}"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError, match=rf"expected a JSON file at {path}, found none"):
            read_json(path)


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_every_coding_of_json_is_read(tmp_path: Path, coding: str) -> None:
    path = tmp_path / "file.json"
    path.write_bytes('[{"name": "é"}]'.encode(coding))
    assert read_json(path) == [{"name": "é"}]


def test_a_key_that_stands_twice_is_no_value(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text('[{"id": 1, "x": 2}, {"id": 3, "x": 4, "x": 4}]')
    records = records_of("file.json", "record", read_json(path), "a list")
    assert records.column("id", NUMBER).tolist() == [1, 3]
    with pytest.raises(UsageError) as error:
        records.column("x", NUMBER)
    assert str(error.value) == (
        "file.json, record 2 (id 3): expected `x` to be a finite number, found the key twice"
    )


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (True, "true"),
        (None, "null"),
        ("2", '"2"'),
        ([2], "[2]"),
        ({}, "{}"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (2**70, str(2**70)),
        (np.bool_(True), '"bool"'),
    ],
)
def test_what_is_no_number_is_told(value: object, found: str) -> None:
    expected = f"file.json, record 2 (id 8): expected `x` to be a finite number, found {found}"
    assert refused("x", NUMBER, 1.5, value, 3) == expected


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([[1, 2], [3, 4]], "2 of them"),
        ([[1, 2], [3, 4], [5]], "[5] as number 3"),
        ([[1, 2], [3, True], [5, 6]], "[3, true] as number 2"),
        ([[1, 2], 3, [5, 6]], "3 as number 2"),
        ([[1, 2], [3, "4"], [5, 6]], '[3, "4"] as number 2'),
        (5, "5"),
    ],
)
def test_the_part_of_a_list_that_will_not_do_is_told(value: object, found: str) -> None:
    good = [[1, 2], [3, 4], [5, 6]]
    expected = f"file.json, record 2 (id 8): expected `x` to be pairs, found {found}"
    assert refused("x", PAIRS, good, value) == expected


def test_texts_are_no_numbers_and_long_ones_take_no_room() -> None:
    assert refused("x", NAME, "a", 5).endswith("expected `x` to be a short name, found 5")
    message = refused("x", NAME, *1000 * ["a"], 10**6 * "b")
    assert len(message) < 200
    assert message.startswith("file.json, record 1001 (id 1007): expected `x`")


def test_arrays_of_numpy_are_numbers_too() -> None:
    rows = [{"x": np.arange(6.0).reshape(3, 2)}, {"x": ((1, 2), (3, 4), (5, 6))}]
    column = records_of("results", "record", rows, "a list").column("x", PAIRS)
    assert column.shape == (2, 3, 2)
    assert column.dtype == np.float64


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (None, "file.json: expected a list of people, found null"),
        ({}, "file.json: expected a list of people, found an object"),
        ("people", "file.json: expected a list of people, found text"),
        ([{}, []], "file.json, record 2: expected an object, found a list"),
        ([{}, 5], "file.json, record 2: expected an object, found a number"),
    ],
)
def test_what_is_no_list_of_objects_is_named(rows: object, message: str) -> None:
    with pytest.raises(UsageError) as error:
        records_of("file.json", "record", json.loads(json.dumps(rows)), "a list of people")
    assert str(error.value) == message
