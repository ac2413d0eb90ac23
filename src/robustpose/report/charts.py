"""Curves of a score against epsilon, interactive on the page and static in files and print."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import vl_convert

from robustpose.report.palette import NETWORK_COLOURS, NETWORK_DASHES, NETWORK_SHAPES
from robustpose.report.published import published_curves

FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"
INK = "#1f2328"
QUIET = "#6b7280"
MOST_BANDS = 8
"""Intervals of more networks than these would cover one another: those picked have one."""

Spec = dict[str, Any]


def curves(
    scores: pl.DataFrame,
    measure: str,
    networks: Sequence[str],
    *,
    attacks: Sequence[str],
    score: str,
) -> Spec:
    """Return a chart of `relative` or `target` against epsilon, one panel an attack, with bands.

    `score` is what is measured, as PCK. A column `guess` is drawn dotted: what one constant pose
    for everybody would have.
    """
    chosen = scores.filter(pl.col("attack").is_in(list(attacks)) & pl.col(measure).is_not_null())
    guess = "guess" in chosen.columns
    title, top = f"{measure} {score} [%]", _top(chosen, measure)
    layers = _layers(measure, networks, title=title, top=top, guess=guess)
    return finished(_panels(layers, chosen, attacks))


def beside_published(
    scores: pl.DataFrame, networks: Sequence[str], *, attacks: Sequence[str], score: str
) -> Spec:
    """Return the curves over those of Jain et al. (2019) in thin grey, one panel an attack."""
    own = scores.filter(pl.col("attack").is_in(list(attacks))).with_columns(
        pl.coalesce("target", "relative").alias("value"),
        pl.coalesce("target_low", "relative_low").alias("value_low"),
        pl.coalesce("target_high", "relative_high").alias("value_high"),
    )
    theirs = published_curves().filter(pl.col("attack").is_in(list(attacks)))
    both = pl.concat([own, theirs], how="diagonal")
    title, top = f"relative or target {score} [%]", _top(both, "value")
    is_theirs = "isValid(datum.published)"
    grey = (
        alt.Chart()
        .transform_filter(is_theirs)
        .mark_line(color="#9aa0a6", strokeWidth=0.9)
        .encode(
            x=epsilon_axis(),
            y=percent_axis("value", title, top),
            detail="published:N",
            tooltip=[
                alt.Tooltip("published:N", title="published network"),
                alt.Tooltip("eps255:Q", title="epsilon"),
                alt.Tooltip("value:Q", title="published value", format=".1f"),
            ],
        )
    )
    guess = "guess" in own.columns
    ours = _layers("value", networks, title=title, top=top, only=f"!{is_theirs}", guess=guess)
    return finished(_panels((grey, *ours), both, attacks))


def write_chart(spec: Spec, path: Path) -> str:
    """Write `path`.svg and `path`.png (twice the size); return the SVG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    svg = vl_convert.vegalite_to_svg(json.dumps(spec))
    path.with_suffix(".svg").write_text(svg, encoding="utf-8")
    path.with_suffix(".png").write_bytes(vl_convert.svg_to_png(svg, scale=2))
    return svg


def _layers(
    measure: str,
    networks: Sequence[str],
    *,
    title: str,
    top: float,
    only: str = "true",
    guess: bool = False,
) -> tuple[alt.Chart, ...]:
    picked = alt.selection_point(name="picked", fields=["network"], bind="legend")
    # Of many networks, bands and guesses are those of the ones that are picked.
    few = len(networks) <= MOST_BANDS
    shown = alt.when(picked, empty=few)
    rest = 0.02 if few else 0.0
    base = (
        alt.Chart()
        .transform_filter(only)
        .encode(x=epsilon_axis(), color=by_network("color", networks))
    )
    y = percent_axis(measure, title, top)
    band = base.mark_area().encode(
        y=percent_axis(f"{measure}_low", title, top),
        y2=f"{measure}_high:Q",
        opacity=shown.then(alt.value(0.13)).otherwise(alt.value(rest)),
    )
    faded = alt.when(picked).then(alt.value(1)).otherwise(alt.value(0.15))
    line = base.mark_line(strokeWidth=1.8).encode(
        y=y, opacity=faded, strokeDash=by_network("strokeDash", networks)
    )
    point = (
        base.mark_point(filled=True, size=46)
        .encode(
            y=y,
            opacity=faded,
            shape=by_network("shape", networks),
            tooltip=_tooltip(measure),
        )
        .add_params(picked)
    )
    if not guess:
        return band, line, point
    dots = (
        alt.Chart()
        .transform_filter(f"({only}) && isValid(datum.guess)")
        .mark_rule(strokeWidth=1.3, strokeDash=[1, 3])
        .encode(
            y=percent_axis("mean(guess)", title, top),
            color=by_network("color", networks),
            opacity=faded if few else shown.then(alt.value(1)).otherwise(alt.value(0)),
        )
    )
    return band, dots, line, point


def _top(table: pl.DataFrame, measure: str) -> float:
    # An attacked score can exceed the clean one, so the axis may have to go beyond 100.
    highest: list[float] = table[f"{measure}_high"].drop_nulls().to_list()
    return max([100.0, *highest])


def epsilon_axis() -> alt.X:
    """Return a horizontal axis of epsilon in 0-255 units, in powers of two."""
    return alt.X(
        "eps255:Q",
        title="epsilon, in 0-255 units",
        scale=alt.Scale(type="log", base=2, nice=False, padding=12),
        axis=alt.Axis(
            values=[2.0**power for power in range(-4, 9)],
            labelExpr="format(datum.value, '~g')",
            grid=False,
        ),
    )


def percent_axis(field: str, title: str, top: float) -> alt.Y:
    """Return a vertical axis from 0 to `top` percent."""
    scale = alt.Scale(domain=[0, top], nice=False)
    return alt.Y(f"{field}:Q", title=title, scale=scale, axis=alt.Axis(tickCount=5))


def _tooltip(measure: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("network:N", title="network"),
        alt.Tooltip("attack:N", title="attack"),
        alt.Tooltip("eps255:Q", title="epsilon"),
        alt.Tooltip(f"{measure}:Q", title="value [%]", format=".1f"),
        alt.Tooltip(f"{measure}_low:Q", title="95 % from", format=".1f"),
        alt.Tooltip(f"{measure}_high:Q", title="95 % to", format=".1f"),
        alt.Tooltip("people:Q", title="people"),
    ]


def by_network(channel: str, networks: Sequence[str]) -> Any:
    """Return the `color`, `shape` or `strokeDash` that tells networks apart in every chart.

    After the last colour the first comes again, with the next shape and dash.
    """
    places, turns = range(len(networks)), len(NETWORK_COLOURS)

    def scale(looks: Sequence[Any], places: Iterable[int]) -> alt.Scale:
        looked = [looks[place % len(looks)] for place in places]
        return alt.Scale(domain=list(networks), range=looked)

    if channel == "color":
        return alt.Color("network:N", title=None, scale=scale(NETWORK_COLOURS, places))
    turned = [place + place // turns for place in places]
    if channel == "shape":
        return alt.Shape("network:N", title=None, scale=scale(NETWORK_SHAPES, turned))
    return alt.StrokeDash("network:N", title=None, scale=scale(NETWORK_DASHES, turned))


def _panels(
    layers: Sequence[alt.Chart], data: pl.DataFrame, attacks: Sequence[str]
) -> alt.FacetChart:
    width = {1: 560, 2: 400}.get(len(attacks), 270)
    header = alt.Header(title=None, labelFontSize=13, labelFontWeight=600, labelColor=INK)
    chart = alt.LayerChart(layer=list(layers), data=plain(data), width=width, height=270)
    return chart.facet(facet=alt.Facet("attack:N", sort=list(attacks), header=header), columns=3)


def finished(chart: alt.FacetChart | alt.LayerChart) -> Spec:
    """Return the chart in the look of the page."""
    spec: Spec = (
        chart.configure(font=FONT, background="white", padding=4)
        .configure_axis(
            labelColor=QUIET,
            titleColor=INK,
            titleFontWeight="normal",
            titleFontSize=12,
            labelFontSize=11,
            gridColor="#e7e9ec",
            domainColor="#b6bcc4",
            tickColor="#b6bcc4",
        )
        .configure_view(stroke=None)
        .configure_legend(
            orient="top",
            labelFontSize=12,
            labelColor=INK,
            symbolSize=90,
            symbolStrokeWidth=0,
            symbolOpacity=1,
            columnPadding=18,
            columns=4,
        )
        .to_dict()
    )
    return spec


def plain(scores: pl.DataFrame) -> alt.InlineData:
    """Return a table as data of a chart, rounded: the page carries no meaningless digits."""
    values = scores.with_columns(pl.col(pl.Float64).round(4)).to_dicts()
    return alt.InlineData(
        values=[{k: v for k, v in row.items() if v is not None} for row in values]
    )
