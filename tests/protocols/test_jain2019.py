"""The study's conditions: names, steps, balls and who sees what, against the paper's protocol."""

import numpy as np
import pytest

from robustpose.attacks.balls import Linf
from robustpose.conditions import Attacked, Noise, Universal
from robustpose.data.rendered import rendered_people
from robustpose.errors import UsageError
from robustpose.protocols.jain2019 import EPSILONS, EXPERIMENTS, QUICK, jain2019, quick
from robustpose.protocols.jain2019.experiments import segmentation_steps
from robustpose.studies.study import Study

NETWORKS = ("resdec-matched", "hourglass2-matched")


def study(*experiments: str, **settings: object) -> Study:
    people = rendered_people("test", count=3, pixels=128)
    training = rendered_people("train", count=30, pixels=128)
    settings = {"training": training, **settings}
    return jain2019(people, NETWORKS, experiments=experiments, **settings)  # type: ignore[arg-type]


def attacked(found: Study, label: str) -> Attacked:
    condition = found.conditions[label]
    assert isinstance(condition, Attacked)
    return condition


@pytest.mark.parametrize(
    ("name", "steps", "share", "targeted"),
    [
        ("FGSM-U", 1, 1, False),
        ("FGSM-T", 1, 1, True),
        ("IGSM-U-10", 10, 3, False),
        ("IGSM-T-20", 20, 9, True),
    ],
)
@pytest.mark.parametrize("all_stages", [False, True])
def test_white_box_is_the_papers(
    name: str, steps: int, share: int, targeted: bool, all_stages: bool
) -> None:
    found = study("white-box")
    suffix = "-ALL" if all_stages else ""
    for epsilon in EPSILONS:
        label = f"{name}{suffix} @ {epsilon:g}"
        condition = attacked(found, label)
        assert condition.name == f"{name}{suffix}"
        assert condition.targeted is targeted
        assert condition.all_stages is all_stages
        assert condition.steps == steps
        assert condition.attack.step_size == pytest.approx(epsilon / 255 / share)
        assert not condition.attack.random_start
        assert condition.ball == Linf(epsilon / 255)
        # A network of one stage has no attack on all of them.
        victims = NETWORKS[1:] if all_stages else NETWORKS
        assert found.exposures[label] == {victim: (victim,) for victim in victims}


def test_experiments_share_their_conditions() -> None:
    found = study("white-box", "transfer")
    label = "IGSM-U-10 @ 8"
    cells = [cell for cell in found.cells() if cell.label == label]
    assert [(cell.made_on, cell.victims) for cell in cells] == [
        (name, NETWORKS) for name in NETWORKS
    ]
    assert found.exposures["IGSM-U-10 @ 4"] == {name: (name,) for name in NETWORKS}


def test_a_hundred_steps_at_8_or_everywhere() -> None:
    names = study("iterations").conditions
    assert {f"IGSM-U-{n} @ 8" for n in (2, 5, 10, 20, 50, 100)} <= names.keys()
    assert "IGSM-T-100 @ 8" in names
    assert "IGSM-U-100 @ 4" not in names
    assert "APGD-T-LO-100 @ 32" in names
    everywhere = study("iterations", everywhere=True).conditions
    assert {f"IGSM-{goal}-100 @ {eps:g}" for eps in EPSILONS for goal in "UT"} <= everywhere.keys()


def test_the_rule_of_segmentation_with_one_and_the_same_step() -> None:
    # min(eps + 4, ceil(1.25 eps)), Arnab et al. 2018.
    assert [segmentation_steps(eps) for eps in EPSILONS] == [1, 1, 2, 3, 5, 10, 20, 36]
    found = study("iterations")
    few, many = (attacked(found, f"IGSM-U-{n} @ 8") for n in ("N", "10N"))
    assert (few.steps, many.steps) == (10, 100)
    assert few.attack.step_size == many.attack.step_size == 1 / 255


def test_steps_are_swept_within_and_beyond_the_papers_ranges() -> None:
    found = study("step-sizes", "white-box")
    for goal, count, ends in (("U", 10, (2, 3)), ("T", 20, (7, 9))):
        tried = [
            condition.attack.ball.eps / condition.attack.step_size
            for label, condition in found.conditions.items()
            if label.startswith(f"IGSM-{goal}-{count}")
            and label.endswith("@ 8")
            and "ALL" not in label
            and isinstance(condition, Attacked)
        ]
        assert set(ends) <= set(np.round(tried, 6))
        assert min(tried) < ends[0] or max(tried) > ends[1]


def test_faithful_leaves_the_valid_range_and_rounds_nothing() -> None:
    found = study("white-box", faithful=True)
    assert not found.rounding
    assert not found.valid_range
    assert attacked(found, "IGSM-U-10 @ 8").ball == Linf(8 / 255, valid=False)


def test_every_experiment_stands_alone() -> None:
    for name in EXPERIMENTS:
        assert len(study(name).conditions) > 1


def test_universal_perturbations_are_shown_to_all_and_held_against_noise() -> None:
    found = study("universal", fitted_on=90)
    assert found.exposures["UAP @ 16"] == dict.fromkeys(NETWORKS, NETWORKS)
    fits = {
        condition.name: (condition.images, condition.steps)
        for condition in found.conditions.values()
        if isinstance(condition, Universal)
    }
    # No more people than there are; fewer of them, in as many steps.
    assert {name: images for name, (images, _) in fits.items()} == {
        "UAP": 30,
        "UAP-SGA": 30,
        "UAP-T": 30,
        "UAP-SGA-3": 3,
        "UAP-SGA-10": 10,
    }
    assert fits["UAP-SGA-3"][1] >= fits["UAP-SGA"][1]
    steps = {
        label: condition.method.step_size
        for label, condition in found.conditions.items()
        if isinstance(condition, Universal)
    }
    assert steps["UAP @ 8"] == pytest.approx(8 / 255 / 200)  # the paper's delta
    noise = found.conditions["noise @ 16"]
    assert isinstance(noise, Noise)
    assert noise.ball == Linf(16 / 255)


def test_without_training_people_there_is_no_universal_perturbation() -> None:
    people = rendered_people("test", count=3, pixels=128)
    assert not any("UAP" in label for label in jain2019(people, NETWORKS).conditions)
    with pytest.raises(UsageError, match="training people"):
        jain2019(people, NETWORKS, experiments=("universal",))


def test_defended_networks_see_images_made_on_both() -> None:
    found = study("defenses")
    assert set(found.exposures) == {"IGSM-U-10 @ 8", "UAP @ 16"}
    label = "IGSM-U-10 @ 8"
    exposure = found.exposures[label]
    assert exposure["resdec-matched"] == ("resdec-matched",)
    assert exposure["resdec-matched+jpeg:75"] == ("resdec-matched", "resdec-matched+jpeg:75")
    assert set(exposure) == set(found.victims)
    # A universal perturbation knows no defence.
    assert found.exposures["UAP @ 16"]["resdec-matched+jpeg:75"] == ("resdec-matched",)
    # Nothing else is shown to defended networks.
    both = study("defenses", "white-box")
    known = set(found.exposures)
    shown = {
        victim for name, each in both.exposures.items() if name not in known for victim in each
    }
    assert shown == set(NETWORKS)


def test_quick_has_something_for_every_section() -> None:
    people = rendered_people("test", count=20, pixels=128)
    training = rendered_people("train", count=210, pixels=128)
    found = quick(people, training)
    assert len(found.people) == 16
    assert len(found.victims) > len(QUICK["networks"])
    names = {condition.name for condition in found.conditions.values()}
    assert {"IGSM-U-10", "IGSM-T-20", "IGSM-U-100", "UAP", "UAP-T", "noise"} <= names
    assert all(
        condition.images == 200
        for condition in found.conditions.values()
        if isinstance(condition, Universal)
    )


@pytest.mark.parametrize("settings", [{"epsilons": (0,)}, {"epsilons": (300,)}])
def test_impossible_epsilons_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="0-255 units"):
        study("white-box", **settings)


def test_a_network_behind_a_defence_is_a_network_too() -> None:
    people = rendered_people("test", count=3, pixels=128)
    found = jain2019(people, ["resdec-matched+jpeg:75"], experiments=("white-box",))
    assert list(found.victims) == ["resdec-matched+jpeg:75"]
    assert found.victims["resdec-matched+jpeg:75"]().name == "resdec-matched+jpeg:75"
    assert len(jain2019(people, ["resdec-matched+jpeg:75"], experiments=("defenses",)).victims) == 1
    with pytest.raises(UsageError, match="from 1 to 100"):
        jain2019(people, ["resdec-matched+jpeg:200"])


def test_quick_takes_other_networks_and_experiments() -> None:
    people = rendered_people("test", count=4, pixels=128)
    one = quick(people, None, networks=["resdec-compact"], limit=2)
    assert not any("ALL" in label or "UAP" in label for label in one.conditions)
    assert "IGSM-U-100 @ 8" in one.conditions
    transfer = quick(people, None, experiments=["transfer"], limit=2)
    assert list(transfer.conditions) == ["clean", "IGSM-U-10 @ 8"]


def test_few_training_people_are_enough_to_plan_with() -> None:
    for count in (1, 3, 5):
        training = rendered_people("train", count=count, pixels=128)
        assert "UAP @ 16" in study("universal", training=training).conditions
