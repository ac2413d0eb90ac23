"""The bootstrap against a slow one and against known distributions."""

import numpy as np
import pytest

from robustpose.metrics.intervals import ratio_interval, resample_counts


def test_every_resample_draws_as_many_people_as_there_are() -> None:
    counts = resample_counts(17, resamples=50, seed=1)
    assert counts.shape == (50, 17)
    assert (counts.sum(axis=1) == 17).all()
    assert (counts >= 0).all()


def test_the_seed_decides() -> None:
    assert (resample_counts(9, seed=4) == resample_counts(9, seed=4)).all()
    assert (resample_counts(9, seed=4) != resample_counts(9, seed=5)).any()


def test_nobody_cannot_be_resampled() -> None:
    with pytest.raises(ValueError, match="at least one person"):
        resample_counts(0)


def test_agrees_with_a_bootstrap_that_draws_people_one_by_one() -> None:
    random = np.random.default_rng(0)
    scored = random.integers(1, 15, 40).astype(float)
    correct = np.floor(scored * random.random(40))
    found = ratio_interval(correct, scored, resample_counts(40, resamples=4000))
    drawn = []
    for _ in range(4000):
        people = [int(random.integers(40)) for _ in range(40)]
        drawn.append(100 * sum(correct[p] for p in people) / sum(scored[p] for p in people))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.value == pytest.approx(100 * correct.sum() / scored.sum())
    assert found.low == pytest.approx(low, abs=0.8)
    assert found.high == pytest.approx(high, abs=0.8)


def test_one_joint_a_person_is_a_binomial() -> None:
    # 400 people, 30 % correct: the normal interval is 30 +- 1.96 * sqrt(0.3 * 0.7 / 400).
    correct = np.repeat([1.0, 0.0], [120, 280])
    found = ratio_interval(correct, np.ones(400), resample_counts(400, resamples=4000))
    half = 100 * 1.96 * np.sqrt(0.3 * 0.7 / 400)
    assert found.low == pytest.approx(30 - half, abs=0.5)
    assert found.high == pytest.approx(30 + half, abs=0.5)


def test_a_ratio_that_is_the_same_for_everybody_has_no_spread() -> None:
    # Paired draws: each person keeps exactly half, whoever is drawn.
    before = np.array([2.0, 10.0, 6.0, 14.0])
    found = ratio_interval(before / 2, before, resample_counts(4))
    assert found == pytest.approx((50, 50, 50))


def test_nothing_to_divide_by_is_nan() -> None:
    found = ratio_interval(np.zeros(5), np.zeros(5), resample_counts(5))
    assert np.isnan(found).all()


def test_resamples_without_a_denominator_are_left_out() -> None:
    # Only one of three people is scored; where that one is not drawn there is no ratio.
    found = ratio_interval(np.array([1.0, 0, 0]), np.array([2.0, 0, 0]), resample_counts(3))
    assert found == pytest.approx((50, 50, 50))


def test_wider_coverage_is_a_wider_interval() -> None:
    correct = np.repeat([1.0, 0.0], [20, 20])
    counts = resample_counts(40)
    narrow = ratio_interval(correct, np.ones(40), counts, coverage=0.5)
    wide = ratio_interval(correct, np.ones(40), counts, coverage=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high
