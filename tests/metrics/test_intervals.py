"""The bootstrap against a slow one and against known distributions."""

import numpy as np
import pytest

from robustpose.metrics.intervals import (
    Sums,
    difference_interval,
    percentile_interval,
    photo_counts,
    ratio_interval,
    resample_counts,
)


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


def test_people_of_one_photograph_are_drawn_together() -> None:
    photos = ["b", "a", "b", "c", "a", "b"]
    counts = photo_counts(photos, resamples=200, seed=3)
    assert counts.shape == (200, 6)
    for photo in "abc":
        of_photo = counts[:, [place for place, each in enumerate(photos) if each == photo]]
        assert (of_photo == of_photo[:, :1]).all()
    assert (counts[:, [0, 1, 3]].sum(axis=1) == 3).all()  # as many photographs as there are


def test_one_person_a_photograph_is_the_bootstrap_over_people() -> None:
    assert (photo_counts(["z", "m", "a"], seed=8) == resample_counts(3, seed=8)).all()


def test_no_photograph_cannot_be_resampled() -> None:
    with pytest.raises(ValueError, match="at least one person"):
        photo_counts([])


def test_agrees_with_a_bootstrap_that_draws_photographs_one_by_one() -> None:
    # Three people a photograph who fail together: a bootstrap over people would be too sure.
    random = np.random.default_rng(1)
    photo = np.repeat(np.arange(40), 3)
    scored = random.integers(5, 15, 120).astype(float)
    correct = scored * (random.random(40) < 0.5)[photo]
    counts = photo_counts([str(each) for each in photo], resamples=4000)
    found = ratio_interval(correct, scored, counts)
    drawn = []
    for _ in range(4000):
        people = [3 * int(p) + q for p in random.integers(40, size=40) for q in range(3)]
        drawn.append(100 * correct[people].sum() / scored[people].sum())
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=1.2)
    assert found.high == pytest.approx(high, abs=1.2)
    by_people = ratio_interval(correct, scored, resample_counts(120, resamples=4000))
    assert by_people.high - by_people.low < 0.75 * (found.high - found.low)


def test_a_difference_agrees_with_people_drawn_one_by_one() -> None:
    random = np.random.default_rng(2)
    scored = random.integers(5, 15, 50).astype(float)
    before = np.floor(scored * random.random(50))
    after = np.floor(before * random.random(50))
    one, other = Sums(before, scored), Sums(after, scored)
    found = difference_interval(one, other, resample_counts(50, resamples=4000))
    drawn = []
    for _ in range(4000):
        people = random.integers(50, size=50)
        gap = before[people].sum() - after[people].sum()
        drawn.append(100 * gap / scored[people].sum())
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.value == pytest.approx(100 * (before - after).sum() / scored.sum())
    assert found.low == pytest.approx(low, abs=0.6)
    assert found.high == pytest.approx(high, abs=0.6)


def test_a_difference_of_ratios_with_other_denominators() -> None:
    # 2 of 4 less 3 of 10, in parts of one.
    one, other = Sums(np.array([2.0]), np.array([4.0])), Sums(np.array([3.0]), np.array([10.0]))
    found = difference_interval(one, other, np.ones((5, 1)), scale=1.0)
    assert found == pytest.approx((0.2, 0.2, 0.2))
    nothing = Sums(np.zeros(1), np.zeros(1))
    assert np.isnan(difference_interval(one, nothing, np.ones((5, 1)))).all()


def test_percentiles_leave_out_what_is_missing() -> None:
    drawn = np.append(np.arange(101.0), np.nan)
    assert percentile_interval(7.0, drawn, coverage=0.9) == pytest.approx((7, 5, 95))
    assert np.isnan(percentile_interval(float("nan"), drawn)).all()
    assert np.isnan(percentile_interval(1.0, drawn[-1:])).all()
