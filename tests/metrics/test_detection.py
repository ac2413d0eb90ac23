"""The area under the ROC curve against counting pairs and against scipy."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from robustpose.metrics.detection import (
    auroc,
    auroc_interval,
    confidence_fall,
    mean_confidence,
)
from robustpose.metrics.intervals import resample_counts

NAN = float("nan")
values = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, np.inf]), min_size=1, max_size=8)


def by_pairs(clean: list[float], attacked: list[float]) -> float:
    pairs = list(itertools.product(clean, attacked))
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)


@given(values, values)
def test_counts_every_pair_and_half_of_every_tie(clean: list[float], attacked: list[float]) -> None:
    assert auroc(np.array(clean), np.array(attacked)) == pytest.approx(by_pairs(clean, attacked))


def test_against_scipy_with_many_ties() -> None:
    random = np.random.default_rng(0)
    clean, attacked = random.integers(3, 12, 200) / 10, random.integers(0, 10, 150) / 10
    expected = mannwhitneyu(clean, attacked).statistic / (200 * 150)
    assert auroc(clean, attacked) == pytest.approx(expected)


def test_the_ends_of_the_scale() -> None:
    high, low = np.array([0.8, 0.9]), np.array([0.1, 0.2])
    assert auroc(high, low) == 1
    assert auroc(low, high) == 0
    assert auroc(high, high) == 0.5


def test_missing_values_are_left_out() -> None:
    assert auroc(np.array([0.9, NAN]), np.array([NAN, 0.1, 0.2])) == 1
    assert np.isnan(auroc(np.array([NAN]), np.array([0.1])))


def test_a_confidence_that_never_changes_tells_nothing_at_all() -> None:
    counts = resample_counts(3, resamples=20)
    assert np.isnan(auroc_interval(np.ones(3), np.ones(3), counts)).all()
    assert auroc_interval(np.ones(3), np.array([1.0, 1.0, 0.9]), counts).value > 0.5


def test_the_interval_agrees_with_people_drawn_one_by_one() -> None:
    random = np.random.default_rng(4)
    clean = np.round(random.random(50), 1)
    attacked = np.round(clean - 0.3 * random.random(50), 1)
    counts = resample_counts(50, resamples=250, seed=2)  # more than are worked on at once
    drawn = [
        auroc(np.repeat(clean, row.astype(int)), np.repeat(attacked, row.astype(int)))
        for row in counts
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert auroc_interval(clean, attacked, counts) == pytest.approx(
        (auroc(clean, attacked), low, high)
    )


def test_the_interval_takes_only_people_with_both() -> None:
    clean, attacked = np.array([0.9, 0.1, NAN]), np.array([0.5, NAN, 0.95])
    counts = resample_counts(3)
    assert auroc_interval(clean, attacked, counts) == pytest.approx((1, 1, 1))
    assert np.isnan(auroc_interval(clean[1:], attacked[1:], resample_counts(2))).all()


def test_the_fall_of_confidence_by_hand() -> None:
    clean, attacked = np.array([0.9, 0.5, 0.4, NAN]), np.array([0.3, 0.5, 0.6, 0.1])
    found = confidence_fall(clean, attacked, resample_counts(4))
    assert found.clean.value == pytest.approx(0.6)
    assert found.attacked.value == pytest.approx(1.4 / 3)
    assert found.fall.value == pytest.approx(0.4 / 3)
    assert found.fell.value == pytest.approx(100 / 3)  # the tie did not fall
    assert found.auroc.value == pytest.approx(by_pairs([0.9, 0.5, 0.4], [0.3, 0.5, 0.6]))


def test_nobody_with_both_is_nan() -> None:
    found = confidence_fall(np.array([NAN, 0.2]), np.array([0.1, NAN]), resample_counts(2))
    assert np.isnan([each.value for each in found]).all()


def test_the_mean_confidence_leaves_missing_and_uncounted_joints_out() -> None:
    confidence = np.array([[0.2, 0.4, 0.9], [NAN, 0.5, 0.9], [NAN, NAN, 0.9]], dtype=np.float32)
    counted = np.array([True, True, False])
    np.testing.assert_allclose(mean_confidence(confidence), [0.5, 0.7, 0.9], rtol=1e-6)
    np.testing.assert_allclose(mean_confidence(confidence, counted), [0.3, 0.5, NAN], rtol=1e-6)
