"""What is found out about a folder, and how it is said."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TypeVar

from robustpose.data.photos import SUFFIXES
from robustpose.errors import UsageError
from robustpose.json_records import shown

Content = TypeVar("Content")

SHOWN = 3
"""How many missing photographs are named."""


class Kind(StrEnum):
    """Whether a thing is as it should be, is not, or is only worth knowing."""

    RIGHT = "right"
    WRONG = "wrong"
    NOTE = "note"


class Finding(NamedTuple):
    """One thing about a folder."""

    kind: Kind
    text: str


class Annotated(NamedTuple):
    """What a file of annotations says: how many people, in which photographs."""

    people: int
    photos: tuple[str, ...]
    posed: int | None = None
    """How many of the people have key points, where not all have."""


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

    def load(self, split: str, load: Callable[[], int]) -> None:
        """Count the people of a split, or tell why it cannot be loaded, unless that is told."""
        try:
            self.splits[split] = load()
        except UsageError as error:
            told = any(finding.text.endswith(str(error)) for finding in self.findings)
            reason = "" if told else f": {error}"
            self.find(f"{split} cannot be loaded{reason}")

    def pictures(self, folder: Path, whole: int | None = None) -> set[str]:
        """Return the names of the pictures in a folder, and tell how many there are."""
        if not folder.is_dir():
            self.find(f"{folder.name}/ is missing: it holds the photographs", right=False)
            return set()
        pictures = [
            path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()
        ]
        of = f" of the whole set's {whole:,}" if whole and len(pictures) < whole else ""
        self.find(
            f"{folder.name}/: {count(len(pictures), 'photograph')}{of}", right=None if of else True
        )
        if empty := sorted(path.name for path in pictures if not path.stat().st_size):
            self.find(f"{folder.name}/: {several(empty)} without content", right=False)
        return {path.name for path in pictures}

    def read(self, path: Path, read: Callable[[Path], Content]) -> Content | None:
        """Return what a file of annotations holds; None if it cannot be read, which is told."""
        name = path.relative_to(self.folder)
        if not path.is_file():
            self.find(f"{name} is missing: it holds the annotations", right=False)
            return None
        try:
            return read(path)
        except UsageError as error:
            self.find(f"{name} cannot be read: {error}", right=False)
            return None

    def annotated(self, path: Path, annotated: Annotated, expected: int | None = None) -> None:
        """Tell whom a file of annotations has; `expected` is how many the published one has."""
        people = count(annotated.people, "person", "people")
        photos = len(annotated.photos)
        within = f" in {count(photos, 'photograph')}" if photos else ""
        posed = "" if annotated.posed is None else f", {annotated.posed:,} of them with key points"
        other = expected not in (None, annotated.people)
        of = f", and the published file {expected:,}" if other else ""
        name = path.relative_to(self.folder)
        self.find(f"{name}: {people}{posed}{within}{of}", right=None if of else True)

    def missing(self, folder: str, missing: Sequence[str], annotated: Annotated) -> None:
        """Tell which of the annotated photographs are missing."""
        if missing:
            self.find(
                f"{folder}/: {len(missing):,} of the {len(annotated.photos):,} annotated "
                f"photographs are missing: {several(missing)}",
                right=False,
            )
        else:
            self.find(f"{folder}/: every annotated photograph is there", right=True)


def once(names: Iterable[str]) -> tuple[str, ...]:
    """Return each name once, in their order."""
    return tuple(dict.fromkeys(names))


def several(names: Sequence[str]) -> str:
    """Return the first names, and how many there are besides."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f"{', '.join(map(shown, names[:SHOWN]))}{more}"


def count(number: int, one: str, several: str = "") -> str:
    """Return a number of things in words."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
