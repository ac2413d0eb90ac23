"""Bars of what became of the joints: clean, and under one attack."""

import altair as alt
import polars as pl

from robustpose.metrics.error_kinds import KINDS
from robustpose.report.charts import INK, Spec, finished, plain
from robustpose.report.runs import Condition
from robustpose.report.tables import CLEAN

# Okabe and Ito (2008); what is right recedes.
COLOURS = {
    "good": "#dfe3e8",
    "jitter": "#F0C35A",
    "inversion": "#0072B2",
    "swap": "#CC79A7",
    "miss": "#3c4043",
}


def kind_bars(table: pl.DataFrame, condition: Condition) -> Spec:
    """Return stacked bars from a table of kinds: two a network, clean and under the condition."""
    named = f"{condition.name}, ε = {condition.eps255:g}"
    shown = table.filter(
        (pl.col("attack") == CLEAN)
        | ((pl.col("attack") == condition.name) & (pl.col("eps255") == condition.eps255))
    ).with_columns(
        pl.when(attack=CLEAN).then(pl.lit(CLEAN)).otherwise(pl.lit(named)).alias("images")
    )
    long = shown.unpivot(KINDS, index=["network", "images"], variable_name="kind").with_columns(
        pl.col("kind").replace_strict({kind: i for i, kind in enumerate(KINDS)}).alias("place")
    )
    bars = (
        alt.Chart(plain(long), width=560, height=alt.Step(20))
        .mark_bar()
        .encode(
            x=alt.X(
                "value:Q", title="share of scored joints [%]", scale=alt.Scale(domain=[0, 100])
            ),
            y=alt.Y("images:N", title=None, sort=[CLEAN, named]),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=list(KINDS), range=[COLOURS[kind] for kind in KINDS]),
            ),
            order="place:Q",
            tooltip=[
                alt.Tooltip("network:N"),
                alt.Tooltip("images:N"),
                alt.Tooltip("kind:N"),
                alt.Tooltip("value:Q", title="share [%]", format=".1f"),
            ],
        )
    )
    networks = list(dict.fromkeys(shown["network"]))
    header = alt.Header(
        title=None,
        labelAngle=0,
        labelAnchor="start",
        labelOrient="top",
        labelPadding=-14,
        labelFontSize=12,
        labelFontWeight=600,
        labelColor=INK,
    )
    return finished(bars.facet(row=alt.Row("network:N", sort=networks, header=header), spacing=14))
