"""Universal perturbations: planted losses with a known best one, invariants, and what is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from robustpose.attacks.balls import L2, Linf
from robustpose.attacks.goals import Goal, Targeted, Untargeted
from robustpose.attacks.losses import Loss
from robustpose.attacks.universal import State, UniversalAscent, apply, metzen, shafahi
from robustpose.data.crops import crop
from robustpose.data.rendered import rendered_people
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch

METHODS: dict[str, Callable[..., UniversalAscent]] = {"metzen": metzen, "shafahi": shafahi}
BALLS = {"linf": (Linf, 16 / 255), "l2": (L2, 4.0)}
SHAPE = (3, 4, 4)


@dataclass(frozen=True)
class Planted:
    """A loss that is linear in each image: offset + slope . (image - grey)."""

    slopes: Tensor
    offset: float = 0.0

    def __call__(self, images: Tensor) -> Tensor:
        return self.offset + (self.slopes * (images - 0.5)).flatten(1).sum(dim=1)

    def take(self, index: Tensor) -> "Planted":
        return Planted(self.slopes[index], self.offset)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def fitted(method: UniversalAscent, loss: Loss, images: Tensor, *, size: int, passes: int) -> State:
    state = method.start(images)
    for _ in range(passes):
        for rows in torch.arange(len(images)).split(size):
            state = method.step(state, loss.take(rows), images[rows])
    return state


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("ball", [Linf, L2])
def test_the_best_perturbation_of_a_linear_loss_is_reached(
    method: Callable[..., UniversalAscent], ball: type[Linf] | type[L2]
) -> None:
    eps, common = 0.2, drawn(*SHAPE)
    own = drawn(12, *SHAPE, seed=1)
    loss = Planted(common + (own - own.mean(dim=0)), offset=1000.0)
    best = eps * (common.sign() if ball is Linf else common / common.norm())
    ascent, images = method(eps=eps, step_size=eps / 20, ball=ball), torch.full((12, *SHAPE), 0.5)
    state = fitted(ascent, loss, images, size=12, passes=25)
    found = ascent.perturbation(state)
    torch.testing.assert_close(found, best, rtol=0, atol=1e-3 * eps)
    # Mini-batches of four reach it but for the noise of their steps.
    state = fitted(ascent, loss, images, size=4, passes=25)
    reached = (common * ascent.perturbation(state)).sum() / (common * best).sum()
    assert reached > 0.9


def test_a_step_goes_up_the_gradient_through_the_clip() -> None:
    images = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(2)).round(decimals=1)
    loss = Planted(drawn(5, *SHAPE, seed=3))
    method = metzen(eps=0.3, step_size=0.1, ball=L2)
    state = method.step(method.start(images), loss, images)
    before = state["perturbation"].clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss((images + before).clamp(0, 1)).sum(), before)
    state = method.step(state, loss, images)
    torch.testing.assert_close(state["direction"], expected)
    assert not torch.equal(expected, loss.slopes.sum(dim=0))
    free = metzen(eps=0.3, step_size=0.1, ball=lambda eps: L2(eps, valid=False))
    state = free.step(state, loss, images)
    torch.testing.assert_close(state["direction"], loss.slopes.sum(dim=0))


def test_what_no_image_can_show_is_not_pursued() -> None:
    white = torch.ones(2, *SHAPE)
    method = metzen(eps=0.5, step_size=0.1)
    state = fitted(method, Planted(torch.ones(2, *SHAPE)), white, size=2, passes=5)
    assert torch.equal(state["perturbation"], torch.full(SHAPE, 0.1))


def test_an_image_above_the_clipped_loss_no_longer_pulls() -> None:
    """One image of a steep loss asks for the opposite of what five others ask for."""
    slopes = torch.cat([torch.ones(5, *SHAPE), -50 * torch.ones(1, *SHAPE)])
    images, loss = torch.full((6, *SHAPE), 0.5), Planted(slopes, offset=100.0)
    free, clipped = (
        fitted(shafahi(eps=0.2, clip=clip, momentum=0.0), loss, images, size=6, passes=30)
        for clip in (None, 1.5)
    )
    torch.testing.assert_close(free["perturbation"], torch.full(SHAPE, -0.2))
    assert clipped["perturbation"].min() > -0.1
    torch.testing.assert_close(clipped["beta"], torch.tensor(150.0))
    assert loss(apply(images, free["perturbation"]))[-1] > 500
    # A step of 0.02 moves its loss by 48.
    assert (loss(apply(images, clipped["perturbation"]))[-1] - clipped["beta"]).abs() < 50


def test_negative_losses_are_clipped_above_the_clean_ones_too() -> None:
    loss, images = Planted(drawn(4, *SHAPE), offset=-100.0), torch.full((4, *SHAPE), 0.5)
    clean = loss(images).mean()
    for clip in (1.5, 2.0, 3.0):
        method = shafahi(eps=0.1, clip=clip)
        beta = method.step(method.start(images), loss, images)["beta"]
        torch.testing.assert_close(beta, clean + (clip - 1) * clean.abs())
    assert beta > 0


def test_beta_is_settled_by_the_first_minibatch() -> None:
    images, loss = torch.full((8, *SHAPE), 0.5), Planted(drawn(8, *SHAPE), offset=100.0)
    method = shafahi(eps=0.1, clip=1.5)
    first = method.step(method.start(images), loss.take(torch.arange(4)), images[:4])
    second = method.step(first, loss.take(torch.arange(4, 8)), images[4:])
    assert second["beta"] == first["beta"]


@dataclass(frozen=True)
class Case:
    """A method on a network, fitted once for the tests below."""

    method: UniversalAscent
    model: PoseModel
    loss: Loss
    batch: PoseBatch
    states: list[State]
    before: dict[str, Tensor]


GOALS: dict[str, Callable[[PoseBatch], Goal]] = {
    "untargeted": lambda batch: Untargeted(all_stages=True),
    "targeted": lambda batch: Targeted(batch.joints[:1].expand(len(batch), -1, -1)),
}


@pytest.fixture(scope="module", params=GOALS)
def goal(request: pytest.FixtureRequest, batch: PoseBatch) -> Goal:
    return GOALS[request.param](batch)


@pytest.fixture(scope="module", params=[(name, ball) for name in METHODS for ball in BALLS])
def case(request: pytest.FixtureRequest, goal: Goal, network: PoseModel, batch: PoseBatch) -> Case:
    name, norm = request.param
    ball, eps = BALLS[norm]
    method = METHODS[name](eps=eps, step_size=eps / 4, ball=ball)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    loss = goal.loss(network, batch)
    states = [method.start(batch.images)]
    for _ in range(6):
        states.append(method.step(states[-1], loss, batch.images))
    return Case(method, network, loss, batch, states, before)


def test_the_loss_rises_in_ball_and_range(case: Case) -> None:
    found = case.method.perturbation(case.states[-1])
    images = apply(case.batch.images, found)
    ball = case.method.ball
    assert ball.distance(found[None], torch.zeros_like(found)[None]) <= ball.eps * (1 + 1e-6)
    assert (ball.distance(images, case.batch.images) <= ball.eps * (1 + 1e-5)).all()
    assert (found.abs().amax() if ball.norm == "linf" else found.norm()) > 0.5 * ball.eps
    assert images.min() >= 0
    assert images.max() <= 1
    with torch.no_grad():
        assert case.loss(images).sum() > case.loss(case.batch.images).sum()
        torch.testing.assert_close(case.loss(case.batch.images).mean(), case.states[1]["loss"])


def test_nothing_else_is_changed(case: Case) -> None:
    assert [int(state["step"]) for state in case.states] == list(range(7))
    assert not case.states[0]["perturbation"].any()
    assert all(torch.equal(case.before[k], v) for k, v in case.model.state_dict().items())
    assert all(parameter.grad is None for parameter in case.model.parameters())
    assert case.batch.images.grad is None
    assert not any(tensor.requires_grad for tensor in case.states[-1].values())


def test_a_restored_state_goes_on_to_the_same_bits(case: Case, tmp_path: Path) -> None:
    save_file(dict(case.states[3]), tmp_path / "state.safetensors")
    state: State = load_file(tmp_path / "state.safetensors")
    with torch.no_grad():
        for _ in range(3):
            state = case.method.step(state, case.loss, case.batch.images)
    assert state.keys() == case.states[-1].keys()
    assert all(torch.equal(state[name], case.states[-1][name]) for name in state)


def test_the_order_of_the_people_of_a_minibatch_does_not_matter(case: Case) -> None:
    order = torch.tensor([2, 0, 3, 1])
    before, after = case.states[2], case.states[3]
    other = case.method.step(before, case.loss.take(order), case.batch.images[order])
    scale = after["direction"].abs().max()
    torch.testing.assert_close(
        other["direction"] / scale, after["direction"] / scale, rtol=0, atol=1e-5
    )
    torch.testing.assert_close(other["loss"], after["loss"])


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_unseen_people_suffer_more_than_from_noise_of_the_same_size(
    method: Callable[..., UniversalAscent], network: PoseModel
) -> None:
    eps = 16 / 255
    seen = crop(rendered_people("train", count=16, pixels=64), (64, 64))
    unseen = crop(rendered_people("test", count=16, pixels=64), (64, 64))
    ascent = method(eps=eps, step_size=eps / 4)
    loss = Untargeted().loss(network, seen)
    found = ascent.perturbation(fitted(ascent, loss, seen.images, size=8, passes=6))
    noise = eps * drawn(16, 3, 64, 64, seed=5).sign()
    judged = Untargeted().loss(network, unseen)
    with torch.no_grad():
        clean, noisy, fooled = (
            judged(images).mean()
            for images in (
                unseen.images,
                (unseen.images + noise).clamp(0, 1),
                apply(unseen.images, found),
            )
        )
    assert fooled - clean > 2 * (noisy - clean).abs()


@pytest.mark.parametrize(
    "make",
    [
        lambda: metzen(eps=0.0),
        lambda: metzen(eps=0.1, step_size=0.0),
        lambda: shafahi(eps=0.1, step_size=float("nan")),
        lambda: shafahi(eps=0.1, momentum=1.0),
        lambda: shafahi(eps=0.1, momentum=-0.1),
        lambda: shafahi(eps=0.1, clip=1.0),
        lambda: shafahi(eps=0.1, clip=float("nan")),
    ],
)
def test_senseless_settings_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError, match="expected"):
        make()


def test_the_studys_steps_are_small() -> None:
    assert metzen(eps=16 / 255) == UniversalAscent(ball=Linf(16 / 255), step_size=16 / 255 / 200)
