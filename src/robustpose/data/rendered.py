"""`rendered`: people that the package draws itself, endless, with exactly known joints.

Every person is drawn from a seed of its own, so a split has no files: person 17 of the test
split is the same on every machine. Coordinates are (x, y) in pixels of the picture, (0, 0) the
centre of the first one.

A joint is `visible` when the part drawn at its exact place is one that meets there (an ankle: the
lower leg); this is a property of the scene and does not depend on `pixels`. Occluded joints count
as labelled. `size` is 0.6 x the diagonal of the box round the drawn head's ellipse, as MPII takes
0.6 x the diagonal of its head box; the diagonal does not change when the head turns in the picture.

The label `activity` is the family that the pose was drawn from (an index into `ACTIVITIES`), not a
guess from the joints. Families overlap, so that no classifier can be right about everybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import overload

import numpy as np
from jaxtyping import Int, UInt8

from robustpose.data.people import RGB, Person, Split, joints_square
from robustpose.data.rendering.clothing import PARTS
from robustpose.data.rendering.scenes import (
    ACTIVITIES,
    Rendering,
    Scene,
    draw_scene,
    sample_activity,
    sample_scene,
)
from robustpose.errors import UsageError
from robustpose.skeletons import LSP14

__all__ = [
    "ACTIVITIES",
    "PARTS",
    "VERSION",
    "RenderedPeople",
    "RenderedPhoto",
    "Rendering",
    "rendered_people",
]

VERSION = 1
"""Part of every seed and of the digest: raise it when any picture changes."""

COUNTS = {"train": 1_000_000, "test": 1000}
"""How many people a split has unless it is told."""

SMALLEST = 16
"""Pictures with fewer rows show nobody."""


@dataclass(frozen=True, eq=False)
class RenderedPhoto:
    """The picture of a scene, drawn each time it is read."""

    name: str
    scene: Scene
    pixels: int

    def render(self) -> Rendering:
        """Return the picture and its part mask, drawn once for both."""
        return draw_scene(self.scene, self.pixels)

    def read(self) -> RGB:
        """Return the picture, 8-bit RGB."""
        return self.render().image

    def parts(self) -> UInt8[np.ndarray, "pixels pixels"]:
        """Return the part mask, numbers of `PARTS`; 0 is background or an occluder."""
        return self.render().parts


@dataclass(frozen=True)
class RenderedPeople(Sequence[Person]):
    """People `numbers` of a split; each is drawn from its seed when it is asked for."""

    split: str
    numbers: range
    pixels: int

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> Person: ...
    @overload
    def __getitem__(self, index: slice) -> "RenderedPeople": ...
    def __getitem__(self, index: int | slice) -> "Person | RenderedPeople":
        if isinstance(index, slice):
            return RenderedPeople(self.split, self.numbers[index], self.pixels)
        return self._person(self.numbers[index])

    def ids(self) -> list[str]:
        """Return everybody's id, without their scenes."""
        return [self._id(number) for number in self.numbers]

    def activities(self) -> Int[np.ndarray, "n"]:
        """Return everybody's label `activity`, an index into `ACTIVITIES`, without their scenes."""
        numbers = [sample_activity(*self._seed(number)) for number in self.numbers]
        return np.array(numbers, np.int64)

    def _seed(self, number: int) -> tuple[str | int, ...]:
        return "rendered", VERSION, self.split, number

    def _id(self, number: int) -> str:
        return f"rendered/v{VERSION}/{self.split}/{number:06d}"

    def _person(self, number: int) -> Person:
        name = self._id(number)
        scene = sample_scene(*self._seed(number))
        joints = scene.joints * self.pixels - 0.5
        labelled = np.ones(len(LSP14), bool)
        return Person(
            id=name,
            photo=RenderedPhoto(name, scene, self.pixels),
            joints=joints,
            labelled=labelled,
            visible=scene.visible,
            box=joints_square(joints, labelled, margin=1.3),
            size=scene.head_size * self.pixels,
            labels={"activity": scene.activity},
        )


def rendered_people(split: str, *, count: int | None = None, pixels: int = 160) -> Split:
    """Return drawn people in pictures with `pixels` rows and columns.

    `split` is "train" or "test"; `count` None means 1,000,000 and 1000. A longer split begins
    with the people of a shorter one, and the same scene is drawn at every size. Raises
    `UsageError` for an unknown split, a negative count and fewer than 16 pixels.
    """
    if split not in COUNTS:
        raise UsageError(f"rendered people have the splits train and test, found {split!r}")
    count = COUNTS[split] if count is None else count
    if count < 0:
        raise UsageError(f"a count of rendered people must be at least 0, found {count}")
    if pixels < SMALLEST:
        raise UsageError(f"rendered pictures have at least {SMALLEST} pixels, found {pixels}")
    text = f"rendered/v{VERSION}/{split}/{count}/{pixels}"
    return Split(
        name=f"rendered/{split}" + (f"/{pixels}px" if pixels != 160 else ""),
        skeleton=LSP14,
        threshold=0.5,
        reference="head",
        people=RenderedPeople(split, range(count), pixels),
        digest=sha256(text.encode()).hexdigest(),
    )
