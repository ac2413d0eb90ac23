"""The table of sources: complete, consistent, and in agreement with what it is a table of."""

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
import pytest

from robustpose.data import load_people
from robustpose.data.download import digest_of, is_archive
from robustpose.data.folders import VARIABLE, data_folder, found_folder, set_folder
from robustpose.data.inspection import INSPECTORS, MARKS
from robustpose.data.inspection.lsp import PHOTOS_DIGEST, digest_of_photographs
from robustpose.data.sources import JOINTS_DIGEST, SOURCES
from robustpose.errors import UsageError

DOWNLOADS = [
    pytest.param(download, id=download.file)
    for source in SOURCES.values()
    for choices in source.downloads
    for download in choices
]
LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64}


@pytest.mark.parametrize("download", DOWNLOADS)
def test_downloads_are_complete_and_say_where_their_figures_come_from(download):
    parts = urlsplit(download.address)
    assert parts.scheme in ("http", "https")
    assert re.fullmatch(r"[\w.-]+", download.file)
    assert download.gives
    assert download.origin
    assert download.about > 1e6
    if download.size is not None:
        assert download.about == download.size
    if download.digest is not None:
        algorithm, _, digest = download.digest.partition(":")
        assert algorithm in hashlib.algorithms_guaranteed
        assert re.fullmatch(f"[0-9a-f]{{{LENGTHS[algorithm]}}}", digest)
    if not is_archive(Path(download.file)):
        assert len(download.gives) == 1


def test_files_have_names_of_their_own():
    names = [param.values[0].file for param in DOWNLOADS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("key", SOURCES)
def test_sets_can_be_described_and_inspected(key):
    source = SOURCES[key]
    assert key in INSPECTORS
    assert key in MARKS
    assert source.licence
    assert source.page.startswith("http")
    assert source.places
    for choices in source.downloads:
        assert len({choice.gives for choice in choices}) == 1


def test_the_digests_of_lspet_are_those_of_the_whole_set():
    folder = os.environ.get("ROBUSTPOSE_LSPET")
    if not folder:
        pytest.skip("ROBUSTPOSE_LSPET does not name the folder of the whole LSPET set")
    assert f"sha256:{digest_of(Path(folder) / 'joints.mat', 'sha256')}" == JOINTS_DIGEST
    assert digest_of_photographs(Path(folder) / "images") == PHOTOS_DIGEST


def test_the_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert data_folder() == tmp_path
    assert found_folder("lsp") == set_folder("lsp") == tmp_path / "lsp"
    monkeypatch.setenv(VARIABLE, "~/sets")
    assert data_folder() == Path.home() / "sets"


@pytest.mark.parametrize("value", [None, ""])
def test_without_it_the_platforms_folder_is_used_if_it_has_the_set(monkeypatch, tmp_path, value):
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    assert data_folder() == platformdirs.user_data_path("robustpose")
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name: tmp_path / name)
    with pytest.raises(UsageError) as error:
        load_people("lsp")
    assert VARIABLE in str(error.value)
    assert str(tmp_path / "robustpose" / "lsp") in str(error.value)
    (tmp_path / "robustpose" / "lsp").mkdir(parents=True)
    assert found_folder("lsp") == tmp_path / "robustpose" / "lsp"
    with pytest.raises(UsageError, match=r"joints.mat"):
        load_people("lsp")
