"""Scores of sibling tasks: against literal loops, by hand, and chance against all answers."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustpose.metrics.intervals import percentile_interval, resample_counts
from robustpose.metrics.pck import pck_of_errors
from robustpose.metrics.tasks import (
    Tally,
    accuracy_tally,
    best_constant_map,
    commonest,
    kept,
    overlap_tally,
    overlaps,
    pck_tally,
    percent,
    relative,
    resampled,
)

CLASSES = 4


def label_maps(seed: int, people: int = 5) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return tuple(random.integers(0, CLASSES, (people, 3, 4)) for _ in range(2))  # type: ignore[return-value]


def mean_overlap(answer: np.ndarray, truth: np.ndarray, people: list[int]) -> float:
    """Return the mIoU of some people (also repeatedly), cell by cell as its definition says."""
    ratios = []
    for label in range(CLASSES):
        both = either = 0
        for person in people:
            for given_, true in zip(answer[person].flat, truth[person].flat, strict=True):
                both += given_ == label and true == label
                either += given_ == label or true == label
        if either:
            ratios.append(both / either)
    return 100 * sum(ratios) / len(ratios)


@given(st.integers(0, 1000))
def test_mean_overlap_is_that_of_a_literal_loop(seed: int) -> None:
    answer, truth = label_maps(seed)
    tally = overlap_tally(*overlaps(answer, truth, CLASSES))
    assert percent(tally) == pytest.approx(mean_overlap(answer, truth, list(range(5))))


def test_resamples_draw_whole_people() -> None:
    answer, truth = label_maps(1)
    counts = resample_counts(5, resamples=20, seed=3)
    found = resampled(overlap_tally(*overlaps(answer, truth, CLASSES)), counts)
    for drawn, times in zip(found.draws, counts.astype(int), strict=True):
        people = [person for person, often in enumerate(times) for _ in range(often)]
        assert drawn == pytest.approx(mean_overlap(answer, truth, people))
    assert found.interval == percentile_interval(found.value, found.draws)


def test_a_class_that_nobody_has_does_not_count() -> None:
    truth = np.array([[[0, 0, 1, 1]]])
    answer = np.array([[[0, 0, 1, 0]]])
    both, either = overlaps(answer, truth, CLASSES)
    assert both.tolist() == [[2, 1, 0, 0]]
    assert either.tolist() == [[3, 2, 0, 0]]
    assert percent(overlap_tally(both, either)) == pytest.approx(100 * (2 / 3 + 1 / 2) / 2)
    # Given to a single cell by mistake, it counts and is 0.
    answer[0, 0, 0] = 3
    wrong = percent(overlap_tally(*overlaps(answer, truth, CLASSES)))
    assert wrong == pytest.approx(100 * (1 / 3 + 1 / 2 + 0) / 3)


def test_accuracy_and_pck_are_ratios_of_one_class() -> None:
    assert percent(accuracy_tally(np.array([True, False, True, True]))) == 75
    error = np.array([[0.1, 0.5, np.nan], [0.6, 0.2, np.inf]])
    assert percent(pck_tally(error, 0.5)) == pck_of_errors(error, 0.5) == 60
    assert math.isnan(percent(Tally(np.zeros((2, 1)), np.zeros((2, 1)))))


def test_relative_and_kept_by_hand() -> None:
    counts = np.array([[1.0, 1, 1, 1], [4, 0, 0, 0], [0, 2, 2, 0]])
    clean, attacked, chance = (
        resampled(accuracy_tally(np.array(right, bool)), counts)
        for right in ((1, 1, 1, 0), (0, 1, 0, 0), (1, 0, 0, 0))
    )
    assert (clean.value, attacked.value) == (75, 25)
    left = relative(attacked, clean)
    assert left.value == pytest.approx(100 / 3)
    np.testing.assert_allclose(left.draws, [100 / 3, 0, 50])
    # (25 - 25) / (75 - 25); the second resample is all chance and says nothing of its own.
    above = kept(attacked, clean, chance)
    assert above.value == 0
    assert np.isnan(above.draws).all()
    assert math.isnan(above.interval.low)
    sure = kept(*(replace(each, draws=each.draws[[0, 2]]) for each in (attacked, clean, chance)))
    np.testing.assert_allclose(sure.draws, [0, 50])


def test_below_chance_is_negative_and_nothing_above_it_is_nan() -> None:
    counts = np.ones((1, 4))
    half, none, all_ = (
        resampled(accuracy_tally(np.arange(4) < right), counts) for right in (2, 0, 4)
    )
    assert kept(none, all_, half).value == -100
    assert math.isnan(kept(none, half, all_).value)
    assert math.isnan(relative(none, none).value)


def test_differences_are_paired() -> None:
    counts = resample_counts(40, resamples=200)
    right = np.arange(40) % 3 > 0
    one = resampled(accuracy_tally(right), counts)
    other = resampled(accuracy_tally(right & (np.arange(40) > 3)), counts)
    apart = (one - other).interval
    assert apart.value == pytest.approx(one.value - other.value)
    assert apart.low >= 0
    assert apart.high - apart.low < one.interval.high - one.interval.low


def expected_overlap(labels: np.ndarray, frequency: np.ndarray) -> float:
    """Return the mIoU of one map for everybody over the classes that there are."""
    ratios = []
    for label, share in enumerate(frequency):
        chosen = labels == label
        union = share.sum() + chosen.sum() - share[chosen].sum()
        ratios.append(share[chosen].sum() / union if union else 0.0)
    return sum(ratios)


@given(st.integers(0, 300))
def test_the_constant_map_cannot_be_bettered_in_one_place(seed: int) -> None:
    frequency = np.random.default_rng(seed).dirichlet([3.0, 0.5, 0.3], size=(2, 3))
    frequency = np.moveaxis(frequency, -1, 0)
    found = best_constant_map(frequency)
    best = expected_overlap(found, frequency)
    assert best >= expected_overlap(frequency.argmax(axis=0), frequency) - 1e-9
    for place, label in itertools.product(np.ndindex(2, 3), range(3)):
        other = found.copy()
        other[place] = label
        assert expected_overlap(other, frequency) <= best + 1e-9


def test_the_constant_map_is_the_best_of_all_where_the_background_hides_a_part() -> None:
    # Label 1 is nowhere the commonest, and still worth a cell.
    frequency = np.array([[[0.9, 0.6, 0.6, 0.9]], [[0.1, 0.4, 0.4, 0.1]]])
    found = best_constant_map(frequency)
    maps = [np.array(each).reshape(1, 4) for each in itertools.product(range(2), repeat=4)]
    scores = [expected_overlap(each, frequency) for each in maps]
    assert expected_overlap(found, frequency) == pytest.approx(max(scores))
    assert found.tolist() == [[0, 1, 1, 0]]


def test_the_commonest_label() -> None:
    assert commonest(np.array([2, 1, 2, 0])) == 2
