"""Perturbations made on one network and shown to another: the paper's Table 1, and beyond it."""

from collections.abc import Iterator, Mapping, Sequence

import altair as alt
import numpy as np
import polars as pl

from robustpose.metrics.intervals import FEWEST
from robustpose.metrics.robustness import score_drop
from robustpose.report.charts import INK, Spec, finished, plain
from robustpose.report.figures import drawn
from robustpose.report.listings import Value
from robustpose.report.runs import Condition, Run
from robustpose.report.sections.section import Row, Section, Table
from robustpose.report.tables import counts_of

SCHEMA = pl.Schema(
    {
        "attack": pl.String,
        "eps255": pl.Float64,
        "victim": pl.String,
        "made_on": pl.String,
        "related": pl.String,  # "itself", "same encoder", or null
        "relative": pl.Float64,
        "relative_low": pl.Float64,
        "relative_high": pl.Float64,
        "people": pl.Int64,
    }
)


def transfer(run: Run) -> Section | None:
    """Return the matrices of every perturbation that several networks see; None without one."""
    table = transfer_table(run)
    if table.is_empty():
        return None
    cases = table.select("attack", "eps255").unique(maintain_order=True).rows()
    figures = [
        drawn(
            run.folder,
            f"transfer_{_slug(attack)}_{eps:g}",
            f"{attack} at ε = {eps:g}",
            f"Relative {run.rule.name} in percent of each network (rows) under perturbations made "
            "on each (columns): lower is a stronger attack. Framed in white: made on itself; in "
            "orange: made on a network with the same kind of encoder.",
            "A matrix of networks; numbers in tables/transfer.csv.",
            _matrix(table.filter(attack=attack, eps255=eps), run.networks, run.rule.name),
            hint="Point at a cell for its interval.",
        )
        for attack, eps in cases
    ]
    return Section(
        "transfer",
        "Perturbations made on other networks",
        [
            "An attacker who does not have the network makes the perturbation on another one and "
            "hopes that it transfers. Each perturbation is made once and shown to every network.",
        ],
        figures=figures,
        tables=[_means(table, cases, run)],
        files={"transfer": table},
    )


def transfer_table(run: Run) -> pl.DataFrame:
    """Return one line for each perturbation, network that sees it and network it was made on.

    Only of conditions whose images several networks see. `related` tells networks that share an
    encoder, whose perturbations say less about transfer.
    """
    counts = counts_of(run)
    lines = []
    for condition, victim, source in _pairs(run):
        if not run.complete(victim, condition, made_on=source) or not run.complete(victim):
            continue
        attacked = run.errors(victim, condition, made_on=source)
        drop = score_drop(attacked, run.errors(victim), run.rule, counts)
        low, high = drop.relative[1:] if drop.people >= FEWEST else (np.nan, np.nan)
        lines.append(
            {
                "attack": condition.name,
                "eps255": condition.eps255,
                "victim": victim,
                "made_on": source,
                "related": _related(run, victim, source),
                "relative": drop.relative.value,
                "relative_low": low,
                "relative_high": high,
                "people": drop.people,
            }
        )
    return pl.DataFrame(lines, schema=SCHEMA, orient="row").with_columns(
        pl.col(pl.Float64).fill_nan(None)
    )


def foreign_means(table: pl.DataFrame) -> dict[str, float]:
    """Return each victim's mean over perturbations of other networks; `table` has one case."""
    foreign = table.filter(pl.col("victim") != pl.col("made_on")).drop_nulls("relative")
    means = foreign.group_by("victim", maintain_order=True).agg(pl.col("relative").mean())
    return dict(means.iter_rows())


def _pairs(run: Run) -> Iterator[tuple[Condition, str, str]]:
    for conditions in run.attacks.values():
        for condition in conditions:
            pairs = [
                (victim, source)
                for victim in run.networks
                for source in run.networks
                if run.asked(victim, condition, made_on=source)
            ]
            if any(victim != source for victim, source in pairs):
                yield from ((condition, *pair) for pair in pairs)


def _related(run: Run, victim: str, source: str) -> str | None:
    if victim == source:
        return "itself"
    encoders = [run.study["victims"][name].get("backbone") for name in (victim, source)]
    return "same encoder" if encoders[0] is not None and encoders[0] == encoders[1] else None


def _matrix(table: pl.DataFrame, networks: Sequence[str], score: str) -> Spec:
    side = alt.Step(34)
    base = alt.Chart(plain(table), width=side, height=side).encode(
        x=alt.X(
            "made_on:N",
            title="made on",
            sort=list(networks),
            axis=alt.Axis(orient="top", labelAngle=-45, domain=False, ticks=False),
        ),
        y=alt.Y("victim:N", title="shown to", sort=list(networks), axis=alt.Axis(domain=False)),
        tooltip=[
            alt.Tooltip("victim:N", title="shown to"),
            alt.Tooltip("made_on:N", title="made on"),
            alt.Tooltip("relative:Q", title=f"relative {score} [%]", format=".1f"),
            alt.Tooltip("relative_low:Q", title="95 % from", format=".1f"),
            alt.Tooltip("relative_high:Q", title="95 % to", format=".1f"),
        ],
    )
    cells = base.mark_rect().encode(
        color=alt.Color(
            "relative:Q",
            legend=None,
            scale=alt.Scale(scheme="viridis", domain=[0, 100], clamp=True),
        )
    )
    frames = (
        base.transform_filter("isValid(datum.related)")
        .mark_rect(filled=False, strokeWidth=2)
        .encode(
            stroke=alt.condition(
                "datum.related == 'itself'", alt.value("#ffffff"), alt.value("#e69f00")
            )
        )
    )
    numbers = base.mark_text(fontSize=11).encode(
        text=alt.Text("relative:Q", format=".0f"),
        color=alt.condition("datum.relative > 60", alt.value(INK), alt.value("#ffffff")),
    )
    return finished(cells + frames + numbers)


def _means(table: pl.DataFrame, cases: Sequence[tuple[str, float]], run: Run) -> Table:
    means: Mapping[tuple[str, float], dict[str, float]] = {
        case: foreign_means(table.filter(attack=case[0], eps255=case[1])) for case in cases
    }
    rows = [
        Row(network, [_mean(means[case].get(network)) for case in cases])
        for network in run.networks
    ]
    return Table(
        "Mean over the perturbations of other networks",
        f"relative {run.rule.name} in percent; what the paper calls vulnerability",
        "Network",
        [f"{attack}, ε = {eps:g}" for attack, eps in cases],
        rows,
    )


def _mean(value: float | None) -> Value:
    return Value("–" if value is None else f"{value:.1f}", "")


def _slug(attack: str) -> str:
    return attack.lower().replace("-", "_").replace(" ", "_").replace("/", "_")
