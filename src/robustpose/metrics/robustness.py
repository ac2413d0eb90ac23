"""What an attack leaves of a score.

Relative PCK (Jain et al. 2019) is 100 times the attacked PCK over the clean PCK of the same people
and joints. Errors come from `relative_errors`: NaN means that there is nothing to score.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from robustpose.metrics.distances import relative_errors
from robustpose.metrics.intervals import Interval, ratio_interval
from robustpose.metrics.pck import pck_of_errors


class Drop(NamedTuple):
    """A score before and after an attack, in percent, each with its interval over people.

    `people` counts those with a joint that is scored both before and after.
    """

    clean: Interval
    attacked: Interval
    relative: Interval
    people: int


def relative_pck(
    attacked: Float[np.ndarray, "n k"], clean: Float[np.ndarray, "n k"], threshold: float
) -> float:
    """Return the relative PCK in percent, over the joints that are scored in both.

    NaN if no joint is correct before the attack.
    """
    both = _scored_in_both(attacked, clean)
    before = pck_of_errors(np.where(both, clean, np.nan), threshold)
    after = pck_of_errors(np.where(both, attacked, np.nan), threshold)
    return 100 * after / before if before > 0 else float("nan")


def pck_interval(
    error: Float[np.ndarray, "n k"], threshold: float, counts: Float[np.ndarray, "b n"]
) -> Interval:
    """Return the PCK in percent with its bootstrap interval; `counts` from `resample_counts`."""
    scored = ~np.isnan(error)
    return ratio_interval(_correct(error, threshold), scored.sum(axis=1).astype(float), counts)


def pck_drop(
    attacked: Float[np.ndarray, "n k"],
    clean: Float[np.ndarray, "n k"],
    threshold: float,
    counts: Float[np.ndarray, "b n"],
) -> Drop:
    """Return clean, attacked and relative PCK over the joints that are scored in both.

    Each resample draws the same people before and after, so the interval of the relative PCK
    does not count twice how hard the people are.
    """
    both = _scored_in_both(attacked, clean)
    before = _correct(np.where(both, clean, np.nan), threshold)
    after = _correct(np.where(both, attacked, np.nan), threshold)
    scored = both.sum(axis=1).astype(float)
    return Drop(
        clean=ratio_interval(before, scored, counts),
        attacked=ratio_interval(after, scored, counts),
        relative=ratio_interval(after, before, counts),
        people=int((scored > 0).sum()),
    )


def pck_drop_by_group(
    attacked: Float[np.ndarray, "n k"],
    clean: Float[np.ndarray, "n k"],
    threshold: float,
    counts: Float[np.ndarray, "b n"],
    groups: Mapping[str, Sequence[int]],
) -> dict[str, Drop]:
    """Return `pck_drop` for each group of joints (`Skeleton.groups`: left and right together)."""
    return {
        name: pck_drop(attacked[:, list(joints)], clean[:, list(joints)], threshold, counts)
        for name, joints in groups.items()
    }


def constant_pose_pck(
    truth: Float[np.ndarray, "n k 2"],
    labelled: Bool[np.ndarray, "n k"],
    size: Float[np.ndarray, "n"],
    threshold: float,
) -> float:
    """Return the PCK in percent of one pose for everybody: the mean of these people's truths.

    A network that ignores its image can score this much, so a score near it means nothing. The
    mean is taken over the people that it is judged on, which flatters it slightly.
    """
    count = np.maximum(labelled.sum(axis=0), 1)[:, None]
    known = np.where(labelled[:, :, None], truth, 0.0)
    guess = np.broadcast_to(known.sum(axis=0) / count, truth.shape)
    return pck_of_errors(relative_errors(guess, known, labelled, size), threshold)


def _scored_in_both(
    attacked: Float[np.ndarray, "n k"], clean: Float[np.ndarray, "n k"]
) -> Bool[np.ndarray, "n k"]:
    both: np.ndarray = ~np.isnan(attacked) & ~np.isnan(clean)
    return both


def _correct(error: Float[np.ndarray, "n k"], threshold: float) -> Float[np.ndarray, "n"]:
    # NaN <= threshold is False: what is not scored is not correct either.
    correct: np.ndarray = (error <= threshold).sum(axis=1).astype(float)
    return correct
