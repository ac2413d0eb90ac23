"""APGD: the authors' own path, its rules one by one, its stages, restarts, costs and refusals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from robustpose.attacks.apgd import APGD, MIND_THE_BOX, SEA, Stage
from robustpose.attacks.balls import L0, L1, L2, Linf
from robustpose.attacks.best import Best
from robustpose.attacks.gradients import Ascent, Averaged
from robustpose.attacks.iterated import Iterated
from robustpose.attacks.paces import Halving, Sparser
from robustpose.errors import UsageError
from robustpose.seeds import seed_of
from robustpose.studies.provenance import described

from .apgd_reference import scene

BALLS = {"linf": Linf(0.1), "l2": L2(0.5), "l1": L1(2.0)}
balls = pytest.mark.parametrize("ball", BALLS.values(), ids=BALLS)


@dataclass
class Asked:
    """A loss that keeps what it is asked for and what it answers."""

    function: Callable[[Tensor], Tensor]
    images: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)
    differentiated: list[bool] = field(default_factory=list)

    def __call__(self, images: Tensor) -> Tensor:
        value = self.function(images)
        self.images.append(images.detach())
        self.values.append(value.detach())
        self.differentiated.append(value.requires_grad)
        return value

    def take(self, index: Tensor) -> "Asked":
        return self


def entropy(images: Tensor) -> Tensor:
    """The loss that the published code climbed."""
    return F.cross_entropy(scene.logits(images), scene.truth(), reduction="none")


def wavy(images: Tensor) -> Tensor:
    """Many hills: where a climb ends depends on where it starts."""
    return torch.sin(40 * images).sum(dim=(1, 2, 3))


def grey(count: int, side: int = 4) -> Tensor:
    return torch.full((count, 3, side, side), 0.5)


@pytest.mark.parametrize("case", scene.CASES, ids=[case.name for case in scene.CASES])
def test_it_climbs_as_the_authors_do(case: scene.Case) -> None:
    """From the same start, every loss on the way is that of the published code."""
    loss = Asked(entropy)
    attack = APGD(ball=case.ball, steps=case.steps)
    attack.outcome(loss, scene.origins(), range(5), start=scene.starts(case))
    expected = torch.tensor(scene.expected()[case.name])
    torch.testing.assert_close(torch.stack(loss.values), expected, rtol=1e-4, atol=1e-4)


def test_a_constant_added_to_the_loss_changes_nothing() -> None:
    """In the published code it does: its first comparison is with 0."""

    def lowered(images: Tensor) -> Tensor:
        return entropy(images).double() - 100

    attack = APGD(ball=Linf(0.5), steps=30)
    plain, lower = (
        attack(Asked(loss), scene.origins(), range(5))
        for loss in (lambda images: entropy(images).double(), lowered)
    )
    assert torch.equal(plain, lower)


def fed(losses: list[list[float]], steps: int) -> tuple[Tensor, Tensor]:
    """Tell steps halved and step sizes of people whose losses are known beforehand."""
    origin = grey(len(losses), 1)
    best, pace = Best(origin), Halving(Linf(0.1), steps, 0.75, origin)
    halved, sizes = [], []
    for step, reached in enumerate(torch.tensor(losses).T):
        best.see(origin, reached)
        halved.append(pace.returning(step, reached, best))
        sizes.append(pace.size.flatten() / 0.1)
    return torch.stack(halved, dim=1), torch.stack(sizes, dim=1)


def test_steps_are_halved_where_rises_are_rare() -> None:
    """Checkpoints of 20 steps: after 4, 7, 9 and then each step."""
    always = list(range(20))
    mostly = [0, 1, 2, 3, 2.5, 3.5, 4, 5, *range(6, 18)]
    seldom = [0, 1, 2, 1, 2, *range(3, 18)]
    halved, sizes = fed([always, mostly, seldom], steps=20)
    assert not halved[0].any()
    assert sizes[0].unique().tolist() == pytest.approx([2])
    # Three rises of four are no more than 75 %, three of three are.
    assert halved[1].nonzero().flatten().tolist() == [4]
    assert halved[2].nonzero().flatten().tolist() == [4]
    assert sizes[2, [3, 4, 19]].tolist() == pytest.approx([2, 1, 1])


def test_steps_are_halved_where_the_best_stands_with_the_same_step() -> None:
    """Rises without a new best: seen only where the step was not halved just before."""
    climbs = [0, 1, 2, 3, 4]
    low = [*climbs, -9, -8, -7, -6, -5]  # one fall, then rises far below the best
    halved, _ = fed([[*low, *([-4.0 + 0.1 * each for each in range(10)])]], steps=20)
    assert halved[0].nonzero().flatten().tolist()[:3] == [7, 10, 12]


def test_checkpoints_come_closer() -> None:
    periods = Halving(Linf(0.1), 100, 0.75, grey(1)).periods
    assert periods == {22: 22, 41: 19, 57: 16, 70: 13, 80: 10, 87: 7, 93: 6, 99: 6}


def test_sparse_steps_become_sparser_with_the_best_image() -> None:
    origin = grey(2)
    start = origin.clone()
    start[:, 0, 0] += 0.1
    pace, best = Sparser(L1(2.0), 50, origin, start), Best(start)
    assert (pace.share * 48 * 1.5).tolist() == pytest.approx([4, 4])
    sparser = start.clone()
    sparser[0, 0, 0, 0] = 0.5
    best.see(sparser, torch.tensor([1.0, 1.0]))
    assert not pace.returning(1, best.value, best).any()
    assert pace.returning(2, best.value, best).tolist() == [True, False]
    assert (pace.share * 48 * 1.5).tolist() == pytest.approx([3, 4])
    assert pace.size.tolist() == pytest.approx([2, 2 / 1.5])


@balls
def test_the_answer_is_the_best_image_seen_in_the_ball(ball: Linf | L2 | L1) -> None:
    loss = Asked(wavy)
    origin = grey(4)
    answer = APGD(ball=ball, steps=15, restarts=3)(loss, origin, range(4))
    assert torch.equal(wavy(answer), torch.stack(loss.values).amax(dim=0))
    for asked in loss.images:
        assert (ball.distance(asked, origin) <= ball.eps * (1 + 1e-5)).all()


@balls
@pytest.mark.parametrize("stages", [None, SEA], ids=["one ball", "larger balls first"])
def test_passes_are_counted_as_they_are_made(
    ball: Linf | L2 | L1, stages: tuple[Stage, ...] | None
) -> None:
    attack = APGD(ball=ball, steps=11, restarts=2)
    attack = replace(attack, stages=stages or attack.stages)
    loss = Asked(wavy)
    outcome = attack.outcome(loss, grey(2), [0, 1])
    assert sum(loss.differentiated) == outcome.gradients == attack.cost == 22
    assert len(loss.values) - 22 == outcome.queries == 2 * len(attack.stages)


def test_restarts_keep_the_best_of_each_person() -> None:
    attack = APGD(ball=Linf(0.4), steps=5)
    seeds = range(8)

    def once(restart: int) -> Tensor:
        start = attack.ball.sample(grey(8), [seed_of("restart", restart, seed) for seed in seeds])
        return wavy(attack.outcome(Asked(wavy), grey(8), seeds, start=start).images)

    alone = torch.stack([once(restart) for restart in range(3)])
    together = wavy(replace(attack, restarts=3)(Asked(wavy), grey(8), seeds))
    torch.testing.assert_close(together, alone.amax(dim=0))
    assert len(set(alone.argmax(dim=0).tolist())) > 1


def test_people_do_not_meddle_with_each_other() -> None:
    """Steps are halved for each on their own."""
    attack, seeds = APGD(ball=L2(0.5), steps=40), [7, 8, 9]
    together = attack(Asked(wavy), grey(3), seeds)
    for person, seed in enumerate(seeds):
        alone = attack(Asked(wavy), grey(1), [seed])
        torch.testing.assert_close(together[person], alone[0], rtol=0, atol=1e-4)


@pytest.mark.parametrize(("ball", "stages"), [(Linf(0.1), SEA), (L1(2.0), MIND_THE_BOX)])
def test_larger_balls_come_first_and_only_the_last_counts(
    ball: Linf | L1, stages: tuple[Stage, ...]
) -> None:
    loss = Asked(wavy)
    origin = grey(2)
    attack = APGD(ball=ball, steps=20, stages=stages, random_start=False)
    answer = attack(loss, origin, [0, 1])
    distance = torch.stack([ball.distance(each, origin) for each in loss.images]).amax(dim=1)
    passes = [7, 7, 9]  # 6, 6 and 8 steps, and the last image of each
    for stage, each in zip(stages, distance.split(passes), strict=True):
        assert each.max() <= stage.radius * ball.eps * (1 + 1e-5)
    assert distance[:7].max() == pytest.approx(stages[0].radius * ball.eps, rel=1e-3)
    assert torch.equal(wavy(answer), torch.stack(loss.values[-9:]).amax(dim=0))
    assert torch.equal(loss.images[0], origin)
    before = torch.stack(loss.values[7:14])
    best = torch.stack(loss.images[7:14])[before.argmax(dim=0), [0, 1]]
    torch.testing.assert_close(loss.images[14], ball.project(best, origin))


def test_a_larger_box_ends_at_the_range() -> None:
    attack = APGD(ball=Linf(0.9), steps=10, stages=SEA)
    assert [ball.eps for ball, _ in attack._parts()] == [1.0, 1.0, 0.9]


def test_a_start_is_brought_into_the_ball() -> None:
    loss = Asked(wavy)
    APGD(ball=Linf(0.1), steps=2).outcome(loss, grey(1), [0], start=grey(1) + 0.3)
    torch.testing.assert_close(loss.images[0], grey(1) + 0.1)


def test_only_the_first_climb_begins_at_the_start_given() -> None:
    loss = Asked(wavy)
    attack = APGD(ball=Linf(0.1), steps=2, restarts=2)
    attack.outcome(loss, grey(1), [0], start=grey(1))
    assert torch.equal(loss.images[0], grey(1))
    drawn = attack.ball.sample(grey(1), [seed_of("restart", 1, 0)])
    torch.testing.assert_close(loss.images[3], drawn)


@balls
def test_it_beats_steps_of_one_length_where_they_must_shrink(ball: Linf | L2 | L1) -> None:
    """A narrow ridge: the loss is what is lost by being beside its top."""
    top = scene.drawn(6, 3, 4, 4, seed=9)
    top = 0.5 + 0.9 * ball.eps * top / ball.distance(top, torch.zeros_like(top)).view(-1, 1, 1, 1)

    def ridge(images: Tensor) -> Tensor:
        return -(images - top).abs().sum(dim=(1, 2, 3))

    mine = APGD(ball=ball, steps=60)(Asked(ridge), grey(6), range(6))
    fixed = Iterated(ball=ball, steps=60, step_size=ball.eps / 3, keep_best=True)
    assert (ridge(mine) > ridge(fixed(Asked(ridge), grey(6), range(6)))).all()


@dataclass(frozen=True)
class Noisy:
    """A loss with a random slope beside its own, drawn from seeds."""

    seeds: tuple[int, ...] = (0, 0)

    def __call__(self, images: Tensor) -> Tensor:
        drawn = [torch.randn((), generator=torch.Generator().manual_seed(s)) for s in self.seeds]
        return (1 + 2 * torch.stack(drawn)) * images.sum(dim=(1, 2, 3))

    def take(self, index: Tensor) -> "Noisy":
        return self

    def seeded(self, seeds: Sequence[int]) -> "Noisy":
        return Noisy(tuple(seeds))


def test_random_losses_are_averaged() -> None:
    attack = APGD(ball=Linf(0.1), steps=20, stages=SEA, gradient=Averaged(draws=16))
    outcome = attack.outcome(Noisy(), grey(2), [1, 2])
    torch.testing.assert_close(outcome.images, grey(2) + 0.1)
    assert (outcome.gradients, outcome.queries) == (20 * 16, 3 * 16)
    assert "averaged over 16 draws" in attack.description


def test_every_step_of_every_stage_has_seeds_of_its_own() -> None:
    met = []

    def noted(loss: object, images: Tensor, seeds: Sequence[int]) -> Ascent:
        met.extend(seeds)
        return Ascent(images.sum(dim=(1, 2, 3)), torch.ones_like(images))

    APGD(ball=Linf(0.1), steps=10, restarts=2, stages=SEA, gradient=noted)(
        Asked(wavy), grey(2), [5, 6]
    )
    assert len(set(met)) == len(met) == 2 * 2 * 10


def test_zero_gradients_are_those_of_the_first() -> None:
    def half(images: Tensor) -> Tensor:
        return images[:, :, :2].sum(dim=(1, 2, 3))

    outcome = APGD(ball=Linf(0.1), steps=3).outcome(Asked(half), grey(2), [0, 1])
    assert outcome.zero_gradient is not None
    assert outcome.zero_gradient.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "at least 1 step"),
        ({"restarts": 0}, "1 restart"),
        ({"restarts": 2, "random_start": False}, "restarts need a random start"),
        ({"rho": 1.0}, "rho between 0 and 1"),
        ({"ball": L0(4)}, "found L0"),
        ({"stages": ()}, "shares add up to 1"),
        ({"stages": (Stage(2.0, 1.0),)}, "the last of radius 1"),
        ({"stages": (Stage(0.5, 0.5), Stage(1.0, 0.5))}, "none smaller"),
        ({"stages": (Stage(2.0, 0.3), Stage(1.0, 0.4))}, "shares add up to 1"),
        ({"stages": SEA, "steps": 3}, "at least one step a stage"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_senseless_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        APGD(**{"ball": Linf(0.1), **settings})  # type: ignore[arg-type]


def test_it_can_be_described() -> None:
    attack = APGD(ball=L2(0.5), steps=50, restarts=2, stages=SEA)
    assert described(attack)["stages"] == [[2.0, 0.3], [1.5, 0.3], [1.0, 0.4]]
    assert attack.description == (
        "50 steps of APGD in balls of 2, 1.5, 1 ε, from a random image of the ball, 2 times"
    )
