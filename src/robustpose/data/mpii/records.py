"""Annotations of MPII in one form, whatever kind of file they come from, and their checks."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from robustpose.errors import UsageError
from robustpose.skeletons import MPII16

HEAD_SHARE = 0.6
"""Of the head box's diagonal: the official head size (Andriluka et al., CVPR 2014)."""
HEADS = 25.0
"""The annotated scale in head sizes: MPII made one from the other, to 3e-7 on the validation."""


@dataclass(frozen=True, eq=False)
class Records:
    """The people of one annotation file, in its order.

    Coordinates are MPII's own, of a photograph whose first pixel is (1, 1). `centre` and `scale`
    are those of the published crop, a square of 200 x scale: moved and enlarged already. Where
    `labelled` is False the coordinates mean nothing. `head` is the head size, NaN where there is
    none. `person` tells the people of one photograph apart, where the file does.
    """

    path: Path
    images: Sequence[str]
    centre: Float[np.ndarray, "n 2"]
    scale: Float[np.ndarray, "n"]
    joints: Float[np.ndarray, "n 16 2"]
    labelled: Bool[np.ndarray, "n 16"]
    visible: Bool[np.ndarray, "n 16"]
    head: Float[np.ndarray, "n"]
    person: Int[np.ndarray, "n"] | None = None

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
        return replace(self, images=[self.images[each] for each in index], **arrays)

    def fault(self, index: int, message: str) -> UsageError:
        """Return an error that names the file, the record and its photograph."""
        return fault(self.path, index, message, image=self.images[index])


def fault(path: Path, index: int, message: str, *, image: object = None) -> UsageError:
    """Return an error that names the file and the record, counted from 1."""
    photo = f" ({image})" if isinstance(image, str) else ""
    return UsageError(f"{path}, record {index + 1}{photo}: {message}")


def enlarged(
    centre: Float[np.ndarray, "n 2"], scale: Float[np.ndarray, "n"]
) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, "n"]]:
    """Return centre and scale of the published crop from the annotated ones.

    Newell's: 15 x scale further down, so that feet are seen, and 1.25 times as large. People whose
    x is -1 have no place, and published code leaves them alone.
    """
    placed = centre[:, 0] != -1
    lowered = np.stack([centre[:, 0], centre[:, 1] + np.where(placed, 15 * scale, 0)], axis=1)
    return lowered, np.where(placed, 1.25 * scale, scale)


def checked(records: Records) -> Records:
    """Return the records if they can be used.

    Raises `UsageError`, which names the file, the first bad record and the field, for an empty
    file, names that are no file names, numbers that are not finite, and repeated people.
    """
    if not len(records):
        raise UsageError(f"expected people in {records.path}, found none")
    for index, image in enumerate(records.images):
        if not image or "/" in image or "\\" in image:
            raise records.fault(index, f"expected the file name of a photograph, found {image!r}")
    known = np.isfinite(records.joints).all(axis=2) | ~records.labelled
    for index in np.flatnonzero(~known.all(axis=1))[:1]:
        joint = int(np.argmin(known[index]))
        raise records.fault(
            int(index),
            f"expected finite coordinates of joint {joint} ({MPII16.joints[joint]}), found "
            f"{_written(records.joints[index, joint])}",
        )
    positive = np.isfinite(records.scale) & (records.scale > 0)
    _check("scale", positive, records.scale, records, expected="a positive number")
    head = ~np.isinf(records.head)
    _check("head size", head, records.head, records, expected="finite")
    _check("center", np.isfinite(records.centre).all(axis=1), records.centre, records)
    _check_repeated(records)
    return records


def _check(
    field: str,
    good: Bool[np.ndarray, "n"],
    values: Float[np.ndarray, "n *rest"],
    records: Records,
    *,
    expected: str = "finite numbers",
) -> None:
    if not good.all():
        index = int(np.argmin(good))
        raise records.fault(
            index, f"expected `{field}` to be {expected}, found {_written(values[index])}"
        )


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
            raise records.fault(index, f"the same person as record {first + 1}: remove one")


def _written(values: np.ndarray | np.float64) -> str:
    return ", ".join(f"{value:g}" for value in np.atleast_1d(values))
