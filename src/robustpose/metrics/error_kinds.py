"""What goes wrong with a joint: the kinds of error of Ronchi and Perona (ICCV 2017).

With e the distance to a joint's own place and t the threshold, both in reference lengths:

good        e <= t: what PCK counts
inversion   not good, within t of the same joint of the other side, which is the nearest place
swap        not good, within t of another place, the nearest: another joint of the same person or,
            where other people's poses are given, the same joint (of either side) of one of them
jitter      none of these, but e <= 2.07 t: near its own place
miss        near nothing

The paper measures nearness in key-point similarity: good from 0.85, jitter from 0.5. Its distances
are in the ratio sqrt(ln 0.5 / ln 0.85) = 2.07, which is kept here. Three things differ, because
the benchmark's people are single and its score is PCK: a good joint stays good even if a wrong
place is nearer, so that the share of good ones *is* the PCK and the others explain what it lost; a
swap with another joint of the same person is told (there it is a miss), while swaps with other
people are told only if these are given; and to count as inverted or swapped a joint must be where
that place's own joint would be good (there, within the wider radius of jitter).

A joint thrown anywhere lands on a wrong place now and then, so a few swaps say nothing.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from robustpose.metrics.intervals import Interval, Sums, difference_interval, ratio_interval

KINDS = ("good", "jitter", "inversion", "swap", "miss")
"""The kinds in the order of their codes, from 0."""

GOOD, JITTER, INVERSION, SWAP, MISS = range(5)
UNSCORED = -1

JITTER_REACH = math.sqrt(math.log(0.5) / math.log(0.85))
"""How far jitter reaches, in thresholds: about 2.07."""


def error_kinds(
    joints: Float[np.ndarray, "n k 2"],
    truth: Float[np.ndarray, "n k 2"],
    labelled: Bool[np.ndarray, "n k"],
    size: Float[np.ndarray, "n"],
    mirror: Sequence[int],
    *,
    threshold: float,
    others: Float[np.ndarray, "n o k 2"] | None = None,
) -> Int[np.ndarray, "n k"]:
    """Return the code of each joint's kind (a position in `KINDS`), -1 where nothing is scored.

    `mirror` is `Skeleton.mirror`. `others` are the poses of other people on the same picture, in
    the pixels of the truth, NaN where there is none. Only labelled joints are places: an inversion
    onto a joint without a label cannot be seen. Leave out those that count in no score, as in every
    other metric: MPII's pelvis lies between the hips and would be the nearest place for hips that
    are on their way to the other side. A prediction that is not finite is a miss.
    """
    to_place = _distances(joints, truth, labelled, size)
    joint = np.arange(truth.shape[1])
    other_side = np.array(mirror, dtype=int)
    own = to_place[:, joint, joint]
    inverted = to_place[:, joint, other_side]
    to_place[:, joint, joint] = to_place[:, joint, other_side] = np.inf
    swapped = to_place.min(axis=2, initial=np.inf)
    if others is not None:
        swapped = np.minimum(swapped, _to_others(joints, others, size, other_side))
    kinds = np.full(own.shape, MISS)
    kinds[own <= JITTER_REACH * threshold] = JITTER
    kinds[swapped <= threshold] = SWAP
    kinds[(inverted <= threshold) & (inverted <= swapped)] = INVERSION
    kinds[own <= threshold] = GOOD
    kinds[~(labelled & (size > 0)[:, None])] = UNSCORED
    return kinds


def kind_shares(
    kinds: Int[np.ndarray, "n k"], counts: Float[np.ndarray, "b n"]
) -> dict[str, Interval]:
    """Return the share of each kind among the scored joints, in percent; they sum to 100.

    NaN if there is not one joint to score. `counts` from `photo_counts` or `resample_counts`.
    """
    return {name: ratio_interval(*_sums(kinds, code), counts) for code, name in enumerate(KINDS)}


def kind_shares_by_group(
    kinds: Int[np.ndarray, "n k"],
    counts: Float[np.ndarray, "b n"],
    groups: Mapping[str, Sequence[int]],
) -> dict[str, dict[str, Interval]]:
    """Return `kind_shares` for each group of joints (`Skeleton.groups`)."""
    return {name: kind_shares(kinds[:, list(joints)], counts) for name, joints in groups.items()}


def kind_differences(
    first: Int[np.ndarray, "n k"], second: Int[np.ndarray, "n k"], counts: Float[np.ndarray, "b n"]
) -> dict[str, Interval]:
    """Return each share under one condition less that under another, in points, paired.

    Over the joints that are scored in both; the values sum to 0.
    """
    both = (first != UNSCORED) & (second != UNSCORED)
    one, other = np.where(both, first, UNSCORED), np.where(both, second, UNSCORED)
    return {
        name: difference_interval(_sums(one, code), _sums(other, code), counts)
        for code, name in enumerate(KINDS)
    }


def lost_to(
    attacked: Int[np.ndarray, "n k"],
    clean: Int[np.ndarray, "n k"],
    counts: Float[np.ndarray, "b n"],
) -> dict[str, Interval]:
    """Return what became of the joints that were good and are no longer, in percent by kind.

    The keys are all kinds but good. NaN if not one good joint was lost.
    """
    lost = (clean == GOOD) & (attacked != GOOD)
    kinds = np.where(lost, attacked, UNSCORED)
    return {
        name: ratio_interval(*_sums(kinds, code), counts)
        for code, name in enumerate(KINDS)
        if code != GOOD
    }


def _distances(
    joints: Float[np.ndarray, "n k 2"],
    places: Float[np.ndarray, "n p 2"],
    known: Bool[np.ndarray, "n p"],
    size: Float[np.ndarray, "n"],
) -> Float[np.ndarray, "n k p"]:
    """Return how far each joint lies from each place, in reference lengths; inf where unknown."""
    there = np.where(known[..., None], places, 0.0)
    finite = np.isfinite(joints).all(axis=2)
    here = np.where(finite[..., None], joints, 0.0).astype(np.float64)
    length = np.where(size > 0, size, 1.0)[:, None, None]
    distance = np.linalg.norm(here[:, :, None] - there[:, None], axis=3) / length
    return np.where(finite[:, :, None] & known[:, None], distance, np.inf)


def _to_others(
    joints: Float[np.ndarray, "n k 2"],
    others: Float[np.ndarray, "n o k 2"],
    size: Float[np.ndarray, "n"],
    other_side: Int[np.ndarray, "k"],
) -> Float[np.ndarray, "n k"]:
    """Return how far each joint lies from the nearest like joint of another person."""
    nearest = np.full(joints.shape[:2], np.inf)
    for person in range(others.shape[1]):
        for place in (others[:, person], others[:, person, other_side]):
            known = np.isfinite(place).all(axis=2)
            distance = _distances(joints, place, known, size)
            nearest = np.minimum(nearest, np.diagonal(distance, axis1=1, axis2=2))
    return nearest


def _sums(kinds: Int[np.ndarray, "n k"], code: int) -> Sums:
    of_kind = (kinds == code).sum(axis=1).astype(float)
    return Sums(of_kind, (kinds != UNSCORED).sum(axis=1).astype(float))
