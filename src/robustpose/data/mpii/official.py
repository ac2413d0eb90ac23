"""MPII's own annotations: `mpii_human_pose_v1_u12_1.mat` (the archive is called u12_2).

`RELEASE` has `annolist`, one structure a photograph (`image.name`, `annorect`), and `img_train`. An
`annorect` is a person: `x1, y1, x2, y2` (head box), `scale` (of 200 px), `objpos` (rough position)
and `annopoints.point` with `x, y, id, is_visible`. Photographs that are not for training have no
joints; people without joints are no records.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from robustpose.data.matlab import Damaged, Matrix, not_matlab, variable
from robustpose.data.mpii.records import HEAD_SHARE, Records, enlarged
from robustpose.errors import UsageError
from robustpose.skeletons import MPII16

Fields = dict[str, Matrix]
Points = dict[str, list[float | None]]
HEAD_BOX = ("x1", "y1", "x2", "y2")


class Somebody(NamedTuple):
    """What is annotated of one person, and where: the photograph and the place among its people."""

    image: str
    person: int
    centre: tuple[float, float]
    scale: float
    joints: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray
    head: float


def read(path: Path) -> Records:
    """Read everybody with joints. Raises `UsageError` that names file, person and field."""
    try:
        people = list(_people(path))
    except Damaged as error:
        raise not_matlab(path, f"it is damaged or cut short ({error})") from error
    centre, scale = enlarged(
        np.array([each.centre for each in people]).reshape(-1, 2),
        np.array([each.scale for each in people], dtype=np.float64),
    )
    shape = (len(people), len(MPII16))
    return Records(
        path=path,
        images=[each.image for each in people],
        centre=centre,
        scale=scale,
        joints=np.array([each.joints for each in people], dtype=np.float64).reshape(*shape, 2),
        labelled=np.array([each.labelled for each in people], dtype=bool).reshape(shape),
        visible=np.array([each.visible for each in people], dtype=bool).reshape(shape),
        head=np.array([each.head for each in people], dtype=np.float64),
        person=np.array([each.person for each in people], dtype=np.int64),
    )


def _people(path: Path) -> Iterator[Somebody]:
    release = variable(path, "RELEASE").elements()
    if len(release) != 1:
        raise UsageError(f"{path}: expected `RELEASE` to be one structure, found {len(release)}")
    missing = {"annolist", "img_train"} - release[0].keys()
    if missing:
        raise UsageError(
            f"{path}: expected `RELEASE` with `annolist` and `img_train`, found no "
            f"{', '.join(f'`{name}`' for name in sorted(missing))}"
        )
    photos, for_training = release[0]["annolist"].elements(), release[0]["img_train"].numbers()
    if len(photos) != len(for_training):
        raise UsageError(
            f"{path}: expected as many values in `img_train` as photographs in `annolist`, found "
            f"{len(for_training):,} and {len(photos):,}"
        )
    for number, photo in enumerate(photos, start=1):
        if for_training[number - 1] == 1 and "annorect" in photo:
            try:
                yield from _people_of(photo, number, path)
            except Damaged as error:
                raise UsageError(f"{path}, annolist({number}): {error}") from error


def _people_of(photo: Fields, number: int, path: Path) -> Iterator[Somebody]:
    """Yield the people of one photograph who have joints."""
    image = _name(photo, f"{path}, annolist({number})")
    for person, fields in enumerate(photo["annorect"].elements()):
        where = f"{path}, annolist({number}).annorect({person + 1}) ({image})"
        try:
            points = _points(fields)
        except Damaged as error:
            raise UsageError(f"{where}: `annopoints`: {error}") from error
        if any(points.values()):
            yield _somebody(fields, points, image, person, where)


def _points(person: Fields) -> Points:
    if "annopoints" not in person or not person["annopoints"].length:
        return {}
    inner = person["annopoints"].elements()[0]
    return inner["point"].columns() if "point" in inner else {}


def _name(photo: Fields, where: str) -> str:
    inner = photo["image"].elements() if "image" in photo else []
    if len(inner) != 1 or "name" not in inner[0]:
        raise UsageError(f"{where}: expected `image.name`, found none")
    return inner[0]["name"].text()


def _somebody(fields: Fields, points: Points, image: str, person: int, where: str) -> Somebody:
    joints, labelled = np.zeros((len(MPII16), 2)), np.zeros(len(MPII16), dtype=bool)
    at = _joints(points, where)
    joints[at] = np.transpose([_column(points, "x", where), _column(points, "y", where)])
    labelled[at] = True
    visible = labelled.copy()
    # Neck and head top have no flag of their own.
    visible[at] = [flag is None or flag != 0 for flag in points.get("is_visible", [None] * len(at))]
    place = fields["objpos"].elements() if "objpos" in fields else []
    if len(place) != 1:
        raise UsageError(f"{where}: expected one `objpos`, found {len(place)}")
    centre = _number(place[0], "x", where), _number(place[0], "y", where)
    scale = _number(fields, "scale", where)
    return Somebody(image, person, centre, scale, joints, labelled, visible, _head(fields))


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
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        raise UsageError(f"{where}: expected `{name}` of every `point`, found none")
    return known


def _head(person: Fields) -> float:
    """Return the head size, NaN for a person without a head box."""
    corners = [person[name].number() if name in person else None for name in HEAD_BOX]
    x1, y1, x2, y2 = (float("nan") if corner is None else corner for corner in corners)
    size = HEAD_SHARE * float(np.hypot(x2 - x1, y2 - y1))
    return size if size > 0 else float("nan")


def _number(fields: Fields, name: str, where: str) -> float:
    try:
        value = fields[name].number() if name in fields else None
    except Damaged as error:
        raise UsageError(f"{where}: `{name}`: {error}") from error
    if value is None:
        raise UsageError(f"{where}: expected `{name}`, found none")
    return value
