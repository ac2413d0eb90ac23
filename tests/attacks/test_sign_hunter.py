"""SignHunter: what it finds, what it may do on plateaus, its ball and its cost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

import pytest
import torch
from torch import Tensor

from robustpose.attacks.balls import L1, L2, Linf
from robustpose.attacks.sign_hunter import SignHunter, _blocks
from robustpose.errors import UsageError
from robustpose.studies.provenance import described

GREY = torch.full((2, 3, 4, 4), 0.5)
WEIGHTS = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))


@dataclass
class Asked:
    """A loss that keeps what it is asked for and refuses to be differentiated."""

    function: Callable[[Tensor], Tensor]
    images: list[Tensor] = field(default_factory=list)

    def __call__(self, images: Tensor) -> Tensor:
        assert not torch.is_grad_enabled()
        self.images.append(images)
        return self.function(images)

    def take(self, index: Tensor) -> "Asked":
        return self


def linear(images: Tensor) -> Tensor:
    return ((images - 0.5) * WEIGHTS).sum(dim=(1, 2, 3))


@pytest.mark.parametrize("ball", [Linf(0.1), L2(0.5)], ids=["linf", "l2"])
def test_of_a_linear_loss_every_sign_is_found(ball: Linf | L2) -> None:
    """With as many queries as there are blocks, down to single values."""
    loss = Asked(linear)
    outcome = SignHunter(ball=ball, queries=200).outcome(loss, GREY, [0, 1])
    assert torch.equal((outcome.images - GREY).sign(), WEIGHTS.sign())
    torch.testing.assert_close(ball.distance(outcome.images, GREY), torch.full((2,), ball.eps))
    assert len(loss.images) == outcome.queries == 200
    assert outcome.gradients == 0
    assert outcome.zero_gradient is None


def test_all_that_is_asked_lies_in_ball_and_range() -> None:
    images = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    loss = Asked(lambda shown: shown.square().sum(dim=(1, 2, 3)))
    ball = L2(1.0)
    answer = SignHunter(ball=ball, queries=60)(loss, images, [0, 1])
    for asked in loss.images:
        assert (ball.distance(asked, images) <= ball.eps * (1 + 1e-5)).all()
        assert asked.min() >= 0
        assert asked.max() <= 1
    values = torch.stack([loss.function(asked) for asked in loss.images])
    assert torch.equal(loss.function(answer), values.amax(dim=0))


def test_it_walks_on_plateaus() -> None:
    """Three quarters must be darker and one brighter: no single turn changes the loss before."""

    def uneven(images: Tensor) -> Tensor:
        values = images.flatten(1)
        return ((values[:, :36] < 0.5).all(dim=1) & (values[:, 36:] > 0.5).all(dim=1)).float()

    answer = SignHunter(ball=Linf(0.1), queries=100)(Asked(uneven), GREY, [0, 1])
    assert uneven(answer).tolist() == [1, 1]


def test_each_person_keeps_what_helps_them() -> None:
    def opposed(images: Tensor) -> Tensor:
        return images.sum(dim=(1, 2, 3)) * torch.tensor([1.0, -1.0])

    first, second = SignHunter(ball=Linf(0.1), queries=2)(Asked(opposed), GREY, [0, 1])
    assert (first > 0.5).all()
    assert (second < 0.5).all()


def test_blocks_are_halved_down_to_single_values_and_begin_again() -> None:
    found = list(islice(_blocks(5), 12))
    assert found == [
        *[(0, 5), (0, 3), (3, 5), (0, 2), (2, 4), (4, 5)],
        *[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5)],
    ]
    assert list(islice(_blocks(1), 3)) == [(0, 1)] * 3


def test_settings() -> None:
    attack = SignHunter(ball=Linf(0.1), queries=25)
    assert (attack.steps, attack.cost) == (25, 13)
    assert described(attack)["queries"] == 25
    assert attack.description.startswith("25 queries of SignHunter, from ")
    with pytest.raises(UsageError, match="at least 1 query, found 0"):
        SignHunter(ball=Linf(0.1), queries=0)


@pytest.mark.usefixtures("unchecked")
def test_other_balls_are_refused() -> None:
    with pytest.raises(UsageError, match="knows L-inf and L2 balls, found L1"):
        SignHunter(ball=L1(10.0), queries=5)  # type: ignore[arg-type]
