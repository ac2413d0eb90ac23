"""Kinds of error on poses that were made to have them, and against a slow classifier."""

import math

import numpy as np
import pytest

from robustpose.metrics.distances import relative_errors
from robustpose.metrics.error_kinds import (
    GOOD,
    INVERSION,
    JITTER,
    JITTER_REACH,
    KINDS,
    MISS,
    SWAP,
    UNSCORED,
    error_kinds,
    kind_differences,
    kind_shares,
    kind_shares_by_group,
    lost_to,
)
from robustpose.metrics.intervals import resample_counts
from robustpose.metrics.pck import pck_of_errors
from robustpose.skeletons import LSP14

NAN = float("nan")
# right hip, left hip, neck; the threshold is half of a length of 20: 10 px
TRUTH = np.array([[[0.0, 0], [100, 0], [50, 200]]])
MIRROR = [1, 0, 2]
ALL = np.ones((1, 3), dtype=bool)
SIZE = np.array([20.0])


def kinds(joints: np.ndarray, **changes: np.ndarray) -> list[int]:
    labelled = changes.pop("labelled", ALL)
    found = error_kinds(joints, TRUTH, labelled, SIZE, MIRROR, threshold=0.5, **changes)
    return found[0].tolist()


def moved(joint: int, x: float, y: float) -> np.ndarray:
    joints = TRUTH.copy()
    joints[0, joint] = (x, y)
    return joints


def test_the_truth_is_good() -> None:
    assert kinds(TRUTH) == [GOOD, GOOD, GOOD]


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (10, GOOD),  # at the threshold
        (10.01, JITTER),
        (20.65, JITTER),
        (20.66, MISS),
        (-20, JITTER),
        (89.99, MISS),
        (90, INVERSION),  # within the threshold of the other hip
        (110, INVERSION),
        (110.01, MISS),
    ],
)
def test_a_hip_that_wanders_to_the_other_side(x: float, kind: int) -> None:
    assert kinds(moved(0, x, 0)) == [kind, GOOD, GOOD]


def test_hips_exchanged_are_two_inversions() -> None:
    assert kinds(TRUTH[:, [1, 0, 2]]) == [INVERSION, INVERSION, GOOD]


def test_a_hip_on_the_neck_is_a_swap() -> None:
    assert kinds(moved(0, 50, 195)) == [SWAP, GOOD, GOOD]


def test_a_joint_without_another_side_cannot_be_inverted() -> None:
    assert kinds(moved(2, 100, 0)) == [GOOD, GOOD, SWAP]


def test_the_nearest_place_names_the_kind() -> None:
    truth = np.array([[[0.0, 0], [100, 0], [112, 0]]])
    joints = np.array([[[104.0, 0], [100, 0], [112, 0]]])
    found = error_kinds(joints, truth, ALL, SIZE, MIRROR, threshold=0.5)
    assert found[0].tolist() == [INVERSION, GOOD, GOOD]
    joints[0, 0, 0] = 108
    found = error_kinds(joints, truth, ALL, SIZE, MIRROR, threshold=0.5)
    assert found[0].tolist() == [SWAP, GOOD, GOOD]


def test_a_good_joint_stays_good_beside_a_nearer_wrong_place() -> None:
    truth = np.array([[[0.0, 0], [12, 0], [50, 200]]])
    found = error_kinds(truth[:, [1, 0, 2]] - [3, 0], truth, ALL, SIZE, MIRROR, threshold=0.5)
    # Off by 9 to the right: good. Off by 15 to the left, 3 from the other hip: an inversion.
    assert found[0].tolist() == [GOOD, INVERSION, GOOD]


def test_a_place_without_a_label_is_no_place() -> None:
    labelled = np.array([[True, False, True]])
    assert kinds(moved(0, 100, 0), labelled=labelled) == [MISS, UNSCORED, GOOD]


def test_what_is_not_finite_is_a_miss() -> None:
    assert kinds(moved(0, NAN, 0)) == [MISS, GOOD, GOOD]
    assert kinds(moved(0, math.inf, 0)) == [MISS, GOOD, GOOD]


def test_people_without_a_length_are_not_scored() -> None:
    found = error_kinds(TRUTH, TRUTH, ALL, np.array([0.0]), MIRROR, threshold=0.5)
    assert (found == UNSCORED).all()


def test_other_peoples_joints_are_places_if_they_are_given() -> None:
    neighbour = np.array([[[[300.0, 0], [400, 0], [NAN, NAN]]]])
    on_same, on_mirror, on_neck = moved(0, 305, 0), moved(0, 400, 5), moved(2, 300, 0)
    assert kinds(on_same) == [MISS, GOOD, GOOD]
    assert kinds(on_same, others=neighbour) == [SWAP, GOOD, GOOD]
    assert kinds(on_mirror, others=neighbour) == [SWAP, GOOD, GOOD]
    assert kinds(on_neck, others=neighbour) == [GOOD, GOOD, MISS]  # another's hip is no neck
    nobody = np.full((1, 2, 3, 2), NAN)
    assert kinds(on_same, others=nobody) == [MISS, GOOD, GOOD]


def classified(joints, truth, labelled, size, threshold) -> list[list[int]]:  # type: ignore[no-untyped-def]
    """Return the kinds, by the definition, one joint at a time."""
    rows = []
    for person in range(len(joints)):
        row = []
        for joint in range(len(LSP14)):
            if not labelled[person, joint]:
                row.append(UNSCORED)
                continue
            gaps = {
                place: math.dist(joints[person, joint], truth[person, place]) / size[person]
                for place in range(len(LSP14))
                if labelled[person, place]
            }
            own = gaps.pop(joint)
            nearest = min(gaps, key=lambda place: gaps[place], default=None)
            if own <= threshold:
                row.append(GOOD)
            elif nearest is not None and gaps[nearest] <= threshold:
                row.append(INVERSION if nearest == LSP14.mirror[joint] else SWAP)
            else:
                row.append(JITTER if own <= JITTER_REACH * threshold else MISS)
        rows.append(row)
    return rows


def random_poses() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(11)
    truth = 100 * random.random((60, 14, 2))
    joints = truth + random.normal(scale=15, size=truth.shape)
    mixed = random.random((60, 14)) < 0.2
    joints = np.where(mixed[..., None], joints[:, list(LSP14.mirror)], joints)
    return joints, truth, random.random((60, 14)) < 0.85, 15 + 10 * random.random(60)


def test_against_a_slow_classifier() -> None:
    joints, truth, labelled, size = random_poses()
    found = error_kinds(joints, truth, labelled, size, LSP14.mirror, threshold=0.5)
    assert found.tolist() == classified(joints, truth, labelled, size, 0.5)
    assert set(found.ravel().tolist()) == {UNSCORED, GOOD, JITTER, INVERSION, SWAP, MISS}


def test_the_share_of_good_joints_is_the_pck_and_all_shares_are_everything() -> None:
    joints, truth, labelled, size = random_poses()
    found = error_kinds(joints, truth, labelled, size, LSP14.mirror, threshold=0.5)
    shares = kind_shares(found, resample_counts(60))
    score = pck_of_errors(relative_errors(joints, truth, labelled, size), 0.5)
    assert tuple(shares) == KINDS
    assert shares["good"].value == pytest.approx(score)
    assert sum(share.value for share in shares.values()) == pytest.approx(100)
    assert all(share.low < share.value < share.high for share in shares.values())


def test_shares_by_group_and_differences_by_hand() -> None:
    before = np.array([[GOOD, GOOD, UNSCORED, GOOD]])
    after = np.array([[INVERSION, GOOD, GOOD, MISS]])
    counts = np.ones((3, 1))
    groups = kind_shares_by_group(after, counts, {"hip": (0, 1), "rest": (2, 3)})
    assert groups["hip"]["inversion"].value == 50
    assert groups["rest"]["miss"].value == 50
    changes = {name: each.value for name, each in kind_differences(after, before, counts).items()}
    assert changes["good"] == pytest.approx(100 * (1 / 3 - 1))
    assert changes["inversion"] == changes["miss"] == pytest.approx(100 / 3)
    assert sum(changes.values()) == pytest.approx(0)


def test_what_became_of_the_joints_that_were_lost() -> None:
    before = np.array([[GOOD, GOOD, GOOD, GOOD, MISS, GOOD]])
    after = np.array([[INVERSION, INVERSION, SWAP, GOOD, MISS, UNSCORED]])
    found = {name: each.value for name, each in lost_to(after, before, np.ones((2, 1))).items()}
    assert found == pytest.approx({"jitter": 0, "inversion": 200 / 3, "swap": 100 / 3, "miss": 0})
    kept = lost_to(before, before, np.ones((2, 1)))
    assert np.isnan(kept["miss"].value)
