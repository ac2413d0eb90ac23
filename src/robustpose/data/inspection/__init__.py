"""What a folder holds of a data set: which files, how many, and whether they are right.

Annotations are read as they are for a study, and pixels not at all: whether a photograph can be
decoded shows when it is read.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from robustpose.data.folders import check_folder
from robustpose.data.inspection.coco import inspect_coco
from robustpose.data.inspection.findings import Inspection
from robustpose.data.inspection.lsp import inspect_lsp
from robustpose.data.inspection.mpii import inspect_mpii
from robustpose.errors import UsageError

MARKS = {
    "lsp": ("joints.mat", "images/im00001.jpg", "images/im0001.jpg"),
    "mpii": (
        "mpii_human_pose_v1_u12_*",
        "annot/*.h5",
        "annot/*.json",
        "detections_our_format.mat",
        "images/000001163.jpg",
    ),
    "coco": (
        "annotations/person_keypoints_*.json",
        "person_keypoints_*.json",
        "val2017",
        "train2017",
        "images/val2017",
        "images/train2017",
    ),
}
"""By which files a folder is known to be one of a data set."""

INSPECTORS: dict[str, Callable[[Path], Inspection]] = {
    "lsp": inspect_lsp,
    "mpii": inspect_mpii,
    "coco": inspect_coco,
}


def inspect_folder(folder: Path) -> list[Inspection]:
    """Return what a folder holds, one inspection a data set.

    The folder is that of a data set, or holds such folders, as the one that `ROBUSTPOSE_DATA`
    names. Raises `UsageError` for a folder that holds none.
    """
    check_folder(folder, "files of a data set (see: robustpose data)")
    subfolders = sorted(path for path in folder.iterdir() if path.is_dir())
    for places in ([folder], subfolders):
        found_sets = [(key, place) for place in places for key in recognised(place)]
        if found_sets:
            return [_inspected(key, place) for key, place in found_sets]
    expected = "; ".join(f"{key} has {' or '.join(marks)}" for key, marks in MARKS.items())
    names = ", ".join(sorted(path.name for path in folder.iterdir())[:5])
    raise UsageError(
        f"expected files of a data set in {folder} ({expected}), found {names or 'none'}. "
        f"See: robustpose data"
    )


def recognised(folder: Path) -> list[str]:
    """Return the data sets that a folder has files of."""
    return [
        key
        for key, marks in MARKS.items()
        if any(next(folder.glob(mark), None) is not None for mark in marks)
    ]


def _inspected(key: str, folder: Path) -> Inspection:
    """Inspect a folder and load each split: whether one can be loaded, its reader knows best."""
    found = INSPECTORS[key](folder)
    for split in ("train", "test"):
        found.load(split, partial(_people, key, folder, split))
    return found


def _people(key: str, folder: Path, split: str) -> int:
    from robustpose.data import load_people

    return len(load_people(f"{key}:{folder}", split=split))
