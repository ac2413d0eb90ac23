"""Curves of the sibling tasks: what is left of the clean score, and of what is above chance."""

from collections.abc import Mapping

import altair as alt
import polars as pl

from robustpose.report.charts import INK, Spec, by_network, epsilon_axis, finished, plain


def task_curves(
    attacked: pl.DataFrame, heads: Mapping[str, str], measures: Mapping[str, str]
) -> Spec:
    """Return panels of `task_scores`: a row an attack at several epsilons, a column a measure.

    `heads` and `measures` say what tasks and columns are called.
    """
    swept = attacked.filter(pl.col("eps255").n_unique().over("attack") > 1)
    long = _long(swept if len(swept) else attacked, heads, measures)
    names = [name for name in heads.values() if name in set(long["network"])]
    y, y_low = (_axis(long, end) for end in ("", "_low"))
    base = alt.Chart().encode(x=epsilon_axis(), color=by_network("color", names))
    band = base.mark_area(opacity=0.13).encode(y=y_low, y2="left_high:Q")
    line = base.mark_line(strokeWidth=1.8).encode(y=y, strokeDash=by_network("strokeDash", names))
    point = base.mark_point(filled=True, size=46).encode(
        y=y,
        shape=by_network("shape", names),
        tooltip=[
            alt.Tooltip("network:N", title="head"),
            alt.Tooltip("attack:N", title="attack"),
            alt.Tooltip("eps255:Q", title="epsilon"),
            alt.Tooltip("left:Q", title="left [%]", format=".1f"),
            alt.Tooltip("left_low:Q", title="95 % from", format=".1f"),
            alt.Tooltip("left_high:Q", title="95 % to", format=".1f"),
        ],
    )
    layers = alt.LayerChart(layer=[band, line, point], data=plain(long), width=380, height=200)
    attacks = long["attack"].unique(maintain_order=True).to_list()
    header = alt.Header(title=None, labelFontSize=13, labelFontWeight=600, labelColor=INK)
    return finished(
        layers.facet(
            row=alt.Row("attack:N", sort=attacks, header=header),
            column=alt.Column("measure:N", sort=list(measures.values()), header=header),
        )
    )


def _long(
    attacked: pl.DataFrame, heads: Mapping[str, str], measures: Mapping[str, str]
) -> pl.DataFrame:
    """Return one line a head, attack, epsilon and measure, its value in the column `left`."""
    return pl.concat(
        attacked.select(
            pl.col("task").replace_strict(heads, default=None).alias("network"),
            "attack",
            "eps255",
            pl.lit(said).alias("measure"),
            *(pl.col(f"{name}{end}").alias(f"left{end}") for end in ("", "_low", "_high")),
        )
        for name, said in measures.items()
    ).drop_nulls("left")


def _axis(long: pl.DataFrame, end: str) -> alt.Y:
    # Above chance, what is left can be negative.
    low, high = (long[f"left{each}"].drop_nulls().to_list() for each in ("_low", "_high"))
    values = long["left"].to_list()
    scale = alt.Scale(domain=[min(0.0, *low, *values), max(100.0, *high, *values)], nice=False)
    return alt.Y(f"left{end}:Q", title="left [%]", scale=scale, axis=alt.Axis(tickCount=5))
