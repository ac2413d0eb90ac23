"""Downloads that go on where they stopped, and that are checked before they get their name.

A file grows as `NAME.partial`, beside a note of which version of which address it is, and is
renamed when its size and digest are right.
"""

import hashlib
import json
import queue
import re
import shutil
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from robustpose.data.sources import Download
from robustpose.errors import UsageError
from robustpose.version import __version__

KNOCK = 3.0
"""Seconds within which a server must accept a connection."""

SILENCE = 30.0
"""Seconds without a byte after which a connection counts as dropped."""

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds to wait before each further try; a try that brings bytes starts the list again."""

CHUNK = 1 << 20
BUSY = (408, 425, 429, 500, 502, 503, 504)

ARCHIVES = {".zip": b"PK", ".gz": b"\x1f\x8b"}
"""How the files that are unpacked begin."""

Listener = Callable[[str, int, int | None], None]
"""Told what is going on, how many bytes of it are done, and of how many (None: unknown)."""


class UnavailableError(UsageError):
    """A server that cannot be reached, or does not have the file: another one may."""


class DroppedError(OSError):
    """A connection that ended early, or a server that is busy: the next try may do better."""


def unreachable(addresses: Sequence[str], seconds: float = KNOCK) -> dict[str, str]:
    """Return the addresses whose server does not accept a connection in time, with the reason.

    All are tried at once, through the proxy where the environment names one. Names are looked up
    in threads of their own: the system's resolver knows no time limit.
    """
    answers: queue.Queue[tuple[str, str]] = queue.Queue()

    def knock(address: str) -> None:
        try:
            socket.create_connection(_server(address), timeout=seconds).close()
            answers.put((address, ""))
        except OSError as error:
            answers.put((address, error.strerror or str(error)))

    for address in addresses:
        threading.Thread(target=knock, args=(address,), daemon=True).start()
    reasons = dict.fromkeys(addresses, f"no answer within {seconds:g} s")
    end = time.monotonic() + seconds
    with suppress(queue.Empty):
        for _ in addresses:
            address, reason = answers.get(timeout=max(0.0, end - time.monotonic()))
            reasons[address] = reason
    return {address: reason for address, reason in reasons.items() if reason}


def fetch(download: Download, folder: Path, listen: Listener) -> Path:
    """Download a file into `folder`, going on with what is there of it; returns its path.

    A dropped connection is tried again for as long as it brings bytes. Raises `UnavailableError`
    where the server does not have the file as it was published, and `UsageError` where the
    connection drops again and again or the disk is full (what came is kept: the next call goes on
    with it), or where size or digest are wrong (the file is removed).
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = Partial(folder / f"{download.file}.partial", download)
    with partial.opened() as file:
        _receive_all(partial, file, listen)
        try:
            check(partial.path, download, listen)
        except UsageError as error:
            file.truncate(0)
            raise UsageError(f"{error}; it was removed: run the same command again") from error
        return partial.path.replace(folder / download.file)


def check(path: Path, download: Download, listen: Listener) -> None:
    """Raise `UsageError` where a file's size or digest is not the published one."""
    size = path.stat().st_size
    algorithm, _, digest = (download.digest or "").partition(":")
    if download.size not in (None, size):
        wrong = f"{size:,} bytes instead of {download.size:,}"
    elif digest and (found := digest_of(path, algorithm, listen)) != digest:
        wrong = f"the {algorithm.upper()} digest {found} instead of {digest}"
    else:
        return
    raise UsageError(f"{path} is not {download.file} as it was published: it has {wrong}")


def digest_of(path: Path, algorithm: str, listen: Listener | None = None) -> str:
    """Return the digest of a file's content, in hexadecimal."""
    digest, done, total = hashlib.new(algorithm), 0, path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if listen is not None:
                listen(f"checking {path.name.removesuffix('.partial')}", done, total)
    return digest.hexdigest()


def is_archive(path: Path) -> bool:
    """Tell by its name whether a downloaded file is to be unpacked."""
    return path.suffix in ARCHIVES


def size_text(count: int) -> str:
    """Write a number of bytes for people: 815.6 MB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


class Partial:
    """A file that is being downloaded, and the note of which version of which address it is."""

    def __init__(self, path: Path, download: Download) -> None:
        self.path = path
        self.note = path.with_name(f"{path.name}.json")
        self.download = download

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open the file for this process alone; what is there of it stays."""
        if self.path.exists() and not self.path.is_file():
            raise UsageError(f"expected a file or nothing at {self.path}, found a folder: move it")
        with self.path.open("ab") as file:
            _lock(file, self.path)
            try:
                yield file
            finally:
                if not file.seek(0, 2):
                    self.path.unlink(missing_ok=True)
                if not self.path.exists():
                    self.note.unlink(missing_ok=True)

    def begin(self, version: str | None) -> None:
        """Write down which version of the file is coming."""
        note = {"address": self.download.address, "version": version}
        self.note.write_text(json.dumps(note))

    def version(self) -> str | None:
        """Return the server's mark of the version that the file is a part of.

        None where the server gave none, and where the note is missing or of another address.
        """
        with suppress(OSError, ValueError):
            note = json.loads(self.note.read_text())
            if isinstance(note, dict) and note.get("address") == self.download.address:
                return note.get("version")
        return None


def _receive_all(partial: Partial, file: IO[bytes], listen: Listener) -> None:
    """Append to a file until it is whole."""
    tries, download = 0, partial.download
    have = file.seek(0, 2)
    unpacked = download.about if is_archive(Path(download.file)) else 0
    _check_room(partial.path, (download.size or download.about) - have + unpacked)
    while True:
        try:
            return _receive(partial, file, listen)
        except (OSError, HTTPException) as error:
            before, have = have, file.seek(0, 2)
            tries = 0 if have > before else tries + 1
            if tries == len(PAUSES):
                raise UsageError(
                    f"the download of {download.file} stopped after {size_text(have)} and does "
                    f"not go on ({error or type(error).__name__}): what came is kept, run the "
                    f"same command again to go on"
                ) from error
            time.sleep(PAUSES[tries])


def _receive(partial: Partial, file: IO[bytes], listen: Listener) -> None:
    """Ask once for what is missing of a file, and append it; returns when the file is whole.

    Without a mark of the version, only a digest can tell that two parts fit: without either, the
    file begins anew. Raises `UnavailableError`, an `OSError` or `HTTPException` for a connection
    that dropped, and `UsageError` where the disk does not take it.
    """
    download, version = partial.download, partial.version()
    have = file.seek(0, 2) if version or download.digest else _emptied(file)
    if have and have == download.size:
        return
    response = _ask(download, have, version)
    if response is None:
        return
    with response:
        if response.status != 206:
            have = _emptied(file)
            partial.begin(_version(response))
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else None
        if download.size and total and total != download.size:
            raise UnavailableError(
                f"its file has {total:,} bytes, the published one {download.size:,}"
            )
        if not have:
            have = _save(_beginning(response, download), file)
        while chunk := response.read1(CHUNK):
            have += _save(chunk, file)
            listen(f"downloading {download.file}", have, total)
    if total is not None and have < total:
        raise DroppedError(f"the connection ended after {have:,} of {total:,} bytes")


def _ask(download: Download, have: int, version: str | None) -> HTTPResponse | None:
    """Ask for a file from byte `have` on; None: that is all of it.

    Raises `UnavailableError` where asking again will not help, and an `OSError` where it may.
    """
    headers = {"User-Agent": f"robustpose/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        headers |= {"If-Range": version} if version else {}
    request = urllib.request.Request(download.address, headers=headers)
    try:
        response: HTTPResponse = urllib.request.urlopen(request, timeout=SILENCE)
    except HTTPError as error:
        error.close()
        if error.code == 416 and error.headers.get("Content-Range") == f"bytes */{have}":
            return None
        said = f"it answered {error.code} ({error.reason})"
        if error.code in BUSY:
            raise DroppedError(said) from error
        raise UnavailableError(said) from error
    except URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise UnavailableError(f"its certificate is not valid: {error.reason}") from error
        raise
    if response.status == 206:
        start = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if start is None or int(start[1]) != have:
            response.close()
            raise UnavailableError("it sent another part of the file than it was asked for")
    return response


def _beginning(response: HTTPResponse, download: Download) -> bytes:
    """Return the first bytes; raise `UnavailableError` where they are not those of the archive."""
    expected = ARCHIVES.get(Path(download.file).suffix, b"")
    found = response.read(len(expected))
    if found != expected:
        kind = response.headers.get("Content-Type", "nothing that it names")
        raise UnavailableError(f"it sent no archive but {kind}")
    return found


def _version(response: HTTPResponse) -> str | None:
    """Return what tells the server's versions of a file apart; weak marks do not."""
    mark = response.headers.get("ETag", "")
    return mark if mark and not mark.startswith("W/") else response.headers.get("Last-Modified")


def _save(chunk: bytes, file: IO[bytes]) -> int:
    try:
        file.write(chunk)
        file.flush()
    except OSError as error:
        raise UsageError(
            f"{file.name} cannot be written ({error.strerror}): make room and run the same command "
            f"again to go on"
        ) from error
    return len(chunk)


def _emptied(file: IO[bytes]) -> int:
    return file.truncate(0)


def _check_room(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise UsageError(
            f"{path.name.removesuffix('.partial')} needs about {size_text(needed)} of disk, and "
            f"{path.parent} has {size_text(free)} left: make room, or set ROBUSTPOSE_DATA to a "
            f"folder on another disk"
        )


def _server(address: str) -> tuple[str, int]:
    """Return host and port that a request for the address goes to: a proxy, or the server."""
    parts = urlsplit(address)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80)


def _lock(file: IO[bytes], path: Path) -> None:
    """Keep other processes off a file until it is closed, where the system has such locks."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(
            f"another process is downloading {path}: wait for it, or stop it"
        ) from error
