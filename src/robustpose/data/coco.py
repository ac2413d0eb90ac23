"""COCO 2017: people in everyday scenes, 17 key points, several people a photograph.

Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014. Format: a folder with
`annotations/person_keypoints_{train,val}2017.json` and the photographs in `train2017/` and
`val2017/`, as the official archives unpack (`images/` around the photographs will do). The people
of val2017 are the test.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from robustpose.affine import box_to_canvas, transformed
from robustpose.coco_files import (
    BOX,
    FILE_NAME,
    SIDE,
    Annotations,
    image_places,
    read_annotations,
    read_results,
)
from robustpose.data.folders import check_folder
from robustpose.data.people import PUBLISHED, Box, Person, Photo, Split
from robustpose.data.photos import PhotoFile
from robustpose.errors import UsageError
from robustpose.json_records import NUMBER, Records, shown
from robustpose.skeletons import COCO17

YEARS = {"train": "train2017", "test": "val2017"}
WHOLE = {"train": 118_287, "test": 5_000}
"""Photographs of the whole set."""

MARGIN = 1.25
HALF_CREDIT = 0.16
"""A joint of COCO's mean sigma this far off, in roots of the area, has half its OKS."""

JAIN_THRESHOLD = 0.05
JAIN_CANVAS = 256
JAIN_COUNTED = (6, 266)
"""From which pixel of that canvas a joint counts, and up to which: cells 2 to 66, rounded."""

RELIABLE = 0.2
"""Confidence from which a joint counts in a person's score: HRNet's."""


class Detections(NamedTuple):
    """People whom a detector found, and its confidence in each, in the order of the people."""

    people: Split
    scores: Float[np.ndarray, "n"]


def coco_people(folder: Path, split: str) -> Split:
    """Read the people of `train` (train2017) or `test` (val2017), scored by OKS.

    Crowds, people without a labelled joint, and people without area or outside their picture are
    left out and counted: published networks never see them, and the official evaluator ignores
    the first two. Boxes are the annotated ones as HRNet's loader cuts them: clipped to the picture,
    the sides 1.25 times as long; a canvas of other proportions shows more. `size` is the root of
    the annotated area, so that errors have the unit of OKS. Where a yes or no is asked for, a joint
    is right within `HALF_CREDIT`: no published score. Raises `UsageError` for files that are
    missing or do not fit, by file, record and field.
    """
    annotations, sizes = _read(folder, split)
    boxes = _clipped(annotations.boxes, sizes[annotations.photo])
    labelled, visible = annotations.labelled, annotations.keypoints[..., 2] == 2
    crowd, unlabelled = annotations.crowd, ~labelled.any(axis=1)
    flat = (annotations.area <= 0) | ~(boxes[:, 2:] > 0).all(axis=1)
    reasons = {
        "crowd": crowd,
        "no labelled joint": unlabelled & ~crowd,
        "no area, or outside the picture": flat & ~unlabelled & ~crowd,
    }
    kept = _kept(reasons)
    photos = _photos(
        annotations.images, annotations.photo[kept].tolist(), sizes, _pictures(folder, split)
    )
    images = annotations.image_ids[annotations.photo]
    roots = np.sqrt(annotations.area[kept]).tolist()
    people = [
        Person(
            id=f"coco/{split}/{images[i]:012d}/{annotations.ids[i]}",
            photo=photo,
            joints=annotations.keypoints[i, :, :2],
            labelled=labelled[i],
            visible=visible[i],
            box=box,
            size=size,
        )
        for i, photo, box, size in zip(kept, photos, _boxes(boxes[kept]), roots, strict=True)
    ]
    return _split(annotations, _name(annotations, folder, split), people, reasons)


def coco_jain2019_people(folder: Path, split: str) -> Split:
    """Read the people of `coco_people`, scored as the code of Jain et al. (2019) scores COCO.

    Their text says OKS; their published code (Naman-ntc/Pytorch-Human-Pose-Estimation) has a PCK
    of its own: right within half a tenth of the crop's side (12.8 of 256 pixels), over the first
    16 of the 17 joints, so never the right ankle. Joints that fall into the first two rows or
    columns of the 64 x 64 heat map, or beyond it, do not count there and are not labelled here. Use
    a square canvas, as they do. Three things are not repeated: their truth and predictions are
    whole cells of the heat map; a joint up to three cells right of or below the canvas is moved to
    its edge; and they print the mean over batches of the mean over joints, while PCK here counts
    every joint of everybody alike. Raises `UsageError` as `coco_people` does.
    """
    people = coco_people(folder, split)
    counted = [_jain_person(person) for person in people]
    kept = [person for person in counted if person.labelled[:-1].any()]
    left_out = {"no joint that the study's code counts": len(counted) - len(kept)}
    return replace(
        people,
        name=people.name.replace("coco/", "coco-jain2019/", 1),
        people=kept,
        threshold=JAIN_THRESHOLD,
        reference="side of the crop",
        digest=_digest(kept),
        unscored=(COCO17.joints[-1],),
        sigmas=None,
        annotations=None,
        left_out={**people.left_out, **{name: n for name, n in left_out.items() if n}},
    )


def coco_detections(
    path: Path, folder: Path, split: str = "test", *, least_score: float = 0.0
) -> Detections:
    """Read what a detector found on the photographs of a split, a box a person.

    `path` is a JSON list of `image_id`, `category_id`, `bbox` (x, y, width, height) and `score`,
    `folder` that of `coco_people`. Boxes are not clipped, as in HRNet's loader. Those below
    `least_score` and those without width or height are left out and counted. Nothing is known of
    these people's joints: they are to be predicted and scored (`scoring.evaluate_detections`).
    Raises `UsageError` for files that are missing or do not fit.
    """
    annotations, sizes = _read(folder, split)
    found = read_results(path, annotations)
    boxes, scores = found.column("bbox", BOX), found.column("score", NUMBER)
    places = image_places(found, annotations.image_ids, annotations.file)
    low, flat = scores < least_score, ~(boxes[:, 2:] > 0).all(axis=1)
    reasons = {f"a score below {least_score:g}": low, "no width or height": flat & ~low}
    kept = _kept(reasons)
    photos = _photos(annotations.images, places[kept].tolist(), sizes, _pictures(folder, split))
    images = annotations.image_ids[places]
    people = [
        Person(
            id=f"coco/detected/{images[i]:012d}/{found.numbers[i]}",
            photo=photo,
            joints=np.zeros((len(COCO17), 2)),
            labelled=np.zeros(len(COCO17), bool),
            visible=np.zeros(len(COCO17), bool),
            box=box,
            size=None,
        )
        for i, photo, box in zip(kept, photos, _boxes(boxes[kept]), strict=True)
    ]
    name = f"{_name(annotations, folder, split)}/{path.stem}"
    return Detections(_split(annotations, name, people, reasons), scores[kept])


def coco_results(
    ids: Sequence[str],
    joints: Float[np.ndarray, "n 17 2"],
    confidence: Float[np.ndarray, "n 17"],
    *,
    scores: Float[np.ndarray, "n"] | None = None,
) -> list[dict[str, Any]]:
    """Return poses in the form of COCO's results, as `average_precision` reads them.

    `ids` are those of people of this module, `joints` in pixels of their photographs. A person's
    score is the mean confidence of the joints that have more than 0.2 (0 where none has), times
    that of the detector where `scores` are given, as in HRNet's evaluation. Poses that repeat a
    better one are among them (`oks_nms` finds them). Raises `UsageError` for other ids.
    """
    reliable = confidence > RELIABLE
    mean = np.where(reliable, confidence, 0.0).sum(axis=1) / np.maximum(reliable.sum(axis=1), 1)
    score = mean if scores is None else mean * scores
    keypoints = np.concatenate([joints, confidence[..., None]], axis=2).reshape(len(ids), -1)
    return [
        {"image_id": _image_id(each), "category_id": 1, "keypoints": points, "score": own}
        for each, points, own in zip(ids, keypoints.tolist(), score.tolist(), strict=True)
    ]


def _image_id(identifier: str) -> int:
    parts = identifier.split("/")
    if len(parts) != 4 or parts[0] != "coco" or not parts[2].isdecimal():
        raise UsageError(f"expected the id of a person of COCO, found {identifier!r}")
    return int(parts[2])


def annotation_file(folder: Path, split: str) -> Path:
    """Return the file of a split's key points in a folder: in `annotations/`, or in it itself.

    Raises `UsageError` if there is no such folder or split.
    """
    if split not in YEARS:
        raise UsageError(f"coco has the splits train and test, found {split!r}")
    name = f"person_keypoints_{YEARS[split]}.json"
    check_folder(folder, f"annotations/{name} and {YEARS[split]}/")
    return folder / name if (folder / name).is_file() else folder / "annotations" / name


def _read(folder: Path, split: str) -> tuple[Annotations, Int[np.ndarray, "m 2"]]:
    """Return the annotations of a split, and (width, height) of each of its photographs."""
    annotations = read_annotations(annotation_file(folder, split))
    sides = [annotations.images.column(side, SIDE) for side in ("width", "height")]
    return annotations, np.stack(sides, axis=1)


def _pictures(folder: Path, split: str) -> Path:
    places = folder / YEARS[split], folder / "images" / YEARS[split]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise UsageError(f"expected photographs in {places[0]}, found no such folder")
    return found


def _photos(
    images: Records, places: Sequence[int], sizes: Int[np.ndarray, "m 2"], folder: Path
) -> list[Photo]:
    """Return the photograph at each place of the file's images; they are there, and not read."""
    names = images.column("file_name", FILE_NAME)
    photos = {
        place: PhotoFile(folder / names[place], (int(sizes[place, 1]), int(sizes[place, 0])))
        for place in dict.fromkeys(places)
    }
    missing = [place for place, photo in photos.items() if not os.path.isfile(photo.path)]
    if missing:
        raise images.fault(
            missing[0],
            f"expected `file_name` {shown(names[missing[0]])} in {folder}, found no such file; "
            f"{len(missing):,} of {len(photos):,} photographs are missing",
        )
    return [photos[place] for place in places]


def _clipped(
    boxes: Float[np.ndarray, "n 4"], sizes: Int[np.ndarray, "n 2"]
) -> Float[np.ndarray, "n 4"]:
    """Return boxes (x, y, width, height) within their pictures, by HRNet's rule.

    Its far side is at x + width - 1 or the last pixel, and its width is the difference. Boxes
    outside the picture get a negative one.
    """
    low = np.maximum(boxes[:, :2], 0)
    high = np.minimum(low + np.maximum(boxes[:, 2:] - 1, 0), sizes - 1)
    return np.concatenate([low, high - low], axis=1)


def _boxes(boxes: Float[np.ndarray, "n 4"]) -> list[Box]:
    """Return what is cut out for boxes (x, y, width, height)."""
    return [
        Box((x + width / 2, y + height / 2), width, height).enlarged(MARGIN)
        for x, y, width, height in boxes.tolist()
    ]


def _jain_person(person: Person) -> Person:
    sides = (person.box.width, person.box.height)
    canvas = (JAIN_CANVAS, JAIN_CANVAS)
    affine = box_to_canvas(person.box.centre, sides, canvas, alignment=PUBLISHED.alignment)
    low, high = JAIN_COUNTED
    at = transformed(person.joints, affine)
    counted = ((at >= low) & (at < high)).all(axis=1)
    return replace(person, labelled=person.labelled & counted, size=max(sides))


def _kept(reasons: Mapping[str, Bool[np.ndarray, "n"]]) -> list[int]:
    kept: list[int] = np.flatnonzero(~np.any(list(reasons.values()), axis=0)).tolist()
    return kept


def _split(
    annotations: Annotations,
    name: str,
    people: Sequence[Person],
    reasons: Mapping[str, Bool[np.ndarray, "n"]],
) -> Split:
    return Split(
        name=name,
        skeleton=COCO17,
        threshold=HALF_CREDIT,
        reference="root of the person's area",
        people=people,
        digest=_digest(people),
        sigmas=COCO17.oks_sigmas,
        cropping=PUBLISHED,
        left_out={reason: int(each.sum()) for reason, each in reasons.items() if each.any()},
        annotations=Path(annotations.file),
    )


def _name(annotations: Annotations, folder: Path, split: str) -> str:
    whole = len(annotations.images) == WHOLE[split]
    return f"coco/{split}" if whole else f"coco/{folder.resolve().name}/{split}"


def _digest(people: Sequence[Person]) -> str:
    """Return a digest of the annotations, and of each photograph's size in bytes."""
    paths = [person.photo.path for person in people if isinstance(person.photo, PhotoFile)]
    counts = {path: path.stat().st_size for path in dict.fromkeys(paths)}
    digest = hashlib.blake2b(digest_size=16)
    for person, path in zip(people, paths, strict=True):
        box = (*person.box.centre, person.box.width, person.box.height)
        digest.update(f"{person.id} {box} {person.size} {counts[path]}".encode())
    digest.update(np.round([person.joints for person in people], 3).tobytes())
    digest.update(np.array([person.labelled for person in people]).tobytes())
    return digest.hexdigest()
