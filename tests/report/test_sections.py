"""Sections of experiments: there when a run has the rows, with the numbers of those rows."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from robustpose.report.page import write_report
from robustpose.report.runs import open_run
from robustpose.report.sections import sections
from robustpose.report.sections.iterations import iterations
from robustpose.report.sections.joints import joints
from robustpose.report.sections.smallest import smallest
from robustpose.report.sections.transfer import foreign_means, transfer, transfer_table
from robustpose.report.tables import joint_scores, scores
from robustpose.studies.rows import read_rows

WriteRun = Callable[..., Path]
NETWORKS = ("DeepPose", "2-SHG", "Simple baseline")


def direct(run: Path, victim: str, made_on: str, attack: str, epsilon: float) -> float:
    """Count the relative PCK in the rows themselves."""
    rows = read_rows(run).filter(victim=victim)
    attacked = rows.filter(
        pl.col("condition") == attack,
        pl.col("made_on") == made_on,
        (pl.col("eps") * 255 - epsilon).abs() < 1e-6,
    )

    def right(table: pl.DataFrame) -> int:
        errors = [error for each in table["error"] for error in each if error is not None]
        return sum(error <= 0.2 for error in errors)

    return 100 * right(attacked) / right(rows.filter(condition="clean"))


def test_a_plain_run_has_the_joints_alone(synthetic_run: WriteRun) -> None:
    run = open_run(synthetic_run(attacks=("IGSM-U-10",), epsilons=(4, 8)))
    found = sections(run, scores(run), joint_scores(run))
    assert [section.anchor for section in found] == ["checks", "by-joint"]


def test_the_matrix_of_transfer_is_counted_in_the_rows(synthetic_run: WriteRun) -> None:
    folder = synthetic_run(attacks=("IGSM-U-10",), epsilons=(4, 8), shared=("IGSM-U-10 @ 8",))
    table = transfer_table(open_run(folder))
    assert set(table["eps255"]) == {8}
    assert len(table) == len(NETWORKS) ** 2
    for row in table.to_dicts():
        expected = direct(folder, row["victim"], row["made_on"], "IGSM-U-10", 8)
        assert row["relative"] == pytest.approx(expected)
        assert row["relative_low"] <= row["relative"] <= row["relative_high"]
        assert (row["related"] == "itself") == (row["victim"] == row["made_on"])
    for victim, mean in foreign_means(table).items():
        others = [
            direct(folder, victim, source, "IGSM-U-10", 8)
            for source in NETWORKS
            if source != victim
        ]
        assert mean == pytest.approx(np.mean(others))


def test_half_a_matrix_says_nothing_of_the_missing_half(synthetic_run: WriteRun) -> None:
    folder = synthetic_run(
        attacks=("IGSM-U-10",),
        epsilons=(8,),
        shared=("IGSM-U-10 @ 8",),
        without=[("IGSM-U-10 @ 8", "2-SHG", 1)],
    )
    table = transfer_table(open_run(folder))
    assert set(table["made_on"]) == {"DeepPose", "Simple baseline"}
    section = transfer(open_run(folder))
    assert section is not None
    assert len(section.tables[0].rows) == len(NETWORKS)


def test_iterations_stand_beside_the_published_ones(synthetic_run: WriteRun) -> None:
    folder = synthetic_run(further=("IGSM-U-20", "IGSM-U-100", "IGSM-U-N", "IGSM-U-10N"))
    run = open_run(folder)
    section = iterations(run, scores(run))
    assert section is not None
    published, rule = section.tables
    rows = {
        row.name: dict(zip(published.columns, row.values, strict=True)) for row in published.rows
    }
    assert rows["2-SHG (published)"]["IGSM-U-100"].value == "7.0"
    # Figure 2f prints another epsilon's value for this bar; Figure 2d has the right one.
    assert rows["2-SHG (published)"]["IGSM-T-20"].value == "66.3"
    own = direct(folder, "DeepPose", "DeepPose", "IGSM-U-100", 8)
    assert rows["DeepPose"]["IGSM-U-100"].value == f"{own:.1f}"
    assert list(rule.columns) == ["10 steps", "100 steps"]


def test_a_pose_that_is_asked_for_with_a_large_budget_has_a_table(synthetic_run: WriteRun) -> None:
    further = ("IGSM-U-20", "IGSM-U-100", "APGD-T-LO-100")
    run = open_run(synthetic_run(attacks=("IGSM-U-10", "IGSM-T-20"), further=further))
    table = scores(run)
    section = iterations(run, table)
    assert section is not None
    asked = section.tables[-1]
    assert list(asked.columns) == ["IGSM-T-20", "APGD-T-LO-100"]
    for row in asked.rows:
        own = table.filter(network=row.name, attack="APGD-T-LO-100").to_dicts()[0]
        assert row.values[1].value == f"{own['target']:.1f}"


def test_joints_have_published_rows_and_the_guess(synthetic_run: WriteRun) -> None:
    run = open_run(synthetic_run(attacks=("IGSM-U-10", "IGSM-T-20"), epsilons=(8,)))
    section = joints(run, joint_scores(run))
    assert section is not None
    untargeted, targeted, kinds = section.tables
    names = [row.name for row in untargeted.rows]
    assert names[:3] == list(NETWORKS)
    assert {"mean", "a constant pose", "DLCM (published)"} <= set(names)
    assert "a constant pose" not in {row.name for row in targeted.rows}
    dlcm = next(row for row in untargeted.rows if row.name == "DLCM (published)")
    assert dict(zip(untargeted.columns, dlcm.values, strict=True))["hip"].value == "2.1"
    for row in kinds.rows:
        assert sum(float(value.value) for value in row.values) == pytest.approx(100, abs=0.3)


def test_the_page_shows_sections_and_writes_their_tables(synthetic_run: WriteRun) -> None:
    folder = synthetic_run(
        attacks=("IGSM-U-10",),
        epsilons=(4, 8),
        further=("IGSM-U-100", "IGSM-U-20", "UAP"),
        shared=("UAP @ 8",),
    )
    html = write_report(folder).read_text()
    for anchor in ("by-joint", "iterations", "universal", "transfer"):
        assert f'<section id="{anchor}"' in html
        assert f'href="#{anchor}"' in html
    for name in ("iterations", "universal", "transfer", "kinds_by_joint"):
        assert (folder / "tables" / f"{name}.csv").is_file()


def test_defended_networks_belong_to_the_bare_one_and_stay_out_of_the_main_tables(
    synthetic_run: WriteRun,
) -> None:
    folder = synthetic_run(attacks=("IGSM-U-10",), epsilons=(4, 8))
    study = json.loads((folder / "study.json").read_text())
    victims = study["victims"]
    for name in ("2-SHG+mirror", "2-SHG+mirror+jpeg:75"):
        victims[name] = victims["2-SHG"]
    (folder / "study.json").write_text(json.dumps(study))
    run = open_run(folder)
    assert run.defended == {"2-SHG+mirror": "2-SHG", "2-SHG+mirror+jpeg:75": "2-SHG"}
    assert run.networks == NETWORKS


def test_the_worst_case_counts_every_condition_up_to_a_size(synthetic_run: WriteRun) -> None:
    assert smallest(open_run(synthetic_run(attacks=("FGSM-U",), epsilons=(4, 8)))) is None
    folder = synthetic_run(
        attacks=("FGSM-U", "IGSM-U-10"), epsilons=(1, 4, 8), shared=("IGSM-U-10 @ 8",)
    )
    section = smallest(open_run(folder))
    assert section is not None
    table = section.files["smallest"]
    assert table.filter(network="2-SHG", eps255=8)["conditions"].to_list() == [8, 8]
    rows = read_rows(folder).filter(
        pl.col("victim") == "2-SHG",
        (pl.col("made_on") == "2-SHG").fill_null(True)
        | ((pl.col("condition") == "IGSM-U-10") & (pl.col("eps") > 7.9 / 255)),
    )
    error = rows.select("person", pl.col("error")).group_by("person").agg(pl.col("error"))
    right = scored = 0
    for person in error["error"].to_list():
        worst = np.nanmin([np.nan_to_num(np.array(e, float), nan=9) <= 0.2 for e in person], axis=0)
        right, scored = right + worst.sum(), scored + sum(v is not None for v in person[0])
    bound = table.filter(network="2-SHG", eps255=8, attack="joint by joint (a bound)")
    assert bound["remaining"].item() == pytest.approx(100 * right / scored)
