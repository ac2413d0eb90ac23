"""Suppression of repeated poses, against one comparison after the other."""

import math

import numpy as np
import pytest

from robustpose.errors import UsageError
from robustpose.metrics.suppression import oks_nms
from robustpose.skeletons import COCO17

SIGMAS = COCO17.oks_sigmas
assert SIGMAS is not None
Poses = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
ONE = np.zeros(1, dtype=np.int64)


def likeness(one: np.ndarray, other: np.ndarray, area: float) -> float:
    """Return the OKS of two poses as COCO's page writes it, joint by joint."""
    credits = []
    for (x, y), (u, v), sigma in zip(one.tolist(), other.tolist(), SIGMAS, strict=True):
        variance = (2 * sigma) ** 2
        credits.append(math.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * area * variance)))
    return sum(credits) / len(credits)


def staying(poses: Poses, threshold: float) -> list[bool]:
    """Walk from the best pose to the worst; one stays that is unlike all that stayed before."""
    joints, scores, areas, photos = poses
    stayed: list[int] = []
    for each in sorted(range(len(scores)), key=lambda i: (scores[i], i), reverse=True):
        repeats = [
            kept
            for kept in stayed
            if photos[kept] == photos[each]
            and likeness(joints[kept], joints[each], (areas[kept] + areas[each]) / 2) > threshold
        ]
        if not repeats:
            stayed.append(each)
    return [each in stayed for each in range(len(scores))]


def crowd(seed: int, *, levels: int) -> Poses:
    """Return detections of a few people on five photographs, most of them found several times."""
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(12):
        photo, area = int(draw.integers(5)), draw.uniform(900, 40_000)
        pose = draw.uniform(0, 300, 2) + draw.uniform(0, area**0.5, (17, 2))
        for _ in range(draw.integers(1, 5)):
            off = draw.choice([0, 0.005, 0.02, 0.04, 0.1]) * area**0.5
            score = draw.integers(1, levels + 1) / levels
            found.append((pose + draw.normal(0, 1, (17, 2)) * off, score, area * 1.2, photo))
    order = draw.permutation(len(found))
    joints, scores, areas, photos = zip(*(found[each] for each in order), strict=True)
    return np.stack(joints), np.array(scores), np.array(areas), np.array(photos)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("levels", [10_000, 4], ids=["few ties", "many ties"])
@pytest.mark.parametrize("threshold", [0.5, 0.9])
def test_the_best_stay(seed: int, levels: int, threshold: float) -> None:
    poses = crowd(seed, levels=levels)
    found = oks_nms(*poses, sigmas=SIGMAS, threshold=threshold)
    assert 5 < found.sum() < len(found)
    assert found.tolist() == staying(poses, threshold)


def test_nine_tenths_are_the_usual_threshold() -> None:
    poses = crowd(1, levels=1000)
    usual = oks_nms(*poses, sigmas=SIGMAS)
    assert (usual == oks_nms(*poses, sigmas=SIGMAS, threshold=0.9)).all()
    assert usual.sum() > oks_nms(*poses, sigmas=SIGMAS, threshold=0.5).sum()


def moved(*far: float) -> np.ndarray:
    """Return poses that lie so far to the right of one another's place."""
    joints = np.zeros((len(far), 17, 2))
    joints[..., 0] = np.array(far)[:, None]
    return joints


def test_what_repeats_a_pose_that_went_itself_stays() -> None:
    joints, areas = moved(0, 8, 16), np.full(3, 40_000.0)
    assert likeness(joints[0], joints[1], 40_000) > 0.8 > likeness(joints[0], joints[2], 40_000)
    found = oks_nms(
        joints, np.array([0.9, 0.8, 0.7]), areas, ONE.repeat(3), sigmas=SIGMAS, threshold=0.8
    )
    assert found.tolist() == [True, False, True]


def test_only_what_is_above_the_threshold_goes() -> None:
    """Of two equal poses the OKS is 1: not more than 1."""
    same, scores, areas = moved(5, 5), np.array([0.2, 0.9]), np.array([100.0, 100.0])
    assert oks_nms(same, scores, areas, ONE.repeat(2), sigmas=SIGMAS, threshold=1.0).all()
    found = oks_nms(same, scores, areas, ONE.repeat(2), sigmas=SIGMAS, threshold=np.nextafter(1, 0))
    assert found.tolist() == [False, True]


def test_poses_of_two_photographs_never_meet() -> None:
    same, areas = moved(5, 5, 5), np.full(3, 100.0)
    found = oks_nms(same, np.array([0.2, 0.9, 0.4]), areas, np.array([7, 9, 7]), sigmas=SIGMAS)
    assert found.tolist() == [False, True, True]


def test_the_area_says_what_is_near() -> None:
    joints, scores = moved(0, 5), np.array([0.9, 0.8])
    for area, stays in ((400.0, True), (400_000.0, False)):
        found = oks_nms(joints, scores, np.full(2, area), ONE.repeat(2), sigmas=SIGMAS)
        assert found.tolist() == [True, stays]


def test_of_nobody_nobody_stays() -> None:
    nothing = np.zeros(0)
    found = oks_nms(np.zeros((0, 17, 2)), nothing, nothing, nothing.astype(np.int64), sigmas=SIGMAS)
    assert found.shape == (0,)


def test_another_number_of_sigmas_is_refused() -> None:
    with pytest.raises(UsageError, match="17 sigmas"):
        oks_nms(moved(0, 1), np.ones(2), np.ones(2), ONE.repeat(2), sigmas=SIGMAS[:5])
