"""OKS of a person: against pycocotools and by hand."""

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from robustpose.errors import UsageError
from robustpose.metrics.distances import relative_errors
from robustpose.metrics.oks import oks, oks_credit
from robustpose.skeletons import COCO17

SIGMAS = COCO17.oks_sigmas
assert SIGMAS is not None


def official(truth: np.ndarray, flags: np.ndarray, pose: np.ndarray, area: float) -> float:
    """Return pycocotools' OKS of one pose for one person."""
    points = np.concatenate([truth, flags[:, None]], axis=1).ravel().tolist()
    person = {"id": 1, "image_id": 0, "category_id": 1, "iscrowd": 0, "area": area}
    person |= {"bbox": [0, 0, 9, 9], "num_keypoints": int((flags > 0).sum()), "keypoints": points}
    people = COCO()
    people.dataset = {"images": [{"id": 0}], "annotations": [person], "categories": [{"id": 1}]}
    people.createIndex()
    points = np.concatenate([pose, np.ones((17, 1))], axis=1).ravel().tolist()
    found = people.loadRes([{"image_id": 0, "category_id": 1, "keypoints": points, "score": 1.0}])
    evaluation = COCOeval(people, found, "keypoints")
    evaluation._prepare()
    return float(evaluation.computeOks(0, 1)[0, 0])


@pytest.mark.parametrize("seed", range(8))
def test_oks_is_that_of_pycocotools(seed: int) -> None:
    draw = np.random.default_rng(seed)
    truth = draw.uniform(0, 200, (17, 2))
    pose = truth + draw.normal(0, draw.uniform(1, 20), (17, 2))
    flags, area = draw.integers(0, 3, 17), draw.uniform(300, 40_000)
    error = relative_errors(pose[None], truth[None], (flags > 0)[None], np.array([area**0.5]))
    expected = official(truth, flags, pose, area)
    assert 0.001 < expected < 0.999
    np.testing.assert_allclose(oks(error, SIGMAS), [expected], rtol=1e-9)


def test_a_joint_two_sigmas_off_has_the_root_of_its_credit() -> None:
    error = 2 * np.array([SIGMAS])
    np.testing.assert_allclose(oks_credit(error, SIGMAS), np.exp(-0.5))
    np.testing.assert_allclose(oks(error, SIGMAS), [np.exp(-0.5)])


def test_only_scored_joints_count() -> None:
    """A joint without a label is left out, one that is lost has no credit."""
    error = np.full((4, 17), np.nan)
    error[0, 3] = 0.0
    error[1, :2] = 0.0, np.inf
    error[3] = 0.0
    np.testing.assert_array_equal(oks(error, SIGMAS), [1.0, 0.5, np.nan, 1.0])
    np.testing.assert_array_equal(oks_credit(error, SIGMAS)[1, :3], [1.0, 0.0, np.nan])


def test_nobody_has_no_similarity() -> None:
    assert oks(np.zeros((0, 17)), SIGMAS).shape == (0,)


def test_a_sigma_is_needed_for_each_joint() -> None:
    with pytest.raises(UsageError, match="expected 14 sigmas, one a joint, found 17"):
        oks(np.zeros((2, 14)), SIGMAS)
