"""Percentage of correct key points.

A joint is correct when its error is at most (`<=`) a threshold times the reference length:
PCKh@0.5 of MPII (Andriluka et al. 2014) with the head, PCK@0.2 (Yang and Ramanan 2013) with the
torso. Errors come from `relative_errors`: NaN means that there is nothing to score. A mean is over
joints and not over people or kinds of joints: each scored joint counts alike (on MPII the 14
without pelvis and thorax, as the official evaluation has it).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from robustpose.metrics.intervals import Sums

CURVE = tuple(step / 100 for step in range(51))
"""The thresholds of the PCK curve: 0 to 0.5 in steps of 0.01, both ends included (51 of them)."""

HRNET_MEAN_AT_0_1 = 0.11
"""The threshold of what HRNet's evaluation prints as "Mean@0.1": index 11 of steps of 0.01."""


def pck_of_errors(error: Float[np.ndarray, "n k"], threshold: float) -> float:
    """Return the percentage of scored joints that are correct, all joints counted alike.

    NaN if there is not one joint to score.
    """
    scored = ~np.isnan(error)
    if not scored.any():
        return float("nan")
    return float(100 * (error[scored] <= threshold).mean())


def pck_by_joint(error: Float[np.ndarray, "n k"], threshold: float) -> Float[np.ndarray, "k"]:
    """Return the percentage for each joint; NaN for a joint that nobody has."""
    scored = ~np.isnan(error)
    correct = np.where(scored, error <= threshold, False).sum(axis=0)
    count = scored.sum(axis=0)
    return np.where(count > 0, 100 * correct / np.maximum(count, 1), np.nan)


def pck_curve(
    error: Float[np.ndarray, "n k"], thresholds: Sequence[float] = CURVE
) -> Float[np.ndarray, "t"]:
    """Return the PCK in percent at each threshold; NaN if there is not one joint to score."""
    return np.array([pck_of_errors(error, threshold) for threshold in thresholds], dtype=float)


def area_under_pck(error: Float[np.ndarray, "n k"]) -> float:
    """Return the area under the PCK curve from 0 to 0.5, in percent of the whole square.

    The rule of MPII's evaluation: PCK at the 51 thresholds of `CURVE`, joined by straight lines
    (trapezoids), over the width 0.5. 100 if every joint is exactly right. Other programs take the
    mean of the thresholds, or leave one end out. NaN if there is not one joint to score.
    """
    area, scored = area_sums(error)
    return float(100 * area.sum() / scored.sum()) if scored.any() else float("nan")


def hrnet_mean_at_0_1(error: Float[np.ndarray, "n k"]) -> float:
    """Return what HRNet's evaluation and its descendants call "Mean@0.1", in percent.

    It is the PCK at 0.11: they read index 11 of a grid that starts at 0 with steps of 0.01. It is
    here under their name so that published figures can be compared; `pck_of_errors(error, 0.1)`
    is the PCK at 0.1. NaN if there is not one joint to score.
    """
    return pck_of_errors(error, HRNET_MEAN_AT_0_1)


def pck_sums(error: Float[np.ndarray, "n k"], threshold: float) -> Sums:
    """Return each person's correct and scored joints, for an interval of the PCK."""
    # NaN <= threshold is False: what is not scored is not correct either.
    correct = (error <= threshold).sum(axis=1).astype(float)
    return Sums(correct, (~np.isnan(error)).sum(axis=1).astype(float))


def area_sums(error: Float[np.ndarray, "n k"]) -> Sums:
    """Return each person's area under the PCK curve (rule of `area_under_pck`; at most 1 for each
    joint) and scored joints, for an interval of the area."""
    weight = np.full(len(CURVE), 1 / (len(CURVE) - 1))
    weight[[0, -1]] /= 2
    area = sum(w * pck_sums(error, t).numerator for w, t in zip(weight, CURVE, strict=True))
    return Sums(np.asarray(area), pck_sums(error, 0.0).denominator)
