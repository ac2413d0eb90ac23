"""The commands that score: what they print and write, and what they refuse in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch

from robustpose.data.mpii import mpii_truth
from robustpose.models.simple_baseline import resdec
from robustpose.predictions import read_predictions, score
from robustpose.skeletons import COCO17


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "text.jpg").write_text("no picture")
    np.save(tmp_path / "poses.npy", np.zeros((3, 17, 2)))
    (tmp_path / "results.json").write_text("[]")
    boxes = [
        {"image_id": image, "category_id": 1, "bbox": [left, 10, 40, 60], "score": score}
        for image, left, score in ((7, 10, 0.9), (7, 11, 0.8), (8, 70, 0.7), (8, 70, 0.0))
    ]
    boxes[-1]["bbox"] = [70, 20, 0, 0]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    return tmp_path


@pytest.fixture
def seventeen(monkeypatch):
    """Let every name be a small network, untrained, of COCO's joints."""

    def load(name, **_):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = resdec(
                name, depth=18, width=8, features=16, size=(64, 64), skeleton=COCO17, origin=0.0
            )
            return model.frozen()

    monkeypatch.setattr("robustpose.defenses.naming.load_model", load)


def report(call, *arguments):
    """Evaluate, and return what was written."""
    assert call("evaluate", *arguments, "--out", "out.json") == 0
    return json.loads(Path("out.json").read_text())


ON_BOXES = ["evaluate", "resdec-compact", "--detections", "boxes.json"]
REFUSED = {
    "checkpoint that is text": (
        ["evaluate", "resdec-compact", "--checkpoint", "text.jpg"],
        "safetensors",
    ),
    "checkpoint of two": (
        ["evaluate", "resdec-compact", "deeppose-compact", "--checkpoint", "text.jpg"],
        "name one",
    ),
    "unknown decoding": (
        ["evaluate", "resdec-compact", "--decoding", "drak"],
        "did you mean dark? expected one of quarter, mmpose-quarter, dark, dark-17, dark-udp",
    ),
    "decoding without heatmaps": (
        ["evaluate", "deeppose-compact", "--decoding", "dark"],
        "deeppose-compact has no heatmaps that could be read: found CoordinateCodec",
    ),
    "udp without heatmaps": (["evaluate", "deeppose-compact", "--udp"], "has no heatmaps"),
    "boxes on drawn people": ([*ON_BOXES, "--people", "rendered"], "pass --people coco:FOLDER"),
    "boxes on nobody": (ON_BOXES, "pass --people coco:FOLDER, not none"),
    "boxes on two sets": ([*ON_BOXES, "--people", "coco:coco", "lsp:x"], "not coco:coco, lsp:x"),
    "boxes for a PCK": ([*ON_BOXES, "--people", "coco-jain2019:coco"], "pass --people coco:FOLDER"),
    "some of the boxes": ([*ON_BOXES, "--people", "coco:coco", "--limit", "2"], "leave --limit"),
    "boxes for 14 joints": ([*ON_BOXES, "--people", "coco:coco"], "does not know nose"),
    "boxes that are missing": (
        ["evaluate", "resdec-compact", "--detections", "none.json", "--people", "coco:coco"],
        "none.json, found none",
    ),
    "another first pixel": (
        ["score", "poses.npy", "--people", "coco:coco", "--first-pixel", "2"],
        "Choose from: 0, 1",
    ),
    "first pixel of results": (
        ["score", "results.json", "--people", "coco:coco", "--first-pixel", "1"],
        "leave --first-pixel out",
    ),
    "poses of others": (["score", "poses.npy", "--people", "rendered"], "expected 1,000 x 14 x 2"),
}


@pytest.mark.parametrize(("arguments", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_one_line_and_exit_code_2(call, capsys, folder, coco, arguments, said):
    assert call(*arguments) == 2
    errors = [
        line for line in capsys.readouterr().err.splitlines() if not line.startswith("scoring ")
    ]
    assert len(errors) == 1
    assert said in errors[0]


def test_evaluate_writes_scores_with_their_origin(call, capsys, folder):
    found = report(call, "resdec-compact", "deeppose-compact", "--limit", 4)
    assert "neck" in capsys.readouterr().out
    assert [score["network"] for score in found["scores"]] == [
        "resdec-compact",
        "deeppose-compact",
    ]
    assert found["people"]["rendered/test"]["count"] == 4
    assert "average_precision" not in found["scores"][0]
    assert "evaluate resdec-compact" in found["command"]


def test_a_network_behind_a_defence_is_scored_by_its_name(call, folder):
    names = ["resdec-compact", "resdec-compact+bits:1"]
    scored = report(call, *names, "--limit", 4)["scores"]
    assert [each["network"] for each in scored] == names
    assert scored[0]["pck"] != scored[1]["pck"]


def test_people_of_coco_have_ten_figures_more(call, capsys, folder, coco, seventeen):
    (scored,) = report(call, "resdec", "--people", "coco:coco")["scores"]
    assert len(scored["average_precision"]) == 10
    assert scored["average_precision"]["ar_large"] is None  # all people are small
    printed = capsys.readouterr().out
    assert "PCK@0.16" in printed
    assert "AP at OKS 0.50" in printed
    assert "AR, large people" in printed
    (scored,) = report(call, "resdec", "--people", "coco:coco", "--limit", 2)["scores"]
    assert "average_precision" not in scored
    assert "no AP" in capsys.readouterr().out


def test_boxes_of_a_detector_are_scored_by_precision_alone(call, capsys, folder, coco, seventeen):
    arguments = ["resdec", "--people", "coco:coco", "--detections", "boxes.json"]
    found = report(call, *arguments)
    (people,) = found["people"].values()
    assert (people["count"], people["left_out"]) == (3, {"no width or height": 1})
    (scored,) = found["scores"]
    assert "pck" not in scored
    assert len(scored["average_precision"]) == 10
    printed = capsys.readouterr().out
    assert "AR, medium people" in printed
    assert "PCK" not in printed
    assert call("evaluate", *arguments, "--json") == 0
    assert json.loads(capsys.readouterr().out)["scores"] == found["scores"]


def test_the_flip_test_and_decodings_change_what_is_scored(call, folder, coco, seventeen):
    options = [[], ["--flip"], ["--decoding", "dark"], ["--decoding", "quarter"], ["--udp"]]
    reports = [report(call, "resdec", "--people", "coco:coco", *each) for each in options]
    names = [found["scores"][0]["network"] for found in reports]
    assert names == ["resdec", "resdec, flip test", "resdec", "resdec", "resdec"]
    assert len({found["scores"][0]["weights"] for found in reports}) == 5
    assert len({found["scores"][0]["mean_oks"] for found in reports}) >= 4
    alignments = [next(iter(found["people"].values()))["alignment"] for found in reports]
    assert alignments == ["index", "index", "index", "index", "udp"]


def test_a_network_of_coordinates_has_a_flip_test_too(call, folder):
    flipped = report(call, "deeppose-compact", "--limit", 4, "--flip")
    plain = report(call, "deeppose-compact", "--limit", 4)
    assert flipped["scores"][0]["by_joint"] != plain["scores"][0]["by_joint"]


def test_score_takes_poses_made_elsewhere(call, capsys, folder):
    joints = np.random.default_rng(0).uniform(20, 200, (14, 2, 3))
    (folder / "lsp" / "images").mkdir(parents=True)
    for number in (1, 2, 3):
        (folder / "lsp" / "images" / f"im{number:05d}.jpg").touch()  # no photograph is read
    labelled = np.concatenate([joints, np.ones((14, 1, 3))], axis=1)
    scipy.io.savemat(folder / "lsp" / "joints.mat", {"joints": labelled})
    poses = np.moveaxis(joints, 2, 0)
    poses[0, 0] += 1000
    np.save("poses.npy", poses)
    assert call("score", "poses.npy", "--people", "lsp:lsp", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["count"], found["mean"]) == (3, pytest.approx(100 * 41 / 42))
    assert call("score", "poses.npy", "--people", "lsp:lsp") == 0
    printed = capsys.readouterr()
    assert "97.62" in printed.out
    assert "order" not in printed.err
    np.save("few.npy", poses[:2])
    assert call("score", "few.npy", "--people", "lsp:lsp") == 2
    assert "expected 3 x 14 x 2 numbers" in capsys.readouterr().err
    np.save("poses.npy", np.roll(poses, 1, axis=0))
    assert call("score", "poses.npy", "--people", "lsp:lsp", "--json") == 0
    assert "in the order of lsp" in capsys.readouterr().err


def test_the_first_pixel_moves_poses_of_either_format(call, capsys, folder, samples):
    """Tompson's predictions count from 1: the figure is his, and another where they do not."""
    path = samples / "mpii-sample" / "detections_our_format.mat"
    found = {}
    for option in ([], ["--first-pixel", "1"], ["--first-pixel", "0"]):
        assert call("score", path, "--people", f"mpii:{path}", "--json", *option) == 0
        found[tuple(option[1:])] = json.loads(capsys.readouterr().out)["mean"]
    assert found[()] == found["1",] == pytest.approx(82.34, abs=0.005)
    assert found["0",] == pytest.approx(82.31, abs=0.005)


def test_predictions_in_another_order_score_next_to_nothing(samples):
    """What the note after a low score supposes."""
    path = samples / "mpii-sample" / "detections_our_format.mat"
    people = mpii_truth(path)
    poses = read_predictions(path, people)
    for other in (poses[::-1].copy(), np.roll(poses, 1, axis=0)):
        assert 0 < score(other, people).pck < 3
