"""The commands of the leaderboard: what they write and print, and what they refuse in one line."""

import json

import pytest

from robustpose.protocols.tracks import ATTACK, TRACKS
from robustpose.studies.rows import write_json


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def entry(network, left, **changes):
    track = TRACKS["lsp-v1"]
    return {
        "format": "robustpose leaderboard entry 1",
        "track": track.name,
        "network": network,
        "checkpoint": "0123456789abcdef",
        "people": {"name": track.people, "count": track.count, "truth": track.truth},
        "ball": {"norm": "linf", "valid_range": True, "eight_bit": True},
        "canvas": list(track.canvas),
        "measure": "PCK@0.2 of the torso",
        "attack": {"name": ATTACK, "budget": "standard", "digest": "1"},
        "clean": {"score": 80.0, "low": 75.0, "high": 85.0},
        "robust": {eps: {"score": left, "low": None, "high": None} for eps in ("0.5", "1", "2")},
        "guess": 4.4,
        "checks": [],
        "reason": None,
        "provenance": {"version": "0.1.0", "created": "2026-11-22T15:00:00+00:00"},
        **changes,
    }


def test_entries_are_ranked_in_the_terminal_and_on_a_page(folder, call, capsys):
    red = [{"check": "random answers", "severity": "red"}]
    for each in (
        entry("weak", 10.0),
        entry("strong", 20.0),
        entry("odd", 60.0, checks=red, reason="a test"),
    ):
        write_json(each, folder / "results" / "leaderboard" / "lsp-v1" / f"{each['network']}.json")
    assert call("leaderboard", "--out", "board.html") == 0
    said = capsys.readouterr().out
    assert said.index("strong") < said.index("weak") < said.index("odd†")
    assert "20.0 (1)" in said
    assert "60.0 (-)" in said
    assert "odd is not ranked (random answers). a test" in said
    assert "strong" in (folder / "board.html").read_text()
    assert call("leaderboard", "results", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["network"] for each in found] == ["strong", "weak", "odd"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["submit", "nowhere"], "no such folder"),
        (["submit", "empty"], "a folder without study.json"),
        (["leaderboard", "nowhere.json"], "at nowhere.json, found nothing there"),
        (["leaderboard", "empty"], "expected entries of the leaderboard in empty, found none"),
        (["leaderboard"], "at results/leaderboard, found nothing there"),
        (["leaderboard", "text.json"], "expected a JSON file at text.json"),
        (["leaderboard", "other.json"], "other.json: expected the format"),
        (["leaderboard", "list.json"], "list.json: expected the format"),
        (["leaderboard", "cut.json"], "cut.json: expected"),
    ],
)
def test_bad_input_is_one_line(arguments, message, folder, call, capsys):
    (folder / "empty").mkdir()
    (folder / "text.json").write_text("no JSON")
    (folder / "other.json").write_text('{"format": "something"}')
    (folder / "list.json").write_text("[1]")
    (folder / "cut.json").write_text(
        json.dumps({"format": "robustpose leaderboard entry 1", "track": "lsp-v1"})
    )
    assert call(*arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
