"""The numbers of a report: scores of networks and of joints, each with its interval.

A score is given only when every cell that it needs is there; half a set of people is another set.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from robustpose.metrics.intervals import FEWEST, RESAMPLES, Interval, photo_counts
from robustpose.metrics.robustness import Drop, score_drop, score_drop_by_group, score_interval
from robustpose.report.runs import Condition, Run, open_run

CLEAN = "clean"
DECIMALS = 3
"""In CSV files; pages and pictures show one."""

_INTERVALS = ("score", "relative", "target")
_SCORE_COLUMNS = pl.Schema(
    {
        "network": pl.String,
        "attack": pl.String,
        "goal": pl.String,
        "eps255": pl.Float64,
        "measure": pl.String,
        **{f"{name}{end}": pl.Float64 for name in _INTERVALS for end in ("", "_low", "_high")},
        "people": pl.Int64,
        "zero_gradient": pl.Float64,
        "gradients": pl.Float64,
        "queries": pl.Float64,
    }
)
_JOINT_COLUMNS = pl.Schema(
    {
        "network": pl.String,
        "attack": pl.String,
        "eps255": pl.Float64,
        "joint": pl.String,
        "measure": pl.String,
        **{
            f"{name}{end}": pl.Float64
            for name in ("clean", "score", "relative", "target")
            for end in ("", "_low", "_high")
        },
        "people": pl.Int64,
    }
)


def scores(run: Path | Run, *, resamples: int = RESAMPLES, seed: int = 0) -> pl.DataFrame:
    """Return one line for each network, attack and epsilon whose cells are all there.

    Columns: network, attack ("clean" without an attack), goal, eps255 (0-255 units); measure (what
    the score is: `Run.measure`); score against the truth, relative (to the clean score of the same
    people), target (the score against the pose asked for; targeted attacks only), in percent, each
    with `_low` and `_high` (95 % bootstrap over photographs); people; zero_gradient (mean share of
    image values), gradients and queries (means a person). Missing is null.
    """
    opened = open_run(run)
    counts = counts_of(opened, resamples=resamples, seed=seed)
    lines: list[dict[str, Any]] = []
    for network in opened.networks:
        if opened.missing_for(network):
            continue
        lines.append(_clean_line(opened, network, counts))
        lines += [
            _attack_line(opened, network, condition, counts)
            for condition in _complete(opened, network)
        ]
    return _table(lines, _SCORE_COLUMNS)


def joint_scores(run: Path | Run, *, resamples: int = RESAMPLES, seed: int = 0) -> pl.DataFrame:
    """Return one line for each network, attack, epsilon and group of joints (left with right).

    Columns: network, attack, eps255, joint, measure (what the score is); clean, score, relative and
    target (targeted attacks only) in percent with `_low` and `_high`; people with such a joint.
    """
    opened = open_run(run)
    counts = counts_of(opened, resamples=resamples, seed=seed)
    lines: list[dict[str, Any]] = []
    for network in opened.networks:
        clean = opened.errors(network)
        for condition in _complete(opened, network):
            drops = score_drop_by_group(
                opened.errors(network, condition),
                clean,
                opened.rule,
                counts,
                opened.skeleton.groups,
            )
            targets = _target_by_joint(opened, network, condition, counts)
            lines += [
                _joint_line(opened, network, condition, joint, drop, targets.get(joint))
                for joint, drop in drops.items()
            ]
    return _table(lines, _JOINT_COLUMNS)


def counts_of(run: Run, *, resamples: int = RESAMPLES, seed: int = 0) -> Float[np.ndarray, "b n"]:
    """Return the draws of the bootstrap over the photographs of a run: the same for all tables."""
    return photo_counts(run.people["photo"].to_list() or [""], resamples=resamples, seed=seed)


def conditions(run: Path | Run) -> pl.DataFrame:
    """Return the conditions of a study; epsilon and step size in 0-255 units."""
    return pl.DataFrame(
        [each._asdict() for each in open_run(run).conditions],
        schema={
            "label": pl.String,
            "name": pl.String,
            "goal": pl.String,
            "norm": pl.String,
            "eps255": pl.Float64,
            "steps": pl.Int64,
            "step255": pl.Float64,
            "description": pl.String,
        },
    )


def write_tables(tables: dict[str, pl.DataFrame], folder: Path) -> None:
    """Write each table to `folder/NAME.csv`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.write_csv(folder / f"{name}.csv", float_precision=DECIMALS)


def _complete(run: Run, network: str) -> Iterator[Condition]:
    for conditions_of_attack in run.attacks_on(network).values():
        for condition in conditions_of_attack:
            if not run.missing_for(network, [condition]):
                yield condition


def _clean_line(run: Run, network: str, counts: Float[np.ndarray, "b n"]) -> dict[str, Any]:
    error = run.errors(network)
    people = int((~np.isnan(error)).any(axis=1).sum())
    return {
        "network": network,
        "attack": CLEAN,
        "measure": run.measure,
        "people": people,
        **interval_ends("score", score_interval(error, run.rule, counts), people),
    }


def _attack_line(
    run: Run, network: str, condition: Condition, counts: Float[np.ndarray, "b n"]
) -> dict[str, Any]:
    drop = score_drop(run.errors(network, condition), run.errors(network), run.rule, counts)
    line = {
        "network": network,
        "attack": condition.name,
        "goal": condition.goal,
        "eps255": condition.eps255,
        "measure": run.measure,
        "people": drop.people,
        **interval_ends("score", drop.attacked, drop.people),
        **interval_ends("relative", drop.relative, drop.people),
        **_means(run.of(network, condition)),
    }
    if condition.goal == "targeted":
        to_target = run.errors(network, condition, column="target_error")
        line |= interval_ends("target", score_interval(to_target, run.rule, counts), drop.people)
    return line


def _target_by_joint(
    run: Run, network: str, condition: Condition, counts: Float[np.ndarray, "b n"]
) -> dict[str, Interval]:
    if condition.goal != "targeted":
        return {}
    error = run.errors(network, condition, column="target_error")
    return {
        name: score_interval(error[:, list(joints)], run.rule.among(joints), counts)
        for name, joints in run.skeleton.groups.items()
    }


def _joint_line(
    run: Run,
    network: str,
    condition: Condition,
    joint: str,
    drop: Drop,
    target: Interval | None,
) -> dict[str, Any]:
    return {
        "network": network,
        "attack": condition.name,
        "eps255": condition.eps255,
        "joint": joint,
        "measure": run.measure,
        "people": drop.people,
        **interval_ends("clean", drop.clean, drop.people),
        **interval_ends("score", drop.attacked, drop.people),
        **interval_ends("relative", drop.relative, drop.people),
        **({} if target is None else interval_ends("target", target, drop.people)),
    }


def _means(rows: pl.DataFrame) -> dict[str, float | None]:
    means = rows.select(pl.col("zero_gradient", "gradients", "queries").cast(pl.Float64).mean())
    return means.row(0, named=True) if len(rows) else {}


def interval_ends(name: str, interval: Interval, people: int) -> dict[str, float | None]:
    """Return a value and its ends as columns of a table; of too few people the value alone."""
    if people < FEWEST:
        interval = Interval(interval.value, math.nan, math.nan)
    ends = zip(("", "_low", "_high"), interval, strict=True)
    return {f"{name}{end}": None if math.isnan(value) else value for end, value in ends}


def _table(lines: list[dict[str, Any]], schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(lines, schema=schema, orient="row")
