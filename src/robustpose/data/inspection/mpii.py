"""What a folder holds of MPII, in any of the forms in which it goes round."""

from contextlib import suppress
from pathlib import Path

from robustpose.data.inspection.findings import Annotated, Inspection, once
from robustpose.data.mpii import tompson
from robustpose.data.mpii.files import annotation_file, read
from robustpose.data.mpii.splits import divided, has_both
from robustpose.data.sources import SOURCES
from robustpose.errors import UsageError

TRUTH = "detections_our_format.mat"


def inspect_mpii(folder: Path) -> Inspection:
    """Inspect a folder with `images/` and any of MPII's files of annotations.

    MPII's validation split, Tompson's, is `test` here.
    """
    found, counts = Inspection("mpii", folder), SOURCES["mpii"].counts
    beside = not (folder / "images").is_dir() and any(folder.glob("*.jpg"))
    photos = folder if beside else folder / "images"
    present = found.pictures(photos, counts["photographs"])
    for path, splits in _files(folder).items():
        records = found.read(path, read)
        if records is None:
            continue
        both = has_both(records)
        for split in splits if both else splits[:1]:
            some = divided(records, split) if both else records
            annotated = Annotated(len(some), once(some.images))
            found.annotated(path, annotated, counts[f"people of {split}"])
            missing = [photo for photo in annotated.photos if photo not in present]
            found.missing(photos.name, missing, annotated)
    if (folder / TRUTH).is_file():
        truth = found.read(folder / TRUTH, tompson.read)
        if truth is not None:
            found.annotated(folder / TRUTH, Annotated(len(truth), ()), counts["people of test"])
    found.find("of the single files no digests are published: their contents are not compared")
    return found


def _files(folder: Path) -> dict[Path, list[str]]:
    """Return the files of annotations, each with the splits that would be read from it."""
    files: dict[Path, list[str]] = {}
    for split in ("test", "train"):
        with suppress(UsageError):  # no such file: the reader says so at the end
            files.setdefault(annotation_file(folder, split), []).append(split)
    return files
