"""Simple defences, against an attacker who does not know of them and against one who does."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from robustpose.metrics.intervals import FEWEST, Interval
from robustpose.metrics.robustness import score_drop, score_interval
from robustpose.report.listings import value
from robustpose.report.runs import Condition, Run
from robustpose.report.sections.section import Row, Section, Table
from robustpose.report.tables import counts_of

COLUMNS = ("clean", "unaware", "aware")
BARE = "none"
"""What stands in the column of defences where there is none."""
SCHEMA = pl.Schema(
    {
        "network": pl.String,
        "defence": pl.String,
        "attack": pl.String,
        "eps255": pl.Float64,
        **{f"{name}{end}": pl.Float64 for name in COLUMNS for end in ("", "_low", "_high")},
        "people": pl.Int64,
    }
)


def defenses(run: Run) -> Section | None:
    """Return what defences are worth; None if no network of the run has one."""
    table = defense_table(run)
    if table.is_empty():
        return None
    tables = [
        Table(
            f"{network} under {attack} at ε = {eps:g}",
            f"{run.rule.name} in percent",
            "Defence",
            ["clean", "attack that does not know it", "attack that knows it"],
            [_row(network, line) for line in own.to_dicts()],
        )
        for (network, attack, eps), own in table.group_by(
            "network", "attack", "eps255", maintain_order=True
        )
    ]
    return Section(
        "defenses",
        "Simple defences",
        [
            "A defence changes the picture before the network sees it. An attack that does not "
            "know of it was made on the bare network; one that knows it was made through it "
            "(differentiated, or through a stand-in where there is no gradient). What a defence "
            "keeps against the first is no robustness: only the last column tells.",
        ],
        tables=tables,
        files={"defenses": table},
    )


def defense_table(run: Run) -> pl.DataFrame:
    """Return one line for each defended network and attack on it; the bare network comes first.

    Columns in percent: `clean`, `unaware` (made on the bare network), `aware` (made through the
    defence), each with `_low` and `_high`. The bare network has no defence to be unaware of.
    """
    counts = counts_of(run)
    lines = []
    for base in dict.fromkeys(run.defended.values()):
        names = [name for name, network in run.defended.items() if network == base]
        for conditions in run.attacks.values():
            for condition in conditions:
                if not any(run.asked(name, condition, made_on=base) for name in names):
                    continue
                lines += [_line(run, base, name, condition, counts) for name in (base, *names)]
    table = pl.DataFrame(lines, schema=SCHEMA, orient="row")
    return table.with_columns(pl.col(pl.Float64).fill_nan(None))


def _row(base: str, line: Mapping[str, Any]) -> Row:
    defence = line["defence"]
    network = base if defence == BARE else f"{base}+{defence}"
    return Row(defence, [value(line, name) for name in COLUMNS], network=network)


def _line(
    run: Run, base: str, name: str, condition: Condition, counts: Float[np.ndarray, "b n"]
) -> dict[str, object]:
    nothing = Interval(math.nan, math.nan, math.nan)
    clean, people = nothing, 0
    if run.complete(name):
        error = run.errors(name)
        clean = score_interval(error, run.rule, counts)
        people = int((~np.isnan(error)).any(axis=1).sum())

    def attacked(made_on: str) -> Interval:
        if not (run.complete(name) and run.complete(name, condition, made_on=made_on)):
            return nothing
        error = run.errors(name, condition, made_on=made_on)
        return score_drop(error, run.errors(name), run.rule, counts).attacked

    found = {
        "clean": clean,
        "unaware": nothing if name == base else attacked(base),
        "aware": attacked(name),
    }
    ends = {
        f"{column}{end}": number if people >= FEWEST or not end else math.nan
        for column, interval in found.items()
        for end, number in zip(("", "_low", "_high"), interval, strict=True)
    }
    return {
        "network": base,
        "defence": BARE if name == base else name.removeprefix(f"{base}+"),
        "attack": condition.name,
        "eps255": condition.eps255,
        **ends,
        "people": people,
    }
