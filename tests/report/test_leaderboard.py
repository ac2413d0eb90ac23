"""Entries keep to their track; networks that checks speak against are shown and not ranked."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from robustpose.errors import UsageError
from robustpose.protocols.tracks import ATTACK, TRACKS, truth_digest
from robustpose.report.leaderboard import (
    Entry,
    entries_of,
    entry_path,
    read_entries,
    standings,
    write_leaderboard,
)
from robustpose.studies.rows import read_people, read_rows, read_study, write_json

from .conftest import write_run

Write = Callable[..., Path]
CROPPING = {"alignment": "edges", "smoothed": True}
NETWORKS = ("DeepPose", "2-SHG", "Simple baseline")


@pytest.fixture
def track_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes a run which keeps to the track `lsp-v1`, made smaller.

    But for what it is told to have otherwise: of the people, the study and a network.
    """

    def write(
        people: Mapping[str, Any] | None = None,
        study: Mapping[str, Any] | None = None,
        victim: Mapping[str, Any] | None = None,
        epsilons: Sequence[float] = (0.5, 1, 2),
        attack: str = ATTACK,
        **settings: Any,
    ) -> Path:
        run = write_run(tmp_path / "run", attacks=(attack,), epsilons=epsilons, keep=0, **settings)
        content = read_study(run)
        content |= {"valid_range": True} | dict(study or {})
        content["people"] |= {"name": "lsp/test", "cropping": CROPPING} | dict(people or {})
        content["victims"]["2-SHG"] |= dict(victim or {})
        write_json(content, run / "study.json")
        frozen = replace(
            TRACKS["lsp-v1"],
            count=16,
            truth=truth_digest(read_people(run)),
            photographs="9f2b" * 16,
        )
        monkeypatch.setitem(TRACKS, "lsp-v1", frozen)  # type: ignore[arg-type]
        return run

    return write


def counted(run: Path, epsilon: float | None) -> float:
    """Count the score of 2-SHG in the rows themselves."""
    rows = read_rows(run).filter(victim="2-SHG")
    own = (
        rows.filter(condition="clean")
        if epsilon is None
        else rows.filter((pl.col("eps") * 255 - epsilon).abs() < 1e-6, made_on="2-SHG")
    )
    errors = own["error"].explode().drop_nulls()
    return 100 * float((errors <= 0.2).mean())


def test_an_entry_says_what_was_measured_on_whom(track_run: Write) -> None:
    run = track_run()
    (entry,) = entries_of(run, network="2-SHG")
    assert (entry["track"], entry["network"]) == ("lsp-v1", "2-SHG")
    assert entry["clean"]["score"] == pytest.approx(counted(run, None), abs=1e-3)
    assert list(entry["robust"]) == ["0.5", "1", "2"]
    for eps, each in entry["robust"].items():
        assert each["score"] == pytest.approx(counted(run, float(eps)), abs=1e-3)
        assert each["low"] < each["score"] < each["high"]
    assert entry["attack"]["name"] == ATTACK
    assert entry["checkpoint"] == read_study(run)["victims"]["2-SHG"]["checkpoint"]
    assert entry["reason"] is None
    assert {each["severity"] for each in entry["checks"]} == {"passed", "amber", "not checked"}
    json.dumps(entry)
    assert [each["network"] for each in entries_of(run)] == list(NETWORKS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"people": {"name": "lsp/sample"}}, "judges people of lsp/sample"),
        ({"people": {"count": 12}}, "expected people 16, found 12"),
        ({"people": {"digest": "of others"}}, "photographs with the digest"),
        ({"people": {"threshold": 0.5}}, r"errors within \[0.2, 'torso'\]"),
        ({"people": {"cropping": {}}}, "expected crops with"),
        ({"study": {"canvas": [96, 96]}}, r"a canvas of \[128, 128\], found \[96, 96\]"),
        ({"study": {"valid_range": False}}, "images in the valid range yes, found no"),
        ({"study": {"rounding": False}}, "8-bit images yes, found no"),
    ],
)
def test_another_threat_model_is_refused(
    changes: dict[str, Any], message: str, track_run: Write
) -> None:
    with pytest.raises(UsageError, match=message):
        entries_of(track_run(**changes))


def test_other_annotations_are_refused(track_run: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    run = track_run()
    other = replace(TRACKS["lsp-v1"], truth="of others")
    monkeypatch.setitem(TRACKS, "lsp-v1", other)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="ids and annotations with the digest of others, found"):
        entries_of(run)


def test_a_track_that_does_not_exist_or_is_of_others_is_refused(track_run: Write) -> None:
    with pytest.raises(UsageError, match=r"expected a track \(lsp-v1, mpii-v1\), found lsp-v2"):
        entries_of(track_run(), track="lsp-v2")
    with pytest.raises(UsageError, match="mpii-v1 does not"):
        entries_of(track_run(), track="mpii-v1")


def test_rows_that_the_ranking_needs_must_be_there(track_run: Write) -> None:
    with pytest.raises(UsageError, match=r"at epsilon 0.5, 1, 2; DeepPose has rows .* at 0.5, 1"):
        entries_of(track_run(epsilons=(0.5, 1)))
    with pytest.raises(UsageError, match="expected rows of pose-auto-attack-v1"):
        entries_of(track_run(attack="IGSM-U-10"))
    with pytest.raises(UsageError, match=r"expected a network of the run .*, found b"):
        entries_of(track_run(), network="b")


def test_half_of_the_people_are_no_entry(tmp_path: Path, track_run: Write) -> None:
    run = track_run()
    for cell in read_study(run)["cells"]:
        if (cell["condition"], cell["made_on"], cell["batch"]) == (f"{ATTACK} @ 2", "2-SHG", 1):
            (run / "rows" / f"{cell['part']}.parquet").unlink()
    with pytest.raises(
        UsageError, match="2-SHG has not all its rows under pose-auto-attack-v1 @ 2"
    ):
        entries_of(run, network="2-SHG")


def test_red_checks_need_a_reason_that_stands_in_the_entry(track_run: Write) -> None:
    run = track_run(victim={"random": True})
    with pytest.raises(UsageError, match=r"checks of 2-SHG are red. random answers: .* --reason"):
        entries_of(run, network="2-SHG")
    (entry,) = entries_of(run, network="2-SHG", reason="a bound in the paper says so")
    assert entry["reason"] == "a bound in the paper says so"
    red = [each["check"] for each in entry["checks"] if each["severity"] == "red"]
    assert red == ["random answers"]
    (other,) = entries_of(run, network="DeepPose", reason="not needed")
    assert other["reason"] is None


def ranked(entry: Mapping[str, Any], network: str, score: float, *, red: bool = False) -> Entry:
    """Return an entry of another network with another score at 2."""
    robust = {**entry["robust"], "2": {"score": score, "low": None, "high": None}}
    checks = [{"check": "random answers", "severity": "red" if red else "passed"}]
    changes = {"network": network, "robust": robust, "checks": checks, "reason": "to show it"}
    return {**entry, **changes}


def test_networks_are_ranked_at_each_epsilon_and_the_red_ones_nowhere(
    track_run: Write, tmp_path: Path
) -> None:
    (entry,) = entries_of(track_run(), network="2-SHG")
    for name, score in {"a": 5, "b": 10, "c": 5, "d": 15}.items():
        write_json(ranked(entry, name, score, red=name == "d"), tmp_path / "all" / f"{name}.json")
    (tmp_path / "all" / "other.json").write_text('{"something": "else"}')
    (board,) = standings(read_entries([tmp_path / "all"]))
    assert [each.entry["network"] for each in board.standings] == ["b", "a", "c", "d"]
    assert [each.ranks[2.0] for each in board.standings] == [1, 2, 2, None]
    assert [each.ranks[0.5] for each in board.standings] == [1, 1, 1, None]
    assert board.standings[-1].red == ("random answers",)
    html = write_leaderboard([board], tmp_path / "board.html").read_text()
    assert "d is not ranked: random answers. The reason given for entering it: to show it" in html
    assert html.index('<th scope="row">b') < html.index('<th scope="row">a')
    assert "http://" not in html
    assert "<script" not in html


def test_budgets_are_ranked_apart(track_run: Write, tmp_path: Path) -> None:
    (entry,) = entries_of(track_run(), network="2-SHG")
    quick = {**entry, "attack": {**entry["attack"], "budget": "quick"}}
    paths = [entry_path(each, tmp_path / "entries") for each in (entry, quick)]
    assert [path.name for path in paths] == ["2-SHG.json", "2-SHG-quick.json"]
    boards = standings([quick, entry])
    assert [board.budget for board in boards] == ["standard", "quick"]


def changed(entry: dict[str, Any], where: str, value: Any) -> dict[str, Any]:
    """Return a copy of an entry with another value at a path of keys."""
    copy: dict[str, Any] = json.loads(json.dumps(entry))
    *parents, last = where.split("/")
    inner = copy
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return copy


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("format", "robustpose leaderboard entry 9", "expected the format"),
        ("track", "coco-v1", r"expected a track \(lsp-v1, mpii-v1\), found coco-v1"),
        ("people/truth", "other", "expected people/truth .*, found other"),
        ("canvas", [64, 64], r"expected canvas \[128, 128\], found \[64, 64\]"),
        ("ball/eight_bit", False, "expected ball/eight_bit True, found False"),
        ("attack/name", "IGSM-U-10", "expected attack/name pose-auto-attack-v1"),
        ("attack/budget", "huge", "standard or quick, found huge"),
        ("robust/1", None, "robust/1 to have score"),
        ("clean/score", "high", "clean to have score, low and high in percent"),
        ("robust/2/score", 180, "robust/2 to have score"),
        ("network", None, "expected network text"),
        ("checks", {}, "expected checks a list"),
        ("provenance", None, "expected provenance/version text"),
        ("checks", [{"check": "x", "severity": "red"}], "x is red, and no reason is given"),
    ],
)
def test_a_changed_entry_is_refused_by_file_and_field(
    where: str, value: Any, message: str, track_run: Write, tmp_path: Path
) -> None:
    (entry,) = entries_of(track_run(), network="2-SHG")
    path = tmp_path / "entry.json"
    write_json(changed(entry, where, value), path)
    with pytest.raises(UsageError, match=message) as caught:
        read_entries([path])
    assert str(path) in str(caught.value)


def test_two_entries_of_one_network_are_refused(track_run: Write, tmp_path: Path) -> None:
    (entry,) = entries_of(track_run(), network="2-SHG")
    for name in ("one.json", "two.json"):
        write_json(entry, tmp_path / "entries" / name)
    with pytest.raises(UsageError, match="entries of one network"):
        read_entries([tmp_path / "entries"])
    with pytest.raises(UsageError, match="expected entries of the leaderboard in"):
        read_entries([tmp_path / "run"])
