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

    `written` is how the command line names it. `load` takes the split's name and what follows the
    colon in the name ("" for nothing).
    """

    summary: str
    licence: str
    written: str
    load: Callable[[str, str], Split]


DATASETS: dict[str, Dataset] = {
    "rendered": Dataset(
        summary="people drawn by the package: endless, seeded, with exactly known joints",
        licence="Apache-2.0",
        written="rendered (or rendered:PIXELS, the side of the pictures; 160)",
        load=lambda split, location: rendered_people(split, pixels=_pixels(location)),
    ),
    "lsp": Dataset(
        summary="Leeds Sports Pose, extended: 10,000 sports photographs, 14 joints",
        licence="research use; Johnson and Everingham, CVPR 2011",
        written="lsp:FOLDER",
        load=lambda split, location: lsp_people(_folder("lsp", location), split),
    ),
}


def load_people(name: str, *, split: str = "test") -> Split:
    """Load a split of a data set: `rendered`, `lsp:FOLDER`, or `lsp` with `ROBUSTPOSE_DATA` set.

    Without a folder in the name, files are looked for in the data set's own folder under
    `ROBUSTPOSE_DATA`. `rendered:320` draws larger pictures, for networks of 256 px. Raises
    `UsageError` for an unknown name or files that do not fit.
    """
    key, _, location = name.partition(":")
    check_choice("data set", key, DATASETS)
    return DATASETS[key].load(split, location)


def _pixels(location: str) -> int:
    if location and not location.isdecimal():
        raise UsageError(
            f"rendered people need no folder, at most the side of their pictures in pixels "
            f"(rendered:320): found {location!r}"
        )
    return int(location or 160)


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
