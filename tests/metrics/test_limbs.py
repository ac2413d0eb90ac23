"""Correct parts on limbs drawn by hand."""

import numpy as np
import pytest

from robustpose.metrics.limbs import PCP_THRESHOLD, limb_errors, limb_groups
from robustpose.metrics.pck import pck_of_errors
from robustpose.skeletons import LSP14, MPII16

NAN = float("nan")
TRUTH = np.array([[[0.0, 0], [0, 10], [0, 14]]])  # limbs of lengths 10 and 4
LIMBS = [(0, 1), (1, 2)]
ALL = np.ones((1, 3), dtype=bool)


def test_the_worse_end_decides_relative_to_the_length_of_the_limb() -> None:
    joints = TRUTH + np.array([[[3.0, 4], [0, 1], [0, 2]]])  # ends off by 5, 1 and 2
    np.testing.assert_allclose(limb_errors(joints, TRUTH, ALL, LIMBS), [[0.5, 0.5]])
    assert pck_of_errors(limb_errors(joints, TRUTH, ALL, LIMBS), PCP_THRESHOLD) == 100
    worse = joints + np.array([[[0, 0], [0, 0], [0, 0.1]]])
    assert pck_of_errors(limb_errors(worse, TRUTH, ALL, LIMBS), PCP_THRESHOLD) == 50


def test_the_loose_rule_would_forgive_what_the_strict_one_does_not() -> None:
    joints = TRUTH + np.array([[[8.0, 0], [0, 0], [0, 0]]])  # mean of the ends: 4 of 10
    assert limb_errors(joints, TRUTH, ALL, LIMBS)[0, 0] == pytest.approx(0.8)


def test_a_limb_is_scored_where_both_ends_are_and_it_has_a_length() -> None:
    labelled = np.array([[True, True, False]])
    truth = np.where(labelled[..., None], TRUTH, NAN)
    np.testing.assert_array_equal(limb_errors(TRUTH, truth, labelled, LIMBS), [[0, NAN]])
    point = TRUTH * 0
    assert np.isnan(limb_errors(TRUTH, point, ALL, LIMBS)).all()


def test_an_end_that_is_nowhere_is_wrong_and_not_missing() -> None:
    joints = TRUTH.copy()
    joints[0, 2, 1] = NAN
    np.testing.assert_array_equal(limb_errors(joints, TRUTH, ALL, LIMBS), [[0, np.inf]])


def test_against_a_slow_loop() -> None:
    random = np.random.default_rng(0)
    truth, joints = random.random((2, 6, 14, 2))
    labelled = random.random((6, 14)) < 0.8
    found = limb_errors(joints, truth, labelled, LSP14.limb_indices)
    for person in range(6):
        for place, (a, b) in enumerate(LSP14.limb_indices):
            if labelled[person, a] and labelled[person, b]:
                length = np.hypot(*(truth[person, a] - truth[person, b]))
                ends = [np.hypot(*(joints[person, j] - truth[person, j])) for j in (a, b)]
                assert found[person, place] == pytest.approx(max(ends) / length)
            else:
                assert np.isnan(found[person, place])


@pytest.mark.parametrize("skeleton", [LSP14, MPII16])
def test_groups_hold_the_limbs_of_both_sides(skeleton) -> None:  # type: ignore[no-untyped-def]
    groups = limb_groups(skeleton)
    assert sorted(place for limbs in groups.values() for place in limbs) == list(
        range(len(skeleton.limbs))
    )
    names = {frozenset(skeleton.limbs[place]) for place in groups["ankle-knee"]}
    assert names == {
        frozenset({"right_ankle", "right_knee"}),
        frozenset({"left_ankle", "left_knee"}),
    }
