"""Ground truth of the validation split in Tompson's form: `detections_our_format.mat`.

HRNet's `gt_valid.mat` and MMPose's `mpii_gt_val.mat` are such files too. `pos_gt_src` (16 x 2 x
people, 1-based), `jnt_missing` (16 x people) and `headboxes_src` (2 corners x 2 x people) are those
of the 2,958 people, in the order of the split; there are neither names nor boxes.
"""

from pathlib import Path

import numpy as np

from robustpose.data.matlab import arrays
from robustpose.data.mpii.records import HEAD_SHARE, HEADS, Records, fault
from robustpose.data.mpii.validation import validation_people
from robustpose.errors import UsageError

ORDER = (
    "rank, rkne, rhip, lhip, lkne, lank, pelv, thor, neck, head, rwri, relb, rsho, lsho, lelb, lwri"
)


def read(path: Path) -> Records:
    """Read one file. Raises `UsageError` that names file, record and field.

    The crop has the published side, but its centre is not known: it is the middle of the joints.
    """
    content, listed = arrays(path), validation_people()
    truth = _numbers(content, "pos_gt_src", (16, 2, len(listed)), path).transpose(2, 0, 1)
    missing = _numbers(content, "jnt_missing", (16, len(listed)), path).T
    corners = _numbers(content, "headboxes_src", (2, 2, len(listed)), path)
    _check_order(content, path)
    for index in np.flatnonzero(~np.isin(missing, (0, 1)).all(axis=1))[:1].tolist():
        raise fault(path, index, "expected `jnt_missing` of 0 or 1, found another value")
    labelled = missing == 0
    head = HEAD_SHARE * np.linalg.norm(corners[1] - corners[0], axis=0)
    for index in np.flatnonzero(~np.isfinite(head))[:1].tolist():
        raise fault(path, index, "expected `headboxes_src` to be finite, found NaN or infinity")
    return Records(
        path=path,
        images=[image for image, _ in listed],
        centre=_middles(truth, labelled),
        scale=1.25 * np.where(head > 0, head, HEADS) / HEADS,
        joints=truth,
        labelled=labelled,
        visible=labelled,
        head=np.where(head > 0, head, np.nan),
        person=np.array([person for _, person in listed], dtype=np.int64),
    )


def _numbers(
    content: dict[str, np.ndarray], name: str, shape: tuple[int, ...], path: Path
) -> np.ndarray:
    expected = f"`{name}` of {' x '.join(map(str, shape))} numbers (the validation split)"
    if name not in content:
        found = ", ".join(sorted(content)) or "nothing"
        raise UsageError(f"{path}: expected {expected}, found {found}")
    array = content[name]
    if not isinstance(array, np.ndarray):
        raise UsageError(f"{path}: expected {expected}, found a {type(array).__name__}")
    if array.shape != shape or array.dtype.kind not in "biuf":
        found = f"{' x '.join(map(str, array.shape))} of type {array.dtype}"
        raise UsageError(f"{path}: expected {expected}, found {found}")
    return array.astype(np.float64)


def _check_order(content: dict[str, np.ndarray], path: Path) -> None:
    if "dataset_joints" not in content:
        return
    names = [np.ravel(name) for name in np.ravel(content["dataset_joints"])]
    found = ", ".join(str(name[0]) for name in names if len(name))
    if found != ORDER:
        raise UsageError(f"{path}: expected `dataset_joints` in the order {ORDER}, found {found}")


def _middles(joints: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    known = labelled[..., None]
    low = np.where(known, joints, np.inf).min(axis=1)
    high = np.where(known, joints, -np.inf).max(axis=1)
    anybody = np.isfinite(high - low)
    return np.where(anybody, (low + np.where(anybody, high, 0.0)) / 2, 0.0)
