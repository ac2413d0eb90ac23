"""Leeds Sports Pose, extended training set: 10,000 photographs of parkour, gymnastics, athletics.

Johnson and Everingham, "Learning Effective Human Pose Estimation from Inaccurate Annotation",
CVPR 2011. Format: `images/im00001.jpg` ... and `joints.mat` with an array `joints` of 14 joints x
(x, y, flag) x people. A flag of 0 means that the joint is not labelled; its coordinates are
meaningless and are never read.
"""

import csv
import hashlib
import os
from importlib.resources import files
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from robustpose.data.folders import check_folder
from robustpose.data.matlab import arrays, held
from robustpose.data.people import Person, Split, joints_square
from robustpose.data.photos import SUFFIXES, PhotoFile
from robustpose.errors import UsageError, times
from robustpose.json_records import shown
from robustpose.skeletons import LSP14

WHOLE_SET = 10_000
FIRST_TEST_PHOTO = 9_001
MARGIN = 1.3
"""Side of the crop over the longer extent of the labelled joints (it uses the ground truth)."""

MOST = 1e6
"""No photograph has so many pixels a side: coordinates beyond are mistakes."""

DIAGONALS = (("right_shoulder", "left_hip"), ("left_shoulder", "right_hip"))


def lsp_people(folder: Path, split: str) -> Split:
    """Read a folder with `images/` and `joints.mat`.

    A folder of exactly 10,000 people is the whole set and is split by number: photographs 1 to
    9,000 are for training, less 14 that repeat a test scene; 9,001 to 10,000 are the test. A
    folder of any other count is all test. Test people without a reference length are left out
    and counted; for training they serve. Raises `UsageError` for anything else than that format.
    """
    if split not in ("train", "test"):
        raise UsageError(f"lsp has the splits train and test, found {split!r}")
    annotations = read_annotations(folder)
    whole = len(annotations) == WHOLE_SET
    if split == "train" and not whole:
        raise UsageError(
            f"training needs the whole set of {WHOLE_SET:,} people, but {folder} has "
            f"{len(annotations):,}: such a folder is all test"
        )
    numbers = _numbers(split, len(annotations))
    paths = _photo_paths(folder, numbers)
    usable = [
        _person(annotations[number - 1], path, f"lsp/{split}/{path.stem}")
        for number, path in zip(numbers, paths, strict=True)
        if annotations[number - 1, :, 2].sum() >= 2
    ]
    kept = usable if split == "train" else [p for p in usable if p.size is not None]
    left_out = {
        "fewer than two labelled joints": len(numbers) - len(usable),
        "no labelled torso diagonal to measure errors by": len(usable) - len(kept),
    }
    return Split(
        name=f"lsp/{split}" if whole else f"lsp/{folder.resolve().name}",
        skeleton=LSP14,
        threshold=0.2,
        reference="torso",
        people=kept,
        digest=_digest(kept),
        left_out={reason: count for reason, count in left_out.items() if count},
    )


def torso(joints: Float[np.ndarray, "14 2"], labelled: Bool[np.ndarray, "14"]) -> float | None:
    """Return the longer labelled diagonal shoulder - opposite hip, or None where none is."""
    lengths = []
    for shoulder, hip in DIAGONALS:
        ends = [LSP14.index(shoulder), LSP14.index(hip)]
        if labelled[ends].all():
            lengths.append(float(np.linalg.norm(joints[ends[0]] - joints[ends[1]])))
    return max(lengths, default=0.0) or None


def read_annotations(folder: Path) -> Float[np.ndarray, "n 14 3"]:
    """Return x, y and flag of everybody's joints. Raises `UsageError` by file, person and field."""
    path = folder / "joints.mat"
    expected = "an array `joints` of 14 joints x 3 (x, y, flag) x people"
    check_folder(folder, "images/ and joints.mat")
    if not path.is_file():
        raise UsageError(
            f"expected {path} ({expected}), found none: name the folder that holds joints.mat"
        )
    content = arrays(path)
    joints = content.get("joints")
    if joints is None:
        raise UsageError(
            f"expected {expected} in {path}, found {shown(', '.join(sorted(content))) or 'nothing'}"
        )
    if held(joints) != "numbers":
        raise UsageError(f"expected {expected} in {path}, found {held(joints)}")
    if joints.ndim == 2:
        joints = joints[..., None]  # MATLAB drops the last axis of a single person
    if joints.ndim != 3 or joints.shape[:2] != (14, 3) or not joints.shape[2]:
        raise UsageError(
            f"expected {expected} in {path}, found `joints` of shape {times(joints.shape)}"
        )
    annotations = np.transpose(joints, (2, 0, 1)).astype(np.float64)
    _check_joints(annotations, path)
    return annotations


def _check_joints(annotations: Float[np.ndarray, "n 14 3"], path: Path) -> None:
    flags = annotations[..., 2]
    good = np.isin(flags, (0, 1))
    for person, joint in np.argwhere(~good)[:1].tolist():
        raise UsageError(
            f"{path}, person {person + 1}: expected the flag of joint {joint + 1} "
            f"({LSP14.joints[joint]}) in `joints` to be 0 or 1, found {flags[person, joint]:g}"
        )
    good = (np.abs(annotations[..., :2]) < MOST).all(axis=2) | (flags == 0)
    for person, joint in np.argwhere(~good)[:1].tolist():
        x, y, _ = annotations[person, joint].tolist()
        raise UsageError(
            f"{path}, person {person + 1}: expected joint {joint + 1} ({LSP14.joints[joint]}) in "
            f"`joints` to be finite and below a million, found {x:g}, {y:g}"
        )


def _numbers(split: str, count: int) -> list[int]:
    if count != WHOLE_SET:
        return list(range(1, count + 1))
    if split == "test":
        return list(range(FIRST_TEST_PHOTO, WHOLE_SET + 1))
    leaks = _near_duplicates()
    return [number for number in range(1, FIRST_TEST_PHOTO) if number not in leaks]


def _near_duplicates() -> set[int]:
    """Return the train photographs that show the same scene as a test photograph."""
    table = files("robustpose.data").joinpath("lspet_near_duplicates.csv").read_text()
    return {int(row["train_photo"]) for row in csv.DictReader(table.splitlines())}


def _photo_paths(folder: Path, numbers: list[int]) -> list[Path]:
    images = folder / "images"
    if not images.is_dir():
        raise UsageError(f"expected photographs in {images}, found no such folder")
    with os.scandir(images) as entries:
        pictures = sorted(
            entry.name
            for entry in entries
            if os.path.splitext(entry.name)[1].lower() in SUFFIXES and entry.is_file()
        )
    present: dict[str, str] = {}
    for name in pictures:
        first = present.setdefault(os.path.splitext(name)[0], name)
        if first != name:
            raise UsageError(
                f"{images}: expected one photograph, found {first} and {name}: remove one"
            )
    names = [present.get(f"im{number:05d}") or present.get(f"im{number:04d}") for number in numbers]
    missing = [number for number, name in zip(numbers, names, strict=True) if name is None]
    if missing:
        raise UsageError(
            f"{folder / 'joints.mat'}, person {missing[0]}: expected the photograph "
            f"{images / f'im{missing[0]:05d}.jpg'}, found no such file; {len(missing):,} of the "
            f"{len(numbers):,} that are annotated are missing"
        )
    return [images / name for name in names if name is not None]


def _person(annotation: Float[np.ndarray, "14 3"], path: Path, identifier: str) -> Person:
    labelled = annotation[:, 2] == 1
    joints = np.where(labelled[:, None], annotation[:, :2], 0.0)
    return Person(
        id=identifier,
        photo=PhotoFile(path),
        joints=joints,
        labelled=labelled,
        visible=labelled,
        box=joints_square(joints, labelled, margin=MARGIN),
        size=torso(joints, labelled),
    )


def _digest(people: list[Person]) -> str:
    """Return a digest of the annotations, and of each photograph's size in bytes."""
    digest = hashlib.blake2b(digest_size=16)
    for person in people:
        digest.update(person.id.encode())
        digest.update(np.round(person.joints, 3).tobytes())
        digest.update(person.labelled.tobytes())
        if isinstance(person.photo, PhotoFile):
            digest.update(str(person.photo.path.stat().st_size).encode())
    return digest.hexdigest()
