"""The smallest perturbation that loses a joint: the curve that no choice of epsilon can flatter."""

import math
from collections.abc import Mapping

import numpy as np
import polars as pl
from jaxtyping import Float

from robustpose.metrics.intervals import ratio_interval
from robustpose.metrics.smallest import (
    Errors,
    smallest_epsilons,
    smallest_halving,
    worst_images,
    worst_joints,
)
from robustpose.report.charts import curves
from robustpose.report.figures import Chart, drawn
from robustpose.report.listings import Value
from robustpose.report.runs import Run
from robustpose.report.sections.section import Row, Section, Table
from robustpose.report.tables import counts_of, interval_ends

FEWEST_SIZES = 3
"""Epsilons that make a curve."""
WAYS = {"the worst image of each person": worst_images, "joint by joint (a bound)": worst_joints}
QUARTILES = (25, 50, 75)
SCHEMA = pl.Schema(
    {
        "network": pl.String,
        "attack": pl.String,  # one of WAYS
        "eps255": pl.Float64,
        "remaining": pl.Float64,
        "remaining_low": pl.Float64,
        "remaining_high": pl.Float64,
        "people": pl.Int64,
        "conditions": pl.Int64,
    }
)


SEARCHED = pl.Schema(
    {
        "network": pl.String,
        "attack": pl.String,  # the search
        "eps255": pl.Float64,
        "people": pl.Float64,  # percent of them that keep more than half of their joints
        "people_low": pl.Float64,
        "people_high": pl.Float64,
    }
)


def smallest(run: Run) -> Section | None:
    """Return what the smallest perturbations are; None with fewer than three sizes and no search.

    From the worst case over all conditions up to each epsilon, and from searches for each person's
    own (`conditions.Smallest`).
    """
    met = {network: _met(run, network) for network in run.networks if run.complete(network)}
    met = {network: errors for network, errors in met.items() if len(errors) >= FEWEST_SIZES}
    searched = search_table(run)
    if not met and searched.is_empty():
        return None
    worst = worst_case_table(run, met)
    return Section(
        "smallest",
        "Smallest perturbations",
        [
            "A larger ball holds the smaller ones, so whatever was found up to a size counts. What "
            "is left falls by construction, also where a single attack grows weaker, and the "
            "epsilon at which a joint is lost needs no epsilon to be chosen beforehand."
        ],
        figures=[*_worst_figure(run, worst), *_search_figure(run, searched)],
        tables=[_quartiles(run, met)] if met else [],
        files={
            name: table
            for name, table in (("smallest", worst), ("smallest_search", searched))
            if len(table)
        },
    )


def search_table(run: Run) -> pl.DataFrame:
    """Return for each search and network the people of whom nothing so small takes half.

    Or a joint, if the search is for one. People of whom nothing was right on clean images are left
    out.
    """
    counts, lines = counts_of(run), []
    for name in _searches(run):
        for network in run.networks:
            sizes = _sizes(run, network, name)
            if sizes is None:
                continue
            losing = sizes != 0
            for size in np.unique(sizes[losing & np.isfinite(sizes)]):
                kept = ratio_interval((sizes > size).astype(float), losing.astype(float), counts)
                ends = interval_ends("people", kept, int(losing.sum()))
                lines.append({"network": network, "attack": name, "eps255": float(size), **ends})
    return pl.DataFrame(lines, schema=SEARCHED, orient="row")


def _searches(run: Run) -> list[str]:
    return [
        entry["condition"]
        for entry in run.study["conditions"]
        if str((entry.get("settings") or {}).get("type")).endswith(".Smallest")
    ]


def _sizes(run: Run, network: str, search: str) -> Float[np.ndarray, "n"] | None:
    """Return everybody's smallest epsilon in 0-255 units, infinite where none was enough."""
    rows = run.rows.filter(condition=search, victim=network, made_on=network)
    found = dict(rows.select("person", "eps").iter_rows())
    if len(found) < len(run.people):
        return None
    sizes = [
        math.inf if found[each] is None else 255 * found[each] for each in run.people["person"]
    ]
    return np.round(sizes, 6)


def _worst_figure(run: Run, table: pl.DataFrame) -> list[Chart]:
    if table.is_empty():
        return []
    networks = table["network"].unique(maintain_order=True).to_list()
    return [
        drawn(
            run.folder,
            "smallest",
            "The worst case up to each size",
            f"{run.rule.name} in percent under the worst of all conditions of this run up to "
            "epsilon: for each person the worst image, and for each joint the worst image for it, "
            "which is a bound. Numbers of conditions: tables/smallest.csv.",
            "Falling lines; numbers in tables/smallest.csv.",
            curves(table, "remaining", networks, attacks=list(WAYS), score=run.rule.name),
        )
    ]


def _search_figure(run: Run, table: pl.DataFrame) -> list[Chart]:
    if table.is_empty():
        return []
    networks = table["network"].unique(maintain_order=True).to_list()
    searches = table["attack"].unique(maintain_order=True).to_list()
    return [
        drawn(
            run.folder,
            "smallest_search",
            "Searched for each person",
            "Percentage of people of whom the search found nothing so small that takes half of "
            "their joints, or the joint that it is about.",
            "Falling lines; numbers in tables/smallest_search.csv.",
            curves(table, "people", networks, attacks=searches, score="who keep theirs"),
        )
    ]


def worst_case_table(run: Run, met: Mapping[str, Mapping[float, Errors]]) -> pl.DataFrame:
    """Return one line for each network, way of taking the worst, and epsilon.

    `met` are the errors under every condition of each epsilon; the clean images count too.
    """
    counts, lines = counts_of(run), []
    for network, attacked in met.items():
        errors = [run.errors(network)]
        people = int((~np.isnan(errors[0])).any(axis=1).sum())
        for epsilon, found in sorted(attacked.items()):
            errors += found
            for way, worst in WAYS.items():
                interval = ratio_interval(*worst(errors, run.rule), counts)
                lines.append(
                    {
                        "network": network,
                        "attack": way,
                        "eps255": epsilon,
                        **interval_ends("remaining", interval, people),
                        "people": people,
                        "conditions": len(errors) - 1,
                    }
                )
    return pl.DataFrame(lines, schema=SCHEMA, orient="row")


def _met(run: Run, network: str) -> dict[float, list[Float[np.ndarray, "n k"]]]:
    """Return the errors of a network under every condition of each epsilon, whoever made it."""
    found: dict[float, list[Float[np.ndarray, "n k"]]] = {}
    for conditions in run.attacks.values():
        for condition in conditions:
            for source in run.study["victims"]:
                if run.asked(network, condition, made_on=source) and run.complete(
                    network, condition, made_on=source
                ):
                    error = run.errors(network, condition, made_on=source)
                    found.setdefault(condition.eps255 or 0.0, []).append(error)
    return found


def _quartiles(run: Run, met: Mapping[str, Mapping[float, Errors]]) -> Table:
    rows = []
    for network, attacked in met.items():
        joints = smallest_epsilons(run.errors(network), attacked, run.threshold)
        people = smallest_halving(run.errors(network), attacked, run.threshold)
        lost = (joints[joints > 0], people[~np.isnan(people)])
        rows.append(Row(network, [each for own in lost for each in _spread(own, min(attacked))]))
    return Table(
        "Where joints are lost, and where people lose half of theirs",
        "smallest epsilon of this run, in 0-255 units, for so many percent of the joints that are "
        "right on clean images, and of the people",
        "Network",
        [f"{what}, {share} %" for what in ("joints", "people") for share in QUARTILES],
        rows,
    )


def _spread(smallest: Float[np.ndarray, "m"], tried: float) -> list[Value]:
    """Return the epsilons at which so many percent are lost; `tried` is the smallest there is."""
    if not len(smallest):
        return [Value("–", "")] * len(QUARTILES)
    ends = np.percentile(smallest, QUARTILES, method="higher")
    return [Value(_said(float(end), tried), "") for end in ends]


def _said(epsilon: float, tried: float) -> str:
    if math.isinf(epsilon):
        return "never"
    return f"≤ {epsilon:g}" if epsilon == tried else f"{epsilon:g}"
