"""Percentage of correct key points.

A joint is correct when its error is at most (`<=`) a threshold times the reference length:
PCKh@0.5 of MPII (Andriluka et al. 2014) with the head, PCK@0.2 (Yang and Ramanan 2013) with the
torso. Errors come from `relative_errors`: NaN means that there is nothing to score.
"""

import numpy as np
from jaxtyping import Float


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
