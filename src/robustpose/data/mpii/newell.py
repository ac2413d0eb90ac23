"""Newell's HDF5: `train.h5`, `valid.h5` of pose-hg-train and of what was built on it.

Arrays over people: `imgname`, `center`, `scale`, `part` (16 pairs), `visible`, `normalize`
(the head size), and others that are not needed. Names are text, or rows of character codes with
zeros behind, as Newell's converter and the code of Jain et al. have them. Coordinates are 1-based
like MPII's own. **`center` and `scale` are those of the crop, moved and enlarged already.**
Coordinates are cut to integers, so that neck and head top lie up to a pixel from where the other
forms have them. A joint without annotation is at (0, 0); `visible` is 0 for it and for occluded
ones.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from robustpose.data.hdf5 import not_hdf5
from robustpose.data.mpii.records import HEADS, Names, Records, checked
from robustpose.errors import UsageError, times
from robustpose.json_records import shown

if TYPE_CHECKING:
    import h5py

MOST_NUMBERS = 10**8
"""More than any set of people has, and less than any machine's memory."""
SHAPES: dict[str, tuple[int, ...]] = {
    "imgname": (),
    "center": (2,),
    "scale": (),
    "part": (16, 2),
    "visible": (16,),
    "normalize": (),
}


def read(path: Path) -> Records:
    """Read one file. Raises `UsageError` that names file, record and field."""
    arrays = _arrays(path)
    _check_shapes(arrays, path)
    numbers = {name: arrays[name].astype(np.float64) for name in arrays if name != "imgname"}
    labelled = (numbers["part"] != 0).any(axis=2)
    records = Records(
        path=path,
        names=Names("imgname", "center", "scale", "part", "normalize"),
        images=_names(arrays["imgname"], path),
        centre=numbers["center"],
        scale=numbers["scale"],
        joints=numbers["part"],
        labelled=labelled,
        visible=labelled & (numbers["visible"] > 0),
        head=np.where(numbers["normalize"] == 0, np.nan, numbers["normalize"]),
    )
    flags, head = numbers["visible"], numbers["normalize"]
    seen = (flags == 0) | (flags == 1)
    records.check("visible", np.all(seen, axis=1), flags, "flags of 0 or 1")
    records.check("normalize", head >= 0, head, "a number from 0")
    if "person" in numbers:
        person = numbers["person"]
        whole = (person >= 0) & (person < MOST_NUMBERS) & (person == np.round(person))
        records.check("person", whole, person, "a whole number from 0")
        records = replace(records, person=person.astype(np.int64))
    _check_enlarged(records)
    return checked(records)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            missing = [name for name in SHAPES if not isinstance(file.get(name), h5py.Dataset)]
            if missing:
                raise UsageError(
                    f"expected {', '.join(f'`{name}`' for name in SHAPES)} in {path}, found no "
                    f"{', '.join(f'`{name}`' for name in missing)}"
                )
            people = isinstance(file.get("person"), h5py.Dataset)
            wanted = [*SHAPES, *(["person"] if people else [])]
            _check_sizes(file, wanted, path)
            return {name: np.asarray(file[name][()]) for name in wanted}
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        raise not_hdf5(path, error) from error


def _check_sizes(file: "h5py.File", names: Sequence[str], path: Path) -> None:
    """Refuse what cannot be people, before so much memory is taken."""
    for name in names:
        size = file[name].size
        if size is None or size > MOST_NUMBERS:
            found = "nothing in it" if size is None else times(file[name].shape)
            raise UsageError(f"{path}: expected `{name}` of MPII's people, found {found}")


def _check_shapes(arrays: dict[str, np.ndarray], path: Path) -> None:
    count = len(np.atleast_1d(arrays["imgname"]))
    for name, array in arrays.items():
        expected = (count, *SHAPES.get(name, ()))
        if name == "imgname" and array.ndim == 2 and array.dtype.kind in "fiu":
            continue  # rows of character codes
        if array.shape != expected:
            raise UsageError(
                f"{path}: expected `{name}` of {times(expected)}, one row for each `imgname`, "
                f"found {times(array.shape) or 'one value'}"
            )
        if array.dtype.kind not in ("SO" if name == "imgname" else "fiu"):
            what = "text or rows of character codes" if name == "imgname" else "numbers"
            raise UsageError(f"{path}: expected `{name}` to be {what}, found type {array.dtype}")


def _check_enlarged(records: Records) -> None:
    """Refuse a file whose scale is the annotated one: its boxes would be too small."""
    head, scale = records.head, records.scale
    known = (head > 0) & (scale > 0)
    ratio = float(np.median(head[known] / scale[known])) if known.any() else HEADS / 1.25
    if abs(ratio * 1.25 / HEADS - 1) > 0.01:
        raise UsageError(
            f"{records.path}: expected `normalize` to be {HEADS / 1.25:g} x `scale`, as where "
            f"`scale` and `center` are those of the crop (moved by 15 x scale, enlarged by 1.25), "
            f"found {ratio:.4g} x `scale`: convert the file with Newell's script, or use the JSON"
        )


def _names(values: np.ndarray, path: Path) -> list[str]:
    """Return the names of photographs, from text or from rows of character codes."""
    names = []
    for index, value in enumerate(values if values.ndim == 2 else values.tolist()):
        name = _spelled(value) if isinstance(value, np.ndarray) else value
        if not isinstance(name, bytes) or not name.isascii():
            found = value.tolist() if isinstance(value, np.ndarray) else value
            raise UsageError(
                f"{path}, record {index + 1}: expected `imgname` to be text in ASCII, found "
                f"{shown(str(found))}"
            )
        names.append(name.decode("ascii"))
    return names


def _spelled(codes: np.ndarray) -> bytes | None:
    """Return the text that character codes spell, without the zeros behind it; None for others."""
    if not np.isin(codes, range(128)).all():
        return None
    return codes.astype(np.uint8).tobytes().rstrip(b"\0")
