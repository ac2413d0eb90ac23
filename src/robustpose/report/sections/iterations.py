"""More steps and other steps: the paper's Figures 2e and 2f, and its search for the best step."""

import altair as alt
import polars as pl

from robustpose.report.charts import Spec, by_network, finished, percent_axis, plain
from robustpose.report.figures import drawn
from robustpose.report.listings import Value, value
from robustpose.report.published import published_points
from robustpose.report.runs import Run
from robustpose.report.sections.section import PLAIN, Row, Section, Table, number
from robustpose.report.tables import conditions

EPSILON = 8.0
"""Where the paper compares numbers of steps, in 0-255 units."""
COUNTED = r"^IGSM-[UT]-\d+$"
RULE = ("IGSM-U-N", "IGSM-U-10N")
"""As many steps of one grey level as Arnab et al. (2018) take, and ten times as many."""
ASKED = "APGD-T-LO-100"
"""Another person's pose, asked for with a loss made for the score: 100 steps in a large ball."""
SWEPT = r"^(IGSM-[UT]-\d+) step 1/(\d+)$"


def iterations(run: Run, scores: pl.DataFrame) -> Section | None:
    """Return what more steps and other steps do; None if the run has nothing of it.

    A column `guess` of the scores is drawn dotted.
    """
    table = _at_epsilon(run, scores)
    counted = table.filter(pl.col("attack").str.contains(COUNTED))
    if counted.select("goal", "steps").n_unique() < 3:
        return None
    figures = [
        drawn(
            run.folder,
            "iterations",
            "Number of steps",
            f"What is left (untargeted) or reached (targeted) at ε = {EPSILON:g} after so many "
            "steps of one and the same size. Dotted: one constant pose for everybody.",
            "Lines of the score against the number of steps; numbers in tables/iterations.csv.",
            _chart(counted, run),
            hint="Point at a marker for its numbers.",
        )
    ]
    tables = [
        _published_table(run, counted),
        *_rule_table(run, table),
        *_step_table(run, table),
        *_asked_table(run, scores),
    ]
    return Section(
        "iterations",
        "Iterations and steps",
        [
            "The study finds that a hundred steps do far more damage than ten (its Figures 2e and "
            "2f), and contrasts that with segmentation, where few steps are said to suffice. "
            "Steps here are a third of epsilon for untargeted and a ninth for targeted attacks.",
        ],
        figures=figures,
        tables=[each for each in tables if each.rows],
        files={"iterations": table},
    )


def _at_epsilon(run: Run, scores: pl.DataFrame) -> pl.DataFrame:
    steps = conditions(run).select(pl.col("name").alias("attack"), "eps255", "steps", "step255")
    return scores.filter(eps255=EPSILON).join(steps, on=["attack", "eps255"], how="left")


def _chart(counted: pl.DataFrame, run: Run) -> Spec:
    panels = {"untargeted": f"relative {run.rule.name}", "targeted": f"target {run.rule.name}"}
    long = counted.with_columns(
        pl.when(goal="targeted").then("target").otherwise("relative").alias("value"),
        pl.col("goal").replace_strict(panels, default=None).alias("panel"),
    ).drop_nulls("value")
    networks = [name for name in run.networks if name in set(long["network"])]
    base = alt.Chart().encode(
        x=alt.X(
            "steps:Q",
            title="steps",
            scale=alt.Scale(type="log", base=10, nice=False, padding=12),
            axis=alt.Axis(values=[2, 5, 10, 20, 50, 100], grid=False),
        ),
        y=percent_axis("value", "score [%]", 100.0),
        color=by_network("color", networks),
    )
    line = base.mark_line(strokeWidth=1.8).encode(strokeDash=by_network("strokeDash", networks))
    point = base.mark_point(filled=True, size=46).encode(
        shape=by_network("shape", networks),
        tooltip=["network:N", "attack:N", "steps:Q", alt.Tooltip("value:Q", format=".1f")],
    )
    dots = (
        alt.Chart()
        .transform_filter("isValid(datum.guess)")
        .mark_rule(strokeWidth=1.3, strokeDash=[1, 3])
        .encode(
            y=percent_axis("mean(guess)", "score [%]", 100.0), color=by_network("color", networks)
        )
    )
    layers = alt.LayerChart(layer=[dots, line, point], data=plain(long), width=400, height=270)
    return finished(
        layers.facet(facet=alt.Facet("panel:N", sort=list(panels.values()), title=None), columns=2)
    )


def _published_table(run: Run, counted: pl.DataFrame) -> Table:
    """Return 10 and 100 steps beside each other, ours and below them the paper's."""
    attacks = [
        name
        for name in ("IGSM-U-10", "IGSM-U-100", "IGSM-T-20", "IGSM-T-100")
        if name in set(counted["attack"])
    ]
    ours = [
        Row(network, [_own(counted, network, attack) for attack in attacks])
        for network in run.networks
        if network in set(counted["network"])
    ]
    points = published_points(EPSILON)
    theirs = [
        Row(
            f"{model} (published)",
            [number(points.get((model, attack))) for attack in attacks],
            True,
        )
        for model in dict.fromkeys(model for model, attack in points if attack in attacks)
    ]
    return Table(
        f"Ten against a hundred steps at ε = {EPSILON:g}",
        f"relative {run.rule.name} (U), target {run.rule.name} (T), in percent",
        "Network",
        attacks,
        [*ours, *theirs],
    )


def _own(table: pl.DataFrame, network: str, attack: str) -> Value:
    rows = table.filter(network=network, attack=attack).to_dicts()
    if not rows:
        return PLAIN
    return value(rows[0], "target" if rows[0]["goal"] == "targeted" else "relative")


def _rule_table(run: Run, table: pl.DataFrame) -> list[Table]:
    if not set(RULE) <= set(table["attack"]):
        return []
    steps = dict(table.filter(pl.col("attack").is_in(RULE)).select("attack", "steps").iter_rows())
    rows = [
        Row(network, [_own(table, network, attack) for attack in RULE])
        for network in run.networks
        if network in set(table["network"])
    ]
    columns = [f"{steps[attack]} steps" for attack in RULE]
    about = f"steps of one grey level, relative {run.rule.name} in percent"
    return [
        Table("The rule of segmentation, and ten times its steps", about, "Network", columns, rows)
    ]


def _asked_table(run: Run, scores: pl.DataFrame) -> list[Table]:
    """Return what a large budget reaches, where the run has it, beside the training loss."""
    radii = scores.filter(attack=ASKED)["eps255"].to_list()
    if not radii:
        return []
    largest = max(radii)
    table = scores.filter(eps255=largest)
    attacks = [name for name in ("IGSM-T-20", ASKED) if name in set(table["attack"])]
    rows = [
        Row(network, [_own(table, network, attack) for attack in attacks])
        for network in run.networks
        if network in set(table["network"])
    ]
    about = f"target {run.rule.name} in percent; {ASKED} is on a loss made for the score"
    title = f"Another pose, asked for at ε = {largest:g}"
    return [Table(title, about, "Network", attacks, rows)]


def _step_table(run: Run, table: pl.DataFrame) -> list[Table]:
    swept = table.with_columns(
        pl.col("attack").str.extract(SWEPT, 1).alias("base"),
        (EPSILON / pl.col("step255")).round(3).alias("share"),
    )
    bases = swept["base"].drop_nulls().unique(maintain_order=True).to_list()
    made = []
    for base in bases:
        own = swept.filter((pl.col("base") == base) | (pl.col("attack") == base)).sort("share")
        attacks = own["attack"].unique(maintain_order=True).to_list()
        shares = dict(own.select("attack", "share").iter_rows())
        rows = [
            Row(network, [_own(own, network, attack) for attack in attacks])
            for network in run.networks
            if network in set(own["network"])
        ]
        columns = [f"ε/{shares[attack]:g}" for attack in attacks]
        about = f"at ε = {EPSILON:g}, in percent"
        made.append(Table(f"Other steps of {base}", about, "Network", columns, rows))
    return made
