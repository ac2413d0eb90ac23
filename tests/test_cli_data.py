"""The commands about data sets, with a real server, and on a machine without a network."""

import threading
import time
import zipfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import platformdirs
import pytest
import scipy.io

from robustpose.data import download as downloads
from robustpose.data.sources import SOURCES, Download


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_):
        pass


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder of all data sets, which does not exist yet."""
    monkeypatch.setenv("ROBUSTPOSE_DATA", str(tmp_path / "sets"))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "sets"


@pytest.fixture
def archive(tmp_path):
    """A zip archive of three people of Leeds Sports Pose, wrapped in a folder."""
    joints = np.random.default_rng(0).uniform(2, 28, (14, 3, 3))
    joints[:, 2] = 1
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": joints})
    _, photo = cv2.imencode(".jpg", np.full((40, 30, 3), 90, np.uint8))
    (tmp_path / "served").mkdir()
    path = tmp_path / "served" / "copy.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.write(tmp_path / "joints.mat", "lsp-1/joints.mat")
        for number in (1, 2, 3):
            packed.writestr(f"lsp-1/images/im{number:05d}.jpg", photo.tobytes())
    return path


@pytest.fixture
def served(archive, monkeypatch):
    """A server that has the copy, and the official file not; `lsp` is to come from there."""
    handler = partial(Quiet, directory=str(archive.parent))
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{httpd.server_port}"
    official = Download(
        address=f"{address}/official.zip", gives=("images", "joints.mat"), about=10, origin="test"
    )
    copy = replace(official, address=f"{address}/copy.zip", top="lsp-1")
    note = Download(address=f"{address}/note.txt", gives=("doc/n.txt",), about=1, origin="test")
    (archive.parent / "note.txt").write_text("read me")
    source = replace(SOURCES["lsp"], downloads=((official, copy), (note,)))
    monkeypatch.setitem(SOURCES, "lsp", source)
    yield source
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_list_says_what_there_is_and_where_from(call, capsys, home):
    assert call("data") == 0
    listed = capsys.readouterr().out
    for source in SOURCES.values():
        for text in (source.title, source.licence, source.page, *(p.path for p in source.places)):
            assert text in listed
        for choices in source.downloads:
            for download in choices:
                assert f"{download.file}, " in listed
                assert download.address in listed
    assert f"{home / 'lsp'} (not there)" in listed
    assert "train2017.zip, 19.3 GB, SHA-256 known" in listed
    assert "mpii_human_pose_v1_u12_2.zip, about 12.5 MB, no digest known" in listed
    assert "lsp:FOLDER" in listed


def test_the_list_of_one_set(call, capsys, home):
    assert call("data", "mpii") == 0
    listed = capsys.readouterr().out
    assert "MPII Human Pose" in listed
    assert "COCO" not in listed
    assert call("data", "mpi") == 2
    assert "did you mean mpii" in capsys.readouterr().err


def test_a_set_comes_from_the_second_server_and_can_be_read(call, capsys, home, served):
    assert call("data", "get", "lsp") == 0
    told = capsys.readouterr()
    assert "404" in told.err
    assert "test (3 people)" in told.out
    assert sorted(path.name for path in (home / "lsp").iterdir()) == ["doc", "images", "joints.mat"]
    before = content(home)
    assert call("data", "get", "lsp") == 0
    assert "there already" in capsys.readouterr().err
    assert content(home) == before
    assert call("data", "check") == 0
    assert "3 people in 3 photographs" in capsys.readouterr().out


def test_only_some_files(call, capsys, home, served):
    assert call("data", "get", "lsp", "--only", "note.txt") == 2  # nothing to inspect
    assert [path.name for path in (home / "lsp").iterdir()] == ["doc"]
    assert call("data", "get", "lsp", "--only", "notes.txt") == 2
    assert "did you mean note.txt" in capsys.readouterr().err


def test_an_archive_that_was_brought_is_used_and_kept(call, capsys, home, served, archive):
    (home / "lsp").mkdir(parents=True)
    brought = archive.rename(home / "lsp" / "copy.zip")
    assert call("data", "get", "lsp") == 0
    assert "404" not in capsys.readouterr().err
    assert brought.exists()
    assert (home / "lsp" / "joints.mat").exists()


def test_a_damaged_archive_is_removed_and_fetched_again(call, capsys, home, served, archive):
    whole = archive.read_bytes()
    archive.write_bytes(whole[:2000])
    assert call("data", "get", "lsp") == 2
    assert "it was removed: run the same command again" in capsys.readouterr().err
    archive.write_bytes(whole)
    assert call("data", "get", "lsp") == 0


def test_a_run_that_died_while_unpacking_is_finished(call, capsys, home, served, archive):
    assert call("data", "get", "lsp") == 0
    (home / "lsp" / "images" / "im00002.jpg").unlink()
    (home / "lsp" / ".downloads" / "copy.zip.unpacking").mkdir(parents=True)
    assert call("data", "get", "lsp") == 0
    assert (home / "lsp" / "images" / "im00002.jpg").exists()


def test_what_is_there_is_not_overwritten(call, capsys, home, served):
    (home / "lsp" / "images").mkdir(parents=True)
    mine = home / "lsp" / "images" / "im00002.jpg"
    mine.write_text("mine")
    assert call("data", "get", "lsp") == 2
    assert "im00002.jpg is there with another content" in capsys.readouterr().err
    assert mine.read_text() == "mine"
    assert not (home / "lsp" / "joints.mat").exists()


@pytest.mark.parametrize("place", ["sets", "sets/lsp"])
def test_a_file_in_the_way_is_one_line(call, capsys, home, served, place):
    path = home.parent / place
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    assert call("data", "get", "lsp") == 2
    errors = capsys.readouterr().err.strip()
    assert "Traceback" not in errors
    assert path.read_text() == "mine"


@pytest.mark.parametrize("key", SOURCES)
def test_without_a_network_it_is_one_line_within_five_seconds(call, monkeypatch, capsys, home, key):
    def silent(*_, **__):
        threading.Event().wait(20)
        raise OSError("never")

    monkeypatch.setattr(downloads.socket, "getaddrinfo", silent)
    before = time.monotonic()
    assert call("data", "get", key) == 2
    assert time.monotonic() - before < 5
    errors = capsys.readouterr().err.strip()
    assert "this machine seems to be offline" in errors
    assert SOURCES[key].downloads[0][-1].address in errors
    assert len(errors.splitlines()) == 1
    assert not home.exists()


def test_names_that_do_not_exist_are_refused(call, capsys, home):
    assert call("data", "get", "lps") == 2
    assert "did you mean lsp" in capsys.readouterr().err
    assert call("data", "check", home) == 2
    assert "found nothing" in capsys.readouterr().err


def test_check_says_what_is_missing_with_exit_code_1(call, capsys, home, served):
    assert call("data", "get", "lsp") == 0
    (home / "lsp" / "images" / "im00002.jpg").unlink()
    capsys.readouterr()
    assert call("data", "check", home / "lsp") == 1
    told = capsys.readouterr().out
    assert "WRONG  images/: 1 of the 3 annotated photographs are missing: im00002.jpg" in told
    assert "nothing can be loaded" in told


def test_the_platforms_folder_is_the_default(call, monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("ROBUSTPOSE_DATA", raising=False)
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name: tmp_path / name)
    assert call("data", "lsp") == 0
    assert str(tmp_path / "robustpose" / "lsp") in capsys.readouterr().out


def test_help(call, capsys):
    for arguments in ([], ["check"], ["get"]):
        assert call("data", *arguments, "--help") == 0
        assert "data" in capsys.readouterr().out
