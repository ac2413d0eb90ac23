"""From people in photographs to batches on one canvas."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8

from robustpose.affine import Affine, inverse, scale_of, transformed
from robustpose.data.people import RGB, Person, Split
from robustpose.data.photos import PhotoFile
from robustpose.errors import UsageError
from robustpose.poses import PoseBatch

Cut = tuple[Float[np.ndarray, "k 2"], Affine]
"""A person's joints in the image, and the map from photograph to canvas."""


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
    images = np.empty((len(persons), 3, *canvas), np.uint8)
    cut = _cut_all(persons, people, images)
    count = len(people.skeleton)
    joints = np.stack([joints for joints, _ in cut]) if cut else np.zeros((0, count, 2))
    affines = np.stack([affine for _, affine in cut]) if cut else np.zeros((0, 2, 3))
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
        images=torch.from_numpy(images).float().div_(255),
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
        sigmas=people.sigmas,
    )


def batches(people: Split, canvas: tuple[int, int], batch_size: int) -> Iterator[PoseBatch]:
    """Yield fixed batches: batch i always holds the same people, whoever asks."""
    for start in range(0, len(people), batch_size):
        yield crop(people[start : start + batch_size], canvas)


def _cut_all(
    persons: list[Person], people: Split, images: UInt8[np.ndarray, "n 3 h w"]
) -> list[Cut]:
    """Cut everybody out into the images, from files in as many threads as PyTorch may use.

    OpenCV lets other threads run while it decodes and warps. Drawn people are Python's own work,
    which threads would not hasten.
    """
    workers = min(torch.get_num_threads(), len(persons))
    each = zip(persons, images, strict=True)
    if workers < 2 or not all(isinstance(person.photo, PhotoFile) for person in persons):
        return [_cut(person, people, image) for person, image in each]
    with ThreadPoolExecutor(workers) as threads:
        return list(threads.map(lambda one: _cut(one[0], people, one[1]), each))


def _cut(person: Person, people: Split, image: UInt8[np.ndarray, "3 h w"]) -> Cut:
    """Write a person's crop into an image."""
    canvas = (image.shape[1], image.shape[2])
    affine = people.affine(person, canvas)
    joints = np.where(person.labelled[:, None], transformed(person.joints, affine), 0.0)
    seen = warped(person.photo.read(), affine, canvas, smoothed=people.cropping.smoothed)
    image[...] = seen.transpose(2, 0, 1)
    return joints, affine


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
