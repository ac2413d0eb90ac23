"""COCO's files of key points: annotations and results, read and checked.

The format is that of https://cocodataset.org/#format-data and #format-results. Whatever does not
fit is refused with one message that names the file, the record (counted from 1, with its id) and
the field. Nothing is repaired, and what is given is never changed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from robustpose.errors import UsageError
from robustpose.skeletons import COCO17

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """What a field of every record must hold: numbers of one shape, or a text.

    `kinds` are numpy's letters for the types that will do; `fits` tells for an array of them,
    one a record, whether the values will do.
    """

    expected: str
    shape: tuple[int, ...] = ()
    kinds: str = "iuf"
    fits: Callable[[np.ndarray], bool] = lambda values: bool(np.isfinite(values).all())

    def read(self, values: Sequence[object]) -> np.ndarray | None:
        """Return the values as one array, or None if one of them will not do."""
        if not values:
            return np.zeros((0, *self.shape), dtype=np.float64 if "f" in self.kinds else np.int64)
        try:
            array = np.array(values)
        except (ValueError, OverflowError):  # of several lengths
            return None
        if array.dtype.kind not in self.kinds or array.shape[1:] != self.shape:
            return None
        if "f" in self.kinds:
            array = array.astype(np.float64, copy=False)
        return array if self.fits(array) else None


ID = Field("a whole number", kinds="i")
COUNT = Field("a whole number from 0", kinds="i", fits=lambda values: bool((values >= 0).all()))
SIDE = Field("a whole number from 1", kinds="i", fits=lambda values: bool((values >= 1).all()))
FLAG = Field("0 or 1", kinds="ib", fits=lambda values: bool(np.isin(values, (0, 1)).all()))
NUMBER = Field("a finite number")
AREA = Field(
    "a finite number from 0",
    fits=lambda values: bool((np.isfinite(values) & (values >= 0)).all()),
)
BOX = Field(
    "four finite numbers (x, y, width, height), the sides from 0",
    shape=(4,),
    fits=lambda values: bool(np.isfinite(values).all() and (values[:, 2:] >= 0).all()),
)
KEYPOINTS = Field("51 finite numbers (x, y, flag of 17 joints)", shape=(3 * len(COCO17),))
FILE_NAME = Field(
    "the name of a file below the folder of photographs",
    kinds="U",
    fits=lambda names: all(
        name and ".." not in Path(name).parts and not Path(name).is_absolute() for name in names
    ),
)


@dataclass(frozen=True)
class Records:
    """A list of records of one kind, with where it was read and which it holds of it."""

    file: str
    kind: str
    rows: Sequence[Record]
    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, kept: Bool[np.ndarray, "n"]) -> "Records":
        """Return the records where `kept` is True."""
        places = np.flatnonzero(kept).tolist()
        return replace(
            self,
            rows=[self.rows[place] for place in places],
            numbers=[self.numbers[place] for place in places],
        )

    def column(self, name: str, field: Field) -> np.ndarray:
        """Return the values of a field. Raises `UsageError` for the first that will not do."""
        values = field.read([row.get(name) for row in self.rows])
        if values is not None:
            return values
        bad = next(i for i, row in enumerate(self.rows) if field.read([row.get(name)]) is None)
        if name not in self.rows[bad]:
            raise self.fault(bad, f"has no `{name}`: expected {field.expected}")
        found = _told(self.rows[bad][name], field)
        raise self.fault(bad, f"expected `{name}` to be {field.expected}, found {found}")

    def ids(self) -> Int[np.ndarray, "n"]:
        """Return the records' own ids. Raises `UsageError` for one that occurs twice."""
        ids = self.column("id", ID)
        _, first = np.unique(ids, return_index=True)
        if len(first) < len(ids):
            again = np.setdiff1d(np.arange(len(ids)), first)[0]
            before = self.numbers[int(np.flatnonzero(ids == ids[again])[0])]
            raise self.fault(int(again), f"`id` is that of {self.kind} {before} as well")
        return ids

    def places(self, name: str, known: Int[np.ndarray, "m"], owner: str) -> Int[np.ndarray, "n"]:
        """Return where in `known` the ids of a field are. Raises `UsageError` for an unknown one.

        `owner` is the file that has the known ones.
        """
        wanted = self.column(name, ID)
        order = np.argsort(known)
        at = np.searchsorted(known, wanted, sorter=order)
        found = order[np.minimum(at, len(known) - 1)] if len(known) else np.zeros_like(wanted)
        right = known[found] == wanted if len(known) else np.zeros(len(wanted), dtype=bool)
        if not right.all():
            bad = int(np.argmin(right))
            raise self.fault(bad, f"`{name}` {wanted[bad]} is no image of {owner}")
        return found

    def fault(self, place: int, message: str) -> UsageError:
        """Return an error that names the file and the record."""
        own = self.rows[place].get("id")
        name = f" (id {own})" if isinstance(own, int) else ""
        return UsageError(f"{self.file}, {self.kind} {self.numbers[place]}{name}: {message}")


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
    content = _json(source) if isinstance(source, Path) else source
    if not isinstance(content, Mapping):
        raise UsageError(f"{file}: expected an object with `images` and `annotations`")
    images = _records(file, "image", content.get("images"), "images")
    image_ids = images.ids()
    objects = _records(file, "annotation", content.get("annotations"), "annotations")
    ids, category = objects.ids(), _person_category(file, content)
    is_person = objects.column("category_id", ID) == category
    people = objects.take(is_person)
    keypoints = people.column("keypoints", KEYPOINTS).reshape(-1, len(COCO17), 3)
    _check_flags(people, keypoints)
    return Annotations(
        file=file,
        images=images,
        image_ids=image_ids,
        category=category,
        ids=ids[is_person],
        photo=people.places("image_id", image_ids, "the file"),
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
    rows = _json(source) if isinstance(source, Path) else source
    results = _records(file, "result", rows)
    results = results.take(results.column("category_id", ID) == known.category)
    results.places("image_id", known.image_ids, known.file)
    results.column("score", NUMBER)
    return results


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"expected a COCO file at {path}, found none ({error.strerror})"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"expected JSON in {path}: {error}") from error


def _records(file: str, kind: str, rows: object, key: str = "") -> Records:
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        of = f"a list `{key}`" if key else "a list of results"
        found = "none" if rows is None else type(rows).__name__
        raise UsageError(f"{file}: expected {of}, found {found}")
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise UsageError(f"{file}, {kind} {place + 1}: expected an object, found {_told(row)}")
    return Records(file, kind, rows, range(1, len(rows) + 1))


def _person_category(file: str, content: Record) -> int:
    """Return the id of people: of the category `person`, or 1 in a file without categories."""
    if not content.get("categories"):
        return 1
    categories = _records(file, "category", content["categories"], "categories")
    ids = categories.ids().tolist()
    names = [row.get("name") for row in categories.rows]
    if "person" not in names:
        raise UsageError(f"{file}: expected a category `person`, found {_told(names)}")
    place = names.index("person")
    joints = categories.rows[place].get("keypoints")
    if joints is not None and joints != list(COCO17.joints):
        raise categories.fault(
            place, f"expected `keypoints` to be COCO's 17 in their order, found {_told(joints)}"
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


def _told(value: object, field: Field | None = None) -> str:
    """Return what a message says of a value that will not do."""
    if field and len(field.shape) == 1 and isinstance(value, list | tuple):
        if len(value) != field.shape[0]:
            return f"{len(value)} of them"
        for place, each in enumerate(value):
            if NUMBER.read([each]) is None:
                return f"{_told(each)} as number {place + 1}"
    text = json.dumps(value, default=lambda other: type(other).__name__)
    return text if len(text) <= 60 else f"{text[:57]}..."
