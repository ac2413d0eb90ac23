"""Downloads from a real server that drops connections, changes files and does not know ranges."""

import hashlib
import json
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from robustpose.data import download as module
from robustpose.data.download import (
    UnavailableError,
    check,
    digest_of,
    fetch,
    size_text,
    unreachable,
)
from robustpose.data.sources import Download
from robustpose.errors import UsageError

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 4_000


def quiet(what, done, total):
    """Listen to nothing."""


@dataclass
class Behaviour:
    """What the server does; `drops` is how many bytes it sends of each answer, in turn."""

    content: bytes = CONTENT
    ranges: bool = True
    etag: str | None = '"one"'
    statuses: list[int] = field(default_factory=list)
    drops: list[int] = field(default_factory=list)
    chunked: bool = False
    stall: threading.Event | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    address: str = ""


@pytest.fixture
def server(monkeypatch):
    """A server on this machine, and what it is to do."""
    behaviour = Behaviour()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            behaviour.asked.append(dict(self.headers))
            if behaviour.statuses and (status := behaviour.statuses.pop(0)) != 200:
                self.answer(status, {"Content-Length": "0"})
                return
            content, start = behaviour.content, 0
            wanted = self.headers.get("Range") if behaviour.ranges else None
            if wanted and self.headers.get("If-Range", behaviour.etag) == behaviour.etag:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                size = {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"}
                self.answer(416, size)
                return
            headers = {"ETag": behaviour.etag} if behaviour.etag else {}
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            body = content[start:]
            sent = body[: behaviour.drops.pop(0)] if behaviour.drops else body
            if behaviour.chunked:
                self.answer(200, headers | {"Transfer-Encoding": "chunked"})
                self.wfile.write(f"{len(body):x}\r\n".encode() + sent)
                if sent == body:
                    self.wfile.write(b"\r\n0\r\n\r\n")
            else:
                self.answer(206 if start else 200, headers | {"Content-Length": str(len(body))})
                self.wfile.write(sent)
                if sent != body and behaviour.stall:
                    behaviour.stall.wait(20)
            self.close_connection = sent != body

        def answer(self, status, headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

    monkeypatch.setattr(module, "PAUSES", (0.0, 0.0, 0.0))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.handle_error = lambda *_: None  # clients that hang up are part of the tests
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    behaviour.address = f"http://127.0.0.1:{httpd.server_port}/set.zip"
    yield behaviour
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def wanted(server, **changes):
    values = {"address": server.address, "gives": ("images",), "about": 1000, "origin": "a test"}
    return Download(**values | changes)


def digest(content=CONTENT):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def ranges(server):
    return [headers.get("Range") for headers in server.asked]


def test_a_file_comes_whole_and_under_its_name(server, tmp_path):
    heard = []
    download = wanted(server, size=len(CONTENT), digest=digest())
    path = fetch(download, tmp_path / "new", lambda *what: heard.append(what))
    assert path.read_bytes() == CONTENT
    assert names(tmp_path / "new") == ["set.zip"]
    assert ("downloading set.zip", len(CONTENT), len(CONTENT)) in heard
    assert heard[-1] == ("checking set.zip", len(CONTENT), len(CONTENT))


@pytest.mark.parametrize("known", [True, False], ids=["digest", "no digest"])
def test_a_dropped_connection_goes_on_where_it_was(server, tmp_path, known):
    server.drops = [100_000, 300_000, 1]
    path = fetch(wanted(server, digest=digest() if known else None), tmp_path, quiet)
    assert path.read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=100000-", "bytes=400000-", "bytes=400001-"]
    assert server.asked[1]["If-Range"] == '"one"'


def test_a_stopped_download_keeps_what_came_and_the_next_goes_on(server, tmp_path):
    server.drops = [100_000] + 3 * [0]
    with pytest.raises(UsageError, match=r"stopped after 100.0 kB .* same command again"):
        fetch(wanted(server), tmp_path, quiet)
    assert names(tmp_path) == ["set.zip.partial", "set.zip.partial.json"]
    assert fetch(wanted(server), tmp_path, quiet).read_bytes() == CONTENT
    assert ranges(server)[-1] == "bytes=100000-"
    assert names(tmp_path) == ["set.zip"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is forked to be killed")
def test_a_killed_download_goes_on(server, tmp_path):
    server.drops, server.stall = [100_000], threading.Event()
    child = os.fork()
    if not child:
        fetch(wanted(server), tmp_path, quiet)
        os._exit(0)
    partial, end = tmp_path / "set.zip.partial", time.monotonic() + 20
    while not (partial.exists() and partial.stat().st_size == 100_000):
        assert time.monotonic() < end
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    server.stall.set()
    assert fetch(wanted(server), tmp_path, quiet).read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=100000-"]


def test_a_changed_file_is_not_mixed_with_what_is_there(server, tmp_path):
    server.drops = [100_000] + 3 * [0]
    with pytest.raises(UsageError, match="stopped"):
        fetch(wanted(server), tmp_path, quiet)
    server.content, server.etag = b"PK" + bytes(500_000), '"two"'
    assert fetch(wanted(server), tmp_path, quiet).read_bytes() == server.content


@pytest.mark.parametrize("chunked", [True, False])
def test_a_server_without_ranges_begins_anew(server, tmp_path, chunked):
    server.ranges, server.chunked, server.drops = False, chunked, [100_000]
    assert fetch(wanted(server), tmp_path, quiet).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("known", "second"), [(True, "bytes=100000-"), (False, None)], ids=["digest", "no digest"]
)
def test_without_a_version_only_a_digest_lets_it_go_on(server, tmp_path, known, second):
    server.etag, server.drops = None, [100_000]
    fetch(wanted(server, digest=digest() if known else None), tmp_path, quiet)
    assert ranges(server) == [None, second]


def test_what_is_there_of_another_address_is_not_gone_on_with(server, tmp_path):
    (tmp_path / "set.zip.partial").write_bytes(b"PK of another")
    note = {"address": "http://elsewhere/set.zip", "version": '"one"'}
    (tmp_path / "set.zip.partial.json").write_text(json.dumps(note))
    assert fetch(wanted(server), tmp_path, quiet).read_bytes() == CONTENT


def test_a_whole_file_that_was_not_renamed_is_not_fetched_again(server, tmp_path):
    (tmp_path / "set.zip.partial").write_bytes(CONTENT)
    fetch(wanted(server, size=len(CONTENT), digest=digest()), tmp_path, quiet)
    assert server.asked == []


def test_a_whole_file_of_unknown_size_is_noticed_by_the_server(server, tmp_path):
    (tmp_path / "set.zip.partial").write_bytes(CONTENT)
    path = fetch(wanted(server, digest=digest()), tmp_path, quiet)
    assert path.read_bytes() == CONTENT
    assert ranges(server) == [f"bytes={len(CONTENT)}-"]


def test_a_wrong_digest_is_refused_and_the_file_removed(server, tmp_path):
    download = wanted(server, digest=digest(b"other"))
    with pytest.raises(UsageError, match=r"digest .* instead of .*; it was removed"):
        fetch(download, tmp_path, quiet)
    assert names(tmp_path) == []


def test_a_file_of_another_size_is_refused_before_it_comes(server, tmp_path):
    with pytest.raises(UnavailableError, match="published one 10"):
        fetch(wanted(server, size=10), tmp_path, quiet)
    assert names(tmp_path) == []


def test_a_shorter_file_of_unknown_length_is_refused(server, tmp_path):
    server.chunked = True
    with pytest.raises(UsageError, match="1,024,004 bytes instead of 2,000,000"):
        fetch(wanted(server, size=2_000_000), tmp_path, quiet)


def test_a_missing_file_is_not_asked_for_again(server, tmp_path):
    server.statuses = [404]
    with pytest.raises(UnavailableError, match="404"):
        fetch(wanted(server), tmp_path, quiet)
    assert len(server.asked) == 1
    assert names(tmp_path) == []


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.statuses = [503, 429]
    assert fetch(wanted(server), tmp_path, quiet).read_bytes() == CONTENT


def test_a_page_instead_of_an_archive_is_refused(server, tmp_path):
    server.content = b"<html>This domain is for sale</html>"
    with pytest.raises(UnavailableError, match="no archive"):
        fetch(wanted(server), tmp_path, quiet)
    assert names(tmp_path) == []


def test_a_folder_in_the_way_is_named(server, tmp_path):
    (tmp_path / "set.zip.partial").mkdir()
    with pytest.raises(UsageError, match=r"set.zip.partial, found a folder"):
        fetch(wanted(server), tmp_path, quiet)


def test_a_full_disk_is_noticed_before(server, tmp_path):
    with pytest.raises(UsageError, match=r"needs about 2000000000.0 GB of disk"):
        fetch(wanted(server, about=10**18), tmp_path, quiet)
    assert server.asked == []
    assert names(tmp_path) == []


def test_two_processes_do_not_write_one_file(server, tmp_path):
    pytest.importorskip("fcntl")
    partial = module.Partial(tmp_path / "set.zip.partial", wanted(server))
    with partial.opened(), pytest.raises(UsageError, match="another process"):
        fetch(wanted(server), tmp_path, quiet)


def test_check_leaves_a_wrong_file_where_it_is(server, tmp_path):
    path = tmp_path / "set.zip"
    path.write_bytes(b"PK")
    with pytest.raises(UsageError, match="2 bytes instead of 3"):
        check(path, wanted(server, size=3), quiet)
    assert path.exists()
    check(path, wanted(server, size=2, digest=digest(b"PK")), quiet)


def test_unreachable_servers_are_noticed_in_time(server, monkeypatch):
    closed, silent = "http://127.0.0.1:9/x", "http://silent.invalid/x"

    def resolve(host, *rest, **more):
        if host == "silent.invalid":
            threading.Event().wait(3)  # the resolver of a machine without a network
            raise OSError("never")
        return real(host, *rest, **more)

    real = module.socket.getaddrinfo
    monkeypatch.setattr(module.socket, "getaddrinfo", resolve)
    before = module.time.monotonic()
    reasons = unreachable([server.address, closed, silent], 0.5)
    assert module.time.monotonic() - before < 1
    assert set(reasons) == {closed, silent}
    assert "refused" in reasons[closed]
    assert "no answer within 0.5 s" in reasons[silent]


def test_a_proxy_is_knocked_at_instead(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.address.removesuffix("/set.zip"))
    monkeypatch.delenv("no_proxy", raising=False)
    assert unreachable(["http://pose.invalid/set.zip"], 1.0) == {}


def test_digests_and_sizes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert digest_of(tmp_path / "a", "md5") == "900150983cd24fb0d6963f7d28e17f72"
    assert [size_text(n) for n in (12, 1_350_310, 19_336_861_798)] == [
        "12 bytes",
        "1.4 MB",
        "19.3 GB",
    ]
