"""What a folder holds of a data set: which files, how many, and whether they are right.

Annotations are read lightly and pixels not at all: whether a photograph can be decoded shows when
it is read.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import scipy.io
from scipy.io.matlab import MatReadError

from robustpose.data.download import digest_of
from robustpose.data.lsp import SUFFIXES, WHOLE_SET
from robustpose.data.sources import JOINTS_DIGEST, PHOTOS_DIGEST, SOURCES
from robustpose.errors import UsageError

SHOWN = 3
"""How many missing photographs are named."""

UNREADABLE = (
    ValueError,
    RecursionError,
    MemoryError,
    NotImplementedError,
    OSError,
    TypeError,
    LookupError,
    AttributeError,
    MatReadError,
    zlib.error,
    struct.error,
)
"""What reading a damaged file of annotations raises."""

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


class Kind(StrEnum):
    """Whether a thing is as it should be, is not, or is only worth knowing."""

    RIGHT = "right"
    WRONG = "wrong"
    NOTE = "note"


class Finding(NamedTuple):
    """One thing about a folder."""

    kind: Kind
    text: str


@dataclass
class Inspection:
    """What a folder holds of a data set, and how many people each split has that can be loaded."""

    key: str
    folder: Path
    findings: list[Finding] = field(default_factory=list)
    splits: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether nothing is missing or wrong, and some split can be loaded."""
        wrong = any(finding.kind is Kind.WRONG for finding in self.findings)
        return bool(self.splits) and not wrong

    def find(self, text: str, *, right: bool | None = None) -> None:
        """Add a finding; without `right` it is a note."""
        kind = {True: Kind.RIGHT, False: Kind.WRONG, None: Kind.NOTE}[right]
        self.findings.append(Finding(kind, text))


class Annotated(NamedTuple):
    """What a file of annotations says: how many people, in which photographs."""

    people: int
    photos: tuple[str, ...]
    posed: int | None = None
    """How many of the people have key points, where not all have."""


def inspect_folder(folder: Path) -> list[Inspection]:
    """Return what a folder holds, one inspection a data set.

    The folder is that of a data set, or holds such folders, as the one that `ROBUSTPOSE_DATA`
    names. Raises `UsageError` for a folder that holds none.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise UsageError(
            f"expected a folder of a data set at {folder}, found {found}. See: robustpose data"
        )
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


def inspect_lsp(folder: Path) -> Inspection:
    """Inspect a folder with `images/` and `joints.mat`."""
    found = Inspection("lsp", folder)
    present = {Path(name).stem for name in _pictures(found, folder / "images")}
    annotated = _read(found, folder / "joints.mat", _lsp_annotations)
    if annotated is None:
        return found
    missing = [
        name
        for number, name in enumerate(annotated.photos, start=1)
        if not {Path(name).stem, f"im{number:04d}"} & present
    ]
    _tell_missing(found, "images", missing, annotated)
    if annotated.people == WHOLE_SET:
        joints = f"sha256:{digest_of(folder / 'joints.mat', 'sha256')}"
        _tell_digest(found, "joints.mat", right=joints == JOINTS_DIGEST)
        if not missing:
            photos = digest_of_photographs(folder / "images")
            _tell_digest(found, "images/", right=photos == PHOTOS_DIGEST)
    return found


def inspect_mpii(folder: Path) -> Inspection:
    """Inspect a folder with `images/` and any of MPII's files of annotations.

    MPII's validation split, Tompson's, is `test` here.
    """
    from robustpose.data.mpii.files import annotation_file

    found, counts = Inspection("mpii", folder), SOURCES["mpii"].counts
    beside = not (folder / "images").is_dir() and any(folder.glob("*.jpg"))
    photos = folder if beside else folder / "images"
    present = set(_pictures(found, photos, counts["photographs"]))
    seen = set()
    for split, official in (("test", _official_test), ("train", _official_train)):
        try:
            path = annotation_file(folder, split)
        except UsageError:
            continue  # the reader says so at the end
        readers = {".mat": official, ".json": _json_annotations, ".h5": _h5_annotations}
        if path in seen and path.suffix != ".mat":
            continue
        seen.add(path)
        annotated = _read(found, path, readers[path.suffix], counts[f"people of {split}"])
        if annotated is not None:
            missing = [photo for photo in annotated.photos if photo not in present]
            _tell_missing(found, photos.name, missing, annotated)
    if (folder / "detections_our_format.mat").is_file():
        truth = folder / "detections_our_format.mat"
        _read(found, truth, _tompson_annotations, counts["people of test"])
    found.find("of the single files no digests are published: their contents are not compared")
    return found


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
        present = set(_pictures(found, photos))
        annotated = _read(found, path, _coco_annotations)
        if annotated is not None:
            _tell_coco_counts(found, year, annotated)
            missing = [photo for photo in annotated.photos if photo not in present]
            _tell_missing(found, year, missing, annotated)
    found.find("of the single files no digests are published: their contents are not compared")
    return found


INSPECTORS: dict[str, Callable[[Path], Inspection]] = {
    "lsp": inspect_lsp,
    "mpii": inspect_mpii,
    "coco": inspect_coco,
}


def _inspected(key: str, folder: Path) -> Inspection:
    """Inspect a folder and load each split: whether one can be loaded, its reader knows best."""
    from robustpose.data import load_people

    found = INSPECTORS[key](folder)
    for split in ("train", "test"):
        try:
            found.splits[split] = len(load_people(f"{key}:{folder}", split=split))
        except UsageError as error:
            found.find(f"{split} cannot be loaded: {error}")
    return found


def _first_there(*paths: Path) -> Path:
    return next((path for path in paths if path.exists()), paths[0])


def _pictures(found: Inspection, folder: Path, whole: int | None = None) -> list[str]:
    """Return the names of the pictures in a folder, and tell how many there are."""
    if not folder.is_dir():
        found.find(f"{folder.name}/ is missing: it holds the photographs", right=False)
        return []
    pictures = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    of = f" of the whole set's {whole:,}" if whole and len(pictures) < whole else ""
    found.find(
        f"{folder.name}/: {_count(len(pictures), 'photograph')}{of}", right=None if of else True
    )
    if empty := sorted(path.name for path in pictures if not path.stat().st_size):
        found.find(f"{folder.name}/: {_several(empty)} without content", right=False)
    return [path.name for path in pictures]


def _read(
    found: Inspection,
    path: Path,
    read: Callable[[Path], Annotated],
    expected: int | None = None,
) -> Annotated | None:
    """Return what a file of annotations says, and tell how many people it has; None: unreadable."""
    name = path.relative_to(found.folder)
    if not path.is_file():
        found.find(f"{name} is missing: it holds the annotations", right=False)
        return None
    try:
        annotated = read(path)
    except ImportError as error:
        found.find(f"{name} cannot be looked into: {error.name} is not installed")
        return None
    except UNREADABLE as error:
        found.find(f"{name} cannot be read ({error or type(error).__name__})", right=False)
        return None
    people = _count(annotated.people, "person", "people")
    photos = f" in {_count(len(annotated.photos), 'photograph')}" if annotated.photos else ""
    posed = "" if annotated.posed is None else f", {annotated.posed:,} of them with key points"
    of = (
        f", and the published file {expected:,}" if expected not in (None, annotated.people) else ""
    )
    found.find(f"{name}: {people}{posed}{photos}{of}", right=None if of else True)
    return annotated


def _tell_missing(
    found: Inspection, folder: str, missing: Sequence[str], annotated: Annotated
) -> None:
    if missing:
        found.find(
            f"{folder}/: {len(missing):,} of the {len(annotated.photos):,} annotated photographs "
            f"are missing: {_several(missing)}",
            right=False,
        )
    else:
        found.find(f"{folder}/: every annotated photograph is there", right=True)


def _tell_digest(found: Inspection, what: str, *, right: bool) -> None:
    found.find(
        f"{what}: SHA-256 {'is' if right else 'differs from'} that of the public copy, on which "
        f"this project's results were measured",
        right=right,
    )


def _tell_coco_counts(found: Inspection, year: str, annotated: Annotated) -> None:
    counts = SOURCES["coco"].counts
    photos, posed = counts[f"photographs of {year}"], counts[f"people with key points of {year}"]
    if len(annotated.photos) != photos:
        found.find(f"{year}: not the whole set of {photos:,} photographs")
    else:
        text = f"{year}: {annotated.posed:,} people with key points, {posed:,} are published"
        found.find(text, right=annotated.posed == posed)


def _lsp_annotations(path: Path) -> Annotated:
    shapes = {name: shape for name, shape, _ in scipy.io.whosmat(path)}
    shape = shapes.get("joints", ())
    if shape[:2] != (14, 3) or len(shape) > 3:
        raise ValueError(f"expected `joints` of 14 x 3 x people, found {shapes}")
    people = shape[2] if len(shape) == 3 else 1  # MATLAB drops the last axis of a single person
    return Annotated(people, tuple(f"im{number:05d}.jpg" for number in range(1, people + 1)))


def _json_annotations(path: Path) -> Annotated:
    names = [str(person["image"]) for person in json.loads(path.read_bytes())]
    return Annotated(len(names), _once(names))


def _h5_annotations(path: Path) -> Annotated:
    import h5py

    with h5py.File(path) as file:
        rows = file["imgname"][:]
    if rows.dtype.kind in "fiu":  # characters as numbers, one row a name
        rows = [bytes(row.astype("uint8")) for row in rows]
    names = [bytes(row).rstrip(b"\0").decode() for row in rows]
    return Annotated(len(names), _once(names))


@lru_cache(maxsize=1)
def _official_people(path: Path) -> tuple[tuple[str, int], ...]:
    """Return photograph and place of those in MPII's own file who have joints to train on."""
    from robustpose.data.matlab import Damaged, variable

    try:
        (release,) = variable(path, "RELEASE").elements()
        photos = zip(release["annolist"].elements(), release["img_train"].numbers(), strict=True)
        return tuple(
            (photo["image"].elements()[0]["name"].text(), place)
            for photo, training in photos
            if training == 1
            for place, person in enumerate(photo["annorect"].elements())
            if "annopoints" in person and person["annopoints"].length
        )
    except Damaged as error:
        raise ValueError(str(error)) from error


def _official_test(path: Path) -> Annotated:
    from robustpose.data.mpii.validation import validation_people

    listed = set(validation_people())
    names = [name for name, place in _official_people(path) if (name, place) in listed]
    return Annotated(len(names), _once(names))


def _official_train(path: Path) -> Annotated:
    from robustpose.data.mpii.validation import validation_people

    test_photos = {name for name, _ in validation_people()}
    names = [name for name, _ in _official_people(path) if name not in test_photos]
    return Annotated(len(names), _once(names))


def _tompson_annotations(path: Path) -> Annotated:
    shapes = {name: shape for name, shape, _ in scipy.io.whosmat(path)}
    return Annotated(shapes["jnt_missing"][1], ())


def _coco_annotations(path: Path) -> Annotated:
    content = json.loads(path.read_bytes())
    names = [str(image["file_name"]) for image in content["images"]]
    people = content["annotations"]
    posed = sum(1 for person in people if person["num_keypoints"])
    return Annotated(len(people), _once(names), posed)


def digest_of_photographs(folder: Path) -> str:
    """Return the digest of the digests of all JPEGs, as `sha256sum *.jpg | sha256sum` does."""
    names = sorted(path.name for path in folder.glob("*.jpg"))
    lines = (f"{digest_of(folder / name, 'sha256')}  {name}\n" for name in names)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _several(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
