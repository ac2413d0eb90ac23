"""Unpacking archives of strangers: nothing gets out of the folder, and nothing is overwritten.

Only files and folders are unpacked. Links and devices are refused, also those that stay within:
no data set has any. An archive is unpacked beside its destination and moved there when all of it is
whole and nothing is in the way.
"""

import filecmp
import gzip
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from robustpose.data.download import CHUNK, Listener, size_text
from robustpose.errors import UsageError


@dataclass(frozen=True)
class Member:
    """A file or folder in an archive; `open` reads a file's content."""

    name: str
    is_folder: bool
    size: int
    open: Callable[[], IO[bytes]]


class DamagedError(UsageError):
    """An archive that is not whole."""


def unpack(archive: Path, folder: Path, *, top: str = "", staging: Path, listen: Listener) -> None:
    """Unpack a .zip or .tar.gz archive into `folder`, less the folder `top` that wraps its content.

    All of it goes to `staging` first, a folder on the same disk that is emptied before; it is gone
    afterwards, and stays only where the process died. Raises `UsageError`, and then leaves
    `folder` as it was: for a damaged archive (`DamagedError`), for members that would land outside
    or are links or devices, for a full disk, and for files that are there with another content.
    """
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        with _understood(archive), _members(archive) as members:
            _unpack_all(members, staging, top, archive, listen)
        _check_free(staging, folder, archive.name)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    _merge(staging, folder)
    shutil.rmtree(staging)


def place(file: Path, target: Path) -> None:
    """Move a file to where it belongs; raise `UsageError` where there is another."""
    if target.is_file() and filecmp.cmp(file, target, shallow=False):
        file.unlink()
    elif target.is_symlink() or target.exists():
        raise _in_the_way([target], file.name)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, target)


def _unpack_all(
    members: Iterator[Member], staging: Path, top: str, archive: Path, listen: Listener
) -> None:
    done = 0
    for member in members:
        parts = _safe_parts(member.name, archive)
        if top and parts[:1] == (top,):
            parts = parts[1:]
        target = staging.joinpath(*parts)
        if member.is_folder:
            target.mkdir(parents=True, exist_ok=True)
            continue
        if not parts or target.exists():
            raise _refused(archive, f"has {member.name!r} twice")
        _check_room(staging, member.size, archive)
        target.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, target.open("xb") as file:
            shutil.copyfileobj(source, file, CHUNK)
        if (found := target.stat().st_size) != member.size:
            raise _damaged(archive, f"{member.name} has {found:,} of {member.size:,} bytes")
        done += member.size
        listen(f"unpacking {archive.name}", done, None)


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[Member]]:
    """Open an archive and yield what is in it, each member checked before it is yielded."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            yield (_zip_member(packed, info, archive) for info in packed.infolist())
    else:
        with gzip.open(archive) as packed_tar:
            with tarfile.open(fileobj=packed_tar, mode="r|") as stream:
                yield (_tar_member(stream, info, archive) for info in stream)
            while packed_tar.read(CHUNK):  # the check sum of all of it comes last
                pass


def _zip_member(packed: zipfile.ZipFile, info: zipfile.ZipInfo, archive: Path) -> Member:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refused(archive, f"has {info.filename!r}, which is neither file nor folder")
    if info.flag_bits & 1:
        raise _refused(archive, f"has {info.filename!r}, which is encrypted")
    name = info.orig_filename  # `filename` ends at a NUL and has its separators changed
    return Member(name, info.is_dir(), info.file_size, lambda: packed.open(info))


def _tar_member(stream: tarfile.TarFile, info: tarfile.TarInfo, archive: Path) -> Member:
    if not (info.isreg() or info.isdir()):
        raise _refused(archive, f"has {info.name!r}, which is neither file nor folder")
    _safe_parts(info.name, archive)
    if hasattr(tarfile, "data_filter"):  # Python 3.11.4 and later: a second opinion
        tarfile.data_filter(info, str(archive.parent))

    def content() -> IO[bytes]:
        file = stream.extractfile(info)
        assert file is not None  # it is a file: see above
        return file

    return Member(info.name, info.isdir(), info.size, content)


def _safe_parts(name: str, archive: Path) -> tuple[str, ...]:
    r"""Return the parts of a member's name; raise for one that could leave the folder.

    Windows reads `\` and `C:` in names too, so they are refused everywhere.
    """
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or set(name) & set("\\:\0"):
        raise _refused(archive, f"has {name!r}, which would land outside of the folder")
    return parts


@contextmanager
def _understood(archive: Path) -> Iterator[None]:
    """Turn what the readers of archives raise into `UsageError`s."""
    try:
        yield
    except tarfile.FilterError as error:
        raise _refused(archive, f"has a member that would do harm: {error}") from error
    except (
        EOFError,
        gzip.BadGzipFile,
        NotImplementedError,
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise _damaged(archive, str(error) or type(error).__name__) from error
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise _refused(archive, f"has a file and a folder of one name: {error.filename}") from error


def _check_free(staging: Path, folder: Path, name: str) -> None:
    """Raise where a folder has something else in the place of what was unpacked."""
    if different := list(_different(staging, folder)):
        raise _in_the_way(different, name)


def _different(staging: Path, folder: Path) -> Iterator[Path]:
    for entry in sorted(staging.iterdir()):
        target = folder / entry.name
        if entry.is_dir() and target.is_dir():
            yield from _different(entry, target)
        elif target.is_symlink() or target.exists():
            same = entry.is_file() and target.is_file()
            if not (same and filecmp.cmp(entry, target, shallow=False)):
                yield target


def _merge(staging: Path, folder: Path) -> None:
    """Move what was unpacked to its place; what is there already is the same."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in sorted(staging.iterdir()):
        target = folder / entry.name
        if not target.exists():
            shutil.move(entry, target)
        elif entry.is_dir():
            _merge(entry, target)


def _check_room(staging: Path, needed: int, archive: Path) -> None:
    free = shutil.disk_usage(staging).free
    if free < needed:
        raise UsageError(
            f"{archive.name} needs more room than the {size_text(free)} that are left in "
            f"{staging.parent}: make room and run the same command again"
        )


def _refused(archive: Path, reason: str) -> UsageError:
    return UsageError(f"{archive} is not unpacked: it {reason}; fetch it from the official address")


def _damaged(archive: Path, reason: str) -> DamagedError:
    return DamagedError(f"{archive} is damaged ({reason}): fetch it again")


def _in_the_way(paths: list[Path], name: str) -> UsageError:
    more = f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""
    return UsageError(
        f"{paths[0]}{more} is there with another content than in {name}: nothing was changed; move "
        f"it away and run the same command again"
    )
