"""Ground truth of the validation split in Tompson's form: `detections_our_format.mat`.

HRNet's `gt_valid.mat` and MMPose's `mpii_gt_val.mat` are such files too. `pos_gt_src` (16 x 2 x
people, 1-based), `jnt_missing` (16 x people) and `headboxes_src` (2 corners x 2 x people) are those
of the 2,958 people, in the order of the split; there are neither names nor boxes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from robustpose.data.matlab import arrays, held
from robustpose.data.mpii.records import HEAD_SHARE, HEADS, Names, Records, checked
from robustpose.data.mpii.validation import validation_people
from robustpose.errors import UsageError, times
from robustpose.json_records import shown

ORDER = (
    "rank, rkne, rhip, lhip, lkne, lank, pelv, thor, neck, head, rwri, relb, rsho, lsho, lelb, lwri"
)


def read(path: Path) -> Records:
    """Read one file. Raises `UsageError` that names file, record and field.

    The crop has the published side, but its centre is not known: it is the middle of the joints.
    """
    content, listed = arrays(path), validation_people()
    truth = _numbers(content, "pos_gt_src", (16, 2, len(listed)), path).transpose(2, 0, 1)
    missing = _numbers(
        content, "jnt_missing", (16, len(listed)), path, kinds=("numbers", "true or false")
    ).T
    corners = _numbers(content, "headboxes_src", (2, 2, len(listed)), path)
    _check_order(content, path)
    boxes = corners.reshape(4, -1).T
    _check("headboxes_src", boxes, np.isfinite(boxes), "finite", path)
    _check("jnt_missing", missing, np.isin(missing, (0, 1)), "0 or 1", path)
    labelled = missing == 0
    head = HEAD_SHARE * np.linalg.norm(corners[1] - corners[0], axis=0)
    return checked(
        Records(
            path=path,
            names=Names("photo", "pos_gt_src", "headboxes_src", "pos_gt_src", "headboxes_src"),
            images=[image for image, _ in listed],
            centre=_middles(truth, labelled),
            scale=1.25 * np.where(head > 0, head, HEADS) / HEADS,
            joints=truth,
            labelled=labelled,
            visible=labelled,
            head=np.where(head > 0, head, np.nan),
            person=np.array([person for _, person in listed], dtype=np.int64),
        )
    )


def _check(name: str, values: np.ndarray, good: np.ndarray, expected: str, path: Path) -> None:
    """Refuse the first person who has a value that is not good."""
    for index, place in np.argwhere(~good)[:1].tolist():
        image, _ = validation_people()[index]
        raise UsageError(
            f"{path}, record {index + 1} ({image}): expected `{name}` to be {expected}, found "
            f"{values[index, place]:g}"
        )


def _numbers(
    content: dict[str, Any],
    name: str,
    shape: tuple[int, ...],
    path: Path,
    *,
    kinds: Sequence[str] = ("numbers",),
) -> np.ndarray:
    expected = f"`{name}` of {times(shape)} numbers (the validation split)"
    if name not in content:
        found = shown(", ".join(sorted(content))) or "nothing"
        raise UsageError(f"{path}: expected {expected}, found {found}")
    array: np.ndarray = content[name]
    if array.shape != shape or held(array) not in kinds:
        found = f"{times(array.shape)} ({held(array)})"
        raise UsageError(f"{path}: expected {expected}, found {found}")
    return array.astype(np.float64)


def _check_order(content: dict[str, Any], path: Path) -> None:
    if "dataset_joints" not in content:
        return
    names = [np.ravel(name) for name in np.ravel(content["dataset_joints"])]
    found = ", ".join(str(name[0]) for name in names if len(name))
    if found != ORDER:
        raise UsageError(
            f"{path}: expected `dataset_joints` in the order {ORDER}, found {shown(found)}"
        )


def _middles(joints: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    known = labelled[..., None]
    low = np.where(known, joints, np.inf).min(axis=1)
    high = np.where(known, joints, -np.inf).max(axis=1)
    anybody = np.isfinite(low) & np.isfinite(high)
    return np.where(anybody, (low + np.where(anybody, high, 0.0)) / 2, 0.0)
