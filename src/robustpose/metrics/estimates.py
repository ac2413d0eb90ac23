"""Numbers that keep what each resample of the bootstrap gave.

Two intervals do not say how far a difference could lie. An estimate keeps its draws, so that
whatever is computed from estimates of the same draws (`photo_counts`) is paired by itself: the
difference of two networks, the mean of several, the mean of a curve.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan, nan

import numpy as np
from jaxtyping import Float

from robustpose.metrics.intervals import (
    COVERAGE,
    Interval,
    Sums,
    drawn_ratios,
    percentile_interval,
    total_ratio,
)


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value and its draws; a number that is merely quoted has none.

    Adds, subtracts and multiplies with numbers and with estimates of the same draws.
    """

    value: float
    draws: Float[np.ndarray, "b"]

    @property
    def interval(self) -> Interval:
        """The value with its 95 % interval; without draws the ends are NaN."""
        if not len(self.draws):
            return Interval(self.value, nan, nan)
        return percentile_interval(self.value, self.draws)

    @property
    def direction(self) -> int:
        """1 if above 0, -1 if below, 0 if that cannot be told.

        With draws the interval has to leave 0 out; without, the value decides.
        """
        return self.direction_among(1)

    def direction_among(self, numbers: int) -> int:
        """Return the direction where any one of so many numbers would be taken notice of.

        The interval is then as wide as Bonferroni's correction makes it: of many numbers some lie
        beyond their 95 % interval by chance.
        """
        low = high = self.value
        if len(self.draws):
            coverage = 1 - (1 - COVERAGE) / numbers
            _, low, high = percentile_interval(self.value, self.draws, coverage=coverage)
        if isnan(low):
            return 0
        return int(low > 0) - int(high < 0)

    def __add__(self, other: "Estimate | float") -> "Estimate":
        return _combined(np.add, self, other)

    def __sub__(self, other: "Estimate | float") -> "Estimate":
        return _combined(np.subtract, self, other)

    def __rsub__(self, other: float) -> "Estimate":
        return _combined(np.subtract, other, self)

    def __mul__(self, other: "Estimate | float") -> "Estimate":
        return _combined(np.multiply, self, other)

    def __abs__(self) -> "Estimate":
        return Estimate(abs(self.value), np.abs(self.draws))

    __radd__ = __add__
    __rmul__ = __mul__


def quoted(value: float) -> Estimate:
    """Return a number that somebody else measured: nothing is known of its people."""
    return Estimate(value, np.empty(0))


def ratio_estimate(
    sums: Sums, counts: Float[np.ndarray, "b n"], *, scale: float = 100.0
) -> Estimate:
    """Return `scale` times the ratio of the sums over people; NaN where the denominator is 0."""
    return Estimate(scale * total_ratio(sums), scale * drawn_ratios(sums, counts))


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """Return the mean. Raises `ValueError` if there is none to take it of."""
    return _over(lambda rows: rows.mean(axis=0), estimates)


def spread_of(estimates: Sequence[Estimate]) -> Estimate:
    """Return the largest less the smallest. Raises `ValueError` if there is none."""
    return _over(lambda rows: rows.max(axis=0) - rows.min(axis=0), estimates)


def _over(function: Callable[[np.ndarray], np.ndarray], estimates: Sequence[Estimate]) -> Estimate:
    if not estimates:
        raise ValueError("expected at least one estimate")
    values = np.array([each.value for each in estimates])
    draws = np.stack([each.draws for each in estimates])
    return Estimate(float(function(values)), function(draws))


def _combined(operation: np.ufunc, one: Estimate | float, other: Estimate | float) -> Estimate:
    values, draws = zip(*(_parts(each) for each in (one, other)), strict=True)
    return Estimate(float(operation(*values)), operation(*draws))


def _parts(number: Estimate | float) -> tuple[float, np.ndarray | float]:
    return (number.value, number.draws) if isinstance(number, Estimate) else (number, number)
