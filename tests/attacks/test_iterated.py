"""The loop of all gradient attacks: its arithmetic, restarts, randomness, cost and refusals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import robustpose.attacks.gradients as gradients
from robustpose.attacks.balls import L2, Ball, Linf
from robustpose.attacks.goals import Untargeted
from robustpose.attacks.gradients import Ascent, exact
from robustpose.attacks.iterated import Iterated, fgsm, igsm, pgd
from robustpose.errors import UsageError
from robustpose.models.codecs import CoordinateCodec
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch
from robustpose.seeds import seed_of


@dataclass
class Recorded:
    """A loss that remembers all its values."""

    loss: object
    values: list[Tensor] = field(default_factory=list)

    def __call__(self, images: Tensor) -> Tensor:
        value = self.loss(images)  # type: ignore[operator]
        self.values.append(value.detach())
        return value

    def take(self, index: Tensor) -> "Recorded":
        return Recorded(self.loss.take(index))  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Of:
    """A loss from a function that looks at each image alone."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, images: Tensor) -> Tensor:
        return self.function(images)

    def take(self, index: Tensor) -> "Of":
        return self


WAVY = Of(lambda images: torch.sin(40 * images).sum(dim=(1, 2, 3)))
"""A loss of many hills: where a climb ends depends on where it starts."""


def own_loss(model: PoseModel, output: Tensor, joints: Tensor, weight: Tensor) -> Tensor:
    """The papers' mean squared errors, written again without the package's codecs."""
    if isinstance(model.codecs[-1], CoordinateCodec):
        return ((output - ((joints + 0.5) / 64 - 0.5)) ** 2).mean(2).mul(weight).mean(1)
    rows, columns = output.shape[2:]
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    at = (joints - 1.5) / 4
    square = (x - at[..., 0, None, None]) ** 2 + (y - at[..., 1, None, None]) ** 2
    bumps = torch.exp(-square / (2 * model.codecs[-1].sigma ** 2))
    return ((output - bumps) ** 2).mean((2, 3)).mul(weight).mean(1)


def own_projection(images: Tensor, origin: Tensor, ball: Ball) -> Tensor:
    if isinstance(ball, Linf):
        return torch.clamp(images, origin - ball.eps, origin + ball.eps).clamp(0, 1)
    length = (images - origin).flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    shortened = origin + (images - origin) * torch.minimum(
        torch.ones(()), ball.eps / length.clamp_min(1e-9)
    )
    return shortened.clamp(0, 1)


@pytest.mark.parametrize("ball", [Linf(4 / 255), L2(0.5)], ids=["linf", "l2"])
def test_a_naive_pgd_reaches_the_same_loss(
    network: PoseModel, batch: PoseBatch, ball: Ball
) -> None:
    steps, step_size = 8, ball.eps / 3
    attack = pgd(eps=ball.eps, steps=steps, step_size=step_size, ball=type(ball))
    result = attack(Untargeted().loss(network, batch), batch.images, batch.seeds)

    x = ball.sample(batch.images, [seed_of("restart", 0, seed) for seed in batch.seeds])
    best = torch.full((4,), -torch.inf)
    for _ in range(steps + 1):
        x = x.detach().clone().requires_grad_(True)
        value = own_loss(network, network(x)[-1], batch.joints, batch.weight)
        value.sum().backward()
        best = torch.maximum(best, value.detach())
        assert x.grad is not None
        if isinstance(ball, Linf):
            direction = x.grad.sign()
        else:
            direction = x.grad / x.grad.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        x = own_projection(x.detach() + step_size * direction, batch.images, ball)

    with torch.no_grad():
        reached = own_loss(network, network(result)[-1], batch.joints, batch.weight)
        clean = own_loss(network, network(batch.images)[-1], batch.joints, batch.weight)
    torch.testing.assert_close(reached, best, rtol=0.01, atol=0)
    torch.testing.assert_close(reached - clean, best - clean, rtol=0.05, atol=0)


def test_fgsm_is_one_signed_step_of_the_whole_radius(network: PoseModel, batch: PoseBatch) -> None:
    eps = 4 / 255
    loss = Untargeted().loss(network, batch)
    expected = (batch.images + eps * exact(loss, batch.images, batch.seeds).gradient.sign()).clamp(
        0, 1
    )
    result = fgsm(eps=eps)(loss, batch.images, batch.seeds)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-6)


def test_the_answer_is_the_best_image_of_all_steps_and_restarts(
    network: PoseModel, batch: PoseBatch
) -> None:
    recorded = Recorded(Untargeted().loss(network, batch))
    result = pgd(eps=8 / 255, steps=3, restarts=3)(recorded, batch.images, batch.seeds)
    with torch.no_grad():
        reached = recorded.loss(result)
    assert torch.equal(reached, torch.stack(recorded.values).amax(dim=0))


def test_restarts_start_elsewhere_and_keep_the_best_of_each_person() -> None:
    images = torch.full((6, 3, 2, 2), 0.5)
    seeds = list(range(6))
    ball = Linf(0.4)
    attack = pgd(eps=ball.eps, steps=5, step_size=0.01, restarts=4)
    reached = WAVY(attack(WAVY, images, seeds))
    alone = torch.stack([WAVY(attack_from(ball, images, seeds, restart)) for restart in range(4)])
    torch.testing.assert_close(reached, alone.amax(dim=0))
    assert len(set(alone.argmax(dim=0).tolist())) > 1


def attack_from(ball: Ball, images: Tensor, seeds: Sequence[int], restart: int) -> Tensor:
    """Climb from the start of one restart, with the attack's own settings."""

    class From(Linf):
        def sample(self, origin: Tensor, _: Sequence[int]) -> Tensor:
            return ball.sample(origin, [seed_of("restart", restart, seed) for seed in seeds])

    attack = Iterated(
        ball=From(ball.eps), steps=5, step_size=0.01, random_start=True, keep_best=True
    )
    return attack(WAVY, images, seeds)


def test_keeping_the_best_never_ends_below_the_clean_loss(
    network: PoseModel, batch: PoseBatch
) -> None:
    wild = Iterated(ball=Linf(0.5), steps=3, step_size=5.0, keep_best=True)
    loss = Untargeted().loss(network, batch)
    result = wild(loss, batch.images, batch.seeds)
    with torch.no_grad():
        assert (loss(result) >= loss(batch.images)).all()


@pytest.mark.parametrize("ball", [Linf, L2])
def test_random_starts_belong_to_the_person(ball: type[Linf] | type[L2]) -> None:
    images = torch.full((3, 3, 8, 8), 0.5)
    attack = pgd(eps=0.3, steps=1, step_size=1e-9, ball=ball)
    flat = Of(lambda x: 1e-6 * x.sum(dim=(1, 2, 3)))
    noise = attack(flat, images, [1, 2, 1]) - images
    torch.testing.assert_close(noise[0], noise[2], rtol=0, atol=1e-6)
    assert (noise[0] - noise[1]).abs().max() > 0.01
    assert noise[0].abs().max() > 0.01


def test_without_a_random_start_seeds_do_not_matter(network: PoseModel, batch: PoseBatch) -> None:
    loss = Untargeted().loss(network, batch)
    attack = igsm(eps=4 / 255, steps=2)
    assert torch.equal(attack(loss, batch.images, [0] * 4), attack(loss, batch.images, [9] * 4))


@pytest.mark.parametrize(
    ("attack", "forwards", "backwards"),
    [
        (fgsm(eps=1 / 255), 1, 1),
        (igsm(eps=1 / 255, steps=5), 5, 5),
        (pgd(eps=1 / 255, steps=5, restarts=3), 18, 15),
    ],
    ids=["fgsm", "igsm", "pgd"],
)
def test_passes_through_the_network_are_as_few_as_promised(
    attack: Iterated,
    forwards: int,
    backwards: int,
    networks: dict[str, PoseModel],
    batch: PoseBatch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = networks["resdec"]
    calls: list[str] = []
    differentiate = torch.autograd.grad
    monkeypatch.setattr(
        gradients.torch.autograd,
        "grad",
        lambda *a, **k: (calls.append("backward"), differentiate(*a, **k))[1],
    )
    handle = model.network.register_forward_hook(lambda *_: calls.append("forward"))
    try:
        outcome = attack.outcome(Untargeted().loss(model, batch), batch.images, batch.seeds)
    finally:
        handle.remove()
    assert (calls.count("forward"), calls.count("backward")) == (forwards, backwards)
    assert (outcome.gradients, outcome.queries) == (backwards, forwards - backwards)


@pytest.mark.parametrize(
    "attack", [igsm(eps=1 / 255), pgd(eps=1 / 255, steps=10, restarts=3)], ids=["igsm", "pgd"]
)
def test_a_step_costs_at_most_2_1_forward_passes(
    attack: Iterated, network: PoseModel, batch: PoseBatch
) -> None:
    one = batch.take([0])
    goal = Untargeted().loss(network, one)
    loss = Of(lambda images: goal(images + 0))  # the counter cannot bear a leaf as input
    with FlopCounterMode(display=False) as forward:
        network.predict(one.images)
    with FlopCounterMode(display=False) as whole:
        attack(loss, one.images, one.seeds)
    steps = attack.steps * attack.restarts
    assert whole.get_total_flops() <= 2.1 * steps * forward.get_total_flops()


def test_zero_gradients_are_counted_per_image() -> None:
    def loss(images: Tensor) -> Tensor:
        used = images.clone()
        used[0] = used[0] * 0
        used[1, 0] = used[1, 0] * 0
        return used.sum(dim=(1, 2, 3))

    images = torch.full((3, 3, 4, 4), 0.5)
    outcome = igsm(eps=0.1, steps=2).outcome(Of(loss), images, [0, 1, 2])
    torch.testing.assert_close(outcome.zero_gradient, torch.tensor([1, 1 / 3, 0]))


def test_another_gradient_can_be_handed_in() -> None:
    def downhill(loss: object, images: Tensor, seeds: Sequence[int]) -> Ascent:
        return Ascent(images.sum(dim=(1, 2, 3)), -torch.ones_like(images))

    attack = Iterated(ball=Linf(0.1), steps=1, step_size=0.1, gradient=downhill)
    images = torch.full((1, 3, 2, 2), 0.5)
    torch.testing.assert_close(attack(WAVY, images, [0]), images - 0.1)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda images: images.mean(), "one value an image"),
        (lambda images: images.detach().sum(dim=(1, 2, 3)), "does not depend"),
    ],
    ids=["averaged", "constant"],
)
def test_a_loss_that_cannot_be_raised_is_refused(loss: object, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        exact(loss, torch.rand(2, 3, 4, 4), [0, 1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make",
    [
        lambda: fgsm(eps=-1 / 255),
        lambda: fgsm(eps=0),
        lambda: fgsm(eps=float("nan")),
        lambda: igsm(eps=float("inf")),
        lambda: igsm(eps=1 / 255, steps=0),
        lambda: igsm(eps=1 / 255, step_size=-1.0),
        lambda: pgd(eps=1 / 255, steps=0),
        lambda: pgd(eps=1 / 255, restarts=0),
        lambda: pgd(eps=1 / 255, ball=L2, step_size=float("nan")),
        lambda: Iterated(ball=Linf(0.1), steps=1, step_size=0.1, restarts=2),
    ],
)
def test_senseless_settings_are_refused(make: object) -> None:
    with pytest.raises(UsageError, match=r"expected|restarts need"):
        make()  # type: ignore[operator]
