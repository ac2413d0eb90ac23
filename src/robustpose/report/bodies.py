"""What remains of each joint, drawn on a body as an SVG."""

import html
import math
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from robustpose.report.palette import RAMP, hexadecimal, ramp_colour
from robustpose.skeletons import Skeleton

FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"
WIDTH, HEIGHT = 338, 400  # of one body with its labels
COLUMNS = 3
_BAR = 66
_SPACING = 31
_LABEL_X = 192

# A standing person seen from the front: their left is on the viewer's right.
_RIGHT_HALF = {
    "ankle": (76, 368),
    "knee": (80, 286),
    "hip": (84, 204),
    "wrist": (30, 204),
    "elbow": (42, 148),
    "shoulder": (66, 92),
    "eye": (93, 36),
    "ear": (84, 42),
    "foot": (70, 384),
}
_MIDDLE = {
    "head_top": (103, 18),
    "head": (103, 30),
    "nose": (103, 46),
    "neck": (103, 74),
    "upper_neck": (103, 70),
    "thorax": (103, 90),
    "spine": (103, 148),
    "belly": (103, 160),
    "pelvis": (103, 202),
}
_CENTRE_X = 103
_SILHOUETTE = (  # capsules: from, to, width
    ((84, 204), (80, 286), 30),
    ((80, 286), (76, 372), 22),
    ((66, 92), (42, 148), 21),
    ((42, 148), (30, 208), 17),
    ((78, 100), (86, 200), 34),
)


class JointScore(NamedTuple):
    """What a group of joints scores, in percent; None where nothing was correct or scored."""

    joint: str
    clean: float | None
    relative: float | None


def bodies(table: pl.DataFrame, networks: Sequence[str], skeleton: Skeleton, *, score: str) -> str:
    """Return an SVG with one body a network and a colour bar for all of them.

    `table` holds the lines of `joint_scores` for one attack and one epsilon; `score` is what is
    measured, as PCK.
    """
    top = scale_top(table)
    figures = [
        _body(network, _scores_of(table, network), skeleton, place, top)
        for place, network in enumerate(networks)
    ]
    width = WIDTH * min(len(networks), COLUMNS)
    rows = -(-len(networks) // COLUMNS)
    height = rows * (HEIGHT + 30) + _BAR
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="{FONT}" font-size="12">'
        f'<rect width="{width}" height="{height}" fill="white"/>'
        f"{''.join(figures)}{_colour_bar(width, height - _BAR + 16, top, score)}</svg>"
    )


def scale_top(table: pl.DataFrame) -> int:
    """Return where the colour scale ends: the largest value, rounded up to 25, 50, ... 100.

    At the epsilons of interest little is left of any joint; a scale to 100 would show one colour.
    """
    largest = max(table["relative"].drop_nulls().to_list(), default=100.0)
    return min(100, 25 * max(1, math.ceil(largest / 25)))


def _scores_of(table: pl.DataFrame, network: str) -> list[JointScore]:
    lines = table.filter(pl.col("network") == network).select("joint", "clean", "relative")
    return [JointScore(*line) for line in lines.iter_rows()]


def _body(
    network: str, scores: Sequence[JointScore], skeleton: Skeleton, place: int, top: int
) -> str:
    x, y = WIDTH * (place % COLUMNS), (HEIGHT + 30) * (place // COLUMNS)
    known = {score.joint: score for score in scores}
    discs = [
        _disc(_place(joint), known[group].relative, top)
        for group, members in skeleton.groups.items()
        if group in known
        for joint in (skeleton.joints[member] for member in members)
    ]
    return (
        f'<g transform="translate({x} {y})">'
        f'<text x="{_CENTRE_X}" y="18" font-size="14" font-weight="600" text-anchor="middle" '
        f'fill="#1f2328">{html.escape(network)}</text>'
        f'<g transform="translate(0 28)">{_silhouette()}{_labels(scores, skeleton)}'
        f"{''.join(discs)}</g></g>"
    )


def _silhouette() -> str:
    half = "".join(
        f'<line x1="{a[0]}" y1="{a[1]}" x2="{b[0]}" y2="{b[1]}" stroke-width="{width}"/>'
        for a, b, width in _SILHOUETTE
    )
    return (
        '<g stroke="#e9ebee" stroke-linecap="round" fill="#e9ebee">'
        f'{half}<g transform="translate({2 * _CENTRE_X} 0) scale(-1 1)">{half}</g>'
        f'<path d="M84 92 H122 V204 H84 Z" stroke="none"/>'
        f'<line x1="{_CENTRE_X}" y1="60" x2="{_CENTRE_X}" y2="90" stroke-width="18"/>'
        f'<ellipse cx="{_CENTRE_X}" cy="40" rx="21" ry="27" stroke="none"/></g>'
    )


def _place(joint: str) -> tuple[float, float]:
    name = joint.removeprefix("left_").removeprefix("right_")
    if name in _RIGHT_HALF:
        x, y = _RIGHT_HALF[name]
        return (2 * _CENTRE_X - x, y) if joint.startswith("left_") else (x, y)
    # A joint that no body has a place for stands beside the feet and is still labelled.
    return _MIDDLE.get(name, (150.0, 380.0))


def _disc(place: tuple[float, float], relative: float | None, top: int) -> str:
    fill = "#ffffff" if relative is None else hexadecimal(ramp_colour(relative / top))
    return (
        f'<circle cx="{place[0]}" cy="{place[1]}" r="9.5" fill="{fill}" '
        f'stroke="#1f2328" stroke-width="1"/>'
    )


def _labels(scores: Sequence[JointScore], skeleton: Skeleton) -> str:
    """Name and value of each group beside the body, pushed apart where joints lie close."""
    anchored = sorted(
        ((_anchor(score.joint, skeleton), score) for score in scores), key=lambda each: each[0][1]
    )
    heights = _spread([anchor[1] for anchor, _ in anchored])
    return "".join(
        f'<polyline points="{x},{y} {_LABEL_X - 12},{height} {_LABEL_X - 4},{height}" '
        f'fill="none" stroke="#aab0b8" stroke-width="0.8"/>'
        f'<text x="{_LABEL_X}" y="{height + 4}" fill="#1f2328">'
        f"{html.escape(score.joint.replace('_', ' '))} "
        f'<tspan font-weight="700">{_one(score.relative)}</tspan>'
        f'<tspan fill="#6b7280" font-size="11" dx="5">clean {_one(score.clean)}</tspan></text>'
        for ((x, y), score), height in zip(anchored, heights, strict=True)
    )


def _anchor(group: str, skeleton: Skeleton) -> tuple[float, float]:
    left = f"left_{group}"
    return _place(left if left in skeleton.joints else group)


def _spread(wanted: Sequence[float]) -> list[float]:
    heights: list[float] = []
    for height in wanted:
        heights.append(max(height, heights[-1] + _SPACING) if heights else height)
    # What was pushed out below is pushed back up.
    limit = float(HEIGHT - 20)
    for place in reversed(range(len(heights))):
        heights[place] = limit = min(heights[place], limit)
        limit -= _SPACING * 0.6
    return heights


def _colour_bar(width: int, y: int, top: int, score: str) -> str:
    length = 300
    left = (width - length) / 2
    stops = "".join(
        f'<stop offset="{place / (len(RAMP) - 1):.3f}" stop-color="{hexadecimal(colour)}"/>'
        for place, colour in enumerate(RAMP)
    )
    bar = (
        f'<linearGradient id="ramp">{stops}</linearGradient>'
        f'<rect x="{left}" y="{y}" width="{length}" height="11" fill="url(#ramp)"/>'
    )
    ticks = "".join(
        f'<text x="{left + length * value / top}" y="{y + 25}" text-anchor="middle" '
        f'font-size="11" fill="#6b7280">{value}</text>'
        for value in range(0, top + 1, 25)
    )
    return (
        f"{bar}{ticks}"
        f'<text x="{width / 2}" y="{y + 42}" text-anchor="middle" fill="#1f2328">'
        f"relative {score} of the joint [%]: dark = lost, light = kept</text>"
    )


def _one(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
