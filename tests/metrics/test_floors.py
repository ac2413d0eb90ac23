"""What needs no network: by hand, by counting pairs, and on the people of MPII's validation."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import scipy.io

from robustpose.metrics.distances import relative_errors
from robustpose.metrics.error_kinds import error_kinds, kind_shares
from robustpose.metrics.floors import (
    Frames,
    above_floor,
    above_floor_by_group,
    constant_pose_errors,
    in_frames,
    joint_boxes,
    mean_pose,
    other_pose_chances,
)
from robustpose.metrics.intervals import resample_counts
from robustpose.metrics.pck import hrnet_mean_at_0_1, pck_by_joint, pck_of_errors
from robustpose.metrics.plausibility import implausibility, implausible_share, population
from robustpose.metrics.robustness import score_interval
from robustpose.metrics.rules import KeypointSimilarity, Within, score_of
from robustpose.skeletons import LSP14, MPII16

NAN = float("nan")


def test_a_constant_pose_scores_where_people_stand_alike() -> None:
    truth = np.array([[[0.0, 0], [9, 9]], [[2, 0], [99, 99]], [[7, 0], [0, 0]]])
    labelled = np.array([[True, False], [True, False], [True, False]])
    # The mean of 0, 2 and 7 is 3: off by 3, 1 and 4, over a length of 10.
    pose = mean_pose(truth, labelled)
    error = constant_pose_errors(pose, truth, labelled, np.full(3, 10.0))
    assert pck_of_errors(error, 0.3) == pytest.approx(200 / 3)
    assert pck_of_errors(error, 0.1) == pytest.approx(100 / 3)


def test_a_constant_pose_never_reads_unlabelled_joints() -> None:
    truth = np.array([[[1.0, 1]], [[NAN, NAN]]])
    labelled = np.array([[True], [False]])
    error = constant_pose_errors(mean_pose(truth, labelled), truth, labelled, np.ones(2))
    np.testing.assert_array_equal(error, [[0], [NAN]])


def test_a_mean_pose_is_over_those_who_have_the_joint() -> None:
    joints = np.array([[[0.0, 2], [NAN, NAN], [NAN, NAN]], [[4, 4], [5, 6], [NAN, NAN]]])
    labelled = ~np.isnan(joints).any(axis=2)
    np.testing.assert_array_equal(mean_pose(joints, labelled), [[2, 3], [5, 6], [NAN, NAN]])


def test_a_constant_pose_of_other_people_is_judged_on_these() -> None:
    pose = np.array([[3.0, 0], [NAN, NAN]])
    truth = np.array([[[0.0, 0], [9, 9]], [[2, 0], [NAN, NAN]]])
    labelled = np.array([[True, True], [True, False]])
    size = np.full(2, 10.0)
    error = constant_pose_errors(pose, truth, labelled, size)
    np.testing.assert_allclose(error, [[0.3, math.inf], [0.1, NAN]])


def test_frames_take_away_where_and_how_large_people_are() -> None:
    pose = np.array([[-0.2, 0.1], [0.4, -0.3]])
    frames = Frames(np.array([[50.0, 60], [300, 20]]), np.array([10.0, 200]))
    photos = frames.centre[:, None] + pose * frames.side[:, None, None]
    np.testing.assert_allclose(in_frames(photos, frames), np.stack([pose, pose]))


def test_boxes_hold_the_labelled_joints() -> None:
    joints = np.array([[[0.0, 1], [10, 5], [NAN, 99]], [[1, 1], [2, 2], [3, 3]]])
    labelled = np.array([[True, True, False], [False, False, False]])
    centre, side = joint_boxes(joints, labelled)
    np.testing.assert_array_equal(centre, [[5, 3], [NAN, NAN]])
    np.testing.assert_array_equal(side, [10, NAN])


def counted(others, others_labelled, truth, labelled, size, threshold, itself) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Return the chances by going through every pair of people."""
    chances = np.full(labelled.shape, NAN)
    for person, joint in np.argwhere(labelled & (size > 0)[:, None]):
        gaps = [
            math.dist(others[other, joint], truth[person, joint])
            for other in range(len(others))
            if others_labelled[other, joint] and (itself is None or itself[person] != other)
        ]
        near = sum(gap <= threshold * size[person] for gap in gaps)
        chances[person, joint] = near / len(gaps) if gaps else 0
    return chances


def test_another_persons_pose_against_counting_pairs() -> None:
    random = np.random.default_rng(0)
    truth, others = 10 * random.random((9, 4, 2)), 10 * random.random((12, 4, 2))
    labelled, others_labelled = random.random((9, 4)) < 0.8, random.random((12, 4)) < 0.7
    others_labelled[:, 3] = False  # a joint that no other has
    size = np.where(np.arange(9) == 2, 0.0, 3 + 4 * random.random(9))
    given = (np.where(others_labelled[..., None], others, NAN), others_labelled)
    found = other_pose_chances(*given, truth, labelled, size, Within(0.5))
    np.testing.assert_allclose(
        found, counted(others, others_labelled, truth, labelled, size, 0.5, None)
    )
    assert 0 < score_of(Within(0.5).gathered(found)) < 100


def test_nobody_is_given_their_own_pose() -> None:
    random = np.random.default_rng(1)
    truth = 10 * random.random((8, 3, 2))
    labelled = random.random((8, 3)) < 0.8
    size = 2 + random.random(8)
    itself = np.where(np.arange(8) == 5, -1, np.arange(8))
    found = other_pose_chances(truth, labelled, truth, labelled, size, Within(0.5), itself=itself)
    np.testing.assert_allclose(
        found, counted(truth, labelled, truth, labelled, size, 0.5, itself.tolist())
    )


def test_the_only_person_has_no_other() -> None:
    alone = (np.zeros((1, 2, 2)), np.ones((1, 2), dtype=bool))
    found = other_pose_chances(*alone, *alone, np.ones(1), Within(0.5), itself=np.array([0]))
    np.testing.assert_array_equal(found, [[0, 0]])


def test_another_persons_pose_by_oks_against_going_through_pairs() -> None:
    random = np.random.default_rng(2)
    truth, sigmas = 10 * random.random((7, 3, 2)), (0.1, 0.3, 0.5)
    labelled, size = random.random((7, 3)) < 0.8, 1 + random.random(7)
    found = other_pose_chances(
        truth, labelled, truth, labelled, size, KeypointSimilarity(sigmas), itself=np.arange(7)
    )
    for person, joint in np.ndindex(7, 3):
        if not labelled[person, joint]:
            assert np.isnan(found[person, joint])
            continue
        credits = [
            math.exp(
                -(math.dist(truth[other, joint], truth[person, joint]) ** 2)
                / (8 * size[person] ** 2 * sigmas[joint] ** 2)
            )
            for other in range(7)
            if other != person and labelled[other, joint]
        ]
        assert found[person, joint] == pytest.approx(np.mean(credits))


CLEAN = np.array([[0.0, 0.0, 0.0, 9.0], [0.0, 0.0, 9.0, NAN]])  # 5 of 7
FLOOR = np.array([[0.5, 0.5, 0.0, 0.0], [0.5, 0.0, 0.0, 0.0]])  # 1.5 of 7


def test_scores_above_the_floor_by_hand() -> None:
    attacked = np.array([[0.0, 9.0, 9.0, 9.0], [0.0, 0.0, 9.0, NAN]])  # 3 of 7
    found = above_floor(attacked, CLEAN, FLOOR, Within(0.5), resample_counts(2))
    assert found.floor.value == pytest.approx(150 / 7)
    assert found.clean.value == pytest.approx(350 / 7)
    assert found.attacked.value == pytest.approx(150 / 7)
    assert found.kept.value == pytest.approx(100 * 1.5 / 3.5)


def test_below_the_floor_is_negative() -> None:
    attacked = np.where(np.isnan(CLEAN), NAN, 9.0)
    found = above_floor(attacked, CLEAN, FLOOR, Within(0.5), resample_counts(2))
    assert found.attacked.value == pytest.approx(-150 / 7)
    assert found.kept.value == pytest.approx(-100 * 1.5 / 3.5)


def test_only_joints_scored_in_all_three_count() -> None:
    floor = FLOOR.copy()
    floor[0, 3] = NAN
    found = above_floor(CLEAN, CLEAN, floor, Within(0.5), resample_counts(2))
    assert found.floor.value == pytest.approx(25)
    assert found.clean.value == pytest.approx(100 * 3.5 / 6)
    assert found.kept == pytest.approx((100, 100, 100))


def test_groups_have_floors_of_their_own() -> None:
    groups = above_floor_by_group(
        CLEAN, CLEAN, FLOOR, Within(0.5), resample_counts(2), {"near": (0, 1), "far": (2, 3)}
    )
    assert groups["near"].floor.value == pytest.approx(100 * 1.5 / 4)
    assert groups["far"].floor.value == 0


def test_a_network_no_better_than_the_floor_keeps_no_share() -> None:
    clean = np.array([[0.0, 9.0]] * 20)
    found = above_floor(clean, clean, np.full((20, 2), 0.6), Within(0.5), resample_counts(20))
    assert np.isnan(found.kept).all()
    # Above it on average only: some resamples are not, and the share has no interval.
    barely = np.array([[0.0, 0.0]] * 11 + [[9.0, 9.0]] * 9)
    found = above_floor(barely, barely, np.full((20, 2), 0.5), Within(0.5), resample_counts(20))
    assert found.kept.value == pytest.approx(100)
    assert np.isnan([found.kept.low, found.kept.high]).all()
    assert found.clean.low < 0 < found.clean.high


class Validation(NamedTuple):
    """The people of MPII's validation split, and what Tompson et al. (2015) predict for them."""

    truth: np.ndarray
    predicted: np.ndarray
    labelled: np.ndarray  # the 14 joints that are scored
    size: np.ndarray


@pytest.fixture(scope="module")
def validation(samples: Path) -> Validation:
    path = samples / "mpii-sample" / "detections_our_format.mat"
    if not path.is_file():
        pytest.skip("no mpii-sample/detections_our_format.mat among the samples")
    found = scipy.io.loadmat(path)
    labelled = ~found["jnt_missing"].T.astype(bool)
    labelled[:, [MPII16.index("pelvis"), MPII16.index("thorax")]] = False
    corners = found["headboxes_src"]
    return Validation(
        truth=found["pos_gt_src"].transpose(2, 0, 1),
        predicted=found["pos_pred_src"].transpose(2, 0, 1),
        labelled=labelled,
        size=0.6 * np.linalg.norm(corners[1] - corners[0], axis=0),
    )


def test_published_predictions_score_what_was_published(validation: Validation) -> None:
    error = relative_errors(
        validation.predicted, validation.truth, validation.labelled, validation.size
    )
    assert (~np.isnan(error)).sum() == 38_430
    assert pck_of_errors(error, 0.5) == pytest.approx(82.34, abs=0.005)
    assert pck_of_errors(error, 0.1) == pytest.approx(28.97, abs=0.005)
    assert hrnet_mean_at_0_1(error) == pytest.approx(33.14, abs=0.005)
    interval = score_interval(error, Within(0.5), resample_counts(len(error)))
    assert interval.low < 82.34 < interval.high
    # The mean over joints weighs them by how often they are labelled.
    by_joint, number = pck_by_joint(error, 0.5), (~np.isnan(error)).sum(axis=0)
    seen = number > 0
    assert np.average(by_joint[seen], weights=number[seen]) == pytest.approx(82.34, abs=0.005)
    assert abs(by_joint[seen].mean() - 82.34) > 0.1


def test_floors_of_mpii(validation: Validation) -> None:
    # The file has no crops. Around the box of the joints, with sides of ten head sizes (the
    # standard crop's), floors are lower than around the standard crop's centre: 16.77 and 9.19.
    truth, _, labelled, size = validation
    frames = Frames(joint_boxes(truth, labelled).centre, 10 * size)
    placed, length = in_frames(truth, frames), size / frames.side
    np.testing.assert_allclose(0.5 * length, 0.05)  # the radius: 5 % of the side
    constant = constant_pose_errors(mean_pose(placed, labelled), placed, labelled, length)
    assert pck_of_errors(constant, 0.5) == pytest.approx(14.81, abs=0.005)
    itself, rule = np.arange(len(size)), Within(0.5)
    chances = other_pose_chances(placed, labelled, placed, labelled, length, rule, itself=itself)
    assert score_of(rule.gathered(chances)) == pytest.approx(9.06, abs=0.005)
    # Poses that were really drawn: the mean of 20 draws is within a few of its standard errors.
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(20):
        other = (itself + 1 + random.integers(len(size) - 1, size=len(size))) % len(size)
        both = labelled & labelled[other]
        error = relative_errors(placed[other], placed, both, length)
        drawn.append((error <= 0.5).sum() / both.sum())
    pairs = labelled.sum(axis=0)
    weighted = (np.nansum(chances, axis=0) * pairs).sum() / (pairs**2).sum()
    assert 100 * weighted == pytest.approx(9.12, abs=0.005)
    assert np.mean(drawn) == pytest.approx(weighted, abs=0.003)


def test_the_mean_of_other_people_is_as_good_a_floor(validation: Validation) -> None:
    truth, _, labelled, size = validation
    frames = Frames(joint_boxes(truth, labelled).centre, 10 * size)
    placed, length = in_frames(truth, frames), size / frames.side
    pose = mean_pose(placed[::2], labelled[::2])
    error = constant_pose_errors(pose, placed[1::2], labelled[1::2], length[1::2])
    assert pck_of_errors(error, 0.5) == pytest.approx(14.81, abs=0.7)


def test_kinds_of_error_of_published_predictions(validation: Validation) -> None:
    truth, predicted, labelled, size = validation
    kinds = error_kinds(predicted, truth, labelled, size, MPII16.mirror, threshold=0.5)
    shares = {name: each.value for name, each in kind_shares(kinds, np.ones((1, 2958))).items()}
    assert shares["good"] == pytest.approx(82.34, abs=0.005)
    exchanged = error_kinds(
        truth[:, list(MPII16.mirror)], truth, labelled, size, MPII16.mirror, threshold=0.5
    )
    sided = [joint for joint, other in enumerate(MPII16.mirror) if joint != other]
    both = labelled & labelled[:, list(MPII16.mirror)]
    found = exchanged[:, sided][both[:, sided]]
    # Exchanged sides are inversions, except where both lie so close that PCK cannot tell.
    assert set(found.tolist()) <= {0, 2, 3}
    assert (found == 3).mean() < 0.01
    assert (found == 2).mean() > 0.8


def test_published_predictions_are_less_plausible_than_people(validation: Validation) -> None:
    truth, predicted, labelled, _ = validation
    joints = [MPII16.index(name) for name in LSP14.joints]
    truth, predicted, labelled = truth[:, joints], predicted[:, joints], labelled[:, joints]
    people = population(truth[::2], labelled[::2], LSP14)
    known, counts = labelled[1::2], np.ones((1, 1479))
    share = {
        name: implausible_share(implausibility(poses, known, people), counts).value
        for name, poses in (("people", truth[1::2]), ("predicted", predicted[1::2]))
    }
    assert 0.3 < share["people"] < 2
    assert share["predicted"] > 2 * share["people"]
