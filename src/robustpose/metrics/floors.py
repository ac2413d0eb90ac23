"""What a score is worth: how much of it needs no network.

Two answers that never look at the photograph, measured from the annotations alone: one constant
pose for everybody (the mean of the training people) and the pose of a random other person. They
are floors of what has been learnt from the picture, not of what an attacker can do, which is zero.

Everything here lives in the *frame* that a network sees: the crop. Canvas pixels of crops of one
size are such a frame; annotations in photographs are brought into one by `in_frames`, with the
centre and side of each crop. That matters, because the score depends on it. Measured on the 2,958
people of MPII's validation split (14 scored joints, 38,430 in all, PCKh@0.5, `<=`):

- the standard crop (centre 15 x scale px below the given one, side 1.25 x 200 x scale, which is
  10 head sizes, so the radius is 5 % of the side for everybody): constant pose 16.77 %,
  another person's pose 9.18 %, or 9.34 % if a joint counts once for each *pair* of people who both
  have it (`results/mpii_validation.txt`);
- the middle of the box of each person's scored joints instead, side 10 head sizes: 14.81 %, 9.06 %
  and 9.12 %.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from robustpose.metrics.distances import relative_errors
from robustpose.metrics.intervals import COVERAGE, Interval, difference_interval, ratio_interval
from robustpose.metrics.robustness import scored_in_all
from robustpose.metrics.rules import Rule


class Frames(NamedTuple):
    """Where each person's crop lies: its centre and its side, in pixels of the photograph."""

    centre: Float[np.ndarray, "n 2"]
    side: Float[np.ndarray, "n"]


class AboveFloor(NamedTuple):
    """Scores above what needs no network, with their intervals.

    `floor` is the score of the floor in percent; `clean` and `attacked` are what lies above it, in
    points, negative where negative; `kept` is 100 x (attacked - floor) / (clean - floor).
    """

    floor: Interval
    clean: Interval
    attacked: Interval
    kept: Interval


def in_frames(joints: Float[np.ndarray, "n k 2"], frames: Frames) -> Float[np.ndarray, "n k 2"]:
    """Return joints with the crop's centre at (0, 0) and its side as the unit.

    Reference lengths go the same way: `size / frames.side`.
    """
    placed: np.ndarray = (joints - frames.centre[:, None]) / frames.side[:, None, None]
    return placed


def joint_boxes(joints: Float[np.ndarray, "n k 2"], labelled: Bool[np.ndarray, "n k"]) -> Frames:
    """Return the upright boxes of labelled joints, as frames with the longer side.

    For data sets without crops of their own. A person without a labelled joint has NaN.
    """
    seen = labelled.sum(axis=1, keepdims=True) > 0
    low = np.where(labelled[..., None], joints, np.inf).min(axis=1)
    high = np.where(labelled[..., None], joints, -np.inf).max(axis=1)
    low, high = np.where(seen, low, np.nan), np.where(seen, high, np.nan)
    return Frames((low + high) / 2, (high - low).max(axis=1))


def mean_pose(
    joints: Float[np.ndarray, "n k 2"], labelled: Bool[np.ndarray, "n k"]
) -> Float[np.ndarray, "k 2"]:
    """Return the mean place of each joint over those who have it; NaN where nobody has."""
    count = labelled.sum(axis=0)[:, None]
    total = np.where(labelled[..., None], joints, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def constant_pose_errors(
    pose: Float[np.ndarray, "k 2"],
    truth: Float[np.ndarray, "n k 2"],
    labelled: Bool[np.ndarray, "n k"],
    size: Float[np.ndarray, "n"],
) -> Float[np.ndarray, "n k"]:
    """Return the errors of one pose for everybody, over the reference length.

    `pose` is usually `mean_pose` of the training people, in the frame that `truth` and `size` are
    in. NaN where there is nothing to score; a joint that the pose lacks is infinitely far.
    """
    everywhere = np.broadcast_to(pose, truth.shape)
    known = np.where(labelled[..., None], truth, 0.0)
    return relative_errors(everywhere, known, labelled, size)


def other_pose_chances(
    others: Float[np.ndarray, "m k 2"],
    others_labelled: Bool[np.ndarray, "m k"],
    truth: Float[np.ndarray, "n k 2"],
    labelled: Bool[np.ndarray, "n k"],
    size: Float[np.ndarray, "n"],
    rule: Rule,
    *,
    itself: Int[np.ndarray, "n"] | None = None,
) -> Float[np.ndarray, "n k"]:
    """Return the expected credit of each joint if the pose is a random one of `others`, 0 to 1.

    For PCK that is how likely the joint is right. Exact: the mean over all others who have that
    joint, no draws. Others are usually the training people, in the frame that `truth` and `size`
    are in. Where they are the people judged, `itself` holds each person's place among them
    (`np.arange(n)`; -1 for none), who is then left out. A joint that no other has is 0. NaN where
    there is nothing to score.

    `rule.gathered` scores the result, over the joints that a network is scored on.
    """
    scored = labelled & (size > 0)[:, None]
    chances = np.full(truth.shape[:2], np.nan)
    for joint in range(truth.shape[1]):
        rows = np.flatnonzero(scored[:, joint])
        donors = others_labelled[:, joint]
        credit = np.zeros(len(rows))
        if len(rows) and donors.any():
            places, wanted = others[donors, joint], truth[rows, joint]
            credit += rule.credit_of_all(places, wanted, size[rows], joint)
        own = _is_donor(donors, rows, itself)
        # Everybody has full credit for their own pose, so leaving them out takes 1 away.
        chances[rows, joint] = (credit - own) / np.maximum(donors.sum() - own, 1)
    return chances


def above_floor(
    attacked: Float[np.ndarray, "n k"],
    clean: Float[np.ndarray, "n k"],
    floor: Float[np.ndarray, "n k"],
    rule: Rule,
    counts: Float[np.ndarray, "b n"],
) -> AboveFloor:
    """Return the score of a network above a floor, before and after an attack.

    `attacked` and `clean` are errors, `floor` credits (`rule.credit` of `constant_pose_errors`, or
    `other_pose_chances`); only joints that are scored in all three count. All of it is paired:
    each resample draws the same people three times. `kept` is NaN where the clean score is not
    above the floor; its ends are NaN where that happens in more resamples than an end leaves out,
    because there a share of nothing has no interval.
    """
    after, before, guessed = scored_in_all(attacked, clean, floor)
    lost, won, bottom = rule.sums(after), rule.sums(before), rule.gathered(guessed)
    return AboveFloor(
        floor=ratio_interval(*bottom, counts),
        clean=difference_interval(won, bottom, counts),
        attacked=difference_interval(lost, bottom, counts),
        kept=_share_above(lost.numerator, won.numerator, bottom.numerator, counts),
    )


def above_floor_by_group(
    attacked: Float[np.ndarray, "n k"],
    clean: Float[np.ndarray, "n k"],
    floor: Float[np.ndarray, "n k"],
    rule: Rule,
    counts: Float[np.ndarray, "b n"],
    groups: Mapping[str, Sequence[int]],
) -> dict[str, AboveFloor]:
    """Return `above_floor` for each group of joints (`Skeleton.groups`).

    Joints near the middle of the body are easy to guess, so their floors are the highest.
    """
    return {
        name: above_floor(
            attacked[:, list(joints)],
            clean[:, list(joints)],
            floor[:, list(joints)],
            rule.among(joints),
            counts,
        )
        for name, joints in groups.items()
    }


def _share_above(
    after: Float[np.ndarray, "n"],
    before: Float[np.ndarray, "n"],
    bottom: Float[np.ndarray, "n"],
    counts: Float[np.ndarray, "b n"],
) -> Interval:
    # All three have the same denominators, which cancel.
    found = ratio_interval(after - bottom, before - bottom, counts)
    nothing = (counts @ (before - bottom) <= 0).mean()
    return found if nothing <= (1 - COVERAGE) / 2 else found._replace(low=np.nan, high=np.nan)


def _is_donor(
    donors: Bool[np.ndarray, "m"], rows: Int[np.ndarray, "r"], itself: Int[np.ndarray, "n"] | None
) -> Bool[np.ndarray, "r"]:
    if itself is None:
        return np.zeros(len(rows), dtype=bool)
    own = itself[rows]
    donor: np.ndarray = (own >= 0) & donors[own]
    return donor
