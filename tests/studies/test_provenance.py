"""What a digest depends on, and what it does not."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from robustpose.attacks.balls import L2
from robustpose.attacks.gradients import exact
from robustpose.attacks.iterated import igsm, pgd
from robustpose.conditions import Attacked, Clean
from robustpose.defenses import Defense, defended, load_defended
from robustpose.models.model import PoseModel
from robustpose.poses import Images
from robustpose.studies.configuration import victim_entry
from robustpose.studies.digests import digest_of
from robustpose.studies.provenance import described, weights_digest
from robustpose.studies.rows import read_study
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study


def attacked(**changes: Any) -> dict[str, Any]:
    attack = igsm(**{"eps": 2 / 255, "steps": 1, **changes})
    return {"clean": Clean(), "attack": Attacked(name="IGSM", attack=attack)}


@pytest.fixture
def small(tiny_module: ModuleType) -> dict[str, Any]:
    """Return the settings of a study of two cells."""
    return {
        "people": tiny_module.some_people(3)[:2],
        "victims": {"net": partial(tiny_module.network, "deeppose")},
        "conditions": attacked(),
        "keep": 0,
    }


def parts(study: Study, out: Path) -> list[str]:
    found: list[str] = read_study(run_study(study, out, device=torch.device("cpu")))["parts"]
    return found


def test_the_same_study_has_the_same_parts(
    tiny_study: Callable[..., Study], small: dict[str, Any], tmp_path: Path
) -> None:
    first = parts(tiny_study(**small), tmp_path / "a")
    assert parts(tiny_study(**small, batch_size=2), tmp_path / "b") == first
    assert len(set(first)) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda tiny: {"conditions": attacked(eps=3 / 255)},
        lambda tiny: {"conditions": attacked(steps=2)},
        lambda tiny: {"conditions": attacked(ball=L2)},
        lambda tiny: {"seed": 1},
        lambda tiny: {"rounding": False},
        lambda tiny: {"precision": "bfloat16"},
        lambda tiny: {"canvas": (56, 48)},
        lambda tiny: {"victims": {"net": partial(tiny.network, "deeppose", seed=1)}},
        lambda tiny: {"people": tiny.some_people(3)[1:3]},
        lambda tiny: {"people": replace(tiny.some_people(3)[:2], digest="other annotations")},
    ],
    ids=[
        *("eps", "steps", "ball", "seed", "rounding", "precision"),
        *("canvas", "weights", "people", "annotations"),
    ],
)
def test_what_changes_the_figures_changes_the_part(
    tiny_study: Callable[..., Study],
    tiny_module: ModuleType,
    small: dict[str, Any],
    tmp_path: Path,
    change: Callable[[ModuleType], dict[str, Any]],
) -> None:
    before = parts(tiny_study(**small), tmp_path / "before")
    after = parts(tiny_study(**{**small, **change(tiny_module)}), tmp_path / "after")
    assert before[-1] != after[-1]


def test_lambdas_and_objects_cannot_be_described() -> None:
    with pytest.raises(TypeError, match="lambda"):
        described(lambda: None)
    with pytest.raises(TypeError, match="lambda"):
        described(replace(igsm(eps=0.1), gradient=lambda *_: None))
    with pytest.raises(TypeError, match="cannot be described"):
        described(object())


def test_settings_differ_in_their_description() -> None:
    attacks = [
        igsm(eps=0.1),
        igsm(eps=0.2),
        igsm(eps=0.1, ball=L2),
        igsm(eps=0.1, steps=3),
        pgd(eps=0.1, steps=10, step_size=0.1 / 3),
        replace(igsm(eps=0.1), gradient=partial(exact)),
    ]
    assert len({digest_of(described(attack)) for attack in attacks}) == len(attacks)
    assert digest_of(described(igsm(eps=0.1))) == digest_of(described(igsm(eps=0.1)))


def test_every_argument_of_a_partial_counts() -> None:
    digests = {
        digest_of(described(partial(exact, **keywords))) for keywords in ({}, {"a": 1}, {"a": 2})
    }
    assert len(digests) == 3
    assert described(partial(exact, 1)) != described(partial(exact, 2))


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1})


def test_one_weight_changes_the_digest_of_a_model(tiny: Callable[[str], PoseModel]) -> None:
    model, other = tiny("deeppose"), tiny("deeppose")
    assert weights_digest(model) == weights_digest(other)
    with torch.no_grad():
        next(other.parameters()).view(-1)[0] += 1
    assert weights_digest(model) != weights_digest(other)


class Greyer(Defense):
    """A defence of a user's own, with a weight."""

    name = "greyer"

    def __init__(self, share: float) -> None:
        self.share = share

    def change(self, pictures: Images, seeds: Sequence[int]) -> Images:
        return pictures + self.share * (pictures.mean(dim=1, keepdim=True) - pictures)


class Trained(Greyer, nn.Module):
    """The same, as a module."""

    def __init__(self, share: float) -> None:
        nn.Module.__init__(self)
        self.share = nn.Parameter(torch.tensor(share))


def test_a_defence_of_ones_own_counts_with_its_source_and_weights(
    tiny: Callable[[str], PoseModel],
) -> None:
    model = tiny("resdec")
    digests = [
        weights_digest(defended(model, each)) for each in (Greyer(0.5), Trained(0.5), Trained(0.6))
    ]
    assert len(set(digests)) == 3
    assert weights_digest(defended(model, Trained(0.6))) == digests[2]


@pytest.mark.parametrize("name", ["hourglass2-matched#1", "hourglass2-matched+mirror"])
def test_trainings_and_defended_networks_are_of_their_architecture(name: str) -> None:
    model = load_defended(name)
    entry = victim_entry(model, "digest", repeat_difference=0.0)
    assert (entry["model"], entry["family"], entry["stages"]) == (
        "hourglass2-matched",
        "hourglass",
        2,
    )
    assert entry["card"]["recipe"]["seed"] == (1 if "#" in name else 0)  # type: ignore[index]
