"""Where data sets lie: under `ROBUSTPOSE_DATA`, or in the platform's folder for a user's data."""

import os
from pathlib import Path

import platformdirs

from robustpose.errors import UsageError

VARIABLE = "ROBUSTPOSE_DATA"


def data_folder() -> Path:
    """Return the folder that holds a folder for each data set; it need not exist."""
    named = os.environ.get(VARIABLE)
    return expanded(named) if named else platformdirs.user_data_path("robustpose")


def expanded(name: str) -> Path:
    """Return the path that a user wrote, `~` for their home. Raises `UsageError` for no user's."""
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise UsageError(f"expected a folder, found {name}: there is no such user") from error


def set_folder(key: str) -> Path:
    """Return where the files of a data set belong; it need not exist."""
    return data_folder() / key


def found_folder(key: str) -> Path:
    """Return the folder of a data set that is to be read.

    What `ROBUSTPOSE_DATA` names is taken at its word. Without it, raises `UsageError` where the
    platform's folder does not have the set.
    """
    folder = set_folder(key)
    if os.environ.get(VARIABLE) or folder.is_dir():
        return folder
    raise UsageError(
        f"{key} needs the folder of its files: write {key}:FOLDER, or set {VARIABLE} to the folder "
        f"that holds {key}/, or get it into {folder} with: robustpose data get {key}"
    )


def check_folder(folder: Path, content: str) -> None:
    """Raise `UsageError` if a path is no folder; `content` says what it should hold."""
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise UsageError(f"expected a folder with {content} at {folder}, found {found}")
