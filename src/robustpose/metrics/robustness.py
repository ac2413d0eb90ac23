"""What an attack leaves of a score.

A relative score (relative PCK, Jain et al. 2019) is 100 times the attacked score over the clean
score of the same people and joints; the absolute drop is the clean score less the attacked one, in
points. The score is that of a `Rule`, one for all joints of the errors. Errors come from
`relative_errors`: NaN means that there is nothing to score. `counts` comes from `photo_counts` or
`resample_counts` and is the same for all that is compared.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from robustpose.metrics.intervals import Interval, Sums, difference_interval, ratio_interval
from robustpose.metrics.rules import Rule, score_of


class Drop(NamedTuple):
    """A score before and after an attack, in percent, each with its interval.

    `relative` is what is left in percent of the clean score, `lost` the clean less the attacked
    score in points. `people` counts those with a joint that is scored both before and after.
    """

    clean: Interval
    attacked: Interval
    relative: Interval
    lost: Interval
    people: int


class TargetScore(NamedTuple):
    """The score against the pose that a targeted attack asks for, in percent.

    `clean` is how far the network agrees with that pose unattacked, `gained` what the attack
    adds to it, in points.
    """

    clean: Interval
    attacked: Interval
    gained: Interval


def relative_score(
    attacked: Float[np.ndarray, "n k"], clean: Float[np.ndarray, "n k"], rule: Rule
) -> float:
    """Return the relative score in percent, over the joints that are scored in both.

    NaN if the score before the attack is 0.
    """
    after, before = (score_of(rule.sums(each)) for each in scored_in_all(attacked, clean))
    return 100 * after / before if before > 0 else float("nan")


def score_interval(
    error: Float[np.ndarray, "n k"], rule: Rule, counts: Float[np.ndarray, "b n"]
) -> Interval:
    """Return the score in percent with its bootstrap interval."""
    return ratio_interval(*rule.sums(error), counts)


def score_drop(
    attacked: Float[np.ndarray, "n k"],
    clean: Float[np.ndarray, "n k"],
    rule: Rule,
    counts: Float[np.ndarray, "b n"],
) -> Drop:
    """Return clean, attacked, relative and lost score over the joints that are scored in both.

    Each resample draws the same people before and after, so the intervals of the relative score
    and of the loss do not count twice how hard the people are.
    """
    after, before = (rule.sums(each) for each in scored_in_all(attacked, clean))
    return Drop(
        clean=ratio_interval(*before, counts),
        attacked=ratio_interval(*after, counts),
        relative=ratio_interval(after.numerator, before.numerator, counts),
        lost=difference_interval(before, after, counts),
        people=int((before.denominator > 0).sum()),
    )


def score_drop_by_group(
    attacked: Float[np.ndarray, "n k"],
    clean: Float[np.ndarray, "n k"],
    rule: Rule,
    counts: Float[np.ndarray, "b n"],
    groups: Mapping[str, Sequence[int]],
) -> dict[str, Drop]:
    """Return `score_drop` for each group of joints (`Skeleton.groups`: left and right together).

    `rule` is that of all joints. Errors of limbs (`limb_errors`) and groups of limbs
    (`limb_groups`) do as well, with the rule `Within(PCP_THRESHOLD)`.
    """
    return {
        name: score_drop(
            attacked[:, list(joints)], clean[:, list(joints)], rule.among(joints), counts
        )
        for name, joints in groups.items()
    }


def score_difference(
    first: Float[np.ndarray, "n k"],
    second: Float[np.ndarray, "n k"],
    rule: Rule,
    counts: Float[np.ndarray, "b n"],
) -> Interval:
    """Return the score of one condition less that of another, in points, paired by person.

    The conditions are any two on the same people (attacks, epsilons, networks), over the joints
    that are scored in both. NaN if there is none.
    """
    one, other = (rule.sums(each) for each in scored_in_all(first, second))
    return difference_interval(one, other, counts)


def relative_difference(
    first: tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "n k"]],
    second: tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "n k"]],
    rule: Rule,
    counts: Float[np.ndarray, "b n"],
) -> Interval:
    """Return one relative score less another, in points, paired by person.

    Each is given as (attacked, clean) errors: of two networks under one attack, or of one network
    under two. Over the joints that are scored in all four. NaN if either scores 0 before
    the attack.
    """
    sums = [rule.sums(each).numerator for each in scored_in_all(*first, *second)]
    return difference_interval(Sums(sums[0], sums[1]), Sums(sums[2], sums[3]), counts)


def target_score(
    attacked: Float[np.ndarray, "n k"],
    clean: Float[np.ndarray, "n k"],
    rule: Rule,
    counts: Float[np.ndarray, "b n"],
) -> TargetScore:
    """Return how much of the pose asked for the network gives, before and after the attack.

    Both arrays are errors *to the target* (`relative_errors` with the target as the truth).
    Joints that another pose happens to share make the score before more than 0.
    """
    after, before = (rule.sums(each) for each in scored_in_all(attacked, clean))
    return TargetScore(
        clean=ratio_interval(*before, counts),
        attacked=ratio_interval(*after, counts),
        gained=difference_interval(after, before, counts),
    )


def scored_in_all(*errors: Float[np.ndarray, "n k"]) -> tuple[Float[np.ndarray, "n k"], ...]:
    """Return the errors with NaN wherever one of them is NaN; the arguments stay as they are."""
    missing = np.isnan(errors).any(axis=0)
    return tuple(np.where(missing, np.nan, each) for each in errors)
