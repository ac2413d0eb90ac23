"""The section on sibling tasks: numbers from rows, there only if the rows are."""

from pathlib import Path

import polars as pl
import pytest

from robustpose.report.page import write_report
from robustpose.report.runs import open_run
from robustpose.report.sections.tasks import tasks
from robustpose.report.task_tables import (
    TaskRun,
    open_tasks,
    task_differences,
    task_scores,
)

from .conftest import WriteRun, write_run
from .made_tasks import write_tasks


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TaskRun:
    folder = tmp_path_factory.mktemp("tasks")
    write_tasks(folder)
    found = open_tasks(folder)
    assert found is not None
    return found


def line(table: pl.DataFrame, task: str, attack: str, eps255: float | None) -> dict[str, float]:
    at = pl.col("eps255").is_null() if eps255 is None else pl.col("eps255") == eps255
    return table.filter(pl.col("task") == task, pl.col("attack") == attack, at).row(0, named=True)


def test_scores_are_those_of_the_rows(run: TaskRun) -> None:
    table = task_scores(run)
    assert len(table) == 3 * (2 + 2 * 3)
    attacked = run.rows.filter(condition="IGSM-U-10").filter((pl.col("eps") * 255).round(3) == 2)
    clean = run.rows.filter(condition="clean")
    chance = run.rows.filter(condition="constant")

    def by_hand(task: str, rows: pl.DataFrame) -> float:
        own = rows.filter(victim=task)
        if task == "activity":
            return 100 * own["correct"].mean()  # type: ignore[operator, return-value]
        if task == "pose":
            return 100 * (own["error"].explode() <= 0.5).mean()  # type: ignore[operator, return-value]
        sums = [
            sum(both[label] for both in own["intersection"])
            / sum(either[label] for either in own["union"])
            for label in range(3)
        ]
        return 100 * sum(sums) / 3

    for task in ("activity", "parts", "pose"):
        after, before, guess = (by_hand(task, rows) for rows in (attacked, clean, chance))
        found = line(table, task, "IGSM-U-10", 2)
        assert found["value"] == pytest.approx(after)
        assert found["relative"] == pytest.approx(100 * after / before)
        assert found["kept"] == pytest.approx(100 * (after - guess) / (before - guess))
        assert found["relative_low"] < found["relative"] < found["relative_high"]
        assert found["kept_low"] < found["kept"] < found["kept_high"]
        assert (found["people"], found["steps"]) == (24, 10)
        assert line(table, task, "clean", None)["value"] == pytest.approx(before)
        assert line(table, task, "constant", None)["value"] == pytest.approx(guess)


def test_differences_are_those_of_the_scores(run: TaskRun) -> None:
    scores, differences = task_scores(run), task_differences(run)
    assert len(differences) == 2 * 2 * 3
    for found in differences.to_dicts():
        at = found["attack"], found["eps255"]
        for measure in ("relative", "kept"):
            one, other = (
                line(scores, task, *at)[measure] for task in (found["task"], found["other"])
            )
            assert found[measure] == pytest.approx(one - other)
            assert found[f"{measure}_low"] <= found[measure] <= found[f"{measure}_high"]


def test_half_a_set_of_rows_is_no_score(tmp_path: Path) -> None:
    write_tasks(tmp_path, without=[("IGSM-U-10 @ 8", "pose"), ("constant", "activity")])
    run = open_tasks(tmp_path)
    assert run is not None
    assert run.missing == ["constant on activity", "IGSM-U-10 @ 8 on pose"]
    table = task_scores(run)
    assert set(table.filter(task="activity")["attack"]) == {"clean"}
    assert len(table.filter(task="pose")) == 2 + 2 * 3 - 1
    assert set(task_differences(run)["other"]) == {"parts"}


def test_a_run_without_tasks_has_no_section(synthetic_run: WriteRun) -> None:
    folder = synthetic_run(epsilons=(8,), keep=0)
    assert tasks(open_run(folder)) is None
    write_tasks(folder)
    section = tasks(open_run(folder))
    assert section is not None
    assert {figure.name for figure in section.figures} == {"tasks"}


def test_the_page_shows_the_tasks(tmp_path: Path) -> None:
    write_run(tmp_path, epsilons=(8,), keep=0)
    write_tasks(tmp_path)
    text = write_report(tmp_path).read_text()
    assert 'id="tasks"' in text
    assert "Pose against classification and segmentation" in text
    assert (tmp_path / "figures" / "tasks.svg").is_file()
    scores = pl.read_csv(tmp_path / "tables" / "tasks.csv")
    shown = line(scores, "pose", "IGSM-U-10", 8)["relative"]
    assert f"{shown:.1f}" in text
    assert len(pl.read_csv(tmp_path / "tables" / "task_differences.csv")) == 12
    assert "pose less segment" in text


def test_a_single_epsilon_and_few_people_still_make_a_section(tmp_path: Path) -> None:
    write_run(tmp_path, epsilons=(8,), keep=0)
    write_tasks(tmp_path, people=4, epsilons=(8,))
    section = tasks(open_run(tmp_path))
    assert section is not None
    assert section.figures
    assert section.files["tasks"]["value_low"].is_null().all()
