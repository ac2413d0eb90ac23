"""How far a score could lie from its value with other photographs of the same kind.

The bootstrap (Efron 1979) over photographs, percentile intervals. Photographs are what a data set
draws, so they are resampled whole (a cluster bootstrap: Davison and Hinkley 1997, section 3.8):
people on one photograph fail together, and so do the joints of one person.

A score is a ratio of two sums over people (`Sums`); `counts` says how often each person is drawn
in each resample. Scores that are compared share their counts, which makes the comparison paired.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

COVERAGE = 0.95
RESAMPLES = 1000
FEWEST = 10
"""With fewer people a bootstrap interval says nothing and is left out."""


class Interval(NamedTuple):
    """A value with the ends of its interval; all three in the unit of the value."""

    value: float
    low: float
    high: float


class Sums(NamedTuple):
    """What each person adds above and below the line of a ratio.

    Correct joints over scored joints are a PCK, correct after over correct before a relative PCK.
    """

    numerator: Float[np.ndarray, "n"]
    denominator: Float[np.ndarray, "n"]


def resample_counts(
    people: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Float[np.ndarray, "b n"]:
    """Return how often each person is drawn in each resample; every row sums to `people`.

    For people of whom no two share a photograph; `photo_counts` is for all others. The same draws
    serve every score that is compared, so that a ratio of two scores is resampled in pairs.
    Raises `ValueError` if there is nobody to draw.
    """
    if people < 1:
        raise ValueError(f"expected at least one person to resample, found {people}")
    shares = np.full(people, 1 / people)
    return np.random.default_rng(seed).multinomial(people, shares, size=resamples).astype(float)


def photo_counts(
    photos: Sequence[str], *, resamples: int = RESAMPLES, seed: int = 0
) -> Float[np.ndarray, "b n"]:
    """Return how often each person is drawn when photographs are, all of their people together.

    `photos` names the photograph of each person. A row sums to the number of people only on
    average, which a ratio of sums does not mind. With one person a photograph this is
    `resample_counts`, to the last draw. Raises `ValueError` if there is nobody to draw.
    """
    order = {photo: place for place, photo in enumerate(dict.fromkeys(photos))}
    drawn = resample_counts(len(order), resamples=resamples, seed=seed)
    return drawn[:, [order[photo] for photo in photos]]


def ratio_interval(
    numerator: Float[np.ndarray, "n"],
    denominator: Float[np.ndarray, "n"],
    counts: Float[np.ndarray, "b n"],
    *,
    scale: float = 100.0,
    coverage: float = COVERAGE,
) -> Interval:
    """Return `scale` times the ratio of the sums over people, with its percentile interval.

    NaN where the denominator is 0; resamples without a denominator say nothing and are left out.
    """
    sums = Sums(numerator, denominator)
    value, drawn = total_ratio(sums), drawn_ratios(sums, counts)
    return percentile_interval(scale * value, scale * drawn, coverage=coverage)


def difference_interval(
    first: Sums,
    second: Sums,
    counts: Float[np.ndarray, "b n"],
    *,
    scale: float = 100.0,
    coverage: float = COVERAGE,
) -> Interval:
    """Return `scale` times (first ratio - second ratio), with its percentile interval.

    Paired: each resample draws the same people for both, so what makes people hard for both
    conditions cancels. An interval without 0 tells the conditions apart; two intervals that
    overlap tell nothing. NaN where a denominator is 0; resamples without one are left out.
    """
    value = total_ratio(first) - total_ratio(second)
    drawn = drawn_ratios(first, counts) - drawn_ratios(second, counts)
    return percentile_interval(scale * value, scale * drawn, coverage=coverage)


def percentile_interval(
    value: float, drawn: Float[np.ndarray, "b"], *, coverage: float = COVERAGE
) -> Interval:
    """Return a value with the central percentiles of what its resamples gave.

    Resamples that are NaN are left out. All three are NaN if the value or every resample is.
    """
    drawn = drawn[~np.isnan(drawn)]
    if np.isnan(value) or not len(drawn):
        return Interval(float("nan"), float("nan"), float("nan"))
    tail = 50 * (1 - coverage)
    low, high = np.percentile(drawn, (tail, 100 - tail))
    return Interval(float(value), float(low), float(high))


def total_ratio(sums: Sums) -> float:
    """Return the ratio of the sums over people; NaN where the denominator is 0."""
    numerator, denominator = (each.sum(keepdims=True) for each in sums)
    return float(_ratio(numerator, denominator)[0])


def drawn_ratios(sums: Sums, counts: Float[np.ndarray, "b n"]) -> Float[np.ndarray, "b"]:
    """Return the ratio of the sums over the people of each resample; NaN where it has none."""
    return _ratio(counts @ sums.numerator, counts @ sums.denominator)


def _ratio(
    numerator: Float[np.ndarray, "m"], denominator: Float[np.ndarray, "m"]
) -> Float[np.ndarray, "m"]:
    positive = denominator > 0
    return np.where(positive, numerator / np.where(positive, denominator, 1), np.nan)
