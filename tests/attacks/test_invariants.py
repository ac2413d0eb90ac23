"""What holds for every attack, goal and network."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from robustpose.attacks.apgd import APGD, SEA
from robustpose.attacks.attack import Attack
from robustpose.attacks.balls import L1, L2, Linf
from robustpose.attacks.goals import Goal, Targeted, Untargeted
from robustpose.attacks.iterated import fgsm, igsm, pgd
from robustpose.attacks.losses import Loss
from robustpose.attacks.momentum import mi_fgsm, ni_fgsm
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch

EPS = {Linf: 2 / 255, L2: 0.4}
ATTACKS: dict[str, Attack] = {
    f"{name}-{ball.norm}": attack
    for ball, eps in EPS.items()
    for name, attack in {
        "fgsm": fgsm(eps=eps / 4, ball=ball),
        "igsm": igsm(eps=eps, steps=4, step_size=eps / 6, ball=ball),
        "pgd": pgd(eps=eps, steps=4, restarts=2, ball=ball),
    }.items()
}
ATTACKS |= {
    "apgd-linf": APGD(ball=Linf(2 / 255), steps=3),
    "apgd-l2, larger balls first": APGD(ball=L2(0.4), steps=4, stages=SEA, random_start=False),
    "apgd-l1": APGD(ball=L1(10.0), steps=4),
    "mi-fgsm": mi_fgsm(eps=2 / 255, steps=3),
    "ni-fgsm-l2": ni_fgsm(eps=0.4, steps=3, ball=L2),
}
GOALS: dict[str, Callable[[PoseBatch], Goal]] = {
    "untargeted": lambda batch: Untargeted(),
    "untargeted, all stages": lambda batch: Untargeted(all_stages=True),
    "targeted": lambda batch: Targeted(batch.joints.roll(1, dims=0)),
    "targeted, all stages": lambda batch: Targeted(batch.joints.roll(1, dims=0), all_stages=True),
}


@dataclass(frozen=True)
class Case:
    """One attack on one network, run once for all tests of this file."""

    attack: Attack
    goal: Goal
    model: PoseModel
    batch: PoseBatch
    loss: Loss = field(init=False)
    before: dict[str, Tensor] = field(init=False)
    images_before: Tensor = field(init=False)
    result: Tensor = field(init=False)

    def __post_init__(self) -> None:
        keep = object.__setattr__
        keep(self, "loss", self.goal.loss(self.model, self.batch))
        keep(self, "before", {k: v.clone() for k, v in self.model.state_dict().items()})
        keep(self, "images_before", self.batch.images.clone())
        keep(self, "result", self.attack(self.loss, self.batch.images, self.batch.seeds))


@pytest.fixture(scope="module", params=GOALS)
def goal(request: pytest.FixtureRequest, batch: PoseBatch) -> Goal:
    return GOALS[request.param](batch)


@pytest.fixture(scope="module", params=ATTACKS)
def case(request: pytest.FixtureRequest, goal: Goal, network: PoseModel, batch: PoseBatch) -> Case:
    return Case(ATTACKS[request.param], goal, network, batch)


def test_the_loss_of_every_image_rises(case: Case) -> None:
    with torch.no_grad():
        assert (case.loss(case.result) > case.loss(case.batch.images)).all()


def test_images_change_and_stay_in_ball_and_range(case: Case) -> None:
    ball = case.attack.ball
    distance = ball.distance(case.result, case.batch.images)
    assert (distance > 0.1 * ball.eps).all()
    assert (distance <= ball.eps * (1 + 1e-5) + 1e-6).all()
    assert case.result.min() >= 0
    assert case.result.max() <= 1


def test_model_and_images_are_left_as_they_were(case: Case) -> None:
    assert all(torch.equal(value, case.before[k]) for k, value in case.model.state_dict().items())
    assert not case.model.training
    assert torch.equal(case.batch.images, case.images_before)
    assert case.batch.images.grad is None
    assert not case.batch.images.requires_grad
    assert all(parameter.grad is None for parameter in case.model.parameters())
    assert not case.result.requires_grad


def test_a_second_run_under_no_grad_gives_the_same(case: Case) -> None:
    with torch.no_grad():
        again = case.attack(case.loss, case.batch.images, case.batch.seeds)
    assert torch.equal(again, case.result)


def test_the_order_of_the_people_does_not_matter(case: Case) -> None:
    order = [2, 0, 3, 1]
    loss = case.loss.take(torch.tensor(order))
    seeds = [case.batch.seeds[i] for i in order]
    shuffled = case.attack(loss, case.batch.images[order], seeds)
    torch.testing.assert_close(shuffled, case.result[order], rtol=0, atol=1e-6)


def test_the_other_people_do_not_matter_beyond_the_last_bits(case: Case) -> None:
    alone = case.attack(
        case.loss.take(torch.tensor([2])), case.batch.images[2:3], case.batch.seeds[2:3]
    )
    with torch.no_grad():
        loss = case.loss.take(torch.tensor([2]))
        torch.testing.assert_close(loss(alone), loss(case.result[2:3]), rtol=1e-3, atol=1e-7)


def test_goals_take_people_like_a_batch_of_them(network: PoseModel, batch: PoseBatch) -> None:
    chosen = [3, 1]
    taken = Untargeted().loss(network, batch).take(torch.tensor(chosen))
    fresh = Untargeted().loss(network, batch.take(chosen))
    with torch.no_grad():
        assert torch.equal(taken(batch.images[chosen]), fresh(batch.images[chosen]))


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_inference_mode_is_refused_with_a_reason(
    attack: Attack, networks: dict[str, PoseModel], batch: PoseBatch
) -> None:
    loss = Untargeted().loss(networks["resdec"], batch)
    with torch.inference_mode(), pytest.raises(RuntimeError, match="no_grad"):
        attack(loss, batch.images, batch.seeds)


@pytest.mark.parametrize("name", ["hourglass", "deeppose", "resdec"])
def test_gradients_of_trainable_networks_do_not_leak(
    tiny: Callable[[str], PoseModel], batch: PoseBatch, name: str
) -> None:
    model = tiny(name).eval()
    pgd(eps=2 / 255, steps=2)(Untargeted().loss(model, batch), batch.images, batch.seeds)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_all_stages_sum_and_the_last_decides(
    networks: dict[str, PoseModel], batch: PoseBatch
) -> None:
    model = networks["hourglass"]
    with torch.no_grad():
        stages = model.losses(model(batch.images), batch.joints, batch.weight)
        last = Untargeted().loss(model, batch)(batch.images)
        every = Untargeted(all_stages=True).loss(model, batch)(batch.images)
    assert len(stages) == 2
    torch.testing.assert_close(last, stages[1])
    torch.testing.assert_close(every, stages[0] + stages[1])


def test_targeted_is_minus_the_loss_against_the_target(
    network: PoseModel, batch: PoseBatch
) -> None:
    with torch.no_grad():
        towards = Targeted(batch.joints).loss(network, batch)(batch.images)
        away = Untargeted().loss(network, batch)(batch.images)
    torch.testing.assert_close(towards, -away)  # all joints of drawn people are labelled
