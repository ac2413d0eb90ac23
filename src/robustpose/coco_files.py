"""COCO's files of key points: annotations and results, read and checked.

The format is that of https://cocodataset.org/#format-data and #format-results. Whatever does not
fit is refused with one message that names the file, the record (counted from 1, with its id) and
the field. Nothing is repaired, and what is given is never changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from robustpose.errors import UsageError
from robustpose.json_records import (
    NUMBER,
    Numbers,
    Record,
    Records,
    Text,
    kind_of,
    read_json,
    records_of,
    told,
)
from robustpose.skeletons import COCO17

MOST = 1e6
"""No photograph has so many pixels a side: coordinates beyond are mistakes."""


def _within(values: np.ndarray, most: float = MOST) -> bool:
    return bool((np.abs(values) < most).all())


ID = Numbers("a whole number below 2^63", kinds="i")
COUNT = Numbers("a whole number from 0", kinds="i", fits=lambda values: bool((values >= 0).all()))
SIDE = Numbers(
    "a whole number from 1, below a million",
    kinds="i",
    fits=lambda values: bool((values >= 1).all()) and _within(values),
)
FLAG = Numbers("0 or 1", kinds="ib", fits=lambda values: bool(np.isin(values, (0, 1)).all()))
AREA = Numbers(
    "a number from 0, below 10^12",
    fits=lambda values: bool((values >= 0).all()) and _within(values, MOST**2),
)
BOX = Numbers(
    "four numbers below a million (x, y, width, height), the sides from 0",
    shape=(4,),
    fits=lambda values: bool((values[:, 2:] >= 0).all()) and _within(values),
)
KEYPOINTS = Numbers("51 finite numbers (x, y, flag of 17 joints)", shape=(3 * len(COCO17),))
JOINTS = Numbers(
    "51 numbers below a million (x, y, flag of 17 joints)", KEYPOINTS.shape, fits=_within
)
FILE_NAME = Text(
    "the name of a file below the folder of photographs",
    fits=lambda name: (
        name.isprintable()
        and name not in ("", ".")
        and ".." not in Path(name).parts
        and not Path(name).is_absolute()
    ),
)


@dataclass(frozen=True, eq=False)
class Annotations:
    """The people of a file of COCO key points, in its order, and its photographs.

    Person i is on photograph `photo[i]` of `images`. `keypoints` are (x, y, flag): 0 is not
    labelled, 1 is labelled but hidden, 2 is visible. `boxes` are (x, y, width, height) in pixels,
    `area` that of the person's outline, `crowd` marks regions of several people.
    """

    file: str
    images: Records
    image_ids: Int[np.ndarray, "m"]
    category: int
    ids: Int[np.ndarray, "n"]
    photo: Int[np.ndarray, "n"]
    keypoints: Float[np.ndarray, "n 17 3"]
    boxes: Float[np.ndarray, "n 4"]
    area: Float[np.ndarray, "n"]
    crowd: Bool[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def labelled(self) -> Bool[np.ndarray, "n 17"]:
        """Which joints are annotated, seen or not."""
        labelled: np.ndarray = self.keypoints[..., 2] > 0
        return labelled


def read_annotations(source: Path | Record) -> Annotations:
    """Read `person_keypoints_*.json`, or what such a file holds.

    Objects of other categories than person are passed over. Raises `UsageError` for a file that is
    missing or no JSON, and for every record that lacks a field, holds what is no finite number,
    says another number of joints than it has, is on an unknown image or repeats an id.
    """
    file = str(source) if isinstance(source, Path) else "the annotations"
    content = read_json(source) if isinstance(source, Path) else source
    if not isinstance(content, Mapping):
        expected = "an object with `images` and `annotations`"
        raise UsageError(f"{file}: expected {expected}, found {kind_of(content)}")
    images = _listed(file, "image", content, "images")
    image_ids = _ids(images)
    objects = _listed(file, "annotation", content, "annotations")
    ids, category = _ids(objects), _person_category(file, content)
    is_person = objects.column("category_id", ID) == category
    people = objects.take(is_person)
    keypoints = people.column("keypoints", JOINTS).reshape(-1, len(COCO17), 3)
    _check_flags(people, keypoints)
    return Annotations(
        file=file,
        images=images,
        image_ids=image_ids,
        category=category,
        ids=ids[is_person],
        photo=image_places(people, image_ids, "the file"),
        keypoints=keypoints,
        boxes=people.column("bbox", BOX),
        area=people.column("area", AREA),
        crowd=people.column("iscrowd", FLAG).astype(bool),
    )


def read_results(source: Path | Sequence[Record], known: Annotations) -> Records:
    """Read results for the photographs of `known`: a JSON list, or what such a file holds.

    Records of other categories are passed over. Each has an `image_id` and a finite `score`;
    what else it holds is the caller's to read. Raises `UsageError` for anything else.
    """
    file = str(source) if isinstance(source, Path) else "the results"
    rows = read_json(source) if isinstance(source, Path) else source
    results = records_of(file, "result", rows, "a list of results")
    results = results.take(results.column("category_id", ID) == known.category)
    image_places(results, known.image_ids, known.file)
    results.column("score", NUMBER)
    return results


def image_places(records: Records, known: Int[np.ndarray, "m"], owner: str) -> Int[np.ndarray, "n"]:
    """Return where in `known` the records' `image_id` are. Raises `UsageError` for an unknown one.

    `owner` is the file that has the known ones.
    """
    wanted = records.column("image_id", ID)
    order = np.argsort(known)
    at = np.searchsorted(known, wanted, sorter=order)
    found = order[np.minimum(at, len(known) - 1)] if len(known) else np.zeros_like(wanted)
    right = known[found] == wanted if len(known) else np.zeros(len(wanted), dtype=bool)
    if not right.all():
        bad = int(np.argmin(right))
        raise records.fault(bad, f"`image_id` {wanted[bad]} is no image of {owner}")
    return found


def _ids(records: Records) -> Int[np.ndarray, "n"]:
    """Return the records' own ids. Raises `UsageError` for one that occurs twice."""
    ids = records.column("id", ID)
    _, first = np.unique(ids, return_index=True)
    if len(first) < len(ids):
        again = np.setdiff1d(np.arange(len(ids)), first)[0]
        before = records.numbers[int(np.flatnonzero(ids == ids[again])[0])]
        raise records.fault(int(again), f"`id` is that of {records.kind} {before} as well")
    return ids


def _listed(file: str, kind: str, content: Record, key: str) -> Records:
    return records_of(file, kind, content.get(key), f"a list `{key}`")


def _person_category(file: str, content: Record) -> int:
    """Return the id of people: of the category `person`, or 1 in a file without categories."""
    if not content.get("categories"):
        return 1
    categories = _listed(file, "category", content, "categories")
    ids = _ids(categories).tolist()
    names = [row.get("name") for row in categories.rows]
    if "person" not in names:
        raise UsageError(f"{file}: expected a category `person`, found {told(names)}")
    place = names.index("person")
    joints = categories.rows[place].get("keypoints")
    if joints is not None and joints != list(COCO17.joints):
        raise categories.fault(
            place, f"expected `keypoints` to be COCO's 17 in their order, found {told(joints)}"
        )
    return int(ids[place])


def _check_flags(people: Records, keypoints: Float[np.ndarray, "n 17 3"]) -> None:
    flags = keypoints[..., 2]
    strange = ~np.isin(flags, (0, 1, 2)).all(axis=1)
    if strange.any():
        place = int(np.argmax(strange))
        raise people.fault(
            place,
            "expected the flags in `keypoints` to be 0, 1 or 2, found "
            f"{next(flag for flag in flags[place].tolist() if flag not in (0, 1, 2)):g}",
        )
    counts = people.column("num_keypoints", COUNT)
    labelled = (flags > 0).sum(axis=1)
    wrong = counts != labelled
    if wrong.any():
        place = int(np.argmax(wrong))
        raise people.fault(
            place,
            f"`num_keypoints` says {counts[place]}, but `keypoints` has {labelled[place]} labelled",
        )
