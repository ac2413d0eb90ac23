"""The protocol of sibling tasks: the attacks that it is made of, and what it refuses."""

from pathlib import Path

import pytest

from robustpose.conditions import Attacked
from robustpose.errors import UsageError
from robustpose.protocols.jain2019 import EPSILONS
from robustpose.protocols.jain2019.tasks import MEASURED_ON, tasks

# What min(eps + 4, ceil(1.25 eps)) gives for the paper's epsilons.
RULE = {0.25: 1, 0.5: 1, 1: 2, 2: 3, 4: 5, 8: 10, 16: 20, 32: 36}


def test_attacks_step_as_the_study_and_as_segmentation() -> None:
    conditions = tasks(epsilons=EPSILONS).conditions
    assert list(conditions)[:2] == ["clean", "constant"]
    assert len(conditions) == 2 + 4 * 8 + 1
    for epsilon, count in RULE.items():
        found = {}
        for name in ("FGSM-U", "IGSM-U-10", "IGSM-U-N", "IGSM-U-10N"):
            condition = conditions[f"{name} @ {epsilon:g}"]
            assert isinstance(condition, Attacked)
            assert condition.ball.eps == pytest.approx(epsilon / 255)
            found[name] = condition.attack.steps, 255 * condition.attack.step_size
        assert found["FGSM-U"] == (1, pytest.approx(epsilon))
        assert found["IGSM-U-10"] == (10, pytest.approx(epsilon / 3))
        assert found["IGSM-U-N"] == (count, pytest.approx(1))
        assert found["IGSM-U-10N"] == (10 * count, pytest.approx(1))
    assert [label for label in conditions if "100" in label] == ["IGSM-U-100 @ 8"]


def test_people_and_attacks_can_be_chosen() -> None:
    study = tasks(epsilons=(8, 1, 8), people=5, attacks=["IGSM-U-10"], batch_size=2, seed=3)
    assert list(study.conditions) == ["clean", "constant", "IGSM-U-10 @ 1", "IGSM-U-10 @ 8"]
    assert len(study.people) == 5
    assert len(study.training) == MEASURED_ON
    assert not set(study.people.ids) & set(study.training.ids)
    assert len(list(study.cells())) == 3 * 4 * 3
    assert (study.batch_size, study.seed) == (2, 3)


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="0 < epsilon <= 255"):
        tasks(epsilons=(0,))
    with pytest.raises(UsageError, match="unknown attack 'IGSM-U-11'"):
        tasks(epsilons=(8,), attacks=["IGSM-U-11"])
    with pytest.raises(UsageError, match="at least 1"):
        tasks(epsilons=(8,), people=0)
    with pytest.raises(UsageError, match="found no file"):
        tasks(epsilons=(8,), checkpoint=tmp_path / "none.safetensors").model()
