"""Which file of a folder holds the annotations of a split, and how it is read."""

from collections.abc import Sequence
from pathlib import Path

from robustpose.data.folders import check_folder
from robustpose.data.mpii import json_form, newell, official
from robustpose.data.mpii.records import Records
from robustpose.errors import UsageError

PLACES = ("", "annot", "annotations")
OFFICIAL = "mpii_human_pose_v1_u12_*.mat"
UNPACKED = "mpii_human_pose_v1_u12_*"
"""The folder that MPII's archive unpacks to."""
STEMS = {
    "train": ("train", "mpii_train"),
    "test": ("valid", "val", "validation", "mpii_val", "mpii_valid"),
}
READERS = {".mat": official.read, ".json": json_form.read, ".h5": newell.read}


def annotation_file(folder: Path, split: str) -> Path:
    """Return the annotations of a split: MPII's own, else JSON, else HDF5.

    A folder without a file of a usual name but with a single JSON or HDF5 has that one. Raises
    `UsageError` if there is none, or no saying which.
    """
    check_folder(folder, "images/ and annotations of MPII")
    places = [folder / place for place in PLACES if (folder / place).is_dir()]
    own = [path for place in [*places, *folder.glob(UNPACKED)] for path in place.glob(OFFICIAL)]
    if own:
        return sorted(own)[0]
    for suffix in (".json", ".h5"):
        found = sorted(path for place in places for path in place.glob(f"*{suffix}"))
        if found:
            return _chosen(found, split, folder)
    raise UsageError(
        f"expected mpii_human_pose_v1_u12_1.mat, annot/valid.json or annot/valid.h5 in {folder}, "
        "found none of them: name the folder that holds images/ and the annotations"
    )


def read(path: Path) -> Records:
    """Read annotations of any form. Raises `UsageError` that names file, record and field."""
    return READERS[path.suffix](path)


def _chosen(found: Sequence[Path], split: str, folder: Path) -> Path:
    for stem in STEMS[split]:
        for path in found:
            if path.stem == stem:
                return path
    usual = {stem for stems in STEMS.values() for stem in stems}
    if len(found) == 1 and found[0].stem not in usual:
        return found[0]
    raise UsageError(
        f"expected {STEMS[split][0]}{found[0].suffix} in {folder} for the split {split}, found "
        f"{', '.join(path.name for path in found)}"
    )
