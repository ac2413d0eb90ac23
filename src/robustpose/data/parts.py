"""Which part of the body each place of a crop shows: label maps of drawn people.

Labels are numbers of `PARTS`. A label map has the cells of heatmaps: the label of a cell is that of
the picture's pixel nearest to its middle, so that maps are the part mask seen at fewer places.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import UInt8

from robustpose.data.crops import crop
from robustpose.data.people import RGB, Person, Split
from robustpose.data.rendered import PARTS, RenderedPhoto, Rendering
from robustpose.errors import UsageError
from robustpose.geometry import Affine, affine_to_cells
from robustpose.poses import PoseBatch

PartMask = UInt8[np.ndarray, "height width"]
PartMap = UInt8[np.ndarray, "rows columns"]


def _other_side(part: str) -> str:
    swapped = {"left": "right", "right": "left"}
    side, underscore, rest = part.partition("_")
    return swapped.get(side, side) + underscore + rest


MIRRORED = np.array([PARTS.index(_other_side(part)) for part in PARTS], np.uint8)
"""Which label each label becomes in a mirror: left and right swap."""


@dataclass(frozen=True)
class Seen:
    """A photograph that has been read."""

    name: str
    image: RGB

    def read(self) -> RGB:
        """Return the pixels."""
        return self.image


def crop_with_parts(people: Split, canvas: tuple[int, int], *, stride: int) -> PoseBatch:
    """Cut drawn people out as `crop` does, and give them the label `parts`.

    That is (n, rows, columns): the part in the middle of each cell of `stride` pixels. Raises
    `UsageError` for people who are not drawn.
    """
    size = (canvas[0] // stride, canvas[1] // stride)
    persons, maps = [], []
    for person in people:
        drawn = rendering_of(person)
        to_cells = affine_to_cells(people.affine(person, canvas), stride)
        persons.append(replace(person, photo=Seen(person.photo.name, drawn.image)))
        maps.append(part_map(drawn.parts, to_cells, size))
    batch = crop(replace(people, people=tuple(persons)), canvas)
    parts = torch.from_numpy(np.reshape(maps, (len(maps), *size))).long()
    return replace(batch, labels={**batch.labels, "parts": parts})


def rendering_of(person: Person) -> Rendering:
    """Draw a person with their part mask. Raises `UsageError` if they are not a drawn one."""
    if not isinstance(person.photo, RenderedPhoto):
        raise UsageError(
            f"only drawn people have a mask of their parts: expected one of `rendered`, found "
            f"{person.id}"
        )
    return person.photo.render()


def part_map(mask: PartMask, affine: Affine, size: tuple[int, int]) -> PartMap:
    """Return the labels at the places that `affine` brings to (rows, columns); 0 outside."""
    return np.asarray(cv2.warpAffine(mask, affine, size[::-1], flags=cv2.INTER_NEAREST))
