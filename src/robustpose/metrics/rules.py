"""By which rule people are scored: PCK, or COCO's key point similarity.

A rule gives each scored joint a credit from its error, and says how credits make a score: which
sums over people the score is the ratio of. Everything that is measured of a score (what an attack
leaves of it, its interval, what a guess has) is then the same for all rules. Errors come from
`relative_errors`: NaN means that there is nothing to score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from robustpose.metrics.intervals import Sums
from robustpose.metrics.oks import oks_credit
from robustpose.metrics.pck import pck_sums

_AT_ONCE = 1_000_000  # distances; bounds the memory


class Rule(Protocol):
    """How a score is made of errors."""

    @property
    def name(self) -> str:
        """What the literature calls the score."""
        ...

    def credit(self, error: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
        """Return each joint's credit, 0 to 1; NaN where nothing is scored."""
        ...

    def gathered(self, credit: Float[np.ndarray, "n k"]) -> Sums:
        """Return what each person adds to the score, from credits or from expected ones."""
        ...

    def sums(self, error: Float[np.ndarray, "n k"]) -> Sums:
        """Return what each person adds to the score: the credits of these errors, gathered."""
        ...

    def among(self, joints: Sequence[int]) -> "Rule":
        """Return the rule for some of the joints."""
        ...

    def credit_of_all(
        self,
        others: Float[np.ndarray, "m 2"],
        truth: Float[np.ndarray, "n 2"],
        size: Float[np.ndarray, "n"],
        joint: int,
    ) -> Float[np.ndarray, "n"]:
        """Return the credit that all of the places `others` have together for each true one.

        Places of one joint; `size` is more than 0.
        """
        ...


@dataclass(frozen=True)
class Within:
    """PCK: a joint is right within `threshold` reference lengths, every joint counts alike."""

    threshold: float
    name = "PCK"

    def credit(self, error: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
        """Return 1 where a joint is right and 0 where it is wrong."""
        return np.where(np.isnan(error), np.nan, error <= self.threshold)

    def gathered(self, credit: Float[np.ndarray, "n k"]) -> Sums:
        """Return each person's correct and scored joints."""
        scored = ~np.isnan(credit)
        return Sums(np.where(scored, credit, 0.0).sum(axis=1), scored.sum(axis=1).astype(float))

    def sums(self, error: Float[np.ndarray, "n k"]) -> Sums:
        """Return each person's correct and scored joints."""
        return pck_sums(error, self.threshold)

    def among(self, joints: Sequence[int]) -> "Within":
        """Return the rule itself: it is the same for all joints."""
        return self

    def credit_of_all(
        self,
        others: Float[np.ndarray, "m 2"],
        truth: Float[np.ndarray, "n 2"],
        size: Float[np.ndarray, "n"],
        joint: int,
    ) -> Float[np.ndarray, "n"]:
        """Return how many of the places are right."""
        near = cKDTree(others).query_ball_point(truth, self.threshold * size, return_length=True)
        counts: np.ndarray = np.asarray(near, dtype=float)
        return counts


@dataclass(frozen=True)
class KeypointSimilarity:
    """OKS: the mean credit of a person's scored joints, every person counts alike.

    `sigmas` has one number a joint, the reference length is the root of the person's area
    (`metrics.oks`).
    """

    sigmas: tuple[float, ...]
    name = "mean OKS"

    def credit(self, error: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
        """Return exp(-error^2 / (8 sigma^2)). Raises `UsageError` for another number of joints."""
        return oks_credit(error, self.sigmas)

    def gathered(self, credit: Float[np.ndarray, "n k"]) -> Sums:
        """Return each person's mean credit, and 1 for those with a scored joint."""
        scored = ~np.isnan(credit)
        count = scored.sum(axis=1)
        total = np.where(scored, credit, 0.0).sum(axis=1)
        return Sums(total / np.maximum(count, 1), (count > 0).astype(float))

    def sums(self, error: Float[np.ndarray, "n k"]) -> Sums:
        """Return each person's OKS, and 1 for those with a scored joint."""
        return self.gathered(self.credit(error))

    def among(self, joints: Sequence[int]) -> "KeypointSimilarity":
        """Return the rule with the sigmas of these joints."""
        return KeypointSimilarity(tuple(self.sigmas[joint] for joint in joints))

    def credit_of_all(
        self,
        others: Float[np.ndarray, "m 2"],
        truth: Float[np.ndarray, "n 2"],
        size: Float[np.ndarray, "n"],
        joint: int,
    ) -> Float[np.ndarray, "n"]:
        """Return the sum of the credits of the places, some people at a time."""
        total = np.zeros(len(truth))
        step = max(1, _AT_ONCE // max(1, len(others)))
        for start in range(0, len(truth), step):
            some = slice(start, start + step)
            squared = np.square(truth[some, None] - others).sum(axis=2)
            reach = 8 * np.square(self.sigmas[joint] * size[some])
            total[some] = np.exp(-squared / reach[:, None]).sum(axis=1)
        return total


def rule_of(threshold: float, sigmas: Sequence[float] | None) -> Rule:
    """Return the rule of a data set: OKS where it has sigmas, else PCK at its threshold."""
    return Within(threshold) if sigmas is None else KeypointSimilarity(tuple(sigmas))


def score_of(sums: Sums) -> float:
    """Return a score in percent; NaN if there is not one joint to score."""
    total = sums.denominator.sum()
    return float(100 * sums.numerator.sum() / total) if total > 0 else float("nan")
