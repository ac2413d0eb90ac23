"""The numbers of the sibling tasks: what attacks leave of each head's score, and how heads differ.

A score is given only when everybody has a row of its own condition, of the clean images and of the
answer that never looks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from robustpose.metrics.estimates import Estimate
from robustpose.metrics.intervals import RESAMPLES, resample_counts
from robustpose.metrics.tasks import (
    Tally,
    accuracy_tally,
    kept,
    overlap_tally,
    pck_tally,
    relative,
    resampled,
)
from robustpose.report.runs import LEVELS
from robustpose.report.tables import CLEAN, interval_ends
from robustpose.studies.rows import read_task_rows, read_tasks

CHANCE = "constant"
"""The condition of answers that never look at a picture."""

COMPARED = (("pose", "parts"), ("pose", "activity"))
"""Heads whose difference is told, the second taken from the first."""

MEASURES = ("value", "relative", "kept")
_ENDS = {f"{name}{end}": pl.Float64 for name in MEASURES for end in ("", "_low", "_high")}
_ATTACK = {"attack": pl.String, "eps255": pl.Float64, "steps": pl.Int64}
_SCORES = pl.Schema({"task": pl.String, "score": pl.String, **_ATTACK, **_ENDS, "people": pl.Int64})
_DIFFERENCES = pl.Schema(
    {
        "task": pl.String,
        "other": pl.String,
        **_ATTACK,
        **{name: kind for name, kind in _ENDS.items() if not name.startswith("value")},
        "people": pl.Int64,
    }
)


@dataclass(frozen=True, eq=False)
class TaskRun:
    """The sibling tasks of a run, read once."""

    folder: Path
    study: dict[str, Any]
    rows: pl.DataFrame
    resamples: int = RESAMPLES
    seed: int = 0

    @property
    def tasks(self) -> Mapping[str, str]:
        """The heads, and how each is scored."""
        tasks: Mapping[str, str] = self.study["tasks"]
        return tasks

    @property
    def people(self) -> int:
        """How many people are judged."""
        return int(self.study["people"]["count"])

    @property
    def attacks(self) -> Iterator[tuple[str, float, int]]:
        """Name, epsilon in 0-255 units and steps of each attack."""
        for each in self.study["conditions"]:
            if each["eps"] is not None:
                yield each["condition"], round(each["eps"] * LEVELS, 6), each["steps"]

    @cached_property
    def missing(self) -> list[str]:
        """The conditions of heads that lack a part, in words."""
        present = {path.stem for path in (self.folder / "task_rows").glob("*.parquet")}
        return list(
            dict.fromkeys(
                f"{cell['condition']} on {cell['task']}"
                for cell in self.study["cells"]
                if cell["part"] not in present
            )
        )

    @cached_property
    def counts(self) -> Float[np.ndarray, "b n"]:
        """The draws of the bootstrap: the same for all heads and conditions."""
        return resample_counts(self.people, resamples=self.resamples, seed=self.seed)

    def score(
        self, task: str, condition: str = CLEAN, eps255: float | None = None
    ) -> Estimate | None:
        """Return the score of a head under a condition; None if not everybody has a row."""
        key = (task, condition, eps255)
        rows = self._by_condition.get(key, self.rows.clear())
        if len(rows) < self.people:
            return None
        if key not in self._scores:
            tally = self._tally(task, rows.sort("person"))
            self._scores[key] = resampled(tally, self.counts)
        return self._scores[key]

    def measures(self, task: str, condition: str, eps255: float) -> dict[str, Estimate] | None:
        """Return `MEASURES` of a head under an attack: in percent, of clean, of above chance."""
        attacked, clean = self.score(task, condition, eps255), self.score(task)
        chance = self.score(task, CHANCE)
        if attacked is None or clean is None or chance is None:
            return None
        return {
            "value": attacked,
            "relative": relative(attacked, clean),
            "kept": kept(attacked, clean, chance),
        }

    def _tally(self, task: str, rows: pl.DataFrame) -> Tally:
        if task == "activity":
            return accuracy_tally(rows["correct"].to_numpy())
        if task == "parts":
            return overlap_tally(_matrix(rows["intersection"]), _matrix(rows["union"]))
        error = _matrix(rows["error"].cast(pl.List(pl.Float64)))
        return pck_tally(error, self.study["people"]["threshold"])

    @cached_property
    def _scores(self) -> dict[tuple[str, str, float | None], Estimate]:
        return {}

    @cached_property
    def _by_condition(self) -> dict[tuple[Any, ...], pl.DataFrame]:
        keyed = self.rows.with_columns((pl.col("eps") * LEVELS).round(6).alias("eps255"))
        return keyed.partition_by("victim", "condition", "eps255", as_dict=True)


def open_tasks(folder: Path) -> TaskRun | None:
    """Read the sibling tasks of a run; None for a run that has none."""
    study = read_tasks(folder)
    begun = study is not None and any((folder / "task_rows").glob("*.parquet"))
    return TaskRun(folder, study, read_task_rows(folder)) if study is not None and begun else None


def task_scores(run: TaskRun) -> pl.DataFrame:
    """Return one line for each head and condition that are complete.

    Columns: task, score (how it is scored), attack (also `clean` and `constant`), eps255, steps;
    value, relative (to the clean score) and kept (of what that has above chance), in percent, each
    with `_low` and `_high`; people.
    """
    lines = []
    for task, score in run.tasks.items():
        head = {"task": task, "score": score, "people": run.people}
        for name in (CLEAN, CHANCE):
            found = run.score(task, name)
            if found is not None:
                lines.append({**head, "attack": name, **_ends(run, {"value": found})})
        for name, eps255, steps in run.attacks:
            measures = run.measures(task, name, eps255)
            if measures is not None:
                attack = {"attack": name, "eps255": eps255, "steps": steps}
                lines.append({**head, **attack, **_ends(run, measures)})
    return pl.DataFrame(lines, schema=_SCORES, orient="row")


def task_differences(run: TaskRun) -> pl.DataFrame:
    """Return what the pose head keeps more than its siblings, in points, paired over people.

    Columns: task, other, attack, eps255, steps; relative and kept, each with `_low` and `_high`;
    people.
    """
    lines = []
    for task, other in COMPARED:
        for name, eps255, steps in run.attacks:
            one, two = (run.measures(each, name, eps255) for each in (task, other))
            if one is None or two is None:
                continue
            more = {each: one[each] - two[each] for each in ("relative", "kept")}
            attack = {"attack": name, "eps255": eps255, "steps": steps}
            line = {"task": task, "other": other, "people": run.people, **attack}
            lines.append({**line, **_ends(run, more)})
    return pl.DataFrame(lines, schema=_DIFFERENCES, orient="row")


def _ends(run: TaskRun, measures: Mapping[str, Estimate]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name, measure in measures.items():
        found |= interval_ends(name, measure.interval, run.people)
    return found


def _matrix(column: pl.Series) -> np.ndarray:
    """Return a column of lists of one length, a row a person; null becomes NaN."""
    return column.explode().to_numpy().reshape(len(column), -1)
