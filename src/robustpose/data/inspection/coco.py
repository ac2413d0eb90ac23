"""What a folder holds of COCO, year by year."""

from pathlib import Path

from robustpose.coco_files import FILE_NAME, Annotations, read_annotations
from robustpose.data.inspection.findings import Annotated, Inspection, once
from robustpose.data.sources import SOURCES


def inspect_coco(folder: Path) -> Inspection:
    """Inspect a folder with `annotations/`, `val2017/` and `train2017/`; val2017 is `test` here.

    The photographs may also lie in `images/`, and the annotations in the folder itself.
    """
    found = Inspection("coco", folder)
    for year in ("val2017", "train2017"):
        name = f"person_keypoints_{year}.json"
        path = _first_there(folder / "annotations" / name, folder / name)
        photos = _first_there(folder / year, folder / "images" / year)
        if not path.exists() and not photos.exists():
            found.find(f"nothing of {year}: neither annotations/{path.name} nor {year}/")
            continue
        present = found.pictures(photos)
        annotated = found.read(path, lambda path: _annotated(read_annotations(path)))
        if annotated is not None:
            found.annotated(path, annotated)
            _tell_counts(found, year, annotated)
            missing = [photo for photo in annotated.photos if photo not in present]
            found.missing(year, missing, annotated)
    found.find("of the single files no digests are published: their contents are not compared")
    return found


def _first_there(*paths: Path) -> Path:
    return next((path for path in paths if path.exists()), paths[0])


def _annotated(annotations: Annotations) -> Annotated:
    photos = once(annotations.images.column("file_name", FILE_NAME).tolist())
    return Annotated(len(annotations), photos, int(annotations.labelled.any(axis=1).sum()))


def _tell_counts(found: Inspection, year: str, annotated: Annotated) -> None:
    counts = SOURCES["coco"].counts
    photos, posed = counts[f"photographs of {year}"], counts[f"people with key points of {year}"]
    if len(annotated.photos) != photos:
        found.find(f"{year}: not the whole set of {photos:,} photographs")
    else:
        text = f"{year}: {annotated.posed:,} people with key points, {posed:,} are published"
        found.find(text, right=annotated.posed == posed)
