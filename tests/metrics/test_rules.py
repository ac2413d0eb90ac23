"""The rules of scoring: PCK by counting, OKS against pycocotools and a literal loop."""

import math

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from robustpose.errors import UsageError
from robustpose.metrics.distances import relative_errors
from robustpose.metrics.intervals import resample_counts
from robustpose.metrics.oks import oks
from robustpose.metrics.pck import pck_of_errors
from robustpose.metrics.robustness import score_drop, score_drop_by_group, score_interval
from robustpose.metrics.rules import KeypointSimilarity, Rule, Within, rule_of, score_of
from robustpose.skeletons import COCO17

NAN = float("nan")
SIGMAS = COCO17.oks_sigmas
assert SIGMAS is not None
OKS = KeypointSimilarity(SIGMAS)


def some_errors(people: int = 40, *, seed: int = 0) -> np.ndarray:
    """Return errors of COCO's size, a third of them not scored, the last person not at all."""
    random = np.random.default_rng(seed)
    error = np.where(random.random((people, 17)) < 0.33, NAN, random.exponential(0.2, (people, 17)))
    error[0, 3] = np.inf
    error[-1] = NAN
    return error


def literal_mean_oks(error: np.ndarray, sigmas: tuple[float, ...]) -> float:
    """Return the mean OKS in percent, person by person and joint by joint."""
    people = []
    for row in error.tolist():
        credits = [
            math.exp(-(e**2) / (8 * sigma**2)) if math.isfinite(e) else 0.0
            for e, sigma in zip(row, sigmas, strict=True)
            if not math.isnan(e)
        ]
        if credits:
            people.append(sum(credits) / len(credits))
    return 100 * sum(people) / len(people)


def official_oks(truth: np.ndarray, flags: np.ndarray, poses: np.ndarray, area: np.ndarray) -> list:  # type: ignore[type-arg]
    """Return pycocotools' OKS of each person alone on a photograph, with one pose each."""
    people = [
        {"id": i + 1, "image_id": i, "category_id": 1, "iscrowd": 0, "area": float(area[i])}
        | {"bbox": [0, 0, 9, 9], "num_keypoints": int((flags[i] > 0).sum())}
        | {"keypoints": np.concatenate([truth[i], flags[i][:, None]], axis=1).ravel().tolist()}
        for i in range(len(truth))
    ]
    images = [{"id": i} for i in range(len(truth))]
    known = COCO()
    known.dataset = {"images": images, "annotations": people, "categories": [{"id": 1}]}
    known.createIndex()
    one = np.ones((17, 1))
    found = [
        {"image_id": i, "category_id": 1, "score": 1.0}
        | {"keypoints": np.concatenate([pose, one], axis=1).ravel().tolist()}
        for i, pose in enumerate(poses)
    ]
    evaluation = COCOeval(known, known.loadRes(found), "keypoints")
    evaluation._prepare()
    return [float(evaluation.computeOks(i, 1)[0, 0]) for i in range(len(truth))]


def test_mean_oks_is_the_mean_of_what_pycocotools_gives_single_people() -> None:
    random = np.random.default_rng(3)
    truth, area = random.uniform(0, 200, (12, 17, 2)), random.uniform(300, 40_000, 12)
    poses = truth + random.normal(0, 1, truth.shape) * random.uniform(1, 20, (12, 1, 1))
    flags = random.integers(0, 3, (12, 17))
    error = relative_errors(poses, truth, flags > 0, np.sqrt(area))
    official = official_oks(truth, flags, poses, area)
    np.testing.assert_allclose(OKS.sums(error).numerator, official, rtol=1e-9)
    assert score_of(OKS.sums(error)) == pytest.approx(100 * np.mean(official))


def test_mean_oks_is_that_of_a_literal_loop() -> None:
    error = some_errors()
    expected = literal_mean_oks(error, SIGMAS)
    assert 10 < expected < 90
    assert score_of(OKS.sums(error)) == pytest.approx(expected)
    assert score_of(OKS.sums(error)) == pytest.approx(100 * np.nanmean(oks(error, SIGMAS)))
    interval = score_interval(error, OKS, resample_counts(len(error)))
    assert interval.value == pytest.approx(expected)
    assert interval.low < expected < interval.high


def test_people_count_alike_in_oks_and_joints_in_pck() -> None:
    error = np.full((2, 17), NAN)
    error[0, :4] = 0.0  # all four joints right
    error[1, 0] = np.inf  # the only joint lost
    assert score_of(OKS.sums(error)) == pytest.approx(50)
    assert score_of(Within(0.16).sums(error)) == pytest.approx(80)


def test_pck_by_the_rule_is_the_share_of_joints_within_the_threshold() -> None:
    error = some_errors()
    assert score_of(Within(0.16).sums(error)) == pytest.approx(pck_of_errors(error, 0.16))
    assert score_of(Within(0.16).sums(np.array([[0.16, 0.1601, NAN]]))) == pytest.approx(50)


@pytest.mark.parametrize("rule", [Within(0.16), OKS], ids=["pck", "oks"])
def test_sums_are_the_gathered_credits_and_nothing_scored_is_no_score(rule: Rule) -> None:
    error = some_errors()
    for one, other in zip(rule.sums(error), rule.gathered(rule.credit(error)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.isnan(rule.credit(error)[np.isnan(error)]).all()
    assert rule.sums(error).denominator[-1] == 0
    assert np.isnan(score_of(rule.sums(np.full((3, 17), NAN))))


def test_some_joints_have_their_own_sigmas() -> None:
    clean, attacked = some_errors(seed=1), some_errors(seed=2)
    groups = COCO17.groups
    drops = score_drop_by_group(attacked, clean, OKS, resample_counts(len(clean)), groups)
    for name, joints in groups.items():
        some = list(joints)
        both = np.isnan(clean[:, some]) | np.isnan(attacked[:, some])
        sigmas = tuple(SIGMAS[joint] for joint in some)
        before, after = (
            literal_mean_oks(np.where(both, NAN, error[:, some]), sigmas)
            for error in (clean, attacked)
        )
        assert drops[name].clean.value == pytest.approx(before)
        assert drops[name].attacked.value == pytest.approx(after)
        assert drops[name].relative.value == pytest.approx(100 * after / before)
    assert Within(0.2).among([3, 4]) == Within(0.2)


def test_relative_oks_is_attacked_over_clean_of_the_same_joints() -> None:
    clean = some_errors(seed=1)
    attacked = np.where(np.isnan(some_errors(seed=4)), NAN, clean + 0.1)
    both = np.where(np.isnan(clean) | np.isnan(attacked), NAN, 1.0)
    drop = score_drop(attacked, clean, OKS, resample_counts(len(clean)))
    before, after = (literal_mean_oks(both * error, SIGMAS) for error in (clean, attacked))
    assert drop.lost.value == pytest.approx(before - after)
    assert drop.relative.value == pytest.approx(100 * after / before)
    assert drop.relative.low < drop.relative.value < drop.relative.high


@pytest.mark.parametrize("rule", [Within(0.4), KeypointSimilarity((0.1, 0.2))], ids=["pck", "oks"])
def test_credit_of_all_places_is_the_sum_of_each(
    rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robustpose.metrics.rules._AT_ONCE", 20)  # a few people at a time
    random = np.random.default_rng(5)
    others, truth, size = random.random((8, 2)), random.random((11, 2)), 0.5 + random.random(11)
    found = rule.credit_of_all(others, truth, size, 1)
    errors = np.linalg.norm(truth[:, None] - others, axis=2) / size[:, None]
    each = [rule.among([1]).credit(errors[:, [place]])[:, 0] for place in range(8)]
    np.testing.assert_allclose(found, np.sum(each, axis=0))
    assert 0 < found.sum() < 88


def test_a_data_set_with_sigmas_is_scored_by_them() -> None:
    assert rule_of(0.2, None) == Within(0.2)
    assert rule_of(0.16, list(SIGMAS)) == OKS
    with pytest.raises(UsageError, match="expected 14 sigmas"):
        OKS.sums(np.zeros((2, 14)))
