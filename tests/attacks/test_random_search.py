"""Square: its ball, schedule and cost, whose draws are whose, and what it can climb."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import Tensor

from robustpose.attacks.balls import L1, L2, Linf
from robustpose.attacks.goals import Untargeted
from robustpose.attacks.random_search import Square, _pyramid, _pyramids
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch
from robustpose.studies.provenance import described

BALLS = {"linf": Linf(8 / 255), "l2": L2(1.0)}
balls = pytest.mark.parametrize("ball", BALLS.values(), ids=BALLS)


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


def bright(images: Tensor) -> Tensor:
    """How bright the middle is."""
    return images[..., 8:-8, 8:-8].sum(dim=(1, 2, 3))


def grey(count: int, side: int = 32) -> Tensor:
    return torch.full((count, 3, side, side), 0.5)


@balls
def test_all_that_is_asked_lies_in_ball_and_range(ball: Linf | L2) -> None:
    images = torch.rand(3, 3, 20, 24, generator=torch.Generator().manual_seed(0))
    loss = Asked(bright)
    Square(ball=ball, queries=100)(loss, images, [0, 1, 2])
    for asked in loss.images:
        assert (ball.distance(asked, images) <= ball.eps * (1 + 1e-5)).all()
        assert asked.min() >= 0
        assert asked.max() <= 1


@balls
def test_the_loss_kept_never_falls_and_is_that_of_the_answer(ball: Linf | L2) -> None:
    loss = Asked(bright)
    answer = Square(ball=ball, queries=150)(loss, grey(2), [3, 4])
    values = torch.stack([bright(asked) for asked in loss.images])
    assert torch.equal(bright(answer), values.amax(dim=0))
    assert (bright(answer) > bright(grey(2))).all()


@balls
def test_queries_are_counted_as_they_are_made(ball: Linf | L2) -> None:
    loss = Asked(bright)
    attack = Square(ball=ball, queries=37)
    outcome = attack.outcome(loss, grey(2), [0, 1])
    assert len(loss.images) == outcome.queries == attack.steps == 37
    assert outcome.gradients == 0
    assert outcome.zero_gradient is None
    assert attack.cost == 19


@balls
def test_draws_belong_to_the_person(ball: Linf | L2) -> None:
    attack = Square(ball=ball, queries=40)
    one = attack(Asked(bright), grey(3), [5, 6, 5])
    assert torch.equal(one[0], one[2])
    assert not torch.equal(one[0], one[1])
    torch.testing.assert_close(attack(Asked(bright), grey(1), [6])[0], one[1], rtol=0, atol=1e-6)


@balls
def test_each_person_keeps_what_helps_them(ball: Linf | L2) -> None:
    def opposed(images: Tensor) -> Tensor:
        return bright(images) * torch.tensor([1.0, -1.0])

    images = grey(2)
    first, second = (Square(ball=ball, queries=150)(Asked(opposed), images, [1, 1]) - images).mean(
        dim=(1, 2, 3)
    )
    assert first > 0 > second


def test_boxes_reach_the_best_corner_of_a_box() -> None:
    """Of a loss that is a sum over few values, the optimum is known."""
    weights = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(1))
    ball = Linf(0.1)

    def linear(images: Tensor) -> Tensor:
        return (images * weights).sum(dim=(1, 2, 3))

    found = linear(Square(ball=ball, queries=800)(Asked(linear), grey(1, 4), [0]) - 0.5)
    assert found > 0.95 * 0.1 * weights.abs().sum()


def test_pyramids_gather_where_the_loss_looks() -> None:
    """A direction at random would have hardly a twentieth of the best one's loss."""
    weights = torch.zeros(3, 16, 16)
    weights[:, 4:9, 4:9] = 1
    ball = L2(0.5)

    def linear(images: Tensor) -> Tensor:
        return (images * weights).sum(dim=(1, 2, 3))

    found = linear(Square(ball=ball, queries=600)(Asked(linear), grey(1, 16), [0]) - 0.5)
    assert found > 0.4 * 0.5 * weights.norm()


@balls
def test_the_whole_ball_is_used(ball: Linf | L2) -> None:
    answer = Square(ball=ball, queries=50)(Asked(bright), grey(2), [0, 1])
    torch.testing.assert_close(ball.distance(answer, grey(2)), torch.full((2,), ball.eps))


def test_without_the_range_images_may_leave_it() -> None:
    white = torch.ones(1, 3, 16, 16)
    answer = Square(ball=Linf(0.1, valid=False), queries=50)(
        Asked(lambda images: images.sum(dim=(1, 2, 3))), white, [0]
    )
    assert answer.max() > 1.05


def test_squares_shrink_by_the_schedule_rescaled_to_the_queries() -> None:
    attack = Square(ball=Linf(0.1), queries=10_000)
    sides = [attack._side(query, 128, 128) for query in (0, 10, 11, 51, 8_001, 9_999)]
    assert sides == [114, 114, 81, 57, 5, 5]
    fewer = replace(attack, queries=500)
    assert [fewer._side(query, 128, 128) for query in (0, 1, 3, 499)] == [114, 81, 57, 5]
    assert attack._side(0, 8, 200) == 8


def test_squares_reach_every_edge() -> None:
    """Published code never touches the last row and column."""
    loss = Asked(lambda images: torch.zeros(len(images)))
    Square(ball=Linf(0.1), queries=150)(loss, grey(1, 8), [0])
    start, *tried = loss.images
    changed = torch.stack([(each != start).any(dim=1)[0] for each in tried]).any(dim=0)
    assert changed[[0, -1]].any(dim=1).all()
    assert changed[:, [0, -1]].any(dim=0).all()


def test_pyramids_are_the_papers() -> None:
    """Section 3.2, built again cell by cell: boxes around the middle, one inside the other."""
    expected = torch.zeros(5, 9)
    for step in range(5):
        expected[max(2 - step, 0) : 3 + step, 4 - step : 5 + step] += 1 / (step + 1) ** 2
    torch.testing.assert_close(_pyramid(5, 9), expected)
    drawn = torch.rand(6, 8, generator=torch.Generator().manual_seed(0))
    drawn[:3, 7], drawn[3:, 7] = 0.2, 0.7
    both = _pyramids(9, drawn)
    torch.testing.assert_close(both.square().sum(dim=(2, 3)), torch.ones(6, 3))
    assert (both.amin(dim=(2, 3)) < 0).all()
    assert (both.amax(dim=(2, 3)) > 0).all()
    assert len({tuple(each.flatten().tolist()) for each in both[:, 0].abs()}) == 2


def test_it_lowers_a_network_without_a_gradient(network: PoseModel, batch: PoseBatch) -> None:
    loss = Untargeted().loss(network, batch)
    answer = Square(ball=Linf(8 / 255), queries=60)(loss, batch.images, batch.seeds)
    with torch.no_grad():
        assert (loss(answer) > loss(batch.images)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"queries": 0}, "at least 1 query, found 0"),
        ({"queries": 5, "p_init": 0.0}, "more than 0 and at most 1"),
        ({"queries": 5, "p_init": float("nan")}, "more than 0 and at most 1"),
    ],
)
def test_senseless_settings_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Square(ball=Linf(0.1), **settings)  # type: ignore[arg-type]


@pytest.mark.usefixtures("unchecked")
def test_other_balls_are_refused() -> None:
    with pytest.raises(UsageError, match="knows L-inf and L2 balls, found L1"):
        Square(ball=L1(10.0), queries=5)  # type: ignore[arg-type]


def test_it_can_be_described() -> None:
    assert described(Square(ball=L2(0.5), queries=10))["queries"] == 10
    assert Square(ball=L2(0.5), queries=10).description.endswith("from a grid of pyramids")
