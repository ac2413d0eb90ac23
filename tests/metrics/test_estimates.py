"""Estimates against the intervals that are made directly."""

import numpy as np
import pytest

from robustpose.metrics.estimates import (
    Estimate,
    mean_of,
    quoted,
    ratio_estimate,
    spread_of,
)
from robustpose.metrics.intervals import (
    Sums,
    difference_interval,
    ratio_interval,
    resample_counts,
)

RANDOM = np.random.default_rng(0)
SCORED = RANDOM.integers(1, 15, 50).astype(float)
ONE = Sums(np.floor(SCORED * RANDOM.random(50)), SCORED)
OTHER = Sums(np.floor(SCORED * RANDOM.random(50)), SCORED)
COUNTS = resample_counts(50, resamples=500)


def _estimate(sums: Sums) -> Estimate:
    return ratio_estimate(sums, COUNTS)


def test_a_ratio_has_the_interval_of_the_ratio() -> None:
    assert _estimate(ONE).interval == pytest.approx(ratio_interval(*ONE, COUNTS))


def test_a_difference_is_paired() -> None:
    found = (_estimate(ONE) - _estimate(OTHER)).interval
    assert found == pytest.approx(difference_interval(ONE, OTHER, COUNTS))
    assert (_estimate(ONE) - _estimate(ONE)).interval == pytest.approx((0, 0, 0))


def test_means_and_spreads_are_taken_draw_by_draw() -> None:
    one, other = _estimate(ONE), _estimate(OTHER)
    assert mean_of([one, other]).draws == pytest.approx((one.draws + other.draws) / 2)
    assert spread_of([one, other]).draws == pytest.approx(np.abs(one.draws - other.draws))
    assert spread_of([one, other]).value == pytest.approx(abs(one.value - other.value))


def test_numbers_add_and_multiply() -> None:
    one = _estimate(ONE)
    mixed = 100 - 2 * one + 1
    assert mixed.value == pytest.approx(101 - 2 * one.value)
    assert mixed.draws == pytest.approx(101 - 2 * one.draws)
    assert abs(one - 1000).value == pytest.approx(1000 - one.value)


@pytest.mark.parametrize(
    ("draws", "direction"), [([1.0, 2.0], 1), ([-2.0, -1.0], -1), ([-1.0, 2.0], 0), ([], 1)]
)
def test_the_interval_tells_the_direction_and_without_draws_the_value(
    draws: list[float], direction: int
) -> None:
    assert Estimate(0.5, np.array(draws)).direction == direction


def test_one_of_many_numbers_needs_a_wider_interval() -> None:
    draws = np.where(np.arange(1000) < 15, 1.0, -1.0)  # 1.5 % on the other side
    number = Estimate(-0.97, draws)
    assert number.direction == -1
    assert number.direction_among(1) == -1
    assert number.direction_among(10) == 0
    assert quoted(-0.97).direction_among(10) == -1


def test_what_is_not_a_number_has_no_direction() -> None:
    assert quoted(float("nan")).direction == 0
    assert Estimate(float("nan"), np.array([1.0, 2.0])).direction == 0


def test_a_quoted_number_has_no_interval() -> None:
    assert np.isnan(quoted(7.0).interval[1:]).all()
    assert (quoted(7.0) - quoted(5.0)).direction == 1


def test_quoted_and_resampled_numbers_do_not_mix() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        _estimate(ONE) - quoted(5.0)


def test_of_nothing_there_is_no_mean() -> None:
    with pytest.raises(ValueError, match="at least one"):
        mean_of([])
