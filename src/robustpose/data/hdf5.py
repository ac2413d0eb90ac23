"""What is wrong with a file that should be HDF5."""

from pathlib import Path

from robustpose.errors import UsageError
from robustpose.file_kinds import mistaken_for

SIGNATURE = b"\x89HDF\r\n\x1a\n"


def not_hdf5(path: Path, error: Exception) -> UsageError:
    """Return the error of a file that h5py could not read; `error` is what it said."""
    return UsageError(f"expected an HDF5 file at {path}: {_reason(path, error)}")


def _reason(path: Path, error: Exception) -> str:
    if not path.is_file():
        return "no such file"
    with path.open("rb") as file:
        start = file.read(64)
    if mistaken := mistaken_for(start):
        return f"it is {mistaken}"
    if not start.startswith(SIGNATURE):
        return "it is something else"
    return f"it is damaged or cut short ({error})"
