"""Unpacking: what archives of strangers may not do."""

import gzip
import io
import stat
import tarfile
import zipfile

import pytest

from robustpose.data.unpack import DamagedError, place, unpack
from robustpose.errors import UsageError

FILES = {"set/images/a.jpg": b"a" * 5000, "set/joints.mat": b"m"}


def quiet(what, done, total):
    """Listen to nothing."""


def zipped(path, files, **attributes):
    """Write a zip archive; `attributes` are set on every member."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            archive.writestr(info, content)
    return path


def tarred(path, files, **attributes):
    """Write a .tar.gz archive; `attributes` are set on every member."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            archive.addfile(info, io.BytesIO(content))
    return path


PACKERS = {"zip": (zipped, "set.zip"), "tar": (tarred, "set.tar.gz")}


@pytest.fixture(params=PACKERS)
def pack(request, tmp_path):
    """Write an archive of either kind."""
    write, name = PACKERS[request.param]
    return lambda files, **attributes: write(tmp_path / name, files, **attributes)


@pytest.fixture
def unpacked(tmp_path):
    """Unpack an archive to tmp_path/out, which holds a file of the user's."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")

    def call(archive, top=""):
        staging = tmp_path / "staging"
        try:
            unpack(archive, out, top=top, staging=staging, listen=quiet)
        finally:
            assert not staging.exists()
        return out

    return call


def listing(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_content_lands_in_the_folder(pack, unpacked):
    assert listing(unpacked(pack(FILES))) == FILES | {"mine.txt": b"mine"}


def test_the_folder_that_wraps_everything_is_left_out(pack, unpacked):
    found = listing(unpacked(pack(FILES | {"./set/b.txt": b"b"}), top="set"))
    assert set(found) == {"images/a.jpg", "joints.mat", "b.txt", "mine.txt"}


HARMFUL = {
    "parent": "../evil.txt",
    "parent within": "set/../../evil.txt",
    "absolute": "/robustpose-evil.txt",
    "backslash": "..\\evil.txt",
    "drive": "C:evil.txt",
}


@pytest.mark.parametrize("name", HARMFUL.values(), ids=HARMFUL.keys())
def test_nothing_gets_out_and_nothing_is_unpacked(pack, unpacked, tmp_path, name):
    archive = pack({"good.txt": b"good", name: b"evil"})
    before = listing(tmp_path)
    with pytest.raises(UsageError, match="outside of the folder"):
        unpacked(archive)
    assert listing(tmp_path) == before


@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "good.txt"])
def test_links_in_a_zip_are_refused(tmp_path, unpacked, target):
    mode = (stat.S_IFLNK | 0o777) << 16
    archive = zipped(tmp_path / "set.zip", {"link": target.encode()}, external_attr=mode)
    with pytest.raises(UsageError, match="neither file nor folder"):
        unpacked(archive)


SPECIAL = {
    "symbolic link": (tarfile.SYMTYPE, "/etc/passwd"),
    "link within": (tarfile.SYMTYPE, "good.txt"),
    "hard link": (tarfile.LNKTYPE, "../secret"),
    "device": (tarfile.CHRTYPE, ""),
    "pipe": (tarfile.FIFOTYPE, ""),
}


@pytest.mark.parametrize(("kind", "target"), SPECIAL.values(), ids=SPECIAL.keys())
def test_links_and_devices_in_a_tar_are_refused(tmp_path, unpacked, kind, target):
    archive = tarred(tmp_path / "set.tar.gz", {"x": b""}, type=kind, linkname=target)
    with pytest.raises(UsageError, match="neither file nor folder"):
        unpacked(archive)


def test_writing_through_an_unpacked_link_is_impossible(tmp_path, unpacked):
    path = tmp_path / "set.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("images")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
        info = tarfile.TarInfo("images/evil.txt")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(UsageError, match="neither file nor folder"):
        unpacked(path)
    assert not (tmp_path / "evil.txt").exists()


def test_an_encrypted_zip_is_refused(tmp_path, unpacked):
    path = zipped(tmp_path / "set.zip", {"a.txt": b"a"})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UsageError, match="encrypted"):
        unpacked(path)


def test_the_same_name_twice_is_refused(tmp_path, unpacked):
    path = tmp_path / "set.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for content in (b"one", b"two"):
            info = tarfile.TarInfo("a.txt")
            info.size = 3
            archive.addfile(info, io.BytesIO(content))
    with pytest.raises(UsageError, match="twice"):
        unpacked(path)


def test_a_file_and_a_folder_of_one_name_are_refused(pack, unpacked):
    with pytest.raises(UsageError, match="one name"):
        unpacked(pack({"a": b"1", "a/b": b"2"}))


def test_files_that_are_there_with_another_content_stay(pack, unpacked, tmp_path):
    archive = pack({"new.txt": b"new", "mine.txt": b"theirs", "x/y": b""})
    before = listing(tmp_path / "out")
    with pytest.raises(UsageError, match=r"mine.txt is there with another content"):
        unpacked(archive)
    assert listing(tmp_path / "out") == before


def test_files_that_are_there_with_the_same_content_are_no_obstacle(pack, unpacked, tmp_path):
    (tmp_path / "out" / "set" / "images").mkdir(parents=True)
    (tmp_path / "out" / "set" / "images" / "a.jpg").write_bytes(FILES["set/images/a.jpg"])
    assert listing(unpacked(pack(FILES))) == FILES | {"mine.txt": b"mine"}


def test_a_folder_that_the_user_has_linked_elsewhere_is_filled(pack, unpacked, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out" / "set").mkdir()
    (tmp_path / "out" / "set" / "images").symlink_to(tmp_path / "disk")
    unpacked(pack(FILES))
    assert (tmp_path / "disk" / "a.jpg").exists()


def test_a_dead_link_in_the_way_is_not_written_through(pack, unpacked, tmp_path):
    (tmp_path / "out" / "set").mkdir()
    (tmp_path / "out" / "set" / "joints.mat").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="another content"):
        unpacked(pack(FILES))
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("cut", [0.3, 0.99])
def test_a_cut_archive_leaves_nothing(pack, unpacked, tmp_path, cut):
    archive = pack({f"{n}.bin": bytes((n * k) % 251 for k in range(3000)) for n in range(40)})
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * cut)])
    with pytest.raises(DamagedError, match="damaged"):
        unpacked(archive)
    assert listing(tmp_path / "out") == {"mine.txt": b"mine"}


def test_a_changed_byte_in_a_zip_is_noticed(tmp_path, unpacked):
    path = zipped(
        tmp_path / "set.zip", {"a.txt": b"content of a"}, compress_type=zipfile.ZIP_STORED
    )
    path.write_bytes(path.read_bytes().replace(b"content of a", b"content of b"))
    with pytest.raises(DamagedError, match="CRC"):
        unpacked(path)


def test_a_wrong_check_sum_of_a_tar_is_noticed(tmp_path, unpacked):
    path = tarred(tmp_path / "set.tar.gz", FILES)
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedError, match="CRC"):
        unpacked(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html></html>", gzip.compress(b"no tar at all" * 99, mtime=0)],
    ids=["empty", "page", "gzip"],
)
def test_what_is_no_archive_is_damaged(tmp_path, unpacked, content):
    path = tmp_path / "set.tar.gz"
    path.write_bytes(content)
    with pytest.raises(DamagedError):
        unpacked(path)


def test_what_a_killed_run_left_is_replaced(pack, tmp_path):
    staging = tmp_path / "staging"
    (staging / "old").mkdir(parents=True)
    unpack(pack(FILES), tmp_path / "out", staging=staging, listen=quiet)
    assert listing(tmp_path / "out") == FILES


def test_a_full_disk_is_noticed(pack, unpacked, monkeypatch):
    archive = pack(FILES)
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("robustpose.data.unpack.shutil.disk_usage", lambda _: usage)
    with pytest.raises(UsageError, match=r"than the 1.0 kB that are left"):
        unpacked(archive)


def test_a_single_file_is_placed_and_nothing_overwritten(tmp_path):
    def new(content):
        (tmp_path / "new").write_text(content)
        return tmp_path / "new"

    target = tmp_path / "annot" / "valid.h5"
    place(new("one"), target)
    place(new("one"), target)
    with pytest.raises(UsageError, match="another content"):
        place(new("two"), target)
    assert target.read_text() == "one"
