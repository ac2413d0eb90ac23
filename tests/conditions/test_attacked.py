"""Attacked photographs: words and digests that stay as they were, and any aim."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from robustpose.attacks.balls import Linf
from robustpose.attacks.goals import Displaced, Untargeted
from robustpose.attacks.goals.joint_losses import cross_entropy
from robustpose.attacks.iterated import fgsm, igsm, pgd
from robustpose.attacks.losses import Loss
from robustpose.conditions import Attacked, Preparation
from robustpose.conditions.condition import Artefact
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch
from robustpose.seeds import seed_of
from robustpose.studies.provenance import described

EPS = 4 / 255


def prepared(condition: Attacked, people: Split, folder: Path) -> Artefact:
    return condition.prepare(
        Preparation(people=people, canvas=(64, 64), model=None, seed=0, state=folder / "state")
    )


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (
            Attacked(name="FGSM-U", attack=fgsm(eps=EPS)),
            "One step of 1 ε up the training loss against the true pose, of the last stage, from "
            "the clean image.",
        ),
        (
            Attacked(name="IGSM-T", attack=igsm(eps=EPS), targeted=True, all_stages=True),
            "10 steps of 0.333 ε down the training loss against another person's pose, summed over "
            "all stages, from the clean image.",
        ),
        (
            Attacked(name="PGD-U", attack=pgd(eps=EPS, restarts=3), by=Displaced(by=cross_entropy)),
            "40 steps of 0.0625 ε up the cross entropy of the true pose, of the last stage, from a "
            "random image of the ball, 3 times.",
        ),
    ],
)
def test_what_is_done_in_words(condition: Attacked, words: str) -> None:
    assert condition.description == words


def test_the_study_is_described_as_it_was() -> None:
    told = described(Attacked(name="IGSM-U-10", attack=igsm(eps=EPS)))
    # Finished parts are found by the source of the gradient too.
    assert told["attack"].pop("gradient")["source"] == "bf7ac63151702a22946594e6"
    assert told == {
        "type": "robustpose.conditions.attacked.Attacked",
        "name": "IGSM-U-10",
        "attack": {
            "type": "robustpose.attacks.iterated.Iterated",
            "ball": {"type": "robustpose.attacks.balls.Linf", "eps": EPS, "valid": True},
            "steps": 10,
            "step_size": EPS / 3,
            "random_start": False,
            "restarts": 1,
            "keep_best": False,
        },
        "targeted": False,
        "all_stages": False,
    }
    other = described(Attacked(name="IGSM-U-10", attack=igsm(eps=EPS), by=Displaced()))
    assert other["by"]["by"]["function"].endswith("pck_margin")


def test_the_training_loss_is_the_aim_unless_another_is_given(
    networks: dict[str, PoseModel], batch: PoseBatch
) -> None:
    attack, model = igsm(eps=EPS, steps=2), networks["hourglass"]
    plain = Attacked(name="a", attack=attack, all_stages=True).perturb(batch, model, None, 0)
    named = Attacked(name="a", attack=attack, by=Untargeted(all_stages=True))
    assert torch.equal(plain.images, named.perturb(batch, model, None, 0).images)
    with pytest.raises(UsageError, match="leave all_stages out"):
        Attacked(name="a", attack=attack, all_stages=True, by=Untargeted())


class Broken(Untargeted):
    """An aim whose loss fails."""

    def loss(self, model: PoseModel, batch: PoseBatch) -> Loss:
        return Failing()


class Failing:
    """A loss that fails, but for its sum."""

    def __call__(self, images: Tensor) -> Tensor:
        return images.sum()

    def take(self, index: Tensor) -> "Failing":
        return self


def test_errors_are_not_taken_for_a_masked_gradient(network: PoseModel, batch: PoseBatch) -> None:
    with pytest.raises(RuntimeError, match="one value an image"):
        Attacked(name="a", attack=igsm(eps=EPS), by=Broken()).perturb(batch, network, None, 0)


def test_any_aim_is_attacked(network: PoseModel, batch: PoseBatch) -> None:
    attack = pgd(eps=EPS, steps=2)
    aim = Displaced(by=cross_entropy)
    found = Attacked(name="a", attack=attack, by=aim).perturb(batch, network, None, 7)
    seeds = [seed_of("noise", 7, "a", person) for person in batch.ids]
    assert torch.equal(found.images, attack(aim.loss(network, batch), batch.images, seeds))
    assert found.targets is None


def test_any_aim_is_targeted_at_the_poses_chosen(
    network: PoseModel, batch: PoseBatch, people: Split, tmp_path: Path
) -> None:
    attack = igsm(eps=EPS, steps=2, ball=Linf)
    aim = Displaced(by=cross_entropy)
    condition = Attacked(name="a", attack=attack, by=aim, targeted=True)
    found = condition.perturb(batch, network, prepared(condition, people, tmp_path), 0)
    assert found.targets is not None
    goal = aim.towards(found.targets)
    assert torch.equal(found.images, attack(goal.loss(network, batch), batch.images, batch.seeds))
    assert (found.gradients, found.queries) == (2, 1)
