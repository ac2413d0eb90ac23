"""From people in photographs to batches on one canvas."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8

from robustpose.data.people import RGB, Person, Split
from robustpose.data.photos import PhotoFile
from robustpose.errors import UsageError
from robustpose.geometry import Affine, inverse, scale_of, transformed
from robustpose.poses import PoseBatch

Cut = tuple[RGB, Float[np.ndarray, "k 2"], Affine]
"""A person's image, the joints in it, and the map from photograph to canvas."""


class Sized(Protocol):
    """Whatever has an input size, like a model."""

    size: tuple[int, int]


def crop(people: Split, canvas: tuple[int, int] | Sized) -> PoseBatch:
    """Cut every person out of their photograph, upright, onto a canvas.

    `canvas` is (height, width) in pixels, or a model, whose input size it then is. Memory grows
    with the number of people: use `batches` for more than a few hundred. Raises `UsageError` for
    a photograph that cannot be read.
    """
    if not isinstance(people, Split):
        raise UsageError("expected a split of people to crop: people[:16], or people[3:4] for one")
    if not isinstance(canvas, tuple):
        canvas = canvas.size
    persons = list(people)
    cut = _cut_all(persons, people, canvas)
    images = np.stack([image for image, _, _ in cut]) if cut else np.zeros((0, *canvas, 3))
    count = len(people.skeleton)
    joints = np.stack([joints for _, joints, _ in cut]) if cut else np.zeros((0, count, 2))
    affines = np.stack([affine for _, _, affine in cut]) if cut else np.zeros((0, 2, 3))
    sizes = [
        (person.size or 0.0) * scale_of(affine)
        for person, affine in zip(persons, affines, strict=True)
    ]
    labels = {
        name: torch.tensor([person.labels[name] for person in persons])
        for name in (persons[0].labels if persons else ())
    }
    labelled = [person.labelled for person in persons]
    return PoseBatch(
        ids=tuple(person.id for person in persons),
        images=torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().float() / 255,
        joints=torch.from_numpy(joints).float(),
        labelled=torch.from_numpy(np.reshape(labelled, (len(cut), count)).astype(bool)),
        size=torch.tensor(sizes, dtype=torch.float32),
        threshold=people.threshold,
        skeleton=people.skeleton,
        to_photo=torch.from_numpy(
            np.reshape([inverse(affine) for affine in affines], (len(cut), 2, 3))
        ).float(),
        unscored=people.unscored,
        labels=labels,
    )


def batches(people: Split, canvas: tuple[int, int], batch_size: int) -> Iterator[PoseBatch]:
    """Yield fixed batches: batch i always holds the same people, whoever asks."""
    for start in range(0, len(people), batch_size):
        yield crop(people[start : start + batch_size], canvas)


def _cut_all(persons: list[Person], people: Split, canvas: tuple[int, int]) -> list[Cut]:
    """Cut everybody out, from files in as many threads as PyTorch may use.

    OpenCV lets other threads run while it decodes and warps. Drawn people are Python's own work,
    which threads would not hasten.
    """
    workers = min(torch.get_num_threads(), len(persons))
    if workers < 2 or not all(isinstance(person.photo, PhotoFile) for person in persons):
        return [_cut(person, people, canvas) for person in persons]
    with ThreadPoolExecutor(workers) as threads:
        return list(threads.map(lambda person: _cut(person, people, canvas), persons))


def _cut(person: Person, people: Split, canvas: tuple[int, int]) -> Cut:
    affine = people.affine(person, canvas)
    joints = np.where(person.labelled[:, None], transformed(person.joints, affine), 0.0)
    image = warped(person.photo.read(), affine, canvas, smoothed=people.cropping.smoothed)
    return image, joints, affine


def warped(
    photo: RGB, affine: Affine, canvas: tuple[int, int], *, smoothed: bool = True
) -> UInt8[np.ndarray, "h w 3"]:
    """Return the canvas that the map cuts out of a photograph, black outside it.

    If `smoothed`, a strong reduction is done in two steps, area averaging first, so that it does
    not alias; published code interpolates between neighbours alone.
    """
    factor = int(1 / scale_of(affine)) if smoothed else 1
    if factor >= 2:
        height, width = (max(length // factor, 1) for length in photo.shape[:2])
        photo = photo[: height * factor, : width * factor]
        photo = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
        affine = affine @ np.array(
            [[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2], [0, 0, 1]]
        )
    return cv2.warpAffine(photo, affine, canvas[::-1], flags=cv2.INTER_LINEAR)
