"""Guesses from training people: their mean pose, a random one, and when it is measured."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from robustpose.conditions import Clean
from robustpose.data.crops import crop
from robustpose.data.people import Split
from robustpose.data.rendered import rendered_people
from robustpose.errors import UsageError
from robustpose.metrics.distances import relative_errors
from robustpose.report.explanations import floor_table
from robustpose.report.guess import guess_errors, guess_of
from robustpose.report.runs import open_run
from robustpose.skeletons import COCO17, LSP14
from robustpose.studies import guesses
from robustpose.studies.guesses import guess_entry
from robustpose.studies.rows import read_study
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study

Make = Callable[..., Study]
ALL = np.ones(14, dtype=bool)


def trained(tiny_study: Make, training: Split, **changes: object) -> Study:
    return tiny_study(conditions={"clean": Clean()}, training=training, **changes)


@pytest.fixture(scope="module")
def training() -> Split:
    """Return seven training people on file, so to speak: nobody has to draw them."""
    people = rendered_people("train", count=7, pixels=48)
    some = list(people)
    some[2] = replace(some[2], labelled=np.arange(14) != 5, size=None)
    return replace(people, people=tuple(some))


def test_the_pose_is_the_mean_of_the_training_people_where_crops_show_them(
    tiny_study: Make, training: Split
) -> None:
    study = trained(tiny_study, training)
    entry = guess_entry(study, ALL)
    assert entry is not None
    cut = crop(training, study.canvas)
    joints, labelled = cut.joints.double().numpy(), cut.labelled.numpy()
    expected = [joints[labelled[:, k], k].mean(axis=0) for k in range(14)]
    np.testing.assert_allclose(entry["pose"], expected, atol=1e-4)
    assert (entry["split"], entry["people"], entry["available"]) == ("rendered/train/48px", 7, 7)


@pytest.mark.parametrize("sigmas", [None, (0.1,) * 14], ids=["pck", "oks"])
def test_another_pose_scores_what_all_pairs_score_on_average(
    tiny_study: Make, training: Split, sigmas: tuple[float, ...] | None
) -> None:
    study = trained(tiny_study, training)
    study = replace(study, people=replace(study.people, unscored=("neck",), sigmas=sigmas))
    known = np.arange(14) != 0
    entry = guess_entry(study, known)
    assert entry is not None
    ours, theirs = (crop(each, study.canvas) for each in (study.people, training))
    scored = ours.scored.numpy() & known
    total = np.zeros((5, 14))
    for pose, there in zip(theirs.joints.double().numpy(), theirs.labelled.numpy(), strict=True):
        error = relative_errors(
            np.broadcast_to(pose, (5, 14, 2)), ours.joints.numpy(), scored, ours.size.numpy()
        )
        credit = error <= study.people.threshold if sigmas is None else np.exp(-(error**2) / 0.08)
        total += np.where(there, np.nan_to_num(credit.astype(float)), 0)
    chances = total / theirs.labelled.numpy().sum(axis=0)
    scored &= (ours.size.numpy() > 0)[:, None]
    if sigmas is None:
        expected = chances[scored].mean()
    else:
        people = scored.any(axis=1)
        expected = np.mean([chances[i, scored[i]].mean() for i in np.flatnonzero(people)])
    assert entry["other_pose"] == pytest.approx(100 * expected, rel=1e-4)
    assert 1 < entry["other_pose"] < 60


def test_a_joint_that_nobody_has_is_missing(tiny_study: Make, training: Split) -> None:
    without = [replace(each, labelled=np.arange(14) != 3) for each in training]
    entry = guess_entry(trained(tiny_study, replace(training, people=without)), ALL)
    assert entry is not None
    assert entry["pose"][3] is None
    assert None not in entry["pose"][:3]


def test_of_drawn_people_only_the_first_are_drawn(
    tiny_study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "DRAWN", 3)
    monkeypatch.setattr(guesses, "COMPARED", 2)
    entry = guess_entry(trained(tiny_study, rendered_people("train", pixels=48)), ALL)
    assert entry is not None
    assert (entry["people"], entry["available"], entry["other_people"]) == (3, 1_000_000, 2)


def test_it_is_measured_once_and_again_for_other_people(
    tiny_study: Make, training: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = trained(tiny_study, training)
    run_study(study, tmp_path, device=torch.device("cpu"))
    before = read_study(tmp_path)["guess"]

    def measured(*_: object) -> None:
        raise AssertionError("measured again")

    with monkeypatch.context() as patch:
        patch.setattr(guesses, "_placed", measured)
        run_study(study, tmp_path, device=torch.device("cpu"))
        assert read_study(tmp_path)["guess"] == before
        with pytest.raises(AssertionError, match="measured again"):
            run_study(replace(study, training=training[:5]), tmp_path, device=torch.device("cpu"))
    run_study(replace(study, training=training[:5]), tmp_path, device=torch.device("cpu"))
    assert read_study(tmp_path)["guess"]["people"] == 5


def test_the_report_takes_the_pose_from_the_study(
    tiny_study: Make, training: Split, tmp_path: Path
) -> None:
    run_study(trained(tiny_study, training), tmp_path, device=torch.device("cpu"))
    run = open_run(tmp_path)
    guess = guess_of(run)
    entry = read_study(tmp_path)["guess"]
    np.testing.assert_array_equal(guess.pose, entry["pose"])
    assert guess.origin == "the mean pose of 7 people of rendered/train/48px"
    assert guess.other_pose == entry["other_pose"]
    errors = guess_errors(run)
    person, joint = 0, LSP14.index("neck")
    away = np.linalg.norm(guess.pose[joint] - run.truth[person, joint]) / run.size[person]
    assert errors[person, joint] == pytest.approx(away)
    assert np.isnan(errors[1, 3])  # without a label
    assert np.isnan(errors[2]).all()  # without a reference length


def test_without_training_people_the_judged_serve_and_the_text_says_so(finished: Path) -> None:
    assert read_study(finished)["guess"] is None
    run = open_run(finished)
    guess = guess_of(run)
    assert guess.origin.endswith("for want of training people")
    assert guess.other_pose is None
    there = run.labelled[:, 3]
    np.testing.assert_allclose(guess.pose[3], run.truth[there, 3].mean(axis=0))


def test_the_floor_of_a_targeted_attack_is_held_against_its_targets(finished: Path) -> None:
    run = open_run(finished)
    floors = floor_table(run, resamples=20).filter(attack="IGSM-T-2", network="resdec")
    guess, rows = guess_of(run), run.of("resdec", run.attacks["IGSM-T-2"][0])
    right, asked = 0, 0
    for person, target, error in rows.select("person", "target", "target_error").iter_rows():
        size = run.size[run.people["person"].to_list().index(person)]
        for pose, point, known in zip(guess.pose, target, error, strict=True):
            if known is not None:
                asked += 1
                right += np.hypot(*(np.array(point) - pose)) <= run.threshold * size
    assert floors["target_floor"][0] == pytest.approx(100 * right / asked)
    assert floor_table(run, resamples=20).filter(attack="IGSM-U-3")["target_floor"][0] is None


def test_training_people_have_the_joints_of_the_judged(tiny_study: Make, training: Split) -> None:
    with pytest.raises(UsageError, match="expected training people with the joints of"):
        trained(tiny_study, replace(training, skeleton=COCO17))
    json.dumps(guess_entry(trained(tiny_study, training), ALL), allow_nan=False)
