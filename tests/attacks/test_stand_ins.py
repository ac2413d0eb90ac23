"""Stand-ins: the way forth is exact, the way back is there, and traps do not hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustpose.attacks.balls import Linf
from robustpose.attacks.goals import Displaced, Untargeted
from robustpose.attacks.gradients import exact, leads_back
from robustpose.attacks.iterated import Iterated, pgd
from robustpose.attacks.stand_ins import stand_ins
from robustpose.conditions import Attacked
from robustpose.models.model import PoseModel
from robustpose.models.wrapping import Wrapped
from robustpose.poses import Images, PoseBatch
from robustpose.studies.provenance import described

IMAGES = 0.05 + 0.9 * torch.rand((2, 3, 4, 4), generator=torch.Generator().manual_seed(0))

TRAPS: dict[str, Callable[[Tensor], Tensor]] = {
    "rounded": lambda x: (8 * x).round() / 8,
    "floor, as a method": lambda x: x.mul(8).floor() / 8,
    "8 bits": lambda x: (255 * x).to(torch.uint8).float() / 255,
    "byte": lambda x: (255 * x).byte().float() / 255,
    "steep sigmoid": lambda x: torch.sigmoid(1e4 * (x - 0.5)),
    "steep tanh": lambda x: (1e4 * (x - 0.5)).tanh(),
    "clamped": lambda x: (100 * x - 50).clamp(0, 1),
    "rectified": lambda x: F.relu(x - 2),
    "rectified in place": lambda x: nn.ReLU(inplace=True)(x - 2),
    "saturated soft-max": lambda x: F.softmax(1e4 * x.flatten(1), dim=1).view(x.shape),
    "signs": lambda x: torch.sign(x - 0.5),
}


@dataclass(frozen=True)
class Sum:
    """A loss of what a trap lets through, which rises with every value."""

    trap: Callable[[Tensor], Tensor]

    def __call__(self, images: Tensor) -> Tensor:
        found = self.trap(images)
        return (
            (found * torch.linspace(1, 2, found[0].numel()).view(found[0].shape))
            .flatten(1)
            .sum(dim=1)
        )

    def take(self, index: Tensor) -> "Sum":
        return self


@pytest.mark.parametrize("name", TRAPS)
def test_values_are_exact_and_there_is_a_way_back(name: str) -> None:
    loss = Sum(TRAPS[name])
    found = stand_ins(loss, IMAGES, [0, 1])
    torch.testing.assert_close(found.loss, loss(IMAGES), rtol=0, atol=0)
    assert found.gradient.isfinite().all()
    assert (found.gradient != 0).float().mean() > 0.9
    if leads_back(loss, IMAGES):
        plain = exact(loss, IMAGES, [0, 1]).gradient
        assert (plain == 0).float().mean() > 0.6  # or it is no trap


def test_where_nothing_is_masked_it_is_the_exact_gradient() -> None:
    loss = Sum(lambda x: torch.sigmoid(x - 0.5) + F.relu(x) + x.square() + x.to(torch.float64))
    one, other = (each(loss, IMAGES, [0, 1]) for each in (exact, stand_ins))
    torch.testing.assert_close(one.gradient, other.gradient)
    assert torch.equal(one.loss, other.loss)


def test_nothing_stays_behind() -> None:
    stand_ins(Sum(TRAPS["rounded"]), IMAGES, [0, 1])
    assert (exact(Sum(TRAPS["rounded"]), IMAGES, [0, 1]).gradient == 0).all()
    assert described(pgd(eps=0.1)) != described(
        Iterated(ball=Linf(0.1), steps=40, step_size=0.1, gradient=stand_ins)
    )


def test_a_network_says_the_same_with_them(network: PoseModel, batch: PoseBatch) -> None:
    loss = Untargeted(all_stages=True).loss(network, batch)
    one, other = (each(loss, batch.images, batch.seeds) for each in (exact, stand_ins))
    assert torch.equal(one.loss, other.loss)
    assert (other.gradient != 0).float().mean() > 0.99


def test_of_a_network_that_hides_nothing_it_is_nearly_the_exact_gradient(
    network: PoseModel, batch: PoseBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robustpose.attacks.stand_ins.LEAK", 0.0)
    loss = Untargeted(all_stages=True).loss(network, batch)
    one, other = (each(loss, batch.images, batch.seeds).gradient for each in (exact, stand_ins))
    assert (torch.cosine_similarity(one.flatten(1), other.flatten(1)) > 0.999).all()


def eight_bits(images: Images) -> Images:
    """Return images as NumPy has them in 8 bits, whence no gradient leads back."""
    array = (255 * images).detach().cpu().numpy().astype("uint8")
    return torch.from_numpy(array).to(images.device).float() / 255


def thermometer(images: Images) -> Images:
    """Return whether each value is above each of ten levels: thirty channels."""
    levels = torch.linspace(0.05, 0.95, 10, device=images.device).view(1, 1, -1, 1, 1)
    return (images[:, :, None] > levels).flatten(1, 2).float()


@torch.no_grad()
def without_gradients(images: Images) -> Images:
    """Return images that autograd has not seen."""
    return images * 1.0


def steep(images: Images) -> Images:
    """Return the images through a sigmoid that PyTorch does not know as one."""
    return 1 / (1 + torch.exp(-200 * (images - 0.5)))


def nothing(maps: Tensor) -> Tensor:
    """Return the same."""
    return maps


class Muted(torch.autograd.Function):
    """Nothing forth, and nothing back."""

    @staticmethod
    def forward(ctx: object, maps: Tensor) -> Tensor:
        return maps.clone()

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return torch.zeros_like(gradient)


def muted(maps: Tensor) -> Tensor:
    """Return the same, whose gradient says nothing."""
    found: Tensor = Muted.apply(maps)
    return found


def hooked(maps: Tensor) -> Tensor:
    """Return the same, whose gradient is thrown away on its way."""
    maps = maps * 1.0
    if maps.requires_grad:
        maps.register_hook(torch.zeros_like)
    return maps


def begun_anew(maps: Tensor) -> Tensor:
    """Return the same with a gradient that ends there."""
    return maps.detach().clone().requires_grad_()


def rounded_in_place(maps: Tensor) -> Tensor:
    """Return the same in fine steps, written where the values were."""
    maps = maps.clone()
    maps.mul_(1e4).round_().div_(1e4)
    return maps


def not_a_number(maps: Tensor) -> Tensor:
    """Return the same, whose gradient is no number."""
    return maps + (0 * maps).sqrt()


class Behind(nn.Module):
    """Two layers, with a trap before, between or after them."""

    def __init__(
        self,
        before: Callable[[Tensor], Tensor] = nothing,
        between: Callable[[Tensor], Tensor] = nothing,
        after: Callable[[Tensor], Tensor] = nothing,
    ) -> None:
        super().__init__()
        self.before, self.between, self.after = before, between, after
        channels = self.before(torch.zeros(1, 3, 2, 2)).shape[1]
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(channels, 4, 3, padding=1), nn.Conv2d(4, 2, 1)
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.second(self.between(self.first(self.before(images))))
        return self.after(maps).float()


PICTURES = 0.05 + 0.9 * torch.rand((2, 3, 16, 16), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("place", "cut"),
    [
        ("before", eight_bits),
        ("before", without_gradients),
        ("before", torch.detach),
        ("between", without_gradients),
        ("between", torch.detach),
        ("before", muted),
        ("between", muted),
        ("after", muted),
        ("after", without_gradients),
        ("before", hooked),
        ("between", hooked),
        ("after", hooked),
        ("before", begun_anew),
        ("between", begun_anew),
        ("after", begun_anew),
        ("between", rounded_in_place),
        ("between", not_a_number),
    ],
)
def test_a_cut_is_bridged_nearly_as_if_it_were_not_there(
    place: str, cut: Callable[[Tensor], Tensor]
) -> None:
    free = Sum(Behind())
    trapped = Sum(Behind(**{place: cut}))
    if leads_back(trapped, PICTURES):
        assert (exact(trapped, PICTURES, [0, 1]).gradient.nan_to_num(0.0) == 0).all()
    wanted = exact(free, PICTURES, [0, 1]).gradient
    found = stand_ins(trapped, PICTURES, [0, 1])
    torch.testing.assert_close(found.gradient, wanted, atol=1e-3, rtol=0.02)
    torch.testing.assert_close(found.loss, trapped(PICTURES), atol=0, rtol=0)


@pytest.mark.parametrize("trap", [thermometer, steep])
def test_steps_before_the_first_layer_are_seen_as_slopes(
    trap: Callable[[Tensor], Tensor],
) -> None:
    loss = Sum(Behind(trap))
    pictures = 0.05 + 0.9 * torch.rand((2, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    found = stand_ins(loss, pictures, [0, 1]).gradient
    assert (found != 0).float().mean() > 0.99
    # What is found leads up, in steps large enough to be seen.
    with torch.no_grad():
        assert (loss(pictures + 0.1 * found.sign()) > loss(pictures)).all()


def test_a_picture_that_is_turned_keeps_its_own_gradient() -> None:
    loss = Sum(Behind(lambda x: x.flip(3)))
    one, other = (each(loss, PICTURES, [0, 1]).gradient for each in (exact, stand_ins))
    torch.testing.assert_close(one, other)


@pytest.mark.parametrize("trap", [muted, lambda maps: 1 / (1 + torch.exp(-1e4 * (maps - 0.1)))])
def test_an_answer_that_says_nothing_of_its_slope_is_led_back_to_the_last_layer(
    trap: Callable[[Tensor], Tensor],
) -> None:
    free, trapped = Sum(Behind()), Sum(lambda x: trap(Behind()(x)))
    assert (exact(trapped, PICTURES, [0, 1]).gradient.nan_to_num(0.0) == 0).float().mean() > 0.9
    found = stand_ins(trapped, PICTURES, [0, 1])
    wanted = exact(free, PICTURES, [0, 1]).gradient
    alike = torch.cosine_similarity(found.gradient.flatten(1), wanted.flatten(1))
    assert (alike > 0.5).all()
    torch.testing.assert_close(found.loss, trapped(PICTURES), atol=0, rtol=0)


def pooled_and_normalised(maps: Tensor) -> Tensor:
    """Return the largest of each four cells, normalised, as hourglasses go down."""
    pooled = F.max_pool2d(maps, 2)
    return F.batch_norm(pooled, torch.zeros(4), torch.ones(4))


@pytest.mark.parametrize("pooled", [lambda maps: F.max_pool2d(maps, 4), pooled_and_normalised])
def test_pooled_layers_keep_their_own_gradient(pooled: Callable[[Tensor], Tensor]) -> None:
    loss = Sum(Behind(between=pooled))
    one, other = (each(loss, PICTURES, [0, 1]).gradient for each in (exact, stand_ins))
    torch.testing.assert_close(one, other)


def test_a_whole_network_without_gradients_has_some() -> None:
    free = Behind()
    loss = Sum(torch.no_grad()(free))
    found = stand_ins(loss, PICTURES, [0, 1]).gradient
    torch.testing.assert_close(found, exact(Sum(free), PICTURES, [0, 1]).gradient)


def test_gradients_that_are_no_numbers_count_as_none() -> None:
    found = stand_ins(Sum(lambda x: (x - x.detach()).sqrt()), IMAGES, [0, 1])
    assert (found.gradient == 0).all()


class Trapped(Wrapped):
    """A network whose picture goes through 8 bits, where gradients end."""

    def forward(self, images: Images, seeds: Sequence[int] | None = None) -> tuple[Tensor, ...]:
        return super().forward((255 * images).to(torch.uint8).float() / 255, seeds)


def test_a_trap_holds_one_and_not_the_other(
    networks: dict[str, PoseModel], batch: PoseBatch
) -> None:
    model = Trapped(networks["deeppose"], name="trapped").frozen()
    ball = Linf(8 / 255)
    held, free = (
        Attacked(
            name="a",
            attack=Iterated(ball=ball, steps=3, step_size=3 / 255, gradient=gradient),
            by=Displaced(sparing=False),
        ).perturb(batch, model, None, 0)
        for gradient in (exact, stand_ins)
    )
    assert torch.equal(held.images, batch.images)
    assert held.zero_gradient is not None
    assert held.zero_gradient.eq(1).all()
    assert free.zero_gradient is not None
    assert free.zero_gradient.max() < 0.5
    loss = Displaced(sparing=False).loss(model, batch)
    with torch.no_grad():
        assert (loss(free.images) > loss(batch.images)).all()
