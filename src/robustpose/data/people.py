"""People in photographs, and splits of them: the one form that every data set is read into."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, overload, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8

from robustpose.affine import Affine, Alignment, box_to_canvas
from robustpose.errors import UsageError
from robustpose.skeletons import Skeleton

RGB = UInt8[np.ndarray, "height width 3"]


class Photo(Protocol):
    """A photograph that is read when it is needed."""

    @property
    def name(self) -> str:
        """What a message calls it: a path, or the index of a drawn scene."""
        ...

    def read(self) -> RGB:
        """Return the pixels, 8-bit RGB. Raises `UsageError` for a missing or broken file."""
        ...


@dataclass(frozen=True)
class Box:
    """The part of a photograph that is cut out for a person, in photo pixels.

    `centre` is (x, y), with (0, 0) the centre of the photograph's first pixel. The box may
    leave the photograph; what lies outside is black.
    """

    centre: tuple[float, float]
    width: float
    height: float

    @classmethod
    def square(cls, centre: tuple[float, float], side: float) -> "Box":
        """Return a box with equal sides."""
        return cls(centre, side, side)

    def enlarged(self, factor: float) -> "Box":
        """Return the box with its sides `factor` times as long, its middle where it was."""
        return Box(self.centre, factor * self.width, factor * self.height)

    def shown_on(self, canvas: tuple[int, int]) -> "Box":
        """Return all that a canvas of (height, width) shows: the box, and more along one axis."""
        scale = max(self.height / canvas[0], self.width / canvas[1])
        return Box(self.centre, scale * canvas[1], scale * canvas[0])


@dataclass(frozen=True)
class Cropping:
    """How boxes become canvases: where they lie, and whether reduction is smoothed first.

    The default is the package's own. `PUBLISHED` repeats the crops that published networks were
    trained and scored on, which are not smoothed and so alias where a box is much larger than
    the canvas.
    """

    alignment: Alignment = Alignment.EDGES
    smoothed: bool = True


PUBLISHED = Cropping(Alignment.INDEX, smoothed=False)
"""Crops of SimpleBaseline, HRNet and MMPose; Newell's code cuts whole pixels and resizes them."""
UDP = Cropping(Alignment.UDP, smoothed=False)
"""Crops of networks trained with unbiased data processing."""


@dataclass(frozen=True, eq=False)
class Person:
    """One annotated person.

    `joints` are (x, y) in photo pixels, in the order of the split's skeleton. Where `labelled`
    is False there is no annotation and the coordinates are never read; occluded joints that
    are annotated count as labelled, and `visible` says which of them can be seen. `size` is
    the reference length in photo pixels that errors are divided by; None: the person has none
    and is not scored. `labels` holds further targets (the activity of a rendered person).
    """

    id: str
    photo: Photo
    joints: Float[np.ndarray, "k 2"]
    labelled: Bool[np.ndarray, "k"]
    visible: Bool[np.ndarray, "k"]
    box: Box
    size: float | None
    labels: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class Named(Protocol):
    """People whose ids are known before anybody is drawn or read."""

    def ids(self) -> list[str]:
        """Return everybody's id."""
        ...


@dataclass(frozen=True, eq=False)
class Split:
    """People of one data set, in a fixed order, with the rule by which they are scored.

    A joint is right when its error is at most `threshold` times the person's `size`, which is
    the length that `reference` names. Joints named in `unscored` are annotated, but the data set's
    rule leaves them out. Where `sigmas` are given, one a joint, people are scored by OKS
    (object key point similarity) and `size` is the root of their area. `cropping` is how the data
    set's networks see people. `digest` identifies the annotations. `left_out` counts people that
    the data set has and the split has not, by reason. `annotations` is the file by which COCO's
    official evaluator scores the poses of all these people together; a part of them has none.
    """

    name: str
    skeleton: Skeleton
    threshold: float
    reference: str
    people: Sequence[Person]
    digest: str
    unscored: tuple[str, ...] = ()
    sigmas: tuple[float, ...] | None = None
    cropping: Cropping = field(default_factory=Cropping)
    left_out: Mapping[str, int] = field(default_factory=dict)
    annotations: Path | None = None

    def __len__(self) -> int:
        return len(self.people)

    @overload
    def __getitem__(self, index: int) -> Person: ...
    @overload
    def __getitem__(self, index: slice) -> "Split": ...
    def __getitem__(self, index: int | slice) -> "Person | Split":
        if isinstance(index, slice):
            some = self.people[index]
            whole = len(some) == len(self)
            return replace(self, people=some, annotations=self.annotations if whole else None)
        return self.people[index]

    def __iter__(self) -> Iterator[Person]:
        return (self.people[index] for index in range(len(self)))

    def affine(self, person: Person, canvas: tuple[int, int]) -> Affine:
        """Return the map from the person's photograph to a canvas of (height, width)."""
        box = person.box
        return box_to_canvas(
            box.centre, (box.width, box.height), canvas, alignment=self.cropping.alignment
        )

    @property
    def ids(self) -> list[str]:
        """Everybody's id; nobody is drawn or read for it where the set knows ids without."""
        return self.people.ids() if isinstance(self.people, Named) else [each.id for each in self]

    def limited(self, count: int | None) -> "Split":
        """Return the first `count` people, or all of them for None."""
        if count is not None and count < 1:
            raise UsageError(f"a limit of people must be at least 1, found {count}")
        return self if count is None else self[:count]


def joints_square(
    joints: Float[np.ndarray, "k 2"], labelled: Bool[np.ndarray, "k"], *, margin: float
) -> Box:
    """Return the square around the labelled joints, its side `margin` x their longer extent."""
    points = joints[labelled]
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = (low + high) / 2
    return Box.square((float(x), float(y)), max(margin * float((high - low).max()), 1.0))
