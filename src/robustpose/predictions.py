"""Predictions that were made elsewhere: read from files, scored from annotations alone."""

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple
from zipfile import BadZipFile

import h5py
import numpy as np
from jaxtyping import Float

from robustpose.data import place_of
from robustpose.data.coco import annotation_file
from robustpose.data.hdf5 import not_hdf5
from robustpose.data.matlab import arrays, held
from robustpose.data.people import Split
from robustpose.errors import UsageError, times
from robustpose.file_kinds import mistaken_for
from robustpose.metrics.average_precision import AveragePrecision, average_precision
from robustpose.metrics.distances import relative_errors
from robustpose.metrics.pck import (
    area_under_pck,
    hrnet_mean_at_0_1,
    pck_by_joint,
    pck_of_errors,
)

FORMATS = (
    "poses n x k x 2 as an array in .npy or as `preds` in HDF5 or .mat, or k x 2 x n as "
    "`pos_pred_src` in .mat"
)
NAMES = ("preds", "pos_pred_src")
FIRST_PIXEL = {".npy": 0, ".h5": 1, ".hdf5": 1, ".mat": 1}
"""What the published code that writes such files calls the first pixel: Newell's, bearpaw's and
PyraNet's count from 1 as MPII does, SimpleBaseline, HRNet and MMPose add 1 before they save."""
NUMBERS = (2, 3, 5)
"""How many numbers a joint may have: x and y, with a confidence (PyraNet), or with the cell and its
value (Newell's training code)."""


class PredictionScores(NamedTuple):
    """PCK in percent of predictions: over all scored joints, by joint, and by left-right pair.

    A pair's score is the mean of its two joints', as MPII's evaluators print it. `further` are the
    other figures that are published for people measured by their heads. NaN where there is nothing
    to score.
    """

    pck: float
    by_joint: dict[str, float]
    by_pair: dict[str, float]
    further: dict[str, float]
    errors: Float[np.ndarray, "n k"]


def score(joints: Float[np.ndarray, "n k 2"], people: Split) -> PredictionScores:
    """Score joints in photograph pixels, one pose for each person in the order of the split.

    (0, 0) is the centre of a photograph's first pixel. No photograph is read. A prediction that is
    not finite counts as wrong. Raises `UsageError` for another number of people or joints, and if
    there is nobody to score.
    """
    if not len(people):
        raise UsageError(f"{people.name} has nobody to score")
    if np.shape(joints) != (len(people), len(people.skeleton), 2):
        raise _misfit(np.shape(joints), people, "joints")
    everybody = list(people)  # drawn people are drawn anew each time they are asked for
    truth = np.stack([person.joints for person in everybody])
    size = np.array([person.size or 0.0 for person in everybody])
    counts = np.array([joint not in people.unscored for joint in people.skeleton.joints])
    scored = np.stack([person.labelled for person in everybody]) & counts
    error = relative_errors(np.asarray(joints, np.float64), truth, scored, size)
    each = pck_by_joint(error, people.threshold)
    return PredictionScores(
        pck=pck_of_errors(error, people.threshold),
        by_joint=dict(zip(people.skeleton.joints, each.tolist(), strict=True)),
        by_pair={
            name: float(np.mean(each[list(members)]))
            for name, members in people.skeleton.groups.items()
        },
        further=_further(error, each) if people.reference == "head" else {},
        errors=error,
    )


def _further(error: Float[np.ndarray, "n k"], by_joint: Float[np.ndarray, "k"]) -> dict[str, float]:
    known = by_joint[~np.isnan(by_joint)]
    return {
        "mean of the joints (bearpaw's Mean)": float(known.mean()) if len(known) else float("nan"),
        "PCK@0.1": pck_of_errors(error, 0.1),
        "HRNet's Mean@0.1 (0.11)": hrnet_mean_at_0_1(error),
        "area under the curve, 0 to 0.5": area_under_pck(error),
    }


def read_predictions(
    path: Path, people: Split, *, first_pixel: int | None = None
) -> Float[np.ndarray, "n k 2"]:
    """Read the poses of a file, in pixels of the photographs, (0, 0) the centre of the first one.

    Formats: .npy; HDF5 with `preds` (Newell's Lua code and its descendants); MATLAB of any version
    with `preds` (bearpaw, SimpleBaseline, HRNet, MMPose) or with `pos_pred_src` (k x 2 x n,
    Tompson). Axes n x k x 2 may lie in any order that the numbers of people and joints tell; what
    follows x and y is not read. People lie in the order of the split, which no file says, unless
    HDF5 has `idxs`, by which shuffled ones are sorted. `first_pixel` is the coordinate of the
    first pixel, 0 or 1, by default `FIRST_PIXEL` of the format. Raises `UsageError` for a file that
    is no such thing or of other people.
    """
    if not path.is_file():
        raise UsageError(f"expected predictions at {path} ({FORMATS}), found no file")
    readers = {".npy": _from_numpy, ".h5": _from_hdf5, ".hdf5": _from_hdf5, ".mat": _from_matlab}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise UsageError(f"expected {FORMATS}, or COCO results in .json; found {path.name}")
    joints = readers[suffix](path, people)
    if joints.dtype.kind not in "fiu":
        raise UsageError(f"{path} holds values of type {joints.dtype}: expected numbers")
    places = joints.transpose(_axes(joints.shape, people, path))[..., :2].astype(np.float64)
    return places - (FIRST_PIXEL[suffix] if first_pixel is None else first_pixel)


def _from_numpy(path: Path, _: Split) -> np.ndarray:
    with path.open("rb") as file:
        start = file.read(64)
    if not start.startswith((b"\x93NUMPY", b"PK")):
        raise UsageError(
            f"expected an array as numpy.save writes it at {path}: it is "
            f"{mistaken_for(start) or 'something else'}"
        )
    try:
        loaded = np.load(path, allow_pickle=False, mmap_mode="r")
    except (ValueError, OSError, EOFError, SyntaxError, BadZipFile, TokenError) as error:
        raise UsageError(f"{path} is no array of numbers as numpy writes it: {error}") from error
    if not isinstance(loaded, np.ndarray):
        raise UsageError(f"{path} holds several arrays: expected one, as numpy.save writes it")
    return loaded


def _from_hdf5(path: Path, people: Split) -> np.ndarray:
    try:
        with h5py.File(path, "r") as file:
            sets = {name: each for name, each in file.items() if isinstance(each, h5py.Dataset)}
            preds = sets[_name(list(sets), path)]
            _axes(preds.shape or (), people, path)  # before so much memory is taken
            rows = np.asarray(preds)
            return _sorted(rows, sets["idxs"], path) if "idxs" in sets else rows
    except UsageError:
        raise
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise not_hdf5(path, error) from error


def _sorted(preds: np.ndarray, idxs: h5py.Dataset, path: Path) -> np.ndarray:
    """Return rows that Newell's training code left shuffled in the order of the split."""
    if idxs.shape != preds.shape[:1] or len(np.unique(idxs)) < len(preds):
        raise UsageError(
            f"expected `idxs` in {path} to number the {len(preds):,} people of `preds`, each once"
        )
    return preds[np.argsort(idxs)]


def _from_matlab(path: Path, people: Split) -> np.ndarray:
    if h5py.is_hdf5(path):  # version 7.3
        return _from_hdf5(path, people)
    content = arrays(path)
    name = _name(list(content), path)
    joints: np.ndarray = content[name]
    if held(joints) != "numbers":
        raise UsageError(f"{path} holds {held(joints)} in `{name}`: expected numbers")
    return joints.transpose(2, 0, 1) if name == "pos_pred_src" and joints.ndim == 3 else joints


def _name(found: Sequence[str], path: Path) -> str:
    """Return what the predictions of a file are called."""
    for name in NAMES:
        if name in found:
            return name
    raise UsageError(
        f"expected an array `preds` or `pos_pred_src` in {path}, found "
        f"{', '.join(sorted(found)) or 'nothing'}"
    )


def _axes(shape: tuple[int, ...], people: Split, path: Path) -> tuple[int, ...]:
    """Return the order in which the axes are people, joints and numbers: their own, if it fits."""
    expected = [(len(people), len(people.skeleton), count) for count in NUMBERS]
    fitting = [
        axes
        for axes in permutations(range(3))
        if len(shape) == 3 and tuple(shape[axis] for axis in axes) in expected
    ]
    if not fitting:
        raise _misfit(shape, people, str(path))
    if len(fitting) > 1 and fitting[0] != (0, 1, 2):
        raise UsageError(
            f"{path}: {times(shape)} numbers do not tell the axes of people, joints and (x, y) "
            f"apart: write them as {times(expected[0])}"
        )
    return fitting[0]


def _misfit(shape: tuple[int, ...], people: Split, source: str) -> UsageError:
    left_out = sum(people.left_out.values())
    besides = f", {left_out:,} more are left out of it" if left_out else ""
    expected = times((len(people), len(people.skeleton), 2))
    return UsageError(
        f"{source}: expected {expected} numbers, one pose for each of the people of "
        f"{people.name}{besides}; found {times(shape) or 'a single number'}"
    )


def score_results(path: Path, people: str) -> AveragePrecision:
    """Score COCO results, a JSON list, by the official rules; no photograph is needed.

    `people` is `coco:FOLDER`, `coco:FILE` of annotations, or `coco`. Raises `UsageError` for other
    people, and for records that do not fit.
    """
    key, _, location = people.partition(":")
    if key != "coco":
        raise UsageError(
            f"{path.name} is scored as COCO results: expected coco:FOLDER, found {people}"
        )
    folder = place_of("coco", location)
    return average_precision(folder if folder.is_file() else annotation_file(folder, "test"), path)
