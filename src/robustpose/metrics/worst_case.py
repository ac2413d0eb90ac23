"""The worst case over several attacks: of a person, and, as a bound, of a joint.

Of a person it is one image, which exists: that on which least of their score is left. Of a joint it
is the largest error on any of the images, which no single image need show: a bound on what an
attacker of single joints could reach with the same attacks.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from robustpose.metrics.rules import Rule


class Harm(NamedTuple):
    """How much of each person's score is left, and how far off their joints are on average."""

    credit: Float[np.ndarray, "n"]
    error: Float[np.ndarray, "n"]

    def exceeds(self, other: "Harm") -> Bool[np.ndarray, "n"]:
        """Return who has less left, or as much and a larger mean error."""
        same = self.credit == other.credit
        worse: np.ndarray = (self.credit < other.credit) | (same & (self.error > other.error))
        return worse

    def where(self, chosen: Bool[np.ndarray, "n"], other: "Harm") -> "Harm":
        """Return this harm of those chosen, the other's of the rest."""
        return Harm(*(np.where(chosen, *both) for both in zip(self, other, strict=True)))


def harm(error: Float[np.ndarray, "n k"], rule: Rule) -> Harm:
    """Return what images have done, from errors over the reference length (NaN: not scored)."""
    scored = np.maximum((~np.isnan(error)).sum(axis=1), 1)
    return Harm(np.nansum(rule.credit(error), axis=1), np.nansum(error, axis=1) / scored)


def worst_images(errors: Float[np.ndarray, "attacks n k"], rule: Rule) -> Int[np.ndarray, "n"]:
    """Return for each person which attack's image is the worst; of equal ones the first."""
    worst = harm(errors[0], rule)
    which = np.zeros(errors.shape[1], int)
    for attack, error in enumerate(errors[1:], start=1):
        found = harm(error, rule)
        worse = found.exceeds(worst)
        worst, which = found.where(worse, worst), np.where(worse, attack, which)
    return which


def worst_joints(errors: Float[np.ndarray, "attacks n k"]) -> Float[np.ndarray, "n k"]:
    """Return the largest error of each joint over all attacks: a bound, not an image."""
    return np.asarray(errors.max(axis=0))
