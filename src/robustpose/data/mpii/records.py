"""Annotations of MPII in one form, whatever kind of file they come from, and their checks."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from robustpose.errors import UsageError
from robustpose.json_records import shown
from robustpose.skeletons import MPII16

HEAD_SHARE = 0.6
"""Of the head box's diagonal: the official head size (Andriluka et al., CVPR 2014)."""
HEADS = 25.0
"""The annotated scale in head sizes: MPII made one from the other, to 3e-7 on the validation."""

SCALES = (0.001, 1000.0)
"""People from a fifth of a pixel to 200,000 pixels: what is beyond is a mistake."""
MOST = 1e6
"""No photograph has so many pixels a side: coordinates beyond are mistakes."""


class Names(NamedTuple):
    """What a form of annotations calls its fields, for messages."""

    image: str
    centre: str
    scale: str
    joints: str
    head: str


@dataclass(frozen=True, eq=False)
class Records:
    """The people of one annotation file, in its order.

    Coordinates are MPII's own, of a photograph whose first pixel is (1, 1). `centre` and `scale`
    are those of the file. Where `labelled` is False the coordinates mean nothing. `head` is the
    head size, NaN where there is none. `person` tells the people of one photograph apart, where the
    file does. `places` says where in the file each record is; by default they are counted.
    """

    path: Path
    names: Names
    images: Sequence[str]
    centre: Float[np.ndarray, "n 2"]
    scale: Float[np.ndarray, "n"]
    joints: Float[np.ndarray, "n 16 2"]
    labelled: Bool[np.ndarray, "n 16"]
    visible: Bool[np.ndarray, "n 16"]
    head: Float[np.ndarray, "n"]
    person: Int[np.ndarray, "n"] | None = None
    places: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def take(self, index: Sequence[int]) -> "Records":
        """Return some of the people, in the order of `index`."""
        chosen = np.asarray(index, dtype=np.int64)
        arrays: dict[str, Any] = {
            field.name: value[chosen]
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray)
        }
        places = None if self.places is None else [self.places[each] for each in index]
        return replace(self, images=[self.images[each] for each in index], places=places, **arrays)

    def place(self, index: int) -> str:
        """Return where in the file a record is, in words."""
        return self.places[index] if self.places else f"record {index + 1}"

    def fault(self, index: int, message: str) -> UsageError:
        """Return an error that names the file, the record and its photograph."""
        photo = shown(self.images[index])
        return UsageError(f"{self.path}, {self.place(index)} ({photo}): {message}")

    def check(
        self,
        name: str,
        good: Bool[np.ndarray, "n"],
        values: Float[np.ndarray, "n *rest"],
        expected: str,
    ) -> None:
        """Raise `UsageError` for the first person whose values of a field are not good."""
        if not good.all():
            index = int(np.argmin(good))
            found = _written(values[index])
            raise self.fault(index, f"expected `{name}` to be {expected}, found {found}")


def enlarged(records: Records) -> Records:
    """Return records with centre and scale of the published crop in place of the annotated ones.

    Newell's: 15 x scale further down, so that feet are seen, and 1.25 times as large. People whose
    x is -1 have no place, and published code leaves them alone.
    """
    centre, scale = records.centre, records.scale
    placed = centre[:, 0] != -1
    lowered = np.stack([centre[:, 0], centre[:, 1] + np.where(placed, 15 * scale, 0)], axis=1)
    return replace(records, centre=lowered, scale=np.where(placed, 1.25 * scale, scale))


def checked(records: Records) -> Records:
    """Return the records if they can be used.

    Raises `UsageError`, which names the file, the first bad record and the field, for an empty
    file, names that are no file names, numbers that are not finite or beyond all photographs, and
    repeated people.
    """
    names = records.names
    if not len(records):
        raise UsageError(f"expected people in {records.path}, found none")
    for index, image in enumerate(records.images):
        if not image.isprintable() or image in ("", ".", "..") or "/" in image or "\\" in image:
            expected = f"expected `{names.image}` to be the file name of a photograph"
            raise records.fault(index, f"{expected}, found '{shown(image)}'")
    good = (np.abs(records.joints) < MOST).all(axis=2) | ~records.labelled
    for index in np.flatnonzero(~good.all(axis=1))[:1].tolist():
        joint = int(np.argmin(good[index]))
        raise records.fault(
            index,
            f"expected joint {joint} ({MPII16.joints[joint]}) in `{names.joints}` to be finite "
            f"and below a million, found {_written(records.joints[index, joint])}",
        )
    low, high = SCALES
    positive = (records.scale >= low) & (records.scale <= high)
    records.check(names.scale, positive, records.scale, f"a number from {low:g} to {high:,g}")
    head = np.isnan(records.head) | ((records.head >= 0) & (records.head < MOST))
    records.check(names.head, head, records.head, "finite and below a million")
    centre = (np.abs(records.centre) < MOST).all(axis=1)
    records.check(names.centre, centre, records.centre, "finite and below a million")
    _check_repeated(records)
    return records


def _check_repeated(records: Records) -> None:
    seen: dict[tuple[str, object], int] = {}
    for index, image in enumerate(records.images):
        key: object
        if records.person is None:
            key = (records.centre[index].tobytes(), records.joints[index].tobytes())
        else:
            key = int(records.person[index])
        first = seen.setdefault((image, key), index)
        if first != index:
            raise records.fault(index, f"the same person as {records.place(first)}: remove one")


def _written(values: np.ndarray | np.float64) -> str:
    return ", ".join(f"{value:g}" for value in np.atleast_1d(values))
