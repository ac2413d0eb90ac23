"""PCK against a slow loop, and at its edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robustpose.metrics.distances import relative_errors
from robustpose.metrics.intervals import ratio_interval, resample_counts
from robustpose.metrics.pck import (
    CURVE,
    area_sums,
    area_under_pck,
    hrnet_mean_at_0_1,
    pck_by_joint,
    pck_curve,
    pck_of_errors,
    pck_sums,
)

SHAPE = (5, 4)
errors = arrays(float, SHAPE, elements=st.one_of(st.floats(0, 2), st.just(math.nan), st.just(0.5)))


@given(errors, st.floats(0, 2))
def test_pck_counts_every_scored_joint_alike(error: np.ndarray, threshold: float) -> None:
    scored = [value for value in error.ravel() if not math.isnan(value)]
    right = sum(value <= threshold for value in scored)
    found = pck_of_errors(error, threshold)
    if scored:
        assert found == pytest.approx(100 * right / len(scored))
    else:
        assert math.isnan(found)


@given(errors, st.floats(0, 2))
def test_the_score_of_a_joint_is_that_of_its_column(error: np.ndarray, threshold: float) -> None:
    by_joint = pck_by_joint(error, threshold)
    for joint in range(SHAPE[1]):
        alone = pck_of_errors(error[:, joint : joint + 1], threshold)
        np.testing.assert_allclose(by_joint[joint], alone)


def test_an_error_at_the_threshold_is_right() -> None:
    assert pck_of_errors(np.array([[0.5, np.nextafter(0.5, 1)]]), 0.5) == 50


def test_people_with_more_joints_count_more() -> None:
    nan = math.nan
    error = np.array([[0.0, nan, nan, nan], [9, 9, 9, 9]])
    assert pck_of_errors(error, 0.5) == 20  # not the mean of 100 and 0


def test_infinitely_far_is_wrong_and_not_missing() -> None:
    assert pck_of_errors(np.array([[0.0, math.inf]]), 0.5) == 50


distances = arrays(float, (3, 2, 2), elements=st.floats(-50, 50))


@given(
    distances,
    distances,
    arrays(bool, (3, 2)),
    arrays(float, 3, elements=st.sampled_from([0.0, 2, 10])),
)
def test_relative_errors_against_a_slow_loop(
    joints: np.ndarray, truth: np.ndarray, labelled: np.ndarray, size: np.ndarray
) -> None:
    found = relative_errors(joints, truth, labelled, size)
    for i in range(3):
        for j in range(2):
            if labelled[i, j] and size[i] > 0:
                expected = math.dist(joints[i, j], truth[i, j]) / size[i]
                assert found[i, j] == pytest.approx(expected)
            else:
                assert math.isnan(found[i, j])


@pytest.mark.parametrize("absurd", [math.nan, math.inf, -math.inf])
def test_a_prediction_that_is_not_finite_is_infinitely_far(absurd: float) -> None:
    joints = np.zeros((1, 2, 2))
    joints[0, 0, 0] = absurd
    labelled = np.array([[True, True]])
    found = relative_errors(joints, np.zeros((1, 2, 2)), labelled, np.array([1.0]))
    assert found.tolist() == [[math.inf, 0]]


def test_arguments_are_not_changed() -> None:
    joints, truth = np.full((1, 1, 2), math.nan), np.ones((1, 1, 2))
    error = relative_errors(joints, truth, np.array([[True]]), np.array([1.0]))
    pck_of_errors(error, 0.5)
    pck_by_joint(error, 0.5)
    assert np.isnan(joints).all()
    assert (truth == 1).all()
    assert np.isinf(error).all()


def test_the_curve_is_the_score_at_each_threshold() -> None:
    error = np.array([[0.0, 0.105, 0.3], [0.5, math.nan, 2.0]])
    assert len(CURVE) == 51
    assert CURVE[0] == 0
    assert CURVE[-1] == 0.5
    curve = pck_curve(error)
    assert curve.tolist() == [pck_of_errors(error, threshold) for threshold in CURVE]
    assert curve[[0, 10, 11, 30, 49, 50]].tolist() == [20, 20, 40, 60, 60, 80]
    assert pck_curve(error, [0.2, 9.0]).tolist() == [40, 100]


@given(errors)
def test_the_area_against_numpys_trapezoids(error: np.ndarray) -> None:
    found = area_under_pck(error)
    if np.isnan(error).all():
        assert math.isnan(found)
    else:
        assert found == pytest.approx(np.trapezoid(pck_curve(error), CURVE) / 0.5)


def test_the_area_is_everything_or_nothing_at_its_ends() -> None:
    assert area_under_pck(np.zeros((2, 3))) == pytest.approx(100)
    assert area_under_pck(np.full((2, 3), 0.51)) == 0
    # Right at the last threshold only: half of the last of 50 steps.
    assert area_under_pck(np.full((2, 3), 0.5)) == pytest.approx(1)


def test_the_area_has_an_interval() -> None:
    error = np.random.default_rng(3).random((40, 5))
    found = ratio_interval(*area_sums(error), resample_counts(40))
    assert found.value == pytest.approx(area_under_pck(error))
    assert found.low < found.value < found.high


def test_hrnets_mean_at_0_1_is_the_score_at_0_11() -> None:
    error = np.array([[0.1, 0.105, 0.11, np.nextafter(0.11, 1)]])
    assert np.arange(0, 0.51, 0.01)[11] == 0.11  # how their evaluation gets it
    assert hrnet_mean_at_0_1(error) == 75
    assert pck_of_errors(error, 0.1) == 25


def test_sums_are_counts_of_each_person() -> None:
    correct, scored = pck_sums(np.array([[0.1, 0.5, math.nan], [math.inf, 0.2, 0.6]]), 0.5)
    assert correct.tolist() == [2, 1]
    assert scored.tolist() == [2, 3]
