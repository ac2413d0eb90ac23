"""Whose image is the worst of several attacks' for each person, and what was spent on them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from robustpose.metrics.worst_case import Harm

CLEAN = "clean"
"""The member that is named where no attack made things worse."""
NOTHING = 0.01
"""A person whose joints have no more than this share of their credit is lost."""


class Spent(NamedTuple):
    """What a member spent on each of the people whom it attacked, or on all alike."""

    gradients: int | Sequence[int] | Int[np.ndarray, "m"]
    queries: int | Sequence[int] | Int[np.ndarray, "m"]
    zero_gradient: Float[np.ndarray, "m"] | None
    """Share of image values without a gradient; NaN where that is not known."""


class Worst:
    """The worst of the images seen so far. `scored` is how many joints of a person are scored."""

    def __init__(self, clean: Harm, scored: Int[np.ndarray, "n"]) -> None:
        count = len(scored)
        self.harm, self.scored = clean, scored
        self.members = [CLEAN] * count
        self.gradients, self.queries = np.zeros(count, int), np.ones(count, int)
        self.zero_gradient = np.full(count, np.nan)

    def left(self) -> Bool[np.ndarray, "n"]:
        """Tell who is not lost."""
        left: np.ndarray = self.harm.credit > NOTHING * self.scored
        return left

    def see(
        self, member: str, places: Int[np.ndarray, "m"], now: Harm, spent: Spent
    ) -> Bool[np.ndarray, "n"]:
        """Look at the images that a member made of the people at `places`; tell whose are worse.

        `now` is of everybody.
        """
        self.gradients[places] += np.broadcast_to(spent.gradients, len(places))
        self.queries[places] += np.broadcast_to(spent.queries, len(places))
        if spent.zero_gradient is not None:
            known = self.zero_gradient[places]
            first = np.isnan(known)
            self.zero_gradient[places] = np.where(first, spent.zero_gradient, known)
        attacked = np.isin(np.arange(len(self.members)), places)
        worse: np.ndarray = attacked & now.exceeds(self.harm)
        self.harm = now.where(worse, self.harm)
        self.members = np.where(worse, member, self.members).tolist()
        return worse
