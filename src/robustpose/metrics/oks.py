"""Object key point similarity (OKS): the score of COCO's key points.

A joint at distance d has the credit exp(-d^2 / (2 a k^2)) with a the person's area and k twice the
joint's sigma (https://cocodataset.org/#keypoints-eval); the OKS of a person is the mean credit of
the labelled joints, 0 to 1. With errors over the root of the area, as people of COCO have them,
the credit is exp(-error^2 / (8 sigma^2)). It is the similarity of one pose and one person: matching
poses to people, and the precision over a whole set, is in `average_precision`.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from robustpose.errors import UsageError


def oks_credit(
    error: Float[np.ndarray, "n k"], sigmas: Sequence[float]
) -> Float[np.ndarray, "n k"]:
    """Return each joint's credit, 0 to 1; NaN where nothing is scored.

    `error` comes from `relative_errors` with the root of the area as size; infinite errors have no
    credit. Raises `UsageError` for another number of sigmas than joints.
    """
    if error.shape[1] != len(sigmas):
        raise UsageError(f"expected {error.shape[1]} sigmas, one a joint, found {len(sigmas)}")
    credit: np.ndarray = np.exp(-(error**2) / (8 * np.square(np.asarray(sigmas, np.float64))))
    return credit


def oks(error: Float[np.ndarray, "n k"], sigmas: Sequence[float]) -> Float[np.ndarray, "n"]:
    """Return each person's OKS, 0 to 1; NaN for people without a scored joint.

    Raises `UsageError` for another number of sigmas than joints.
    """
    credit = oks_credit(error, sigmas)
    scored = ~np.isnan(credit)
    count = scored.sum(axis=1)
    total = np.where(scored, credit, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
