"""The worst case over attacks, by hand and against a loop."""

import numpy as np

from robustpose.metrics.rules import KeypointSimilarity, Within
from robustpose.metrics.worst_case import harm, worst_images, worst_joints

NAN = np.nan
ERRORS = np.array(
    [
        [[0.1, 0.1, 0.1], [0.1, 0.9, NAN], [NAN, NAN, NAN]],
        [[0.1, 0.3, 0.1], [0.1, 0.3, NAN], [NAN, NAN, NAN]],
        [[0.9, 0.1, 0.1], [0.1, 0.9, NAN], [NAN, NAN, NAN]],
    ]
)


def test_the_fewest_joints_right_and_then_the_larger_error() -> None:
    assert worst_images(ERRORS, Within(0.2)).tolist() == [2, 0, 0]


def test_a_joint_at_the_threshold_is_right() -> None:
    at, beyond = np.array([[0.2, 5.0]]), np.array([[0.2001, 0.3]])
    assert worst_images(np.stack([at, beyond]), Within(0.2)).tolist() == [1]


def test_joints_are_taken_from_different_images() -> None:
    bound = worst_joints(ERRORS)
    np.testing.assert_array_equal(bound[0], [0.9, 0.3, 0.1])
    assert np.isnan(bound[2]).all()
    worst = ERRORS[2, 0]
    rule = Within(0.2)
    assert rule.sums(bound).numerator[0] < rule.sums(worst[None]).numerator[0]


def test_similarity_decides_where_people_are_scored_by_it() -> None:
    random = np.random.RandomState(0)
    errors = random.rand(4, 7, 5)
    rule = KeypointSimilarity((0.1, 0.2, 0.1, 0.3, 0.2))
    left = np.stack([rule.credit(each).mean(axis=1) for each in errors])
    assert worst_images(errors, rule).tolist() == left.argmin(axis=0).tolist()


def test_infinite_errors_are_the_worst() -> None:
    errors = np.array([[[0.3, 0.9]], [[0.3, np.inf]]])
    assert worst_images(errors, Within(0.2)).tolist() == [1]
    assert harm(errors[1], Within(0.2)).error[0] == np.inf
