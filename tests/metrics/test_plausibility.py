"""Implausibility on a stick figure whose measures can be worked out, and on known populations."""

import math

import numpy as np
import pytest

from robustpose.metrics.intervals import resample_counts
from robustpose.metrics.plausibility import (
    CENTRAL,
    FEWEST,
    Population,
    extremes,
    implausibility,
    implausible_share,
    measure_names,
    measures,
    outside_by_measure,
    population,
)
from robustpose.skeletons import COCO17, LSP14, MPII16, Skeleton

NAN = float("nan")
ARMS = Skeleton(
    name="arms",
    joints=("right_wrist", "right_elbow", "neck", "left_elbow", "left_wrist"),
    limbs=(
        ("right_wrist", "right_elbow"),
        ("right_elbow", "neck"),
        ("neck", "left_elbow"),
        ("left_elbow", "left_wrist"),
    ),
)
# Forearms 2 and 4, upper arms 2 and 3: a right angle at each elbow, 180 degrees at the neck.
POSE = np.array([[[-2.0, 2], [-2, 0], [0, 0], [3, 0], [3, -4]]])
ALL = np.ones((1, 5), dtype=bool)


def named(joints: np.ndarray, known: np.ndarray = ALL) -> dict[str, float]:
    values = measures(joints, known, ARMS)
    return dict(zip(measure_names(ARMS), values[0].tolist(), strict=True))


def test_measures_by_hand() -> None:
    found = named(POSE)
    assert found == pytest.approx(
        {
            "length right_wrist-right_elbow : right_elbow-neck": 0,
            "length right_wrist-right_elbow : neck-left_elbow": math.log(2 / 3),
            "length right_wrist-right_elbow : left_elbow-left_wrist": math.log(2 / 4),
            "length right_elbow-neck : neck-left_elbow": math.log(2 / 3),
            "length right_elbow-neck : left_elbow-left_wrist": math.log(2 / 4),
            "length neck-left_elbow : left_elbow-left_wrist": math.log(3 / 4),
            "angle right_wrist-right_elbow : right_elbow-neck": 90,
            "angle right_elbow-neck : neck-left_elbow": 180,
            "angle neck-left_elbow : left_elbow-left_wrist": 90,
        }
    )


@pytest.mark.parametrize("degrees", [1, 45, 90, 179, 200])
def test_an_angle_is_that_between_the_limbs_however_they_are_drawn(degrees: float) -> None:
    turn = math.radians(degrees)
    joints = POSE.copy()
    joints[0, 4] = joints[0, 3] + 4 * np.array([-math.cos(turn), math.sin(turn)])
    backwards = Skeleton("arms", ARMS.joints, tuple((b, a) for a, b in ARMS.limbs))
    expected = min(degrees, 360 - degrees)
    assert measures(joints, ALL, ARMS)[0, -1] == pytest.approx(expected)
    assert measures(joints, ALL, backwards)[0, -1] == pytest.approx(expected)


def test_where_how_large_and_how_turned_a_pose_is_changes_nothing() -> None:
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    moved = 7 * POSE @ turn.T + [100, -30]
    np.testing.assert_allclose(measures(moved, ALL, ARMS), measures(POSE, ALL, ARMS), atol=1e-9)


def test_a_missing_joint_takes_only_its_own_measures_with_it() -> None:
    known = np.array([[True, True, True, True, False]])
    joints = np.where(known[..., None], POSE, NAN)
    found, whole = named(joints, known), named(POSE)
    for name, value in found.items():
        assert math.isnan(value) if "left_wrist" in name else value == pytest.approx(whole[name])


def test_a_limb_of_no_length_is_infinitely_out_of_proportion() -> None:
    joints = POSE.copy()
    joints[0, 4] = joints[0, 3]
    found = named(joints)
    assert found["length neck-left_elbow : left_elbow-left_wrist"] == math.inf
    assert math.isnan(found["angle neck-left_elbow : left_elbow-left_wrist"])
    assert named(POSE * 0)["length right_elbow-neck : neck-left_elbow"] == math.inf


@pytest.mark.parametrize("skeleton", [LSP14, MPII16, COCO17])
def test_every_skeleton_is_measured(skeleton: Skeleton) -> None:
    joints = np.random.default_rng(0).random((3, len(skeleton), 2))
    values = measures(joints, np.ones((3, len(skeleton)), dtype=bool), skeleton)
    assert values.shape == (3, len(measure_names(skeleton)))
    assert np.isfinite(values).all()
    assert len(set(measure_names(skeleton))) == values.shape[1]


def walkers(people: int, seed: int, spread: float = 0.1) -> np.ndarray:
    """Return stick figures like `POSE`, each joint somewhat elsewhere."""
    random = np.random.default_rng(seed)
    even = np.array([[-3.0, 3], [-3, 0], [0, 0], [3, 0], [3, 3]])
    return even + random.normal(scale=spread, size=(people, 5, 2))


@pytest.fixture(scope="module")
def ordinary() -> Population:
    poses = walkers(4000, 0)
    return population(poses, np.ones((4000, 5), dtype=bool), ARMS)


def known_of(joints: np.ndarray) -> np.ndarray:
    return np.ones(joints.shape[:2], dtype=bool)


def share(joints: np.ndarray, people: Population) -> float:
    scores = implausibility(joints, known_of(joints), people)
    return implausible_share(scores, resample_counts(len(scores), resamples=10)).value


def test_ranges_are_percentiles_of_people_and_their_mirror_images(ordinary: Population) -> None:
    poses = walkers(4000, 0)
    flipped = poses[:, list(ARMS.mirror)] * np.array([-1, 1])
    values = np.concatenate([measures(each, known_of(each), ARMS) for each in (poses, flipped)])
    expected = np.percentile(values, [0.5, 50, 99.5], axis=0)
    np.testing.assert_allclose(ordinary.ranges, expected, rtol=0.01, atol=0.005)
    sided = ordinary.names.index("length right_elbow-neck : neck-left_elbow")
    low, middle, high = ordinary.ranges[:, sided]
    assert low == pytest.approx(-high, abs=1e-3)
    assert middle == pytest.approx(0, abs=1e-3)


def test_one_percent_of_people_are_out_on_each_measure_and_as_a_whole(
    ordinary: Population,
) -> None:
    fresh = walkers(4000, 1)
    outside = outside_by_measure(extremes(fresh, known_of(fresh), ordinary), ordinary)
    assert tuple(outside) == ordinary.names
    assert all(0.3 < each < 2 for each in outside.values())
    assert 0.5 < share(fresh, ordinary) < 1.6
    # Of the people themselves, by construction.
    assert share(walkers(4000, 0), ordinary) == pytest.approx(100 * (1 - CENTRAL), abs=0.03)


def test_an_extreme_is_one_at_the_end_of_the_range(ordinary: Population) -> None:
    low, middle, high = ordinary.ranges
    place = len(ordinary.names) - 1  # the angle at the left elbow
    for angle, expected in (
        (low[place], 1.0),
        (middle[place], 0.0),
        (high[place], 1.0),
        (middle[place] + 2 * (high[place] - middle[place]), 2.0),
    ):
        joints = walkers(1, 0, spread=0)
        turn = math.radians(float(angle))
        joints[0, 4] = joints[0, 3] + 3 * np.array([-math.cos(turn), math.sin(turn)])
        found = extremes(joints, known_of(joints), ordinary)
        assert found[0, place] == pytest.approx(expected, abs=1e-6)


def test_one_joint_far_away_is_implausible(ordinary: Population) -> None:
    poses = walkers(200, 2)
    poses[:, 4] += [8, 0]
    assert share(poses, ordinary) == 100
    outside = outside_by_measure(extremes(poses, known_of(poses), ordinary), ordinary)
    assert outside["length neck-left_elbow : left_elbow-left_wrist"] == 100
    assert outside["length right_wrist-right_elbow : right_elbow-neck"] < 5


def surprise(values: np.ndarray, pool: np.ndarray) -> float:
    """Return the mean of -ln p over a pose's measures, by counting."""
    total = 0.0
    for value, column in zip(values, pool.T, strict=True):
        share = 2 * min((column <= value).mean(), (column >= value).mean())
        total -= math.log(min(1, max(share, 0.002)))
    return total / len(values)


def test_a_score_is_the_larger_of_the_furthest_and_the_mean_surprise(
    ordinary: Population,
) -> None:
    poses = walkers(4000, 0)
    flipped = poses[:, list(ARMS.mirror)] * np.array([-1, 1])
    pool = np.concatenate([measures(each, known_of(each), ARMS) for each in (poses, flipped)])
    odd = walkers(300, 8, spread=0.17)
    values = measures(odd, known_of(odd), ARMS)
    unusual = np.array([surprise(each, pool) for each in values]) / ordinary.unusual_limit
    furthest = extremes(odd, known_of(odd), ordinary).max(axis=1) / ordinary.extreme_limit
    scores = implausibility(odd, known_of(odd), ordinary)
    np.testing.assert_allclose(scores, np.maximum(unusual, furthest), rtol=0.04)
    # Either decides for some: one joint far off, or many slightly off.
    assert ((furthest > 1.1) & (unusual < 0.9)).any()
    assert ((furthest < 0.9) & (unusual > 1.1)).any()


def test_worse_poses_are_more_implausible(ordinary: Population) -> None:
    shares = [share(walkers(1000, 4, spread), ordinary) for spread in (0.1, 0.2, 0.4, 0.8)]
    assert shares == sorted(shares)
    assert shares[0] < 2
    assert shares[-1] > 95


def test_what_is_not_finite_or_shrunk_to_a_point_is_implausible(ordinary: Population) -> None:
    poses = walkers(3, 5)
    poses[0, 2] = NAN
    poses[1] = 0
    poses[2, 4] = poses[2, 3]
    scores = implausibility(poses, known_of(poses), ordinary)
    assert scores[0] == math.inf
    assert (scores[1:] > 10).all()
    assert np.isfinite(scores[1:]).all()


def test_a_pose_without_measures_has_no_score_and_is_not_counted(ordinary: Population) -> None:
    poses = walkers(2, 6)
    known = np.array([[True] * 5, [True, False, True, False, True]])
    scores = implausibility(poses, known, ordinary)
    assert np.isnan(scores).tolist() == [False, True]
    found = implausible_share(np.array([0.5, NAN, 1.0, 1.1]), resample_counts(4))
    assert found.value == pytest.approx(100 / 3)
    nothing = outside_by_measure(np.full((2, len(ordinary.names)), NAN), ordinary)
    assert all(math.isnan(each) for each in nothing.values())


def test_a_measure_that_few_people_have_is_not_used() -> None:
    poses = walkers(FEWEST + 50, 7)
    labelled = known_of(poses)
    labelled[: FEWEST - 40, 4] = False  # too few left wrists are left
    labelled[: FEWEST - 40, 0] = False
    people = population(poses, labelled, ARMS)
    used = ~np.isnan(people.quantiles).any(axis=0)
    expected = ["wrist" not in name for name in people.names]
    assert used.tolist() == expected


def test_too_few_or_too_similar_people_are_refused() -> None:
    few = walkers(FEWEST - 1, 0)
    with pytest.raises(ValueError, match=f"at least {FEWEST} people"):
        population(few, known_of(few), ARMS)
    same = walkers(FEWEST, 0, spread=0)
    with pytest.raises(ValueError, match="different poses"):
        population(same, known_of(same), ARMS)
