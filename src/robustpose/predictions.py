"""Predictions that were made elsewhere: read from files, scored from annotations alone."""

from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float

from robustpose.data import place_of
from robustpose.data.coco import annotation_file
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.metrics.average_precision import AveragePrecision, average_precision
from robustpose.metrics.distances import relative_errors
from robustpose.metrics.pck import (
    area_under_pck,
    hrnet_mean_at_0_1,
    pck_by_joint,
    pck_of_errors,
)

FORMATS = (
    "an array n x k x 2 in .npy (first pixel 0, 0), a data set `preds` in HDF5 or an array "
    "`pos_pred_src` k x 2 x n in .mat (both with first pixel 1, 1)"
)


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
    _check_shape(np.shape(joints), people, "joints")
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
        further=_further(error) if people.reference == "head" else {},
        errors=error,
    )


def _further(error: Float[np.ndarray, "n k"]) -> dict[str, float]:
    return {
        "PCK@0.1": pck_of_errors(error, 0.1),
        "HRNet's Mean@0.1 (0.11)": hrnet_mean_at_0_1(error),
        "area under the curve, 0 to 0.5": area_under_pck(error),
    }


def read_predictions(path: Path, people: Split) -> Float[np.ndarray, "n k 2"]:
    """Read the poses of a file, in pixels of the photographs, (0, 0) the centre of the first one.

    Formats: .npy (n x k x 2, counted from 0), HDF5 with `preds` (n x k x 2) and MATLAB with
    `pos_pred_src` (k x 2 x n), both counted from 1 as MPII's own annotations are. Raises
    `UsageError` for a file that is no such thing or of other people.
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
    _check_shape(joints.shape, people, str(path))
    return joints.astype(np.float64) - (0 if suffix == ".npy" else 1)


def _from_numpy(path: Path, _: Split) -> np.ndarray:
    try:
        loaded = np.load(path, allow_pickle=False, mmap_mode="r")
    except (ValueError, OSError, EOFError, SyntaxError, BadZipFile, TokenError) as error:
        raise UsageError(f"{path} is no array of numbers as numpy writes it: {error}") from error
    if not isinstance(loaded, np.ndarray):
        raise UsageError(f"{path} holds several arrays: expected one, as numpy.save writes it")
    return loaded


def _from_hdf5(path: Path, people: Split) -> np.ndarray:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            preds = file.get("preds")
            if not isinstance(preds, h5py.Dataset):
                found = "it is something else" if "preds" in file else ", ".join(file) or "nothing"
                raise UsageError(f"expected a data set `preds` in {path}, found {found}")
            _check_shape(preds.shape or (), people, str(path))  # before so much memory is taken
            return np.asarray(preds)
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is no HDF5 file that can be read: {error}") from error


def _from_matlab(path: Path, _: Split) -> np.ndarray:
    from robustpose.data.matlab import arrays

    content = arrays(path)
    if "pos_pred_src" not in content:
        found = ", ".join(sorted(content)) or "nothing"
        raise UsageError(f"expected an array `pos_pred_src` in {path}, found {found}")
    joints = content["pos_pred_src"]
    if not isinstance(joints, np.ndarray):
        raise UsageError(f"{path} holds values of type {type(joints).__name__}: expected numbers")
    return np.transpose(joints, (2, 0, 1)) if joints.ndim == 3 else joints


def _check_shape(shape: tuple[int, ...], people: Split, source: str) -> None:
    expected = (len(people), len(people.skeleton), 2)
    if shape == expected:
        return
    left_out = sum(people.left_out.values())
    besides = f", {left_out:,} more are left out of it" if left_out else ""
    raise UsageError(
        f"{source}: expected {_times(expected)} numbers, one pose for each of the people of "
        f"{people.name}{besides}; found {_times(shape)}"
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


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{side:,}" for side in shape) or "a single number"
