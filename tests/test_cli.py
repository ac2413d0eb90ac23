"""The command line: what it refuses, how it says so, and that the commands do their work."""

import json

import cv2
import numpy as np
import polars as pl
import pytest
import scipy.io

from robustpose import cli_studies
from robustpose.data.rendered import rendered_people
from robustpose.models import ZOO


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder with a few broken files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "letter.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "study.json").write_text("{")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "study.json").write_text("[1]")
    cv2.imwrite(str(tmp_path / "dot.png"), np.zeros((3, 3, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "strip.png"), np.zeros((10, 300, 3), np.uint8))
    return tmp_path


REFUSED = {
    "unknown command": (["rnu"], 'Did you mean "run"'),
    "unknown study": (["run", "jane2019"], "did you mean jain2019"),
    "unknown network": (["run", "jain2019", "--networks", "hourglass3"], "did you mean hourglass"),
    "network without weights": (["run", "jain2019", "--networks", "hourglass2"], "no weights"),
    "unknown data set": (["run", "jain2019", "--people", "lps:x"], "did you mean lsp"),
    "unknown experiment": (["run", "jain2019", "--experiments", "whitebox"], "white-box"),
    "unknown attack": (["run", "jain2019", "--attacks", "FGSM"], "did you mean FGSM-U"),
    "setting of another study": (["run", "strong", "--fitted-on", "9"], "leave it out for strong"),
    "negative epsilon": (["run", "jain2019", "--epsilons", "-1"], "0-255 units"),
    "epsilon over 255": (["run", "jain2019", "--epsilons", "256"], "0-255 units"),
    "epsilon of another unit": (["run", "jain2019", "--epsilons", "8/256"], "0-255 units"),
    "epsilon not a number": (["run", "jain2019", "--epsilons", "nan"], "0-255 units"),
    "zero people": (["run", "jain2019", "--limit", "0"], "at least 1"),
    "words for a number": (["run", "jain2019", "--limit", "many"], "many"),
    "unknown precision": (["run", "jain2019", "--precision", "half"], "float32 or bfloat16"),
    "empty folder of people": (["run", "jain2019", "--people", "lsp:empty"], "joints.mat"),
    "missing folder of people": (["run", "jain2019", "--people", "lsp:none"], "found nothing"),
    "output that is no run": (["run", "jain2019", "--limit", "1", "--out", "taken"], "--out"),
    "output that is a file": (["run", "jain2019", "--limit", "1", "--out", "file"], "file"),
    "report of no run": (["report", "empty"], "study.json"),
    "report of a broken run": (["report", "broken"], "study.json"),
    "report of another JSON": (["report", "other"], "study.json"),
    "photograph too small": (["attack", "dot.png"], "3 x 3"),
    "photograph too long": (["attack", "strip.png"], "300 x 10"),
    "picture that is no PNG": (["attack", "dot.png", "--out", "a.jpg"], ".png"),
    "photograph that is text": (["attack", "text.jpg"], "not a picture"),
    "photograph that is missing": (["attack", "none.jpg"], "found none"),
    "attack of negative size": (["attack", "text.jpg", "--eps", "-8"], "0-255 units"),
    "attack on unknown network": (["attack", "text.jpg", "--model", "hourglas"], "unknown network"),
    "training on nothing": (["train", "resdec-compact"], "--data"),
    "training on a sample": (["train", "resdec-compact", "--data", "lsp:empty"], "joints.mat"),
}


@pytest.mark.parametrize(("arguments", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_one_line_and_exit_code_2(call, capsys, folder, arguments, said):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert call(*arguments) == 2
    errors = capsys.readouterr().err.strip()
    assert said in errors
    assert len(errors.splitlines()) == 1
    assert "Traceback" not in errors
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_ctrl_c_is_exit_code_130(call, monkeypatch, capsys, folder):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("robustpose.data.load_people", stopped)
    assert call("run", "jain2019") == 130
    assert "goes on where it was" in capsys.readouterr().err


def test_version_and_help(call, capsys):
    assert call("--version") == 0
    assert capsys.readouterr().out.strip() == "0.1.0"
    for command in ("demo", "run", "report", "train", "evaluate", "attack", "models", "data"):
        assert call(command, "--help") == 0
        assert command in capsys.readouterr().out


def test_run_writes_rows_and_report_and_resumes(call, monkeypatch, capsys, folder):
    monkeypatch.setattr("robustpose.studies.guesses.DRAWN", 10)
    arguments = ["run", "jain2019", "--limit", 2, "--networks", "resdec-compact"]
    arguments += ["--attacks", "FGSM-U", "--epsilons", "8/255", "--out", "run"]
    assert call(*arguments) == 0
    assert "FGSM-U" in capsys.readouterr().out
    assert (folder / "run" / "report.html").stat().st_size > 100_000
    parts = {path: path.stat().st_mtime_ns for path in (folder / "run" / "rows").iterdir()}
    assert len(pl.read_parquet(list(parts))) == 4
    guess = json.loads((folder / "run" / "study.json").read_text())["guess"]
    assert (guess["split"], guess["people"]) == ("rendered/train", 10)
    assert "already" not in capsys.readouterr().out
    assert call(*arguments) == 0
    assert "every cell was there already" in capsys.readouterr().out
    assert call(*arguments, "--seed", 1) == 2  # its report would replace this one
    assert "choose another --out" in capsys.readouterr().err
    again = {path: path.stat().st_mtime_ns for path in (folder / "run" / "rows").iterdir()}
    assert again == parts


def test_the_strong_study_is_run_by_its_name(call, monkeypatch, capsys, folder):
    monkeypatch.setattr("robustpose.studies.guesses.DRAWN", 10)
    arguments = ["run", "strong", "--quick", "--limit", 2, "--networks", "resdec-compact"]
    arguments += ["--attacks", "noise", "APGD-LO-20", "--epsilons", 1, "--out", "run"]
    assert call(*arguments) == 0
    study = json.loads((folder / "run" / "study.json").read_text())
    assert study["name"] == "strong-quick-v1"
    assert [each["label"] for each in study["conditions"]] == [
        "clean",
        "noise @ 1",
        "APGD-LO-20 @ 1",
        "APGD-LO-20 @ 16",
    ]
    assert study["guess"]["split"] == "rendered/train"


def test_without_training_people_a_study_goes_on_and_says_why(capsys, folder):
    (folder / "few" / "images").mkdir(parents=True)
    (folder / "few" / "images" / "im00001.jpg").touch()
    scipy.io.savemat(folder / "few" / "joints.mat", {"joints": np.ones((14, 3, 1))})
    assert cli_studies._training_people("lsp:few") is None
    said = capsys.readouterr().err
    assert said.startswith("going on without training people: training needs the whole set")


def test_attack_writes_a_picture_and_does_not_overwrite_it(call, capsys, folder):
    pixels = rendered_people("test", pixels=160)[0].photo.read()
    cv2.imwrite("person.png", pixels[..., ::-1])
    arguments = ["attack", "person.png", "--model", "resdec-compact", "--steps", 2]
    assert call(*arguments) == 0
    picture = cv2.imread("person-attacked.png")
    assert picture.shape[1] > 3 * 128
    assert np.ptp(picture) > 100
    assert call(*arguments) == 2
    assert "exists" in capsys.readouterr().err
    assert call(*arguments, "--box", 20, 20, 120, 120, "--overwrite") == 0
    assert call(*arguments, "--box", 0, 0, 500, 20, "--overwrite") == 2
    assert "160 x 160" in capsys.readouterr().err


def test_models_lists_everything(call, monkeypatch, capsys):
    some = {name: ZOO[name] for name in ("resdec", "hourglass2-compact")}
    monkeypatch.setattr("robustpose.models.catalogue.ZOO", some)
    assert call("models") == 0
    listed = capsys.readouterr().out
    assert "hourglass2-compact" in listed
    assert "bundled" in listed
