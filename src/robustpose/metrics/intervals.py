"""How far a score could lie from its value with other people of the same kind.

The bootstrap (Efron 1979) over people, percentile intervals. People are what a study draws, so
people are resampled and never joints: the joints of one person fail together.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

COVERAGE = 0.95
RESAMPLES = 1000


class Interval(NamedTuple):
    """A value with the ends of its interval; all three in the unit of the value."""

    value: float
    low: float
    high: float


def resample_counts(
    people: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Float[np.ndarray, "b n"]:
    """Return how often each person is drawn in each resample; every row sums to `people`.

    The same draws serve every score that is compared, so that a ratio of two scores is resampled
    in pairs. Raises `ValueError` if there is nobody to draw.
    """
    if people < 1:
        raise ValueError(f"expected at least one person to resample, found {people}")
    shares = np.full(people, 1 / people)
    return np.random.default_rng(seed).multinomial(people, shares, size=resamples).astype(float)


def ratio_interval(
    numerator: Float[np.ndarray, "n"],
    denominator: Float[np.ndarray, "n"],
    counts: Float[np.ndarray, "b n"],
    *,
    scale: float = 100.0,
    coverage: float = COVERAGE,
) -> Interval:
    """Return `scale` times the ratio of the sums over people, with its percentile interval.

    Correct over scored joints is a PCK; correct after over correct before is a relative PCK. NaN
    where the denominator is 0; resamples without a denominator say nothing and are left out.
    """
    value = _ratio(numerator.sum(keepdims=True), denominator.sum(keepdims=True))[0]
    drawn = _ratio(counts @ numerator, counts @ denominator)
    drawn = drawn[~np.isnan(drawn)]
    if np.isnan(value) or not len(drawn):
        return Interval(float("nan"), float("nan"), float("nan"))
    tail = 50 * (1 - coverage)
    low, high = np.percentile(drawn, (tail, 100 - tail))
    return Interval(float(scale * value), float(scale * low), float(scale * high))


def _ratio(
    numerator: Float[np.ndarray, "m"], denominator: Float[np.ndarray, "m"]
) -> Float[np.ndarray, "m"]:
    positive = denominator > 0
    return np.where(positive, numerator / np.where(positive, denominator, 1), np.nan)
