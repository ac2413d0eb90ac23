"""Numbers against a run small enough to score by hand."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from robustpose.errors import UsageError
from robustpose.report.listings import named, page_epsilons, score_tables, whole_curves
from robustpose.report.runs import open_run
from robustpose.report.tables import conditions, joint_scores, scores, write_tables
from robustpose.studies.rows import PERSON, ROW, write_json, write_table

from .conftest import WriteRun

EPS = 8 / 255


def _row(person: str, error: list[float | None], **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(ROW)
    return row | {
        "study": "hand",
        "part": "a",
        "person": person,
        "victim": "net",
        "condition": "clean",
        "joints": [[1.0, 1.0]] * 3,
        "error": error,
        **changes,
    }


@pytest.fixture
def by_hand(tmp_path: Path) -> Path:
    """Return a run of two people and three joints; the threshold is 0.5."""
    attacked: dict[str, Any] = {
        "made_on": "net",
        "condition": "U",
        "goal": "untargeted",
        "norm": "linf",
    }
    attacked |= {"eps": EPS, "part": "b", "zero_gradient": 0.25, "gradients": 10, "queries": 4}
    steered = attacked | {"condition": "T", "goal": "targeted", "part": "c"}
    parts = {
        "a": [_row("p", [0.1, 0.5, 0.2]), _row("q", [0.1, None, 0.6])],  # 4 of 5
        "b": [
            _row("q", [0.6, None, 0.6], **attacked),  # 0 of 2
            _row("p", [0.51, 0.2, 0.9], **attacked),  # 1 of 3
            _row("p", [0.1, 0.1, 0.1], **attacked | {"made_on": "other"}),  # a transfer
        ],
        "c": [
            _row("p", [0.1, 0.9, 0.9], **steered, target_error=[0.9, 0.1, 0.1]),
            _row("q", [0.9, None, 0.9], **steered, target_error=[0.1, None, 0.9]),
        ],
    }
    for part, rows in parts.items():
        table = pl.DataFrame(rows, schema=ROW, orient="row")
        write_table(table, tmp_path / "rows" / f"{part}.parquet")
    people = {
        "person": ["p", "q"],
        "photo": ["p.png", "q.png"],
        "joints": [[[1.0, 1.0]] * 3, [[1.0, 1.0], None, [1.0, 1.0]]],
        "labelled": [[True] * 3, [True, False, True]],
        "size": [10.0, 10.0],
    }
    write_table(pl.DataFrame(people, schema=PERSON), tmp_path / "people.parquet")
    write_json(_study(), tmp_path / "study.json")
    return tmp_path


def _study() -> dict[str, Any]:
    clean = {"label": "clean", "condition": "clean", "goal": None, "norm": None, "eps": None}
    box = {"norm": "linf", "eps": EPS, "steps": 10, "step_size": EPS / 3, "description": ""}
    u = {"label": "U @ 8", "condition": "U", "goal": "untargeted", **box}
    t = {"label": "T @ 8", "condition": "T", "goal": "targeted", **box}
    return {
        "name": "hand",
        "people": {
            "threshold": 0.5,
            "reference": "hand",
            "skeleton": "three",
            "joints": ["left_hand", "nose", "right_hand"],
            "limbs": [["left_hand", "nose"]],
        },
        "victims": {"net": {}},
        "conditions": [clean, u, t],
        "cells": [
            {"part": "a", "condition": "clean", "made_on": None, "victims": ["net"], "batch": 0},
            {"part": "b", "condition": "U @ 8", "made_on": "net", "victims": ["net"], "batch": 0},
            {"part": "c", "condition": "T @ 8", "made_on": "net", "victims": ["net"], "batch": 0},
        ],
        "parts": ["a", "b", "c"],
    }


def test_scores_are_those_counted_by_hand(by_hand: Path) -> None:
    clean, untargeted, targeted = scores(by_hand).to_dicts()
    assert (clean["attack"], clean["eps255"], clean["people"]) == ("clean", None, 2)
    assert clean["score"] == pytest.approx(80)
    assert clean["relative"] is None
    assert clean["measure"] == targeted["measure"] == "PCK@0.5 of the hand"
    assert untargeted["score"] == pytest.approx(20)  # the transfer row is not counted
    assert untargeted["relative"] == pytest.approx(25)
    assert untargeted["eps255"] == 8
    assert untargeted["target"] is None
    assert untargeted["zero_gradient"] == pytest.approx(0.25)
    assert (untargeted["gradients"], untargeted["queries"]) == pytest.approx((10, 4))
    assert targeted["target"] == pytest.approx(60)
    assert targeted["relative"] == pytest.approx(25)


def test_intervals_hold_their_values(by_hand: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # With two people: p alone keeps 1 of 3 correct joints, q alone 0 of 1.
    assert scores(by_hand).row(1, named=True)["relative_low"] is None  # too few people
    monkeypatch.setattr("robustpose.report.tables.FEWEST", 2)
    for row in scores(by_hand).drop_nulls("relative").to_dicts():
        assert row["relative_low"] <= row["relative"] <= row["relative_high"]
    untargeted = scores(by_hand).row(1, named=True)
    assert untargeted["relative_low"] == pytest.approx(0)
    assert untargeted["relative_high"] == pytest.approx(100 / 3)


def test_joints_are_those_counted_by_hand(by_hand: Path) -> None:
    table = joint_scores(by_hand).filter(attack="U")
    found = {row["joint"]: (row["clean"], row["score"], row["people"]) for row in table.to_dicts()}
    assert found["hand"] == pytest.approx((75, 0, 2))
    assert found["nose"] == pytest.approx((100, 100, 1))


def test_by_oks_scores_are_those_of_a_literal_loop(by_hand: Path) -> None:
    study = _study()
    study["people"]["sigmas"] = sigmas = [0.1, 0.2, 0.4]
    write_json(study, by_hand / "study.json")
    run = open_run(by_hand)
    clean, untargeted, _ = scores(run).to_dicts()
    assert clean["measure"] == "mean OKS"

    def mean_oks(error: np.ndarray, sigmas: list[float]) -> float:
        people = []
        for row in error.tolist():
            pairs = [(e, s) for e, s in zip(row, sigmas, strict=True) if not math.isnan(e)]
            if pairs:
                people.append(sum(math.exp(-(e**2) / (8 * s**2)) for e, s in pairs) / len(pairs))
        return 100 * sum(people) / len(people)

    attack = run.attacks["U"][0]
    before, after = run.errors("net"), run.errors("net", attack)
    assert clean["score"] == pytest.approx(mean_oks(before, sigmas))
    assert untargeted["score"] == pytest.approx(mean_oks(after, sigmas))
    assert untargeted["relative"] == pytest.approx(100 * untargeted["score"] / clean["score"])
    hand = joint_scores(run).filter(attack="U", joint="hand").row(0, named=True)
    assert hand["clean"] == pytest.approx(mean_oks(before[:, [0, 2]], [0.1, 0.4]))
    assert hand["score"] == pytest.approx(mean_oks(after[:, [0, 2]], [0.1, 0.4]))


def test_a_missing_part_takes_its_scores_with_it(by_hand: Path) -> None:
    (by_hand / "rows" / "b.parquet").unlink()
    run = open_run(by_hand)
    assert scores(run)["attack"].to_list() == ["clean", "T"]
    assert named(run.missing) == ["U @ 8 on net: batch 0"]
    (table,) = score_tables(run, scores(run))
    assert [block.missing for block in table.blocks] == [["U @ 8 on net: batch 0"], []]
    assert table.blocks[0].lines == []


def test_without_clean_rows_a_network_has_no_scores(by_hand: Path) -> None:
    (by_hand / "rows" / "a.parquet").unlink()
    run = open_run(by_hand)
    assert scores(run).is_empty()
    assert joint_scores(run).is_empty()
    (table,) = score_tables(run, scores(run))
    assert table.missing == ["clean: batch 0"]
    assert table.blocks == []


def test_only_whole_curves_are_drawn(synthetic_run: WriteRun) -> None:
    folder = synthetic_run(epsilons=(1, 8), without=[("FGSM-U @ 8", "2-SHG", 1)])
    run = open_run(folder)
    kept = whole_curves(run, scores(run, resamples=20))
    assert set(kept.filter(attack="FGSM-U")["network"]) == {"DeepPose", "Simple baseline"}
    assert set(kept.filter(attack="IGSM-U-10")["network"]) == set(run.networks)
    # The one epsilon that is complete stays in the table of all scores.
    of_incomplete = scores(run, resamples=20).filter(network="2-SHG", attack="FGSM-U")
    assert of_incomplete["eps255"].to_list() == [1]


def test_the_page_prints_the_usual_epsilons(synthetic_run: WriteRun) -> None:
    assert page_epsilons(open_run(synthetic_run(people=2))) == [1, 2, 4, 8]


def test_other_epsilons_are_printed_where_no_usual_one_is(synthetic_run: WriteRun) -> None:
    assert page_epsilons(open_run(synthetic_run(people=2, epsilons=(0.5, 3)))) == [0.5, 3]


def test_csv_holds_three_decimals_and_no_nan(by_hand: Path, tmp_path: Path) -> None:
    write_tables({"scores": scores(by_hand), "conditions": conditions(by_hand)}, tmp_path / "t")
    text = (tmp_path / "t" / "scores.csv").read_text()
    assert "net,U,untargeted,8.000,PCK@0.5 of the hand,20.000" in text
    assert "nan" not in text.lower()
    assert "U @ 8" in (tmp_path / "t" / "conditions.csv").read_text()


def test_conditions_without_a_description_get_one(by_hand: Path) -> None:
    assert conditions(by_hand)["description"].to_list() == [
        "The crop as it is.",
        "10 steps away from the truth.",
        "10 steps towards a chosen pose.",
    ]


def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="folder of a run"):
        scores(tmp_path)
