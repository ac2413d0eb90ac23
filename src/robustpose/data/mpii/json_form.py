"""The JSON of SimpleBaseline, HRNet and MMPose: a list of people, `train.json`, `valid.json`.

Each has `image`, `center`, `scale` (of 200 px, as annotated), `joints` (16 pairs, 1-based) and
`joints_vis` (1 where a joint is annotated, occluded or not). There are no head boxes; the head size
is 25 x scale, from which MPII's scale was made.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from robustpose.data.mpii.records import HEADS, Records, enlarged, fault
from robustpose.errors import UsageError

SHAPES = {"center": (2,), "scale": (), "joints": (16, 2), "joints_vis": (16,)}


def read(path: Path) -> Records:
    """Read one file. Raises `UsageError` that names file, record and field."""
    people = _people(path)
    for index, person in enumerate(people):
        missing = {"image", *SHAPES} - person.keys()
        if missing:
            raise fault(
                path,
                index,
                f"expected {', '.join(f'`{key}`' for key in ['image', *SHAPES])}, found no "
                f"{', '.join(f'`{key}`' for key in sorted(missing))}",
                image=person.get("image"),
            )
        if not isinstance(person["image"], str):
            raise fault(path, index, f"expected `image` to be text, found {person['image']!r}")
    values = {field: _stacked(field, people, path) for field in SHAPES}
    labelled = _flags(values["joints_vis"], people, path)
    centre, scale = enlarged(values["center"], values["scale"])
    return Records(
        path=path,
        images=[person["image"] for person in people],
        centre=centre,
        scale=scale,
        joints=values["joints"],
        labelled=labelled,
        visible=labelled,
        head=HEADS * values["scale"],
    )


def _people(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"expected a JSON file at {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"expected a JSON file at {path}: {error}") from error
    if not isinstance(content, list):
        raise UsageError(f"expected a list of people in {path}, found {_kind(content)}")
    for index, person in enumerate(content):
        if not isinstance(person, dict):
            raise fault(path, index, f"expected an object, found {_kind(person)}")
    return content


def _stacked(field: str, people: list[dict[str, Any]], path: Path) -> np.ndarray:
    """Return one field of everybody, as floats; blames the first person whose value is odd."""
    shape = SHAPES[field]
    try:
        values = np.array([person[field] for person in people])
    except ValueError:
        values = np.array(None)
    if people and (values.dtype.kind not in "fiu" or values.shape[1:] != shape or not values.ndim):
        for index, person in enumerate(people):
            _check_value(field, person[field], fault_at=(path, index, person["image"]))
    return values.astype(np.float64).reshape(len(people), *shape)


def _check_value(field: str, value: object, *, fault_at: tuple[Path, int, str]) -> None:
    path, index, image = fault_at
    expected = " x ".join(map(str, SHAPES[field])) + " numbers" if SHAPES[field] else "a number"
    try:
        values = np.array(value)
    except ValueError:
        values = np.array(None)
    numeric = values.dtype.kind in "fiu"
    if values.shape == SHAPES[field] and numeric:
        return
    found = " x ".join(map(str, values.shape)) if values.ndim else _kind(value)
    if values.ndim and not numeric:
        found = "other values in it"
    raise fault(path, index, f"expected `{field}` to be {expected}, found {found}", image=image)


def _flags(values: np.ndarray, people: list[dict[str, Any]], path: Path) -> np.ndarray:
    odd = np.flatnonzero(~np.isin(values, (0, 1)).all(axis=1))
    for index in odd[:1].tolist():
        found = np.setdiff1d(values[index], (0, 1))[0]
        message = f"expected `joints_vis` of 0 or 1, found {found:g}"
        raise fault(path, index, message, image=people[index]["image"])
    labelled: np.ndarray = values == 1
    return labelled


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", type(None): "null", bool: "a flag"}
    return names.get(type(value), "a number")
