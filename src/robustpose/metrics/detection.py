"""Whether a network's own confidence gives an attack away.

A user could refuse pictures of low confidence. How well that tells attacked pictures from clean
ones is the area under the receiver operating characteristic, which needs no threshold: the
probability that a clean picture has more confidence than an attacked one (Hanley and McNeil
1982), ties counting half. 1 tells perfectly, 0.5 tells nothing; below 0.5 the confidence *rises*
under attack. An attacker who knows of the test can include it in the loss: this measures attacks
that did not.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from robustpose.metrics.estimates import Estimate
from robustpose.metrics.intervals import Interval, Sums, difference_interval, ratio_interval

_AT_ONCE = 100  # resamples; bounds the memory


class ConfidenceFall(NamedTuple):
    """What an attack does to confidence; each with its interval over photographs.

    `clean`, `attacked` and `fall` (clean - attacked) are means in the network's own unit; `fell`
    is the percentage of people whose confidence is lower under attack; `auroc` is 0 to 1.
    """

    clean: Interval
    attacked: Interval
    fall: Interval
    fell: Interval
    auroc: Interval


def mean_confidence(
    confidence: Float[np.ndarray, "n k"], counted: Bool[np.ndarray, "k"] | None = None
) -> Float[np.ndarray, "n"]:
    """Return each person's mean confidence over joints, NaN (missing) left out.

    `counted` says which joints count, all without it. Which joints are *labelled* is no part of it:
    that is the annotator's knowledge, not the network's. NaN for a person without a value.
    """
    counted = np.ones(confidence.shape[1], dtype=bool) if counted is None else counted
    there = ~np.isnan(confidence) & counted
    number = there.sum(axis=1)
    total = np.where(there, confidence, 0.0).sum(axis=1, dtype=np.float64)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def auroc(clean: Float[np.ndarray, "m"], attacked: Float[np.ndarray, "n"]) -> float:
    """Return the area under the ROC curve of telling attacked from clean by low confidence, 0 to 1.

    Exact, ties count half. NaN values are left out; NaN if either side is empty.
    """
    one, other = clean[~np.isnan(clean)], attacked[~np.isnan(attacked)]
    if not len(one) or not len(other):
        return float("nan")
    pooled = np.concatenate([one, other])
    mine = np.concatenate([np.ones(len(one)), np.zeros(len(other))])
    return float(_areas(pooled, mine[None], 1 - mine[None])[0])


def auroc_interval(
    clean: Float[np.ndarray, "n"],
    attacked: Float[np.ndarray, "n"],
    counts: Float[np.ndarray, "b n"],
) -> Interval:
    """Return `auroc` with its bootstrap interval, 0 to 1.

    Value i of both arrays is the same person, who is drawn on both sides or on neither. People
    without both values are left out. NaN if nobody is left.
    """
    return auroc_estimate(clean, attacked, counts).interval


def auroc_estimate(
    clean: Float[np.ndarray, "n"],
    attacked: Float[np.ndarray, "n"],
    counts: Float[np.ndarray, "b n"],
) -> Estimate:
    """Return `auroc` with its draws, 0 to 1; people without both values are left out.

    NaN if all values are one: a network whose confidence never changes has none to tell by.
    """
    both = ~np.isnan(clean) & ~np.isnan(attacked)
    pooled = np.concatenate([clean[both], attacked[both]])
    if len(pooled) and np.ptp(pooled) == 0:
        return Estimate(np.nan, np.full(len(counts), np.nan))
    drawn = counts[:, both]
    nobody = np.zeros_like(drawn[:_AT_ONCE])
    areas = []
    for start in range(0, len(drawn), _AT_ONCE):
        some = drawn[start : start + _AT_ONCE]
        none = nobody[: len(some)]
        areas.append(_areas(pooled, np.hstack([some, none]), np.hstack([none, some])))
    found = np.concatenate(areas) if areas else np.array([])
    return Estimate(auroc(clean[both], attacked[both]), found)


def confidence_fall(
    clean: Float[np.ndarray, "n"],
    attacked: Float[np.ndarray, "n"],
    counts: Float[np.ndarray, "b n"],
) -> ConfidenceFall:
    """Return what an attack does to the mean confidence of the same people (`mean_confidence`).

    People without both values are left out. All is NaN if nobody is left.
    """
    both = ~np.isnan(clean) & ~np.isnan(attacked)
    one = both.astype(float)
    before = Sums(np.where(both, clean, 0.0), one)
    after = Sums(np.where(both, attacked, 0.0), one)
    return ConfidenceFall(
        clean=ratio_interval(*before, counts, scale=1.0),
        attacked=ratio_interval(*after, counts, scale=1.0),
        fall=difference_interval(before, after, counts, scale=1.0),
        fell=ratio_interval((both & (attacked < clean)).astype(float), one, counts),
        auroc=auroc_interval(clean, attacked, counts),
    )


def _areas(
    values: Float[np.ndarray, "v"],
    clean: Float[np.ndarray, "b v"],
    attacked: Float[np.ndarray, "b v"],
) -> Float[np.ndarray, "b"]:
    """Return the area for each row of weights: how often each value counts on either side."""
    if not len(values):
        return np.full(len(clean), np.nan)
    order = np.argsort(values)
    rising = values[order]
    starts = np.flatnonzero(np.append(True, rising[1:] != rising[:-1]))  # of each run of ties
    above = np.add.reduceat(clean[:, order], starts, axis=1)
    below = np.add.reduceat(attacked[:, order], starts, axis=1)
    lower = np.cumsum(below, axis=1) - below
    pairs = above.sum(axis=1) * below.sum(axis=1)
    won = (above * (lower + below / 2)).sum(axis=1)
    return np.where(pairs > 0, won / np.where(pairs > 0, pairs, 1.0), np.nan)
