"""Relative PCK against numbers counted by hand."""

import numpy as np
import pytest

from robustpose.metrics.intervals import resample_counts
from robustpose.metrics.robustness import (
    relative_difference,
    relative_score,
    score_difference,
    score_drop,
    score_drop_by_group,
    score_interval,
    scored_in_all,
    target_score,
)
from robustpose.metrics.rules import Within

NAN = float("nan")
CLEAN = np.array([[0.1, 0.2, 0.3], [0.0, NAN, 0.2]])  # at 0.2: 4 of 5 correct
ATTACKED = np.array([[0.1, 0.9, 0.1], [0.5, NAN, 0.2]])  # at 0.2: 3 of 5 correct


def test_relative_score_is_attacked_over_clean() -> None:
    assert relative_score(ATTACKED, CLEAN, Within(0.2)) == pytest.approx(100 * 3 / 4)


def test_only_joints_scored_in_both_count() -> None:
    attacked = ATTACKED.copy()
    attacked[0, 0] = NAN  # left: clean 3 of 4 correct, attacked 2 of 4
    assert relative_score(attacked, CLEAN, Within(0.2)) == pytest.approx(100 * 2 / 3)
    drop = score_drop(attacked, CLEAN, Within(0.2), resample_counts(2))
    assert drop.clean.value == pytest.approx(75)
    assert drop.attacked.value == pytest.approx(50)


def test_nothing_correct_before_has_no_relative_score() -> None:
    assert np.isnan(relative_score(CLEAN, CLEAN + 1, Within(0.2)))


def test_a_joint_sent_to_infinity_is_wrong_and_still_counts() -> None:
    attacked = np.where(np.isnan(CLEAN), NAN, np.inf)
    drop = score_drop(attacked, CLEAN, Within(0.2), resample_counts(2))
    assert drop.attacked.value == 0
    assert drop.relative.value == 0


def test_the_drop_agrees_with_the_plain_function() -> None:
    random = np.random.default_rng(2)
    clean, attacked = random.random((2, 30, 14))
    drop = score_drop(attacked, clean, Within(0.4), resample_counts(30))
    assert drop.relative.value == pytest.approx(relative_score(attacked, clean, Within(0.4)))
    assert drop.relative.low < drop.relative.value < drop.relative.high
    assert drop.people == 30


def test_pairing_narrows_the_relative_interval() -> None:
    # People differ much in how hard they are, little in what the attack takes from them.
    random = np.random.default_rng(5)
    hardness = random.random((200, 1))
    clean = hardness + 0.05 * random.random((200, 14))
    attacked = clean + 0.1
    counts, others = resample_counts(200, seed=0), resample_counts(200, seed=1)
    drop = score_drop(attacked, clean, Within(0.5), counts)
    after, before = (attacked <= 0.5).sum(axis=1), (clean <= 0.5).sum(axis=1)
    unpaired = 100 * (counts @ after) / (others @ before)
    low, high = np.quantile(unpaired, [0.025, 0.975])
    assert drop.relative.high - drop.relative.low < 0.8 * (high - low)


def test_groups_hold_left_and_right_together() -> None:
    groups = {"side": (0, 2), "middle": (1,)}
    drops = score_drop_by_group(ATTACKED, CLEAN, Within(0.2), resample_counts(2), groups)
    assert drops["side"].clean.value == pytest.approx(75)
    assert drops["side"].attacked.value == pytest.approx(75)
    assert drops["middle"].relative.value == 0
    assert drops["middle"].people == 1


def test_score_interval_counts_joints_not_people() -> None:
    assert score_interval(CLEAN, Within(0.2), resample_counts(2)).value == pytest.approx(80)


def test_what_is_lost_is_in_points_of_the_clean_score() -> None:
    drop = score_drop(ATTACKED, CLEAN, Within(0.2), resample_counts(2))
    assert drop.lost.value == pytest.approx(80 - 60)
    gain = score_drop(CLEAN, ATTACKED, Within(0.2), resample_counts(2))
    assert gain.lost.value == pytest.approx(-20)


def test_a_difference_is_paired_and_keeps_its_sign() -> None:
    random = np.random.default_rng(6)
    hardness = random.random((150, 1))
    first = hardness + 0.05 * random.random((150, 14))
    second = first + 0.05
    counts = resample_counts(150)
    found = score_difference(first, second, Within(0.5), counts)
    after, before = (100 * (each <= 0.5).mean() for each in (first, second))
    assert found.value == pytest.approx(after - before)
    assert 0 < found.low < found.value < found.high
    assert score_difference(second, first, Within(0.5), counts).value == pytest.approx(-found.value)
    # Each score alone is known so poorly that the intervals overlap.
    assert (
        score_interval(first, Within(0.5), counts).low
        < score_interval(second, Within(0.5), counts).high
    )


def test_a_difference_counts_only_joints_scored_in_both() -> None:
    first = np.array([[0.0, 0.0, NAN], [9.0, NAN, 0.0]])
    second = np.array([[0.0, NAN, 0.0], [0.0, 9.0, 9.0]])
    # In both: 0 and 9 and 0 against 0, 0 and 9.
    found = score_difference(first, second, Within(0.5), np.ones((3, 2)))
    assert found.value == pytest.approx(100 * (2 / 3 - 2 / 3))
    assert np.isnan(score_difference(first * NAN, second, Within(0.5), np.ones((3, 2)))).all()


def test_relative_scores_are_compared_over_joints_scored_in_all_four() -> None:
    clean = np.array([[0.0, 0.0, 0.0, 0.0]])
    first = np.array([[0.0, 0.0, 9.0, NAN]])
    second = np.array([[0.0, 9.0, 9.0, 0.0]])
    other_clean = np.array([[0.0, 0.0, 9.0, 0.0]])
    # The first keeps 2 of 3; the second keeps 1 of the 2 that its network had.
    found = relative_difference((first, clean), (second, other_clean), Within(0.5), np.ones((2, 1)))
    assert found == pytest.approx((100 * (2 / 3 - 1 / 2),) * 3)


def test_the_target_score_tells_what_the_attack_added() -> None:
    before = np.array([[0.0, 5.0, 5.0, 5.0], [5.0, 5.0, 5.0, NAN]])
    after = np.array([[0.0, 0.0, 0.1, 5.0], [0.0, 5.0, 5.0, NAN]])
    found = target_score(after, before, Within(0.5), resample_counts(2))
    assert found.clean.value == pytest.approx(100 / 7)
    assert found.attacked.value == pytest.approx(400 / 7)
    assert found.gained.value == pytest.approx(300 / 7)


def test_what_is_scored_in_all_leaves_its_arguments_alone() -> None:
    one, other = np.array([[1.0, NAN, 3.0]]), np.array([[NAN, 2.0, 4.0]])
    a, b = scored_in_all(one, other)
    np.testing.assert_array_equal(a, [[NAN, NAN, 3]])
    np.testing.assert_array_equal(b, [[NAN, NAN, 4]])
    np.testing.assert_array_equal(one, [[1, NAN, 3]])
