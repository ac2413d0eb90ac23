"""Goals on losses of joints: what counts, what is spared, and that attacks take joints away."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from robustpose.attacks.balls import Linf
from robustpose.attacks.goals import Displaced, Untargeted
from robustpose.attacks.goals.displaced import SPARED
from robustpose.attacks.goals.joint_losses import cross_entropy, log_odds, pck_margin
from robustpose.attacks.iterated import Iterated
from robustpose.attacks.losses import RandomLoss
from robustpose.errors import UsageError
from robustpose.models.codecs import CoordinateCodec, HeatmapCodec, View
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch
from robustpose.skeletons import COCO17
from robustpose.studies.provenance import described

ATTACK = Iterated(ball=Linf(8 / 255), steps=8, step_size=2 / 255, keep_best=True)


def own_loss(view: View, joints: Tensor, radius: Tensor) -> Tensor:
    """How far a joint is to the right of where it belongs."""
    return (view.joints[..., 0] - joints[..., 0]) / radius


@pytest.fixture
def eager(batch: PoseBatch) -> PoseBatch:
    """Return the people with large radii, so that an untrained network has joints to lose."""
    return replace(batch, threshold=1.0)


def right(model: PoseModel, images: Tensor, batch: PoseBatch, joints: Tensor) -> Tensor:
    distance = torch.linalg.vector_norm(model.predict(images).joints - joints, dim=2)
    return distance <= batch.radius


@pytest.mark.parametrize("loss", [pck_margin, cross_entropy, log_odds])
@pytest.mark.parametrize("sparing", [True, False])
def test_attacks_take_joints_away(
    network: PoseModel, eager: PoseBatch, loss: Callable[..., Tensor], sparing: bool
) -> None:
    goal = Displaced(by=loss, sparing=sparing).loss(network, eager)
    images = ATTACK(goal, eager.images, eager.seeds)
    with torch.no_grad():
        assert (goal(images) >= goal(eager.images)).all()
    before, after = (
        right(network, each, eager, eager.joints).sum() for each in (eager.images, images)
    )
    assert after < before or not sparing


def test_the_value_is_the_sum_over_scored_joints(network: PoseModel, batch: PoseBatch) -> None:
    some = replace(batch, labelled=batch.labelled.clone())
    some.labelled[:, ::2] = False
    (view,) = network.views(network(batch.images))[-1:]
    each = pck_margin(view, batch.joints, batch.radius)
    value = Displaced(sparing=False).loss(network, some)(batch.images)
    torch.testing.assert_close(value, each[:, 1::2].sum(dim=1))


def test_joints_without_a_label_are_not_read(network: PoseModel, batch: PoseBatch) -> None:
    some = replace(batch, labelled=batch.labelled.clone(), joints=batch.joints.clone())
    some.labelled[:, 3] = False
    elsewhere = replace(some, joints=some.joints.clone())
    elsewhere.joints[:, 3] = 1e6
    values = [Displaced().loss(network, each)(batch.images) for each in (some, elsewhere)]
    assert torch.equal(*values)


def test_stages_are_summed(networks: dict[str, PoseModel], batch: PoseBatch) -> None:
    model = networks["hourglass"]
    views = model.views(model(batch.images))
    each = [log_odds(view, batch.joints, batch.radius).sum(dim=1) for view in views]
    goal = Displaced(by=log_odds, all_stages=True, sparing=False)
    assert len(each) == 2
    torch.testing.assert_close(goal.loss(model, batch)(batch.images), each[0] + each[1])


def moved(model: PoseModel, batch: PoseBatch, lost: Tensor) -> PoseBatch:
    """Return people whose truth is what a network says, but far from it where `lost`."""
    said = model.predict(batch.images).joints
    elsewhere = torch.where(said < 32, said + 25, said - 25)
    return replace(batch, joints=torch.where(lost[..., None], elsewhere, said), threshold=0.5)


@pytest.mark.parametrize("name", ["deeppose", "resdec"])
def test_lost_joints_have_no_gradient_and_the_most_value(
    networks: dict[str, PoseModel], batch: PoseBatch, name: str
) -> None:
    model = networks[name]
    lost = torch.zeros_like(batch.labelled)
    lost[:, :5] = True
    people = moved(model, batch, lost)
    rest = replace(people, labelled=~lost)
    images = (batch.images + 0.02 * torch.sin(100 * batch.images)).clamp(0, 1)
    variables = [images.clone().requires_grad_() for _ in range(2)]
    values = [
        Displaced().loss(model, each)(variable)
        for each, variable in zip((people, rest), variables, strict=True)
    ]
    torch.testing.assert_close(values[0], values[1] + 5 * SPARED)
    gradients = [
        torch.autograd.grad(value.sum(), variable)[0]
        for value, variable in zip(values, variables, strict=True)
    ]
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(*gradients)


def test_with_nothing_left_the_gradient_goes_on(network: PoseModel, batch: PoseBatch) -> None:
    people = moved(network, batch, torch.ones_like(batch.labelled))
    images = batch.images.clone().requires_grad_()
    value = Displaced().loss(network, people)(images)
    expected = torch.full((len(batch),), SPARED * batch.labelled.shape[1])
    torch.testing.assert_close(value.detach(), expected)
    (gradient,) = torch.autograd.grad(value.sum(), images)
    assert (gradient.flatten(1).abs().amax(dim=1) > 0).all()


def test_targets_draw_joints_to_them(network: PoseModel, eager: PoseBatch) -> None:
    targets = eager.joints.flip(0)
    goal = Displaced(by=cross_entropy).towards(targets).loss(network, eager)
    images = ATTACK(goal, eager.images, eager.seeds)
    with torch.no_grad():
        assert (goal(images) > goal(eager.images)).all()
    before, after = (right(network, each, eager, targets).sum() for each in (eager.images, images))
    assert after >= before


def test_people_are_taken_and_seeds_are_theirs(network: PoseModel, batch: PoseBatch) -> None:
    loss = Displaced().loss(network, batch)
    assert isinstance(loss, RandomLoss)
    taken = loss.take(torch.tensor([2, 0]))
    fresh = Displaced().loss(network, batch.take([2, 0]))
    with torch.no_grad():
        assert torch.equal(taken(batch.images[[2, 0]]), fresh(batch.images[[2, 0]]))
    assert taken.places.seeds == fresh.places.seeds
    with pytest.raises(ValueError, match="one seed a person"):
        loss.seeded([1])


def test_people_without_a_size_have_no_loss(network: PoseModel, batch: PoseBatch) -> None:
    people = replace(batch, size=batch.size * torch.tensor([0.0, 1, 1, 1]))
    images = batch.images.clone().requires_grad_()
    value = Displaced().loss(network, people)(images)
    assert value[0] == 0
    assert torch.autograd.grad(value.sum(), images)[0].isfinite().all()


def test_joints_that_a_network_does_not_know_do_not_count(
    networks: dict[str, PoseModel], batch: PoseBatch
) -> None:
    for name in ("deeppose", "resdec"):
        model = networks[name]
        own = model.skeleton
        joints = torch.rand((4, 17, 2), generator=torch.Generator().manual_seed(0)) * 60
        people = replace(
            batch, skeleton=COCO17, joints=joints, labelled=torch.ones(4, 17, dtype=torch.bool)
        )
        with pytest.raises(UsageError, match=r"model\.asked"):
            Displaced().loss(model, people)
        try:
            loss = Displaced().loss(model.asked(COCO17), people)
            images = batch.images.clone().requires_grad_()
            value = loss(images)
        finally:
            model.asked(own)
        assert loss.places.counts.sum() == 4 * 12
        assert torch.autograd.grad(value.sum(), images)[0].isfinite().all()


def test_ones_own_function_is_raised_and_identified(network: PoseModel, batch: PoseBatch) -> None:
    goal = Displaced(by=own_loss, sparing=False)
    if isinstance(network.codecs[-1], HeatmapCodec):  # joints of maps are read without a gradient
        assert not network.views(network(batch.images))[-1].joints.requires_grad
    else:
        assert isinstance(network.codecs[-1], CoordinateCodec)
        loss = goal.loss(network, batch)
        images = ATTACK(loss, batch.images, batch.seeds)
        moved = network.predict(images).joints - network.predict(batch.images).joints
        assert (moved[..., 0].mean(dim=1) > 0).all()
    told = described(goal)
    assert told["by"]["function"].endswith("test_displaced.own_loss")
    assert told != described(Displaced(sparing=False))
    assert goal.description(targeted=False) == "up the own loss of the true pose, of the last stage"


def test_one_target_a_person(network: PoseModel, batch: PoseBatch) -> None:
    for aim in (Displaced(), Untargeted()):
        with pytest.raises(UsageError, match="one target a person"):
            aim.towards(batch.joints[:1]).loss(network, batch)
