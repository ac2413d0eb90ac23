"""Scores arranged for reading: one table a network, a block an attack, a column an epsilon."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from robustpose.report.runs import Cell, Condition, Run

USUAL_EPSILONS = (1.0, 2.0, 4.0, 8.0)
MOST_COLUMNS = 6


class Value(NamedTuple):
    """A number and its interval, with one decimal; an en dash where there is none."""

    value: str
    interval: str


class Line(NamedTuple):
    """One measure of an attack over the epsilons; `key`: the one that the goal is about."""

    measure: str
    values: list[Value]
    key: bool


class Block(NamedTuple):
    """The lines of one attack, or what is missing for them."""

    attack: str
    goal: str
    lines: list[Line]
    missing: list[str]


class ScoreTable(NamedTuple):
    """Everything that the page says about one network."""

    network: str
    score: str
    clean: Value
    people: int
    epsilons: list[float]
    blocks: list[Block]
    missing: list[str]


def score_tables(run: Run, scores: pl.DataFrame) -> list[ScoreTable]:
    """Return one table a network; where cells are missing, their names in the place of numbers."""
    epsilons = page_epsilons(run)
    return [_score_table(run, scores.filter(network=each), each, epsilons) for each in run.networks]


class Signs(NamedTuple):
    """What else tells that a network fails under an attack."""

    network: str
    kept: Value
    auroc: Value
    implausible_clean: Value
    implausible: Value


def signs(run: Run, tables: Mapping[str, pl.DataFrame], condition: Condition) -> list[Signs]:
    """Return one line a network whose cells are all there; `tables` are those of explanations."""

    def found(table: str, column: str, network: str, *, attacked: bool = True) -> Value:
        lines = tables[table].filter(network=network)
        at = (pl.col("attack") == condition.name) & (pl.col("eps255") == condition.eps255)
        rows = lines.filter(at if attacked else pl.col("attack") == "clean").to_dicts()
        return value(rows[0] if rows else {}, column)

    return [
        Signs(
            network,
            kept=found("above_guess", "kept", network),
            auroc=found("confidence", "auroc", network),
            implausible_clean=found("plausibility", "implausible", network, attacked=False),
            implausible=found("plausibility", "implausible", network),
        )
        for network in run.networks
        if not run.missing_for(network, [condition])
    ]


def page_epsilons(run: Run) -> list[float]:
    """Return the epsilons that the page prints: 1, 2, 4 and 8 where studied, else the first six."""
    studied = sorted({c.eps255 for each in run.swept.values() for c in each if c.eps255})
    usual = [eps for eps in studied if eps in USUAL_EPSILONS]
    return usual or studied[:MOST_COLUMNS]


def whole_curves(run: Run, scores: pl.DataFrame) -> pl.DataFrame:
    """Return the scores of those network-attack pairs that have every epsilon."""
    pairs = [
        (network, attack)
        for network in run.networks
        for attack, conditions in run.swept.items()
        if not run.missing_for(network, conditions)
    ]
    kept = pl.DataFrame(pairs, schema={"network": pl.String, "attack": pl.String}, orient="row")
    return scores.join(kept, on=["network", "attack"], how="semi", maintain_order="left")


def named(cells: Sequence[Cell]) -> list[str]:
    """Return cells in words, the batches of one condition together."""
    batches: dict[str, list[int]] = {}
    for cell in cells:
        where = cell.condition + (f" on {cell.made_on}" if cell.made_on else "")
        batches.setdefault(where, []).append(cell.batch)
    return [
        f"{where}: batch{'es' if len(each) > 1 else ''} {', '.join(map(str, sorted(each)))}"
        for where, each in batches.items()
    ]


def value(row: Mapping[str, Any], name: str) -> Value:
    """Return `name` of a line of scores with its interval."""
    middle, low, high = (row.get(f"{name}{end}") for end in ("", "_low", "_high"))
    if middle is None:
        return Value("–", "")
    if low is None or high is None:
        return Value(f"{middle:.1f}", "")
    return Value(f"{middle:.1f}", f"{low:.1f} to {high:.1f}")


def _score_table(run: Run, scores: pl.DataFrame, network: str, epsilons: list[float]) -> ScoreTable:
    clean = scores.filter(attack="clean").to_dicts()
    missing = named(run.missing_for(network))
    blocks = [
        _block(run, scores.filter(attack=attack), network, conditions, epsilons)
        for attack, conditions in run.attacks_on(network).items()
        if attack in run.swept
    ]
    return ScoreTable(
        network=network,
        score=run.rule.name,
        clean=value(clean[0], "score") if clean else Value("–", ""),
        people=clean[0]["people"] if clean else 0,
        epsilons=epsilons,
        blocks=[] if missing else blocks,
        missing=missing,
    )


def _block(
    run: Run,
    scores: pl.DataFrame,
    network: str,
    conditions: Sequence[Condition],
    epsilons: Sequence[float],
) -> Block:
    goal = conditions[0].goal or ""
    missing = named(run.missing_for(network, conditions))
    score = run.rule.name
    measures = [(score, "score"), (f"relative {score}", "relative")]
    if goal == "targeted":
        measures.append((f"target {score}", "target"))
    key = measures[-1][1]
    rows = {row["eps255"]: row for row in scores.to_dicts()}
    lines = [
        Line(said, [value(rows.get(eps, {}), column) for eps in epsilons], column == key)
        for said, column in measures
    ]
    return Block(conditions[0].name, goal, [] if missing else lines, missing)
