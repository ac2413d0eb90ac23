"""Data sets of people: what there is, and how a name on the command line becomes a split."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from robustpose.data.folders import expanded, found_folder
from robustpose.errors import UsageError, check_choice

if TYPE_CHECKING:
    from robustpose.data.people import Split


@dataclass(frozen=True)
class Dataset:
    """What the package knows of a data set.

    `written` is how the command line names it. `load` takes the split's name and what follows the
    colon in the name ("" for nothing); it imports the reader, so that the table itself is quick.
    """

    summary: str
    licence: str
    written: str
    load: "Callable[[str, str], Split]"


def _rendered(split: str, location: str) -> "Split":
    from robustpose.data.rendered import rendered_people

    return rendered_people(split, pixels=_pixels(location))


def _lsp(split: str, location: str) -> "Split":
    from robustpose.data.lsp import lsp_people

    return lsp_people(place_of("lsp", location), split)


def _mpii(split: str, location: str) -> "Split":
    from robustpose.data.mpii import mpii_people, mpii_truth

    folder = place_of("mpii", location)
    if not folder.is_file():
        return mpii_people(folder, split)
    if split != "test":
        raise UsageError(f"{folder} is a file of people to judge: {split} people need a folder")
    return mpii_truth(folder)


def _coco(split: str, location: str) -> "Split":
    from robustpose.data.coco import coco_people

    return coco_people(place_of("coco", location), split)


def _coco_jain2019(split: str, location: str) -> "Split":
    from robustpose.data.coco import coco_jain2019_people

    return coco_jain2019_people(place_of("coco", location), split)


DATASETS: dict[str, Dataset] = {
    "rendered": Dataset(
        summary="people drawn by the package: endless, seeded, with exactly known joints",
        licence="Apache-2.0",
        written="rendered (or rendered:PIXELS, the side of the pictures; 160)",
        load=_rendered,
    ),
    "lsp": Dataset(
        summary="Leeds Sports Pose, extended: 10,000 sports photographs, 14 joints",
        licence="research use; Johnson and Everingham, CVPR 2011",
        written="lsp:FOLDER",
        load=_lsp,
    ),
    "mpii": Dataset(
        summary="MPII Human Pose: people at everyday activities, 16 joints, scored by PCKh",
        licence="research use; Andriluka et al., CVPR 2014",
        written="mpii:FOLDER (or mpii:FILE, ground truth alone, for predictions made elsewhere)",
        load=_mpii,
    ),
    "coco": Dataset(
        summary="COCO 2017: everyday scenes with several people, 17 joints, scored by OKS",
        licence="annotations CC BY 4.0; photographs under their owners' Flickr licences",
        written="coco:FOLDER",
        load=_coco,
    ),
    "coco-jain2019": Dataset(
        summary="the same, scored by the PCK in the code of Jain et al. (2019)",
        licence="as coco",
        written="coco-jain2019:FOLDER",
        load=_coco_jain2019,
    ),
}


def load_people(name: str, *, split: str = "test") -> "Split":
    """Load a split of a data set: `rendered`, `lsp:FOLDER`, or `lsp` alone.

    Without a folder in the name, files are looked for in the data set's own folder under
    `ROBUSTPOSE_DATA` or the platform's data folder. `rendered:320` draws larger pictures, for
    networks of 256 px. Raises `UsageError` for an unknown name or files that do not fit.
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


def place_of(key: str, location: str) -> Path:
    """Return the folder, or file, that a name means: what follows its colon, else the set's."""
    return expanded(location) if location else found_folder(key)
