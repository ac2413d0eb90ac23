"""Getting a data set: downloading what is missing of it, and unpacking it to where it belongs."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from robustpose.data.download import (
    Listener,
    UnavailableError,
    check,
    fetch,
    is_archive,
    unreachable,
)
from robustpose.data.folders import set_folder
from robustpose.data.sources import SOURCES, Download
from robustpose.data.unpack import DamagedError, place, unpack
from robustpose.errors import UsageError, check_choice

DOWNLOADS = ".downloads"
"""The folder in a set's folder for what is not unpacked yet; it goes when it is empty."""


class Got(NamedTuple):
    """A file that has come, and which of the choices it is."""

    download: Download
    path: Path


def get_set(
    key: str, *, only: Sequence[str] = (), listen: Listener, says: Callable[[str], None]
) -> Path:
    """Download and unpack what is missing of a data set; returns its folder.

    `only` names the files to get; by default all. A file that the user has put into the set's
    folder is used instead of a download, and is kept. Running it again goes on where it stopped.
    Raises `UsageError` where a file cannot be had, which takes 3 seconds on a machine without a
    network, is not the published one, does not fit on the disk or would overwrite another.
    """
    check_choice("data set to get", key, SOURCES)
    folder = set_folder(key)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is in the way: expected a folder for {key} or nothing, move it")
    for choices in _wanted(key, only):
        if _is_there(choices, folder):
            says(f"{choices[0].gives[0]} is there already")
        else:
            _get(choices, folder, listen, says)
    with suppress(OSError):
        (folder / DOWNLOADS).rmdir()
    return folder


def _wanted(key: str, only: Sequence[str]) -> list[tuple[Download, ...]]:
    downloads = SOURCES[key].downloads
    names = [download.file for choices in downloads for download in choices]
    for name in only:
        check_choice(f"file of {key}", name, names)
    return [
        choices
        for choices in downloads
        if not only or any(download.file in only for download in choices)
    ]


def _is_there(choices: Sequence[Download], folder: Path) -> bool:
    """Tell whether everything was unpacked: what is left of a stopped run says that it was not."""
    began = [path for choice in choices for path in (folder / DOWNLOADS).glob(f"{choice.file}*")]
    return not began and all((folder / path).exists() for path in choices[0].gives)


def _get(
    choices: Sequence[Download], folder: Path, listen: Listener, says: Callable[[str], None]
) -> None:
    brought = _brought(choices, folder, listen)
    download, path = brought or _first(choices, folder, listen, says)
    if not is_archive(path):
        return place(path, folder / download.gives[0])
    staging = folder / DOWNLOADS / f"{download.file}.unpacking"
    try:
        unpack(path, folder, top=download.top, staging=staging, listen=listen)
    except DamagedError as error:
        if brought:
            raise
        path.unlink()
        raise UsageError(f"{error}; it was removed: run the same command again") from error
    if not brought:
        path.unlink()


def _brought(choices: Sequence[Download], folder: Path, listen: Listener) -> Got | None:
    """Return the archive that a user has put into the set's folder, checked, if there is one."""
    for download in choices:
        path = folder / download.file
        if is_archive(path) and path.is_file():
            check(path, download, listen)
            return Got(download, path)
    return None


def _first(
    choices: Sequence[Download], folder: Path, listen: Listener, says: Callable[[str], None]
) -> Got:
    """Return the first of the choices that its server has."""
    place = folder / DOWNLOADS
    for download in choices:
        if (place / download.file).is_file():
            return Got(download, place / download.file)
    silent = unreachable([download.address for download in choices])
    reasons = []
    for download in choices:
        try:
            if download.address in silent:
                raise UnavailableError(silent[download.address])
            return Got(download, fetch(download, place, listen))
        except UnavailableError as error:
            reasons.append(f"{_host(download)}: {error}")
            if len(choices) > len(reasons) and len(silent) < len(choices):
                says(f"{reasons[-1]}; trying {_host(choices[len(reasons)])}")
    raise _nowhere(choices, folder, reasons, offline=len(silent) == len(choices))


def _nowhere(
    choices: Sequence[Download], folder: Path, reasons: Sequence[str], *, offline: bool
) -> UsageError:
    last = choices[-1]
    seems = "this machine seems to be offline" if offline else "no server has the file"
    there = folder / (last.file if is_archive(Path(last.file)) else last.gives[0])
    return UsageError(
        f"{seems} ({'; '.join(dict.fromkeys(reasons))}): download {last.address} elsewhere, "
        f"put it here as {there}, and run the same command again"
    )


def _host(download: Download) -> str:
    return urlsplit(download.address).hostname or download.address
