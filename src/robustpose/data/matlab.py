"""MATLAB files of versions 5 to 7.2: flat arrays, and deep structures that are walked lazily.

SciPy makes an array object of every field before it shows anything, and MPII's annotations have two
million fields. `Matrix` reads what is asked for, straight from the bytes: from 10,000 people, in
less than half the time and with a third of the memory. SciPy is its oracle in the tests.
Layout: The MathWorks, "MAT-File Format", version 5.
"""

import math
import struct
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from robustpose.errors import UsageError
from robustpose.file_kinds import mistaken_for
from robustpose.json_records import shown

_MATRIX, _COMPRESSED, _UTF8, _UTF16 = 14, 15, 16, 17
_NUMBERS = dict(zip((1, 2, 3, 4, 5, 6, 7, 9, 12, 13), "bBhHiIfdqQ", strict=True))
"""Letters of `struct` for the types of data that are numbers."""
_STRUCT, _CHAR = 2, 4
_NUMERIC = range(6, 16)
"""Classes of arrays: double, single, and integers of 8 to 64 bits."""
_LOGICAL, _COMPLEX = 0x200, 0x800
"""Flags beside the class."""
_FORM = 0xFF | _LOGICAL | _COMPLEX
_KINDS = {1: "a cell array", 2: "structures", 3: "an object", 4: "text", 5: "a sparse array"}

Single = float | bool | None
"""What a single number is read as: MATLAB's true and false are a bool, an empty array is None."""

_tag = struct.Struct("<II").unpack_from
_start = struct.Struct("<14I").unpack_from
_one = {kind: struct.Struct(f"<{letter}").unpack_from for kind, letter in _NUMBERS.items()}


def arrays(path: Path) -> dict[str, Any]:
    """Return the arrays of a file by name, as SciPy reads them; truth values are booleans.

    Raises `UsageError` for a file that is missing, damaged or of another version.
    """
    import scipy.io
    from scipy.io.matlab import MatReadError

    _check_is_file(path)
    with path.open("rb") as file:
        start = file.read(600)
    if start[124:128] not in (b"\x00\x01IM", b"\x01\x00MI"):
        raise not_matlab(path, _what_it_is(start, path.stat().st_size))
    try:
        content = scipy.io.loadmat(path)
        kinds = {name: kind for name, _, kind in scipy.io.whosmat(path)}
    except (
        ValueError,
        NotImplementedError,
        OSError,
        TypeError,
        NameError,
        LookupError,
        MatReadError,
        zlib.error,
        struct.error,
    ) as error:
        raise not_matlab(path, f"it is damaged or cut short ({error})") from error
    return {
        name: array.astype(bool) if kinds[name] == "logical" else array
        for name, array in content.items()
        if name in kinds
    }


def variable(path: Path, name: str) -> "Matrix":
    """Return one variable of a file, of which nothing but its place is read.

    Raises `UsageError` for a file that is missing, damaged, of another version or without that
    variable. What is damaged further inside raises `Damaged` when it is read.
    """
    _check_is_file(path)
    content = path.read_bytes()
    if content[124:128] != b"\x00\x01IM":
        raise not_matlab(path, _what_it_is(content[:600], len(content)))
    found = []
    at = 128
    try:
        while at < len(content):
            kind, size = _tag(content, at)
            if at + 8 + size > len(content):
                raise Damaged(f"{at + 8 + size - len(content):,} bytes are missing")
            matrix = Matrix(content, at)
            if kind == _COMPRESSED:
                matrix = Matrix(zlib.decompress(content[at + 8 : at + 8 + size]), 0)
            at += 8 + size
            found.append(matrix.name)
            if found[-1] == name:
                return matrix
    except (Damaged, struct.error, zlib.error) as error:
        raise not_matlab(path, f"it is damaged or cut short ({error})") from error
    raise UsageError(
        f"expected a variable `{name}` in {path}, found {shown(', '.join(found)) or 'nothing'}"
    )


def held(array: object) -> str:
    """Return what one of the `arrays` holds, in words."""
    if not isinstance(array, np.ndarray):
        return "a sparse array"
    kinds = {"O": "a cell array", "V": "structures", "U": "text", "b": "true or false"}
    return {**kinds, "c": "complex numbers"}.get(array.dtype.kind, "numbers")


def not_matlab(path: Path, reason: str) -> UsageError:
    """Return the error of a file that is not what its name says."""
    return UsageError(f"expected a MATLAB file (version 5 to 7.2) at {path}: {reason}")


class Damaged(Exception):
    """Bytes that are not laid out as a MATLAB file is."""


class Matrix(NamedTuple):
    """One array within the content of a file: numbers, text, or structures of further arrays.

    Every method raises `Damaged` where the bytes are not what it expects.
    """

    content: bytes
    at: int

    @property
    def name(self) -> str:
        """The name of a variable; empty for what lies in a structure."""
        _, _, start, size, _ = self._header()
        return self.content[start : start + size].decode("latin-1")

    @property
    def length(self) -> int:
        """How many elements it has."""
        return self._header()[1]

    def elements(self) -> list[dict[str, "Matrix"]]:
        """Return the structures of an array of structures, as fields by name.

        An array of numbers without an element is an empty array of structures: MATLAB's `[]`.
        """
        names, count, at = self._structures()
        content, rows = self.content, []
        try:
            for _ in range(count):
                row = {}
                for name in names:
                    row[name] = Matrix(content, at)
                    at += 8 + _tag(content, at)[1]
                rows.append(row)
        except struct.error as error:
            raise Damaged(str(error)) from error
        return rows

    def columns(self) -> dict[str, list[Single]]:
        """Return, for structures of single numbers, those numbers by field: faster than elements.

        They are as `number` returns them: None where a structure has an empty array.
        """
        names, count, at = self._structures()
        content = self.content
        columns: dict[str, list[Single]] = {name: [] for name in names}
        lists = list(columns.values())
        try:
            for _ in range(count):
                for column in lists:
                    value, at = _single(content, at)
                    column.append(value)
        except Damaged as error:
            read = sum(map(len, lists))
            where = f"`{names[read % len(names)]}` of number {read // len(names) + 1}"
            raise Damaged(f"{where}: {error}") from error
        return columns

    def number(self) -> Single:
        """Return a single number, also one that is written as text; None for an empty array.

        MATLAB's true and false are a bool.
        """
        return _single(self.content, self.at)[0]

    def numbers(self) -> np.ndarray:
        """Return all numbers, in MATLAB's order: down the columns; true is 1 and false 0."""
        form, count, *_, at = self._header()
        if not count:
            return np.zeros(0)
        kind, size, start, _ = self._data(at)
        if form & ~_LOGICAL not in _NUMERIC or kind not in _NUMBERS:
            raise Damaged(f"expected numbers, found {_kind(form)}")
        stored = np.dtype(f"<{_NUMBERS[kind]}")
        if size != count * stored.itemsize or start + size > len(self.content):
            raise Damaged(f"expected {count} numbers, found {size} bytes")
        return np.frombuffer(self.content, stored, count, start).astype(np.float64)

    def text(self) -> str:
        """Return one line of text."""
        form, count, *_, at = self._header()
        if not count:
            return ""
        kind, size, start, _ = self._data(at)
        coding = {_UTF16: "utf-16-le", 4: "utf-16-le", _UTF8: "utf-8", 1: "utf-8", 2: "latin-1"}
        if form != _CHAR or kind not in coding:
            raise Damaged(f"expected text, found {_kind(form)}")
        return self.content[start : start + size].decode(coding[kind], "replace")

    def _header(self) -> tuple[int, int, int, int, int]:
        """Return the class, the number of elements, start and size of the name, start of data.

        The class has the flags of logical and complex arrays beside it.
        """
        try:
            kind, size = _tag(self.content, self.at)
            if kind != _MATRIX:
                raise Damaged(f"expected an array at byte {self.at:,}, found type {kind}")
            if not size:
                return 0, 0, self.at, 0, self.at
            flags, length = _tag(self.content, self.at + 16)[0], _tag(self.content, self.at + 24)[1]
            extents = struct.unpack_from(f"<{length // 4}i", self.content, self.at + 32)
            _, name_size, start, at = self._data(self.at + 32 + -(-length // 8) * 8)
        except struct.error as error:
            raise Damaged(str(error)) from error
        return flags & _FORM, math.prod(extents), start, name_size, at

    def _data(self, at: int) -> tuple[int, int, int, int]:
        """Return type, bytes and start of the data of a tag, and where the next tag begins."""
        try:
            kind, size = _tag(self.content, at)
        except struct.error as error:
            raise Damaged(str(error)) from error
        if kind >> 16:  # up to four bytes lie within the tag
            return kind & 0xFFFF, kind >> 16, at + 4, at + 8
        return kind, size, at + 8, at + 8 + -(-size // 8) * 8

    def _structures(self) -> tuple[tuple[str, ...], int, int]:
        """Return the names of the fields of structures, how many there are, where they begin."""
        form, count, *_, at = self._header()
        if not count:
            return (), 0, at
        if form != _STRUCT:
            raise Damaged(f"expected structures, found {_kind(form)}")
        try:
            _, size, start, at = self._data(at)
            (length,) = struct.unpack_from("<i", self.content, start)
            _, size, start, at = self._data(at)
        except struct.error as error:
            raise Damaged(str(error)) from error
        if length <= 0 or size % length:
            raise Damaged(f"expected names of {length} letters, found {size} bytes")
        return _names(self.content[start : start + size], length), count, at


@lru_cache(maxsize=64)
def _names(letters: bytes, length: int) -> tuple[str, ...]:
    """Return names that are padded to one length; nearly all structures have the same ones."""
    pieces = (letters[i : i + length] for i in range(0, len(letters), length))
    return tuple(piece.split(b"\0")[0].decode("latin-1") for piece in pieces)


def _single(content: bytes, at: int) -> tuple[Single, int]:
    """Return the single number of an array and where the next array begins.

    Nearly all are laid out alike: two extents, no name, one number. Others are read step by step.
    """
    try:
        head = _start(content, at)
    except struct.error:
        head = (0,) * 14  # shorter than a number: perhaps an empty array at the very end
    if head[7] == 8 and head[8] == head[9] == 1 and not head[11] and head[4] & _FORM in _NUMERIC:
        small = head[12] >> 16  # up to four bytes lie within the tag
        read = _one.get(head[12] & 0xFFFF if small else head[12])
        if read is not None:
            return read(content, at + (52 if small else 56))[0], at + 8 + head[1]
    value = _unusual(Matrix(content, at))
    return value, at + 8 + _tag(content, at)[1]


def _unusual(matrix: Matrix) -> Single:
    form, count, *_ = matrix._header()
    if not count:
        return None
    if form == _CHAR:
        text = matrix.text()
        try:
            return float(text)
        except ValueError as error:
            raise Damaged(f"expected a number, found {text!r}") from error
    values = matrix.numbers()
    if len(values) != 1:
        raise Damaged(f"expected one number, found {len(values)}")
    return bool(values[0]) if form & _LOGICAL else float(values[0])


def _kind(form: int) -> str:
    """Return what an array is, in words."""
    if form & _COMPLEX:
        return "complex numbers"
    return _KINDS.get(form & 0xFF, "numbers" if form & 0xFF in _NUMERIC else "other values")


def _check_is_file(path: Path) -> None:
    if not path.is_file():
        raise UsageError(
            f"expected a MATLAB file at {path}, found {'a folder' if path.is_dir() else 'nothing'}"
        )


def _what_it_is(start: bytes, size: int) -> str:
    """Return what a file is, by how it begins."""
    if start[126:128] == b"MI":
        return "it was written by a big-endian machine: load it in MATLAB and save it again"
    if start.startswith(b"MATLAB 7.3") or b"\x89HDF" in start:
        return "it is of version 7.3: load it in MATLAB and save it with the option -v7"
    if mistaken := mistaken_for(start):
        return f"it is {mistaken}"
    return f"found {size:,} bytes of something else"
