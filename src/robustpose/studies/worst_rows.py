"""Rows of an ensemble, from those of its members where all of them are there already.

Members begin afresh in an ensemble, so what it would show is known: for each person the row of the
member that hurts them most, and what would have been spent until they were lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from robustpose.conditions import Attacked, Ensemble
from robustpose.conditions.worst import CLEAN, Spent, Worst
from robustpose.metrics.rules import Rule
from robustpose.metrics.worst_case import harm
from robustpose.studies.digests import digest_of
from robustpose.studies.provenance import described
from robustpose.studies.rows import ROW, errors_of
from robustpose.studies.study import Cell, Study


def cells_of_members(study: Study, cell: Cell, members: Sequence[Attacked]) -> list[Cell]:
    """Return the clean cell of a cell's batch and those of members; none if the study lacks one."""
    labels = [
        next((label for label, own in study.conditions.items() if own == member), None)
        for member in members
    ]
    clean = replace(cell, label="clean", made_on=None, victims=tuple(study.victims))
    found = [replace(cell, label=label) for label in labels if label is not None]
    return [clean, *found] if len(found) == len(members) else []


def worst_rows(tables: Mapping[str, pl.DataFrame], rule: Rule) -> pl.DataFrame:
    """Return for each person the worst of the rows of members, or the clean one.

    `tables` are of one victim and the same people, the clean one first, under `CLEAN`. Nobody is
    charged for members that come after the one to whom they lost their last joint.
    """
    clean, *members = tables
    assert clean == CLEAN
    people = {person: place for place, person in enumerate(tables[CLEAN]["person"])}
    joints = len(tables[CLEAN]["joints"][0])
    errors = {name: errors_of(rows, people, joints) for name, rows in tables.items()}
    worst = Worst(harm(errors[CLEAN], rule), (~np.isnan(errors[CLEAN])).sum(axis=1))
    for name in members:
        attacked = np.flatnonzero(worst.left())
        worst.see(name, attacked, harm(errors[name], rule), _spent(tables[name], attacked))
    chosen = pl.concat(
        [tables[name][place] for place, name in enumerate(worst.members)], how="vertical"
    )
    return chosen.with_columns(
        pl.col("perturbation_linf", "perturbation_l2").fill_null(0.0),
        rounded=tables[members[0]]["rounded"],
        zero_gradient=pl.Series(worst.zero_gradient, nan_to_null=True),
        gradients=pl.Series(worst.gradients),
        queries=pl.Series(worst.queries),
        member=pl.Series(worst.members),
    )


def named_after(ensemble: Ensemble, rows: pl.DataFrame, part: str) -> pl.DataFrame:
    """Return rows as those of a part of an ensemble, which asks for no pose."""
    columns = {
        "part": part,
        "made_on": rows["victim"][0],
        "condition": ensemble.name,
        "goal": ensemble.goal,
        "norm": ensemble.ball.norm,
        "eps": ensemble.ball.eps,
        "steps": ensemble.steps,
        "target": None,
        "target_error": None,
        "settings": digest_of(described(ensemble)),
    }
    whole = rows.with_columns(**{name: pl.lit(value) for name, value in columns.items()})
    return whole.select(ROW.names()).cast(dict(ROW))  # type: ignore[arg-type]


def _spent(rows: pl.DataFrame, attacked: np.ndarray) -> Spent:
    of = rows[attacked.tolist()]
    zero = of["zero_gradient"].cast(pl.Float64).to_numpy()
    # The image is judged once more than the member itself asks.
    return Spent(of["gradients"].to_numpy(), of["queries"].to_numpy() + 1, zero)
