"""Data sets of people: what there is, and how a name on the command line becomes a split."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from robustpose.data.lsp import lsp_people
from robustpose.data.people import Split
from robustpose.data.rendered import rendered_people
from robustpose.errors import UsageError, check_choice


@dataclass(frozen=True)
class Dataset:
    """What the package knows of a data set.

    `load` takes the split's name and the folder that holds the files (None for a data set that
    needs none).
    """

    summary: str
    licence: str
    needs_folder: bool
    load: Callable[[str, Path | None], Split]


DATASETS: dict[str, Dataset] = {
    "rendered": Dataset(
        summary="people drawn by the package: endless, seeded, with exactly known joints",
        licence="Apache-2.0",
        needs_folder=False,
        load=lambda split, _: rendered_people(split),
    ),
    "lsp": Dataset(
        summary="Leeds Sports Pose, extended: 10,000 sports photographs, 14 joints",
        licence="research use; Johnson and Everingham, CVPR 2011",
        needs_folder=True,
        load=lambda split, folder: lsp_people(folder or Path(), split),
    ),
}


def load_people(name: str, *, split: str = "test") -> Split:
    """Load a split of a data set: `rendered`, `lsp:FOLDER`, or `lsp` with `ROBUSTPOSE_DATA` set.

    Without a folder in the name, files are looked for in the data set's own folder under
    `ROBUSTPOSE_DATA`. Raises `UsageError` for an unknown name or files that do not fit.
    """
    key, _, location = name.partition(":")
    check_choice("data set", key, DATASETS)
    dataset = DATASETS[key]
    if not dataset.needs_folder:
        if location:
            raise UsageError(f"{key} needs no folder, found {location!r}: write {key}")
        return dataset.load(split, None)
    return dataset.load(split, _folder(key, location))


def _folder(key: str, location: str) -> Path:
    if location:
        return Path(location).expanduser()
    root = os.environ.get("ROBUSTPOSE_DATA")
    if root is None:
        raise UsageError(
            f"{key} needs the folder of its files: write {key}:FOLDER, or set ROBUSTPOSE_DATA to "
            f"the folder that holds {key}/"
        )
    return Path(root).expanduser() / key
