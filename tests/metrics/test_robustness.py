"""Relative PCK against numbers counted by hand."""

import numpy as np
import pytest

from robustpose.metrics.intervals import resample_counts
from robustpose.metrics.robustness import (
    constant_pose_pck,
    pck_drop,
    pck_drop_by_group,
    pck_interval,
    relative_pck,
)

NAN = float("nan")
CLEAN = np.array([[0.1, 0.2, 0.3], [0.0, NAN, 0.2]])  # at 0.2: 4 of 5 correct
ATTACKED = np.array([[0.1, 0.9, 0.1], [0.5, NAN, 0.2]])  # at 0.2: 3 of 5 correct


def test_relative_pck_is_attacked_over_clean() -> None:
    assert relative_pck(ATTACKED, CLEAN, 0.2) == pytest.approx(100 * 3 / 4)


def test_only_joints_scored_in_both_count() -> None:
    attacked = ATTACKED.copy()
    attacked[0, 0] = NAN  # left: clean 3 of 4 correct, attacked 2 of 4
    assert relative_pck(attacked, CLEAN, 0.2) == pytest.approx(100 * 2 / 3)
    drop = pck_drop(attacked, CLEAN, 0.2, resample_counts(2))
    assert drop.clean.value == pytest.approx(75)
    assert drop.attacked.value == pytest.approx(50)


def test_nothing_correct_before_has_no_relative_pck() -> None:
    assert np.isnan(relative_pck(CLEAN, CLEAN + 1, 0.2))


def test_a_joint_sent_to_infinity_is_wrong_and_still_counts() -> None:
    attacked = np.where(np.isnan(CLEAN), NAN, np.inf)
    drop = pck_drop(attacked, CLEAN, 0.2, resample_counts(2))
    assert drop.attacked.value == 0
    assert drop.relative.value == 0


def test_the_drop_agrees_with_the_plain_function() -> None:
    random = np.random.default_rng(2)
    clean, attacked = random.random((2, 30, 14))
    drop = pck_drop(attacked, clean, 0.4, resample_counts(30))
    assert drop.relative.value == pytest.approx(relative_pck(attacked, clean, 0.4))
    assert drop.relative.low < drop.relative.value < drop.relative.high
    assert drop.people == 30


def test_pairing_narrows_the_relative_interval() -> None:
    # People differ much in how hard they are, little in what the attack takes from them.
    random = np.random.default_rng(5)
    hardness = random.random((200, 1))
    clean = hardness + 0.05 * random.random((200, 14))
    attacked = clean + 0.1
    counts, others = resample_counts(200, seed=0), resample_counts(200, seed=1)
    drop = pck_drop(attacked, clean, 0.5, counts)
    after, before = (attacked <= 0.5).sum(axis=1), (clean <= 0.5).sum(axis=1)
    unpaired = 100 * (counts @ after) / (others @ before)
    low, high = np.quantile(unpaired, [0.025, 0.975])
    assert drop.relative.high - drop.relative.low < 0.8 * (high - low)


def test_groups_hold_left_and_right_together() -> None:
    groups = {"side": (0, 2), "middle": (1,)}
    drops = pck_drop_by_group(ATTACKED, CLEAN, 0.2, resample_counts(2), groups)
    assert drops["side"].clean.value == pytest.approx(75)
    assert drops["side"].attacked.value == pytest.approx(75)
    assert drops["middle"].relative.value == 0
    assert drops["middle"].people == 1


def test_pck_interval_counts_joints_not_people() -> None:
    assert pck_interval(CLEAN, 0.2, resample_counts(2)).value == pytest.approx(80)


def test_a_constant_pose_scores_where_people_stand_alike() -> None:
    truth = np.array([[[0.0, 0], [9, 9]], [[2, 0], [99, 99]], [[7, 0], [0, 0]]])
    labelled = np.array([[True, False], [True, False], [True, False]])
    # The mean of 0, 2 and 7 is 3: off by 3, 1 and 4, over a length of 10.
    size = np.full(3, 10.0)
    assert constant_pose_pck(truth, labelled, size, 0.3) == pytest.approx(200 / 3)
    assert constant_pose_pck(truth, labelled, size, 0.1) == pytest.approx(100 / 3)


def test_a_constant_pose_never_reads_unlabelled_joints() -> None:
    truth = np.array([[[1.0, 1]], [[NAN, NAN]]])
    labelled = np.array([[True], [False]])
    assert constant_pose_pck(truth, labelled, np.ones(2), 0.1) == 100
