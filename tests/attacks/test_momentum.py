"""MI-FGSM and NI-FGSM: the papers' formulas, their costs and refusals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from robustpose.attacks.balls import L2, Linf
from robustpose.attacks.gradients import Ascent, Averaged, exact
from robustpose.attacks.iterated import igsm
from robustpose.attacks.momentum import Momentum, mi_fgsm, ni_fgsm
from robustpose.errors import UsageError
from robustpose.studies.provenance import described


@dataclass(frozen=True)
class Of:
    """A loss from a function that looks at each image alone."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, images: Tensor) -> Tensor:
        return self.function(images)

    def take(self, index: Tensor) -> "Of":
        return self


CURVED = Of(lambda images: (torch.sin(9 * images) * images).sum(dim=(1, 2, 3)))


def images() -> Tensor:
    return torch.rand(3, 3, 5, 4, generator=torch.Generator().manual_seed(0))


def slope(x: Tensor) -> Tensor:
    """The gradient of the loss, by hand."""
    return 9 * torch.cos(9 * x) * x + torch.sin(9 * x)


def in_box(x: Tensor, eps: float) -> Tensor:
    return x.clamp(images() - eps, images() + eps).clamp(0, 1)


def test_mi_fgsm_is_the_papers() -> None:
    """Equations 6 and 7: gradients divided by their L1 norm."""
    eps, steps, mu = 0.2, 6, 0.9
    x, g = images(), torch.zeros_like(images())
    for _ in range(steps):
        found = slope(x)
        g = mu * g + found / found.abs().sum(dim=(1, 2, 3), keepdim=True)
        x = in_box(x + eps / steps * g.sign(), eps)
    attack = replace(mi_fgsm(eps=eps, steps=steps), decay=mu)
    torch.testing.assert_close(attack(CURVED, images(), [0, 1, 2]), x, rtol=0, atol=1e-5)


def test_ni_fgsm_looks_ahead() -> None:
    """Equations 6 to 8, with gradients divided by their mean as in the authors' code."""
    eps, steps = 0.2, 6
    x, g = images(), torch.zeros_like(images())
    for _ in range(steps):
        found = slope(x + eps / steps * g)
        g = g + found / found.abs().mean(dim=(1, 2, 3), keepdim=True)
        x = in_box(x + eps / steps * g.sign(), eps)
    answer = ni_fgsm(eps=eps, steps=steps)(CURVED, images(), [0, 1, 2])
    torch.testing.assert_close(answer, x, rtol=0, atol=1e-5)
    plain = mi_fgsm(eps=eps, steps=steps)(CURVED, images(), [0, 1, 2])
    assert not torch.allclose(answer, plain, atol=1e-3)


@pytest.mark.parametrize("ball", [Linf, L2])
def test_without_a_memory_it_is_the_plain_attack(ball: type[Linf] | type[L2]) -> None:
    attack = Momentum(ball=ball(0.3), steps=5, step_size=0.1, decay=0.0)
    plain = igsm(eps=0.3, steps=5, step_size=0.1, ball=ball)
    seeds = [0, 1, 2]
    expected = plain(CURVED, images(), seeds)
    torch.testing.assert_close(attack(CURVED, images(), seeds), expected, rtol=0, atol=1e-5)


def test_steps_may_fall_to_nothing() -> None:
    x, g = images(), torch.zeros_like(images())
    for step in range(4):
        found = slope(x)
        g = 0.9 * g + found / found.abs().mean(dim=(1, 2, 3), keepdim=True)
        x = in_box(x + 0.1 * (1 - step / 4) * g.sign(), 0.2)
    attack = Momentum(ball=Linf(0.2), steps=4, step_size=0.1, decay=0.9, falling=True)
    torch.testing.assert_close(attack(CURVED, images(), [0, 1, 2]), x, rtol=0, atol=1e-5)
    assert "falling to nothing" in attack.description
    assert described(attack) != described(replace(attack, falling=False))
    assert "falling" not in described(replace(attack, falling=False))


def test_gradients_are_counted_and_have_seeds_of_their_own() -> None:
    met: list[int] = []

    def noted(loss: object, shown: Tensor, seeds: Sequence[int]) -> Ascent:
        met.extend(seeds)
        return exact(CURVED, shown, seeds)

    outcome = replace(mi_fgsm(eps=0.1, steps=7), gradient=noted).outcome(
        CURVED, images(), [4, 5, 6]
    )
    assert len(met) == len(set(met)) == 3 * 7
    assert (outcome.gradients, outcome.queries) == (7, 0)
    assert replace(mi_fgsm(eps=0.1, steps=7), gradient=Averaged(draws=3)).cost == 21


def test_zero_gradients_are_counted_and_stand() -> None:
    loss = Of(lambda shown: shown[:, :1].sum(dim=(1, 2, 3)))
    outcome = mi_fgsm(eps=0.1, steps=2).outcome(loss, images(), [0, 1, 2])
    assert outcome.zero_gradient is not None
    torch.testing.assert_close(outcome.zero_gradient, torch.full((3,), 2 / 3))
    flat = mi_fgsm(eps=0.1)(Of(lambda shown: 0 * shown.sum(dim=(1, 2, 3))), images(), [0, 1, 2])
    assert torch.equal(flat, images())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "at least 1 step"),
        ({"step_size": 0.0}, "step size above 0"),
        ({"decay": 1.5}, "decay from 0 to 1"),
        ({"decay": float("nan")}, "decay from 0 to 1"),
    ],
)
def test_senseless_settings_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Momentum(**{"ball": Linf(0.1), "steps": 3, "step_size": 0.1, **settings})  # type: ignore[arg-type]


def test_it_can_be_described() -> None:
    assert described(ni_fgsm(eps=0.1))["look_ahead"] is True
    assert described(ni_fgsm(eps=0.1)) != described(mi_fgsm(eps=0.1))
    assert mi_fgsm(eps=0.1).description.endswith(", from the clean image")
