"""Smallest perturbations and worst cases against loops over people and joints."""

import math

import numpy as np
import pytest

from robustpose.metrics.rules import KeypointSimilarity, Within
from robustpose.metrics.smallest import (
    smallest_epsilons,
    smallest_halving,
    worst_images,
    worst_joints,
)

THRESHOLD, PEOPLE, JOINTS = 0.2, 9, 5


def made(seed: int) -> tuple[np.ndarray, dict[float, list[np.ndarray]]]:
    random = np.random.default_rng(seed)
    unscored = random.random((PEOPLE, JOINTS)) < 0.2
    unscored[0] = True
    clean = np.where(unscored, np.nan, random.uniform(0, 0.3, (PEOPLE, JOINTS)))
    attacked = {
        eps: [
            np.where(unscored, np.nan, random.uniform(0, 0.4, (PEOPLE, JOINTS))) for _ in range(2)
        ]
        for eps in (8.0, 0.5, 2.0)
    }
    return clean, attacked


@pytest.mark.parametrize("seed", range(4))
def test_the_smallest_epsilon_is_the_first_that_loses_the_joint(seed: int) -> None:
    clean, attacked = made(seed)
    found = smallest_epsilons(clean, attacked, THRESHOLD)
    for person in range(PEOPLE):
        for joint in range(JOINTS):
            tried = [(0.0, clean), *((eps, e) for eps in (0.5, 2.0, 8.0) for e in attacked[eps])]
            losing = [eps for eps, error in tried if error[person, joint] > THRESHOLD]
            expected = math.nan if np.isnan(clean[person, joint]) else (losing or [math.inf])[0]
            assert found[person, joint] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("seed", range(4))
def test_half_of_a_person_is_lost_on_one_image(seed: int) -> None:
    clean, attacked = made(seed)
    found = smallest_halving(clean, attacked, THRESHOLD)
    for person in range(PEOPLE):
        right = sum(error <= THRESHOLD for error in clean[person])
        losing = [
            eps
            for eps in (0.5, 2.0, 8.0)
            if any(sum(e[person] <= THRESHOLD) <= right / 2 for e in attacked[eps])
        ]
        expected = math.nan if right == 0 else (losing or [math.inf])[0]
        assert found[person] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("rule", [Within(THRESHOLD), KeypointSimilarity((0.1,) * JOINTS)])
def test_the_worst_case_falls_and_joints_bound_images(rule: Within | KeypointSimilarity) -> None:
    clean, attacked = made(0)
    errors, before = [clean], math.inf
    for eps in sorted(attacked):
        errors += attacked[eps]
        images, joints = worst_images(errors, rule), worst_joints(errors, rule)
        assert (joints.numerator <= images.numerator + 1e-12).all()
        for each in errors:
            assert (images.numerator <= rule.sums(each).numerator).all()
        assert images.numerator.sum() <= before
        before = float(images.numerator.sum())
    np.testing.assert_array_equal(images.denominator, rule.sums(clean).denominator)


def test_the_share_of_joints_left_is_that_of_larger_smallest_epsilons() -> None:
    clean, attacked = made(1)
    smallest = smallest_epsilons(clean, attacked, THRESHOLD)
    left = worst_joints([clean, *attacked[0.5], *attacked[2.0]], Within(THRESHOLD))
    assert left.numerator.sum() == (smallest > 2).sum()
    assert left.denominator.sum() == (~np.isnan(smallest)).sum()


def test_one_perfect_condition_hides_nothing() -> None:
    clean = np.zeros((1, 2))
    attacked = {1.0: [np.array([[0.0, 1.0]])], 2.0: [np.zeros((1, 2))]}
    assert smallest_epsilons(clean, attacked, THRESHOLD).tolist() == [[math.inf, 1.0]]
    assert smallest_halving(clean, attacked, THRESHOLD).tolist() == [1.0]
