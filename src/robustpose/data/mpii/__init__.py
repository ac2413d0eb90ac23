"""MPII Human Pose: people at everyday activities, from any of the forms in which it goes round.

Andriluka, Pishchulin, Gehler and Schiele, "2D Human Pose Estimation: New Benchmark and State of the
Art Analysis", CVPR 2014. Split by Tompson et al. (CVPR 2015): 22,246 people to train on, 2,958 to
validate on, here `train` and `test`; the joints of MPII's own test photographs are not public.

People are seen as published networks see them: a square of 250 x the annotated scale, its centre
15 x scale below the annotated one, cut out without smoothing (`PUBLISHED`). MPII counts pixels
from 1; this package and the published pipeline of SimpleBaseline and HRNet count from 0, so 1 is
taken from joints and centre alike. MMPose 1.x takes it from the centre alone, and so trains on
joints that lie a photo pixel further to the right and below; Newell's code takes it from neither,
cuts at whole pixels and then scales: its crops are nearest to the same boxes by `Alignment.EDGES`.

Errors are divided by the head size, 0.6 x the diagonal of the head box; a joint is right within
half of it. Pelvis and thorax do not count (PCKh@0.5 of the official evaluation).
"""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from robustpose.data.mpii import json_form, newell, tompson
from robustpose.data.mpii.files import annotation_file, read
from robustpose.data.mpii.records import Records
from robustpose.data.mpii.splits import of_split
from robustpose.data.people import PUBLISHED, RGB, Box, Person, Photo, Split
from robustpose.data.photos import PhotoFile
from robustpose.errors import UsageError
from robustpose.skeletons import MPII16

WORDS = {"train": "train", "test": "val"}
CROP_PIXELS = 200.0
"""Side of the crop for a scale of 1, in photo pixels."""


@dataclass(frozen=True)
class Unread:
    """A photograph of which a file of ground truth knows the name alone."""

    name: str
    truth: Path

    def read(self) -> RGB:
        """Raise `UsageError`."""
        raise UsageError(
            f"{self.name} cannot be read: {self.truth} is ground truth alone, without photographs; "
            "read the folder that holds images/ (mpii:FOLDER) to cut people out"
        )


def mpii_people(folder: Path, split: str) -> Split:
    """Read a folder with photographs in `images/` (or beside the annotations) and annotations.

    These are MPII's own `mpii_human_pose_v1_u12_1.mat`, the JSON of HRNet and MMPose
    (`annot/train.json`, `annot/valid.json`) or Newell's `annot/train.h5`, `annot/valid.h5`; the
    first of these that is found is read. Files of 22,246 and 2,958 people, and MPII's own, are
    split as Tompson did; any other number of people is all test and refused for training. An
    id ends in the person's place among those of the split on the photograph, the same in all
    forms. People without a joint are left out and counted, for the test also those without a head
    size. Raises `UsageError` that names file, record and field for anything else.
    """
    if split not in WORDS:
        raise UsageError(f"mpii has the splits train and test, found {split!r}")
    path = annotation_file(folder, split)
    records, whole = of_split(read(path), split)
    name = f"mpii/{WORDS[split] if whole else folder.resolve().name}"
    photos, sizes = _photos(records, folder)
    return _split(records, photos, name, split, seen=sizes)


def mpii_truth(path: Path) -> Split:
    """Read the ground truth of the validation split alone: no photograph is needed, or can be read.

    From Newell's `valid.h5`, HRNet's `valid.json`, or a MATLAB file of Tompson's form
    (`detections_our_format.mat`, `gt_valid.mat`), whose people lie in the middle of their joints,
    since it has no boxes. Ids are those of `mpii_people`. Raises `UsageError` like it.
    """
    readers = {".h5": newell.read, ".json": json_form.read, ".mat": tompson.read}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(
            f"expected Newell's valid.h5, HRNet's valid.json or detections_our_format.mat, "
            f"found {path}"
        )
    records, whole = of_split(reader(path), "test")
    photos: list[Photo] = [Unread(image, path) for image in records.images]
    return _split(records, photos, "mpii/val" if whole else f"mpii/{path.stem}", "test")


def _photos(records: Records, folder: Path) -> tuple[list[Photo], dict[str, int]]:
    """Return everybody's photograph, and the size in bytes of each."""
    images = folder / "images"
    if not images.is_dir():
        images = records.path.parent
    wanted = set(records.images)
    with os.scandir(images) as entries:
        sizes = {
            entry.name: entry.stat().st_size
            for entry in entries
            if entry.name in wanted and entry.is_file()
        }
    missing = [i for i, image in enumerate(records.images) if image not in sizes]
    if missing:
        raise records.fault(
            missing[0],
            f"expected `{records.names.image}` to be a photograph in {images}, found no such file; "
            f"{len({records.images[i] for i in missing}):,} of {len(wanted):,} are missing",
        )
    photos = {image: PhotoFile(images / image) for image in wanted}
    return [photos[image] for image in records.images], sizes


def _split(
    records: Records,
    photos: Sequence[Photo],
    name: str,
    split: str,
    seen: Mapping[str, int] | None = None,
) -> Split:
    jointed = np.any(records.labelled, axis=1)
    measured = np.logical_or(records.head > 0, split == "train")
    left_out = {
        "no annotated joint": int((~jointed).sum()),
        "no head size to measure errors by": int((jointed & ~measured).sum()),
    }
    ids, joints = _ids(records, WORDS[split]), _from_zero(records.joints, records.labelled)
    centres = records.centre - 1
    return Split(
        name=name,
        skeleton=MPII16,
        threshold=0.5,
        reference="head",
        people=[
            Person(
                id=ids[i],
                photo=photos[i],
                joints=joints[i],
                labelled=records.labelled[i],
                visible=records.visible[i],
                box=Box.square((x, y), CROP_PIXELS * scale),
                size=head if head > 0 else None,
            )
            for i, ((x, y), scale, head) in enumerate(
                zip(
                    centres.tolist(),
                    records.scale.tolist(),
                    records.head.tolist(),
                    strict=True,
                )
            )
            if jointed[i] and measured[i]
        ],
        digest=_digest(records, ids, joints, seen or {}),
        unscored=("pelvis", "thorax"),
        cropping=PUBLISHED,
        left_out={reason: count for reason, count in left_out.items() if count},
    )


def _from_zero(
    joints: Float[np.ndarray, "n 16 2"], labelled: Bool[np.ndarray, "n 16"]
) -> Float[np.ndarray, "n 16 2"]:
    return np.where(labelled[..., None], joints - 1, 0.0)


def _ids(records: Records, word: str) -> list[str]:
    """Return ids that end in the place among the split's people on a photograph, from 0."""
    before: Counter[str] = Counter()
    ids = []
    for image in records.images:
        ids.append(f"mpii/{word}/{os.path.splitext(image)[0]}/{before[image]}")
        before[image] += 1
    return ids


def _digest(
    records: Records,
    ids: Sequence[str],
    joints: Float[np.ndarray, "n 16 2"],
    sizes: Mapping[str, int],
) -> str:
    """Return a digest of the annotations, and of each photograph's size in bytes."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update("\n".join(ids).encode("utf-8", "surrogatepass"))
    for values in (joints, records.centre, records.scale, np.nan_to_num(records.head)):
        digest.update(np.round(values, 3).tobytes())
    digest.update(records.labelled.tobytes())
    digest.update(repr(sorted(sizes.items())).encode())
    return digest.hexdigest()
