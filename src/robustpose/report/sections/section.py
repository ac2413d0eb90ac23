"""What a section of the page consists of."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from robustpose.report.figures import Chart, Picture
from robustpose.report.listings import Value


class Row(NamedTuple):
    """A line of a table; a `quiet` one is not of this run: published, or a guess.

    `network` is whose scores they are, if that is not the name.
    """

    name: str
    values: Sequence[Value]
    quiet: bool = False
    network: str | None = None


class Point(NamedTuple):
    """A few words, how much they matter ("red", "amber"), and sentences that go on from them."""

    lead: str
    weight: str
    text: str
    aside: str


class Table(NamedTuple):
    """A table of values, in percent unless its caption says otherwise."""

    caption: str
    about: str
    head: str
    columns: Sequence[str]
    rows: Sequence[Row]


class Strip(NamedTuple):
    """Small pictures in a row."""

    heading: str
    pictures: Sequence[Picture]


class Section(NamedTuple):
    """A part of the report: prose, figures, tables, and what is written to `tables/NAME.csv`."""

    anchor: str
    heading: str
    prose: Sequence[str]
    points: Sequence[Point] = ()
    figures: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    strips: Sequence[Strip] = ()
    notes: Sequence[str] = ()
    files: Mapping[str, pl.DataFrame] = {}


PLAIN = Value("–", "")


def number(value: float | None) -> Value:
    """Return a number without an interval, such as a published one."""
    return PLAIN if value is None or math.isnan(value) else Value(f"{value:.1f}", "")
