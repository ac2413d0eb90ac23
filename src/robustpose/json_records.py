"""Records in JSON files, and their checks: a message names the file, the record and the field.

Nothing is repaired, and what is given is never changed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from jaxtyping import Bool

from robustpose.errors import UsageError
from robustpose.file_kinds import mistaken_for

Record = Mapping[str, Any]

_KINDS = {dict: "an object", list: "a list", str: "text", type(None): "null", bool: "a flag"}
_LONGEST = 60
"""Letters that a message shows of a value."""


class Twice:
    """The value of a key that stands twice in an object: no check of a field lets it pass."""


def read_json(path: Path) -> Any:
    """Return what a JSON file holds. Raises `UsageError` for a file that is missing or no JSON."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"expected a JSON file at {path}, found none ({error.strerror})"
        ) from error
    if mistaken := mistaken_for(content):
        raise UsageError(f"expected a JSON file at {path}: it is {mistaken}")
    try:
        return json.loads(content, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"expected a JSON file at {path}: it is damaged or cut short ({_reason(error)})"
        ) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                found[key] = Twice()
            seen.add(key)
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg[0].lower()}{error.msg[1:]} in line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"no text from byte {error.start:,} on"
    if isinstance(error, RecursionError):
        return "lists within lists, deeper than can be read"
    return "a number of more digits than can be read"


class Field(Protocol):
    """What a field of every record must hold, and how a message says it."""

    @property
    def expected(self) -> str: ...

    def read(self, values: Sequence[object]) -> np.ndarray | None:
        """Return the values as one array, or None if one of them will not do."""
        ...


@dataclass(frozen=True)
class Numbers:
    """Numbers of one shape, one array a record; `fits` tells whether their values will do.

    `kinds` are numpy's letters for the types that will do. True and false are no numbers, unless
    `b` is among them.
    """

    expected: str
    shape: tuple[int, ...] = ()
    kinds: str = "iuf"
    fits: Callable[[np.ndarray], bool] = lambda values: bool(np.isfinite(values).all())

    def read(self, values: Sequence[object]) -> np.ndarray | None:
        """Return the values as one array, floats unless only whole numbers will do."""
        if not values:
            return np.zeros((0, *self.shape), dtype=np.float64 if "f" in self.kinds else np.int64)
        try:
            array = np.array(values)
        except (ValueError, OverflowError):  # of several lengths
            return None
        if array.dtype.kind not in self.kinds or array.shape[1:] != self.shape:
            return None
        if "b" not in self.kinds and self._has_flags(values):
            return None
        if "f" in self.kinds:
            array = array.astype(np.float64, copy=False)
        return array if self.fits(array) else None

    def _has_flags(self, values: Any) -> bool:
        """Tell whether True or False is among numbers, which numpy takes for 1 and 0."""
        for _ in self.shape:
            values = chain.from_iterable(values)
        return not {bool, np.bool_}.isdisjoint(map(type, values))


@dataclass(frozen=True)
class Text:
    """A text a record; `fits` tells whether it will do."""

    expected: str
    fits: Callable[[str], bool]

    def read(self, values: Sequence[object]) -> np.ndarray | None:
        """Return the texts as one array of objects."""
        if not all(isinstance(value, str) and self.fits(value) for value in values):
            return None
        return np.array(values, dtype=object)


NUMBER = Numbers("a finite number")


@dataclass(frozen=True)
class Records:
    """A list of records of one kind, with where it was read and which it holds of it.

    Messages count records from 1 and show the field `named` of them.
    """

    file: str
    kind: str
    rows: Sequence[Record]
    numbers: Sequence[int]
    named: str = "id"

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, kept: Bool[np.ndarray, "n"]) -> "Records":
        """Return the records where `kept` is True."""
        places = np.flatnonzero(kept).tolist()
        return replace(
            self,
            rows=[self.rows[place] for place in places],
            numbers=[self.numbers[place] for place in places],
        )

    def column(self, name: str, field: Field) -> np.ndarray:
        """Return the values of a field. Raises `UsageError` for the first that will not do."""
        values = field.read([row.get(name) for row in self.rows])
        if values is not None:
            return values
        bad = next(i for i, row in enumerate(self.rows) if field.read([row.get(name)]) is None)
        if name not in self.rows[bad]:
            raise self.fault(bad, f"has no `{name}`: expected {field.expected}")
        found = _found(self.rows[bad][name], field)
        raise self.fault(bad, f"expected `{name}` to be {field.expected}, found {found}")

    def fault(self, place: int, message: str) -> UsageError:
        """Return an error that names the file and the record."""
        own = self.rows[place].get(self.named)
        name = f" ({shown(own)})" if isinstance(own, str) else ""
        if isinstance(own, int) and not isinstance(own, bool):
            name = f" ({self.named} {own})"
        return UsageError(f"{self.file}, {self.kind} {self.numbers[place]}{name}: {message}")


def records_of(file: str, kind: str, rows: object, what: str, *, named: str = "id") -> Records:
    """Return a list of objects as records; `what` says what list a file should hold.

    Raises `UsageError` for anything else.
    """
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise UsageError(f"{file}: expected {what}, found {kind_of(rows)}")
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise UsageError(
                f"{file}, {kind} {place + 1}: expected an object, found {kind_of(row)}"
            )
    return Records(file, kind, rows, range(1, len(rows) + 1), named)


def kind_of(value: object) -> str:
    """Return what a value of JSON is, in words."""
    if isinstance(value, Twice):
        return "the key twice"
    return _KINDS.get(type(value), "a number")


def shown(text: str) -> str:
    """Return a text as a message may show it: short and in one line."""
    plain = repr(text)[1:-1]
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 3]}..."


def told(value: object) -> str:
    """Return what a message says of a value that will not do."""
    if isinstance(value, Twice):
        return kind_of(value)
    text = json.dumps(value, default=lambda other: type(other).__name__)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _found(value: object, field: Field) -> str:
    """Return what is wrong with the value of a field: how many, which of them, or all of it."""
    if isinstance(field, Numbers) and field.shape and isinstance(value, list | tuple):
        if len(value) != field.shape[0]:
            return f"{len(value)} of them"
        part = Numbers("", field.shape[1:], field.kinds)
        for place, each in enumerate(value, start=1):
            if part.read([each]) is None:
                return f"{told(each)} as number {place}"
    return told(value)
