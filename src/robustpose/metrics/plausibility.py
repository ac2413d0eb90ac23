"""Whether a predicted pose could be a person's: limbs of fitting lengths, joints that bend so far.

Measured, never learnt: the ratio of the lengths of each two limbs, as a natural logarithm, and the
angle between each two limbs that meet, 0 to 180 degrees. Each is compared with what annotated
people have (by default its central 99 %), and with nothing else: no scale of the body and no
network, and a missing joint takes only its own measures with it.

A pose can be odd in two ways. One joint far away puts a few measures far outside; many joints
slightly off put none outside but make all of them unusual together. `implausibility` is the larger
of both, each over what annotated people reach. How much it sees, measured on MPII's validation
split (14 joints, half of the people the population, the other half judged; means of 20 divisions,
`results/plausibility.txt`), share implausible:

    annotated poses                                             1 %
    with the hips exchanged                                     2 %
    with one joint thrown anywhere in the crop                 54 %
    with normal errors of half a head in every coordinate      32 %
    joints drawn evenly over the crop                          85 %

So the share compares conditions; that it is small does not prove poses sound.

An implausible pose is wrong; a plausible one need not be right. Foreshortening makes the ranges in
the picture wide, and a pose with all of left and right exchanged is that of somebody turned round.
"""

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float

from robustpose.metrics.intervals import Interval, Sums, ratio_interval
from robustpose.skeletons import Skeleton

CENTRAL = 0.99
"""The share of annotated people that counts as ordinary, for each measure and for whole poses."""

FEWEST = 100
"""With fewer people, half a percent at either end is less than one and there is no such range."""

_STEPS = 1000  # of the table of quantiles; tails finer than this are all alike

_FAR = 100.0  # ends of a range; a limb of no length is infinitely far out


@dataclass(frozen=True, eq=False)
class Population:
    """What annotated people are like: the yardstick of `implausibility`.

    `quantiles` has those of each measure at 0, 0.001, ..., 1; NaN for a measure that too few people
    have. At most 1 % of these people exceed one of the two limits: `unusual_limit` of the mean
    surprise of a pose's measures, `extreme_limit` of the furthest of them.
    """

    skeleton: Skeleton
    names: tuple[str, ...]
    quantiles: Float[np.ndarray, "q m"]
    unusual_limit: float
    extreme_limit: float
    people: int

    @property
    def ranges(self) -> Float[np.ndarray, "3 m"]:
        """Low end, median and high end of the central 99 % of each measure."""
        tail = round(_STEPS * (1 - CENTRAL) / 2)
        return self.quantiles[[tail, _STEPS // 2, _STEPS - tail]]


def measure_names(skeleton: Skeleton) -> tuple[str, ...]:
    """Return what `measures` gives, in its order: "length A-B : C-D" and "angle A-B : A-C"."""
    names = tuple("-".join(limb) for limb in skeleton.limbs)
    ratios = tuple(f"length {names[a]} : {names[b]}" for a, b in _limb_pairs(skeleton))
    angles = tuple(f"angle {names[a]} : {names[b]}" for a, b in _meeting_pairs(skeleton))
    return ratios + angles


def measures(
    joints: Float[np.ndarray, "n k 2"], known: Bool[np.ndarray, "n k"], skeleton: Skeleton
) -> Float[np.ndarray, "n m"]:
    """Return logarithms of length ratios and angles in degrees; NaN where a joint is missing.

    `known` says which joints there are to measure: for a network's pose all that it answers, for
    an annotated one those that are labelled. A ratio with a limb of no length is infinite, and
    so is that of two such limbs; an angle at one says nothing and is NaN.
    """
    usable = known & np.isfinite(joints).all(axis=2)
    points = np.where(usable[..., None], joints, 0.0).astype(np.float64)
    start, end = np.array(skeleton.limb_indices).T
    limb = points[:, end] - points[:, start]
    seen = usable[:, start] & usable[:, end]
    length = np.linalg.norm(limb, axis=2)
    columns = []
    for a, b in _limb_pairs(skeleton):
        columns.append(
            np.where(seen[:, a] & seen[:, b], _log_ratio(length[:, a], length[:, b]), np.nan)
        )
    for a, b in _meeting_pairs(skeleton):
        turn = (
            -1 if start[a] == end[b] or end[a] == start[b] else 1
        )  # both away from where they meet
        there = seen[:, a] & seen[:, b] & (length[:, a] > 0) & (length[:, b] > 0)
        columns.append(np.where(there, _angle(limb[:, a], turn * limb[:, b]), np.nan))
    return np.stack(columns, axis=1)


def population(
    joints: Float[np.ndarray, "n k 2"], labelled: Bool[np.ndarray, "n k"], skeleton: Skeleton
) -> Population:
    """Return what people like these are like; they are usually the training people.

    Each counts with their mirror image, so left and right have one range. A measure needs
    `FEWEST` people. Raises `ValueError` if no measure has them, or if all poses are alike.
    """
    mirror = list(skeleton.mirror)
    values = measures(joints, labelled, skeleton)
    # No measure tells a picture from its mirror image, so exchanging the names is enough.
    flipped = measures(joints[:, mirror], labelled[:, mirror], skeleton)
    quantiles = _quantiles(np.concatenate([values, flipped]))
    if np.isnan(quantiles).all():
        raise ValueError(
            f"expected a measure that at least {FEWEST} people have, found {len(joints)} people"
        )
    unlimited = Population(skeleton, measure_names(skeleton), quantiles, 1.0, 1.0, len(joints))
    unusual, extreme = _unusual(values, unlimited), _furthest(values, unlimited)
    if not _limit(unusual) > 0 or not _limit(extreme) > 0:
        raise ValueError(f"expected people of different poses, found {len(joints)} times the same")
    limit = _limit(np.maximum(unusual / _limit(unusual), extreme / _limit(extreme)))
    return replace(
        unlimited,
        unusual_limit=limit * _limit(unusual),
        extreme_limit=limit * _limit(extreme),
    )


def extremes(
    joints: Float[np.ndarray, "n k 2"], known: Bool[np.ndarray, "n k"], people: Population
) -> Float[np.ndarray, "n m"]:
    """Return how far out each measure of a pose lies: 0 in the middle, 1 at the end of the range.

    The distance from the population's median over that from median to the end of the central 99 %
    on the same side. NaN where a joint is missing.
    """
    return _extremes(measures(joints, known, people.skeleton), people)


def implausibility(
    joints: Float[np.ndarray, "n k 2"], known: Bool[np.ndarray, "n k"], people: Population
) -> Float[np.ndarray, "n"]:
    """Return a score for each pose, 0 upwards; above 1 it is called implausible.

    The larger of two numbers: the furthest measure (`extremes`) over the population's limit, and
    the mean surprise over its limit. The surprise of a measure is -ln p, with p the share of people
    at least as far out on either side, not below 0.002; so the mean is Fisher's way (1925) of
    combining tests, of which dependence between measures does not matter because the limit is
    counted on people.

    Infinite for a pose with a known joint that is not finite; NaN for one without a single measure.
    With fewer known joints there are fewer measures to fail by, so give attacked and clean poses
    the same.
    """
    values = measures(joints, known, people.skeleton)
    unusual = _unusual(values, people) / people.unusual_limit
    extreme = _furthest(values, people) / people.extreme_limit
    broken = (known & ~np.isfinite(joints).all(axis=2)).any(axis=1)
    return np.where(broken, np.inf, np.maximum(unusual, extreme))


def implausible_share(scores: Float[np.ndarray, "n"], counts: Float[np.ndarray, "b n"]) -> Interval:
    """Return the percentage of poses whose implausibility is above 1, with its interval.

    Annotated people like the population have 1 %. Poses whose score is NaN do not count.
    """
    return ratio_interval(*implausible_sums(scores), counts)


def implausible_sums(scores: Float[np.ndarray, "n"]) -> Sums:
    """Return who is implausible among those who have a score, for an interval of the share."""
    scored = ~np.isnan(scores)
    outside = scored & (scores > 1)
    return Sums(outside.astype(float), scored.astype(float))


def outside_by_measure(extreme: Float[np.ndarray, "n m"], people: Population) -> dict[str, float]:
    """Return for each measure the percentage of poses outside its central 99 % (`extremes`).

    Annotated people like the population have 1 %. NaN where no pose has the measure.
    """
    seen = ~np.isnan(extreme)
    number = seen.sum(axis=0)
    share = np.where(number > 0, 100 * (extreme > 1).sum(axis=0) / np.maximum(number, 1), np.nan)
    return dict(zip(people.names, share.tolist(), strict=True))


def _meeting_pairs(skeleton: Skeleton) -> list[tuple[int, int]]:
    limbs = [set(limb) for limb in skeleton.limbs]
    return [(a, b) for a, b in combinations(range(len(limbs)), 2) if len(limbs[a] & limbs[b]) == 1]


def _limb_pairs(skeleton: Skeleton) -> list[tuple[int, int]]:
    return list(combinations(range(len(skeleton.limbs)), 2))


def _log_ratio(
    first: Float[np.ndarray, "n"], second: Float[np.ndarray, "n"]
) -> Float[np.ndarray, "n"]:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(first) - np.log(second)
    return np.where((first == 0) & (second == 0), np.inf, ratio)


def _angle(
    first: Float[np.ndarray, "n 2"], second: Float[np.ndarray, "n 2"]
) -> Float[np.ndarray, "n"]:
    cross = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    dot = (first * second).sum(axis=1)
    angle: np.ndarray = np.degrees(np.arctan2(np.abs(cross), dot))
    return angle


def _quantiles(values: Float[np.ndarray, "v m"]) -> Float[np.ndarray, "q m"]:
    table = np.full((_STEPS + 1, values.shape[1]), np.nan)
    for place, column in enumerate(values.T):
        seen = column[~np.isnan(column)]
        if len(seen) >= 2 * FEWEST:  # each person counts twice
            steps = np.linspace(0, 1, _STEPS + 1)
            table[:, place] = np.quantile(seen, steps, method="inverted_cdf")
    return table


def _extremes(values: Float[np.ndarray, "v m"], people: Population) -> Float[np.ndarray, "v m"]:
    low, middle, high = people.ranges
    distance = np.abs(values - middle)
    reach = np.where(values > middle, high - middle, middle - low)
    with np.errstate(divide="ignore", invalid="ignore"):
        extreme = np.where(distance > 0, distance / reach, 0.0)
    return np.where(np.isnan(values) | np.isnan(middle), np.nan, extreme)


def _unusual(values: Float[np.ndarray, "v m"], people: Population) -> Float[np.ndarray, "v"]:
    """Return each pose's mean surprise; NaN for one without a measure."""
    surprise = np.zeros_like(values)
    for place, table in enumerate(people.quantiles.T):
        below = np.searchsorted(table, values[:, place], side="right")
        above = len(table) - np.searchsorted(table, values[:, place], side="left")
        # Between two quantiles the share is taken as the middle of theirs.
        share = 2 * np.maximum(np.minimum(below, above) - 0.5, 1.0) / _STEPS
        surprise[:, place] = -np.log(np.minimum(share, 1.0))
    seen = ~np.isnan(values) & ~np.isnan(people.quantiles[0])
    number = seen.sum(axis=1)
    total = np.where(seen, surprise, 0.0).sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _furthest(values: Float[np.ndarray, "v m"], people: Population) -> Float[np.ndarray, "v"]:
    """Return each pose's furthest measure, cut off where it says no more; NaN without one."""
    extreme = _extremes(values, people)
    seen = ~np.isnan(extreme)
    furthest = np.where(seen, extreme, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(seen.any(axis=1), np.minimum(furthest, _FAR), np.nan)


def _limit(scores: Float[np.ndarray, "v"]) -> float:
    return float(np.quantile(scores[~np.isnan(scores)], CENTRAL, method="inverted_cdf"))
