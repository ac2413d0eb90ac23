"""What an attack leaves of each limb: the percentage of correct parts, left and right together."""

import math
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from robustpose.metrics.intervals import FEWEST
from robustpose.metrics.limbs import PCP_THRESHOLD, limb_errors, limb_groups
from robustpose.metrics.robustness import score_drop_by_group
from robustpose.metrics.rules import Within
from robustpose.report.explanations import cases
from robustpose.report.runs import Condition, Run
from robustpose.report.tables import counts_of

COLUMNS = ("clean", "score", "relative")
SCHEMA = pl.Schema(
    {
        "network": pl.String,
        "attack": pl.String,
        "eps255": pl.Float64,
        "limb": pl.String,
        **{f"{name}{end}": pl.Float64 for name in COLUMNS for end in ("", "_low", "_high")},
        "people": pl.Int64,
    }
)


def limb_table(run: Run) -> pl.DataFrame:
    """Return one line for each network, attack and kind of limb whose cells are all there.

    `clean` and `score` (under attack) are strict PCP in percent, `relative` the second in percent
    of the first; each with `_low` and `_high`. `people` have such a limb labelled.
    """
    counts, groups, lines = counts_of(run), limb_groups(run.skeleton), []
    for network, condition in cases(run):
        if condition is None:
            clean = _errors(run, network, None)
            continue
        drops = score_drop_by_group(
            _errors(run, network, condition), clean, Within(PCP_THRESHOLD), counts, groups
        )
        for limb, drop in drops.items():
            line: dict[str, Any] = {
                "network": network,
                "attack": condition.name,
                "eps255": condition.eps255,
                "limb": limb,
                "people": drop.people,
            }
            for name, interval in zip(
                COLUMNS, (drop.clean, drop.attacked, drop.relative), strict=True
            ):
                for end, value in zip(("", "_low", "_high"), interval, strict=True):
                    known = not math.isnan(value) and (drop.people >= FEWEST or not end)
                    line[f"{name}{end}"] = value if known else None
            lines.append(line)
    return pl.DataFrame(lines, schema=SCHEMA, orient="row")


def _errors(run: Run, network: str, condition: Condition | None) -> Float[np.ndarray, "n l"]:
    joints = run.points(network, condition)
    return limb_errors(joints, run.truth, run.scored, run.skeleton.limb_indices)
