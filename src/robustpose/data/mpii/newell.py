"""Newell's HDF5: `train.h5`, `valid.h5` of pose-hg-train and of what was built on it.

Arrays over people: `imgname`, `center`, `scale`, `part` (16 pairs), `visible`, `normalize`
(the head size), and others that are not needed. Coordinates are 1-based like MPII's own. **`center`
and `scale` are those of the crop, moved and enlarged already.** Coordinates are cut to integers, so
that neck and head top lie up to a pixel from where the other forms have them. A joint without
annotation is at (0, 0); `visible` is 0 for it and for occluded ones.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from robustpose.data.mpii.records import HEADS, Records, fault
from robustpose.errors import UsageError

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
    numbers = {name: arrays[name].astype(np.float64) for name in SHAPES if name != "imgname"}
    for name in ("part", "normalize"):
        finite = np.isfinite(numbers[name]).reshape(len(arrays["imgname"]), -1).all(axis=1)
        for index in np.flatnonzero(~finite)[:1].tolist():
            raise fault(path, index, f"expected `{name}` to be finite, found NaN or infinity")
    _check_enlarged(numbers["normalize"], numbers["scale"], path)
    labelled = (numbers["part"] != 0).any(axis=2)
    return Records(
        path=path,
        images=_names(arrays["imgname"], path),
        centre=numbers["center"],
        scale=numbers["scale"],
        joints=numbers["part"],
        labelled=labelled,
        visible=labelled & (numbers["visible"] > 0),
        head=np.where(numbers["normalize"] > 0, numbers["normalize"], np.nan),
        person=arrays["person"].astype(np.int64) if "person" in arrays else None,
    )


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
        reason = "no such file" if not path.is_file() else str(error)
        raise UsageError(f"expected an HDF5 file at {path}: {reason}") from error


def _check_sizes(file: "h5py.File", names: Sequence[str], path: Path) -> None:
    """Refuse what cannot be people, before so much memory is taken."""
    for name in names:
        if file[name].size is None or file[name].size > MOST_NUMBERS:
            raise UsageError(
                f"{path}: expected `{name}` of MPII's people, found {file[name].shape}"
            )


def _check_shapes(arrays: dict[str, np.ndarray], path: Path) -> None:
    count = len(np.atleast_1d(arrays["imgname"]))
    for name, array in arrays.items():
        expected = (count, *SHAPES.get(name, ()))
        if array.shape != expected:
            raise UsageError(
                f"{path}: expected `{name}` of {' x '.join(map(str, expected))}, one row for each "
                f"`imgname`, found {' x '.join(map(str, array.shape)) or 'one value'}"
            )
        if array.dtype.kind not in ("SO" if name == "imgname" else "fiu"):
            what = "text" if name == "imgname" else "numbers"
            raise UsageError(f"{path}: expected `{name}` to be {what}, found type {array.dtype}")


def _check_enlarged(head: np.ndarray, scale: np.ndarray, path: Path) -> None:
    """Refuse a file whose scale is the annotated one: its boxes would be too small."""
    known = (head > 0) & (scale > 0)
    ratio = float(np.median(head[known] / scale[known])) if known.any() else HEADS / 1.25
    if abs(ratio * 1.25 / HEADS - 1) > 0.01:
        raise UsageError(
            f"{path}: expected `normalize` to be {HEADS / 1.25:g} x `scale`, as where `scale` and "
            f"`center` are those of the crop (moved by 15 x scale, enlarged by 1.25), found "
            f"{ratio:.4g} x `scale`: convert the file with Newell's script, or use the JSON"
        )


def _names(values: np.ndarray, path: Path) -> list[str]:
    names = []
    for index, value in enumerate(values.tolist()):
        if not isinstance(value, bytes):
            raise fault(path, index, f"expected `imgname` to be text, found {value!r}")
        try:
            names.append(value.decode("ascii"))
        except UnicodeDecodeError as error:
            raise fault(path, index, f"expected `imgname` in ASCII, found {value!r}") from error
    return names
