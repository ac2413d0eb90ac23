"""MPII's own annotations: `mpii_human_pose_v1_u12_1.mat` (the archive is called u12_2).

`RELEASE` has `annolist`, one structure a photograph (`image.name`, `annorect`), and `img_train`. An
`annorect` is a person: `x1, y1, x2, y2` (head box), `scale` (of 200 px), `objpos` (rough position)
and `annopoints.point` with `x, y, id, is_visible`. Photographs that are not for training have no
joints; people without joints are no records.
"""

import math
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from robustpose.data.matlab import Damaged, Matrix, Single, variable
from robustpose.data.mpii.records import HEAD_SHARE, Names, Records, checked, enlarged
from robustpose.errors import UsageError
from robustpose.json_records import shown
from robustpose.skeletons import MPII16

Fields = dict[str, Matrix]
Points = dict[str, list[Single]]
Value = TypeVar("Value")

HEAD_BOX = ("x1", "y1", "x2", "y2")
NAMES = Names("image.name", "objpos", "scale", "annopoints.point", "x1, y1, x2, y2")


class Somebody(NamedTuple):
    """What is annotated of one person, and where: the photograph and the place among its people."""

    image: str
    person: int
    place: str
    centre: tuple[float, float]
    scale: float
    joints: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray
    head: float


def read(path: Path) -> Records:
    """Read everybody with joints. Raises `UsageError` that names file, person and field."""
    people = list(_people(path))
    shape = (len(people), len(MPII16))
    return enlarged(
        checked(
            Records(
                path=path,
                names=NAMES,
                images=[each.image for each in people],
                centre=np.array([each.centre for each in people]).reshape(-1, 2),
                scale=np.array([each.scale for each in people], dtype=np.float64),
                joints=np.array([each.joints for each in people], np.float64).reshape(*shape, 2),
                labelled=np.array([each.labelled for each in people], dtype=bool).reshape(shape),
                visible=np.array([each.visible for each in people], dtype=bool).reshape(shape),
                head=np.array([each.head for each in people], dtype=np.float64),
                person=np.array([each.person for each in people], dtype=np.int64),
                places=[each.place for each in people],
            )
        )
    )


def _people(path: Path) -> Iterator[Somebody]:
    release = _one({"RELEASE": variable(path, "RELEASE")}, "RELEASE", str(path))
    where = f"{path}, RELEASE"
    photos = _read(release, "annolist", where, Matrix.elements)
    for_training = _read(release, "img_train", where, Matrix.numbers)
    if len(photos) != len(for_training):
        raise UsageError(
            f"{path}: expected as many values in `img_train` as photographs in `annolist`, found "
            f"{len(for_training):,} and {len(photos):,}"
        )
    for index in np.flatnonzero(~np.isin(for_training, (0, 1)))[:1].tolist():
        found = f"{for_training[index]:g} as number {index + 1}"
        raise UsageError(f"{path}: expected `img_train` of 0 or 1, found {found}")
    for number, photo in enumerate(photos, start=1):
        if for_training[number - 1] == 1:
            yield from _people_of(photo, f"annolist({number})", path)


def _people_of(photo: Fields, place: str, path: Path) -> Iterator[Somebody]:
    """Yield the people of one photograph who have joints."""
    where = f"{path}, {place}"
    image = _read(_one(photo, "image", where), "name", f"{where}.image", Matrix.text)
    for person, fields in enumerate(_read(photo, "annorect", where, Matrix.elements)):
        own = f"{place}.annorect({person + 1})"
        where = f"{path}, {own} ({shown(image)})"
        points = _points(fields, where)
        if any(points.values()):
            yield _somebody(fields, points, image, person, own, where)


def _points(person: Fields, where: str) -> Points:
    if "annopoints" not in person or not _read(person, "annopoints", where, Matrix.elements):
        return {}
    inner = _one(person, "annopoints", where)
    return _read(inner, "point", f"{where}, `annopoints`", Matrix.columns)


def _somebody(
    fields: Fields, points: Points, image: str, person: int, place: str, where: str
) -> Somebody:
    joints, labelled = np.zeros((len(MPII16), 2)), np.zeros(len(MPII16), dtype=bool)
    at = _joints(points, where)
    joints[at] = np.transpose([_column(points, "x", where), _column(points, "y", where)])
    labelled[at] = True
    visible = labelled.copy()
    visible[at] = _visible(points, len(at), where)
    position = _one(fields, "objpos", where)
    inside = f"{where}, `objpos`"
    return Somebody(
        image=image,
        person=person,
        place=place,
        centre=(_number(position, "x", inside), _number(position, "y", inside)),
        scale=_number(fields, "scale", where),
        joints=joints,
        labelled=labelled,
        visible=visible,
        head=_head(fields, where),
    )


def _joints(points: Points, where: str) -> list[int]:
    """Return which joint each point is."""
    found = _column(points, "id", where)
    for joint in found:
        if joint not in range(len(MPII16)):
            raise UsageError(f"{where}: expected a joint `id` of 0 to 15, found {joint:g}")
    if len(set(found)) != len(found):
        twice = next(joint for joint in found if found.count(joint) > 1)
        raise UsageError(f"{where}: expected each joint once, found `id` {twice:g} twice")
    return [int(joint) for joint in found]


def _column(points: Points, name: str, where: str) -> list[float]:
    values = points.get(name, [None])
    known = [value for value in values if value is not None and not isinstance(value, bool)]
    if len(known) < len(values):
        found = "none" if None in values else "true or false"
        raise UsageError(f"{where}: expected `{name}` of every `point`, found {found}")
    return known


def _visible(points: Points, count: int, where: str) -> list[bool]:
    """Return which points can be seen; neck and head top have no flag of their own."""
    flags = points.get("is_visible", [None] * count)
    for flag in flags:
        if flag is not None and not math.isfinite(flag):
            raise UsageError(f"{where}: expected `is_visible` of 0 or 1, found {flag:g}")
    return [flag is None or flag != 0 for flag in flags]


def _head(person: Fields, where: str) -> float:
    """Return the head size, NaN for a person without a head box."""
    corners = [
        _read(person, name, where, Matrix.number) if name in person else None for name in HEAD_BOX
    ]
    if None in corners:
        return math.nan
    x1, y1, x2, y2 = map(_finite, corners, HEAD_BOX, repeat(where))
    return HEAD_SHARE * float(np.hypot(x2 - x1, y2 - y1)) or math.nan


def _number(fields: Fields, name: str, where: str) -> float:
    return _finite(_read(fields, name, where, Matrix.number), name, where)


def _finite(value: Single, name: str, where: str) -> float:
    if value is None or isinstance(value, bool) or not math.isfinite(value):
        found = str(value).lower()
        raise UsageError(f"{where}: expected `{name}` to be a finite number, found {found}")
    return value


def _one(fields: Fields, name: str, where: str) -> Fields:
    """Return the single structure of a field."""
    found = _read(fields, name, where, Matrix.elements)
    if len(found) != 1:
        raise UsageError(f"{where}: expected one structure `{name}`, found {len(found)}")
    return found[0]


def _read(fields: Fields, name: str, where: str, read: Callable[[Matrix], Value]) -> Value:
    """Return what is read of a field. Raises `UsageError` if it is missing or something else."""
    if name not in fields:
        raise UsageError(f"{where}: expected `{name}`, found none")
    try:
        return read(fields[name])
    except Damaged as error:
        raise UsageError(f"{where}: `{name}`: {error}") from error
