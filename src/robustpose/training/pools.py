"""Crops of training people in one array, cut once and then read at random."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from robustpose.data.crops import warped
from robustpose.data.parts import part_map, rendering_of
from robustpose.data.people import Person, Split
from robustpose.geometry import Affine, box_to_canvas, transformed
from robustpose.skeletons import Skeleton

MARGIN = 1.25
"""How much wider than the evaluation crop a stored crop is, so that it can be turned."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Training people of one split: 8-bit RGB crops and joints in their pixels."""

    images: UInt8[np.ndarray, "n side side 3"]
    joints: Float[np.ndarray, "n k 2"]
    labelled: Bool[np.ndarray, "n k"]
    skeleton: Skeleton
    digest: str = ""
    """Of people, annotations and size of the crops."""

    def __len__(self) -> int:
        return len(self.images)


def pool_of(
    people: Split,
    *,
    canvas: int,
    cache: Path,
    most: int = 20_000,
    report: Callable[[str], None] = lambda _: None,
) -> Pool:
    """Cut the first `most` people out, `MARGIN` x `canvas` pixels wide, and keep them in `cache`.

    The array is mapped from its file, so a large set needs no memory. It is found again by the
    split's digest; half a file is never left behind.
    """
    people = people[:most]
    side = round(MARGIN * canvas)
    joints = np.zeros((len(people), len(people.skeleton), 2), np.float32)
    labelled = np.zeros((len(people), len(people.skeleton)), bool)
    for index, person in enumerate(people):
        joints[index] = transformed(person.joints, _affine(person, side))
        labelled[index] = person.labelled

    def cut(person: Person) -> np.ndarray:
        return warped(person.photo.read(), _affine(person, side), (side, side))

    digest = _digest(people, side)
    path = cache / f"{digest}.npy"
    if not path.exists():
        report(f"cutting {len(people):,} people out of {people.name}")
        _write(people, cut, (side, side, 3), path)
    return Pool(np.load(path, mmap_mode="r"), joints, labelled, people.skeleton, digest)


def part_masks(
    people: Split,
    *,
    canvas: int,
    cache: Path,
    most: int = 20_000,
    report: Callable[[str], None] = lambda _: None,
) -> UInt8[np.ndarray, "n side side"]:
    """Return the part masks of drawn people, cut out and kept as `pool_of` does their pictures.

    Raises `UsageError` for people who are not drawn.
    """
    people = people[:most]
    side = round(MARGIN * canvas)

    def cut(person: Person) -> np.ndarray:
        return part_map(rendering_of(person).parts, _affine(person, side), (side, side))

    path = cache / f"{_digest(people, side)}-parts.npy"
    if not path.exists():
        report(f"cutting the part masks of {len(people):,} people out of {people.name}")
        _write(people, cut, (side, side), path)
    masks: np.ndarray = np.load(path, mmap_mode="r")
    return masks


def _write(
    people: Split, cut: Callable[[Person], np.ndarray], shape: tuple[int, ...], path: Path
) -> None:
    """Write what is cut out of everybody, 8-bit arrays of a shape, as one array."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial.npy")
    array = np.lib.format.open_memmap(
        partial, mode="w+", dtype=np.uint8, shape=(len(people), *shape)
    )

    def fill(index: int) -> None:
        array[index] = cut(people[index])

    try:
        with ThreadPoolExecutor() as executor:
            for _ in executor.map(fill, range(len(people))):
                pass
        array.flush()
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _affine(person: Person, side: int) -> Affine:
    box = person.box.enlarged(MARGIN)
    return box_to_canvas(box.centre, (box.width, box.height), (side, side))


def _digest(people: Split, side: int) -> str:
    text = f"{people.name} {people.digest} {len(people)} {side}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
