"""Gradients averaged over draws: their mean, their seeds, their cost, and what they are for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from robustpose.attacks.goals import Untargeted
from robustpose.attacks.gradients import Averaged, exact, passes, value
from robustpose.attacks.iterated import igsm, pgd
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch
from robustpose.seeds import seed_of
from robustpose.studies.provenance import described


@dataclass(frozen=True)
class Noisy:
    """A loss whose slope is 1, plus a random slope drawn for each person from its seed."""

    seeds: tuple[int, ...]

    def __call__(self, images: Tensor) -> Tensor:
        drawn = [torch.randn((), generator=torch.Generator().manual_seed(s)) for s in self.seeds]
        return (1 + 2 * torch.stack(drawn)) * images.sum(dim=(1, 2, 3))

    def take(self, index: Tensor) -> "Noisy":
        return Noisy(tuple(self.seeds[i] for i in index.tolist()))

    def seeded(self, seeds: Sequence[int]) -> "Noisy":
        return Noisy(tuple(seeds))


IMAGES = torch.full((2, 3, 2, 2), 0.5)


def test_it_is_the_mean_of_the_exact_ones_over_seeds_of_its_own() -> None:
    found = Averaged(draws=3)(Noisy((0, 0)), IMAGES, [8, 9])
    each = [
        exact(Noisy((seed_of("draw", draw, 8), seed_of("draw", draw, 9))), IMAGES, [])
        for draw in range(3)
    ]
    torch.testing.assert_close(found.loss, sum(one.loss for one in each) / 3)
    torch.testing.assert_close(found.gradient, sum(one.gradient for one in each) / 3)
    assert torch.equal(found.loss, value(Averaged(draws=3), Noisy((0, 0)), IMAGES, [8, 9]))
    assert not found.gradient.requires_grad


def test_many_draws_find_the_slope_that_few_miss() -> None:
    def missed(draws: int) -> int:
        seeds = [[seed, seed + 1000] for seed in range(20)]
        slopes = [Averaged(draws=draws)(Noisy((0, 0)), IMAGES, each).gradient for each in seeds]
        return int(torch.cat(slopes)[:, 0, 0, 0].less(0).sum())

    assert missed(64) == 0
    assert missed(1) > 5


def test_every_step_draws_anew() -> None:
    seen: list[tuple[int, ...]] = []

    @dataclass(frozen=True)
    class Noted(Noisy):
        def seeded(self, seeds: Sequence[int]) -> "Noted":
            seen.append(tuple(seeds))
            return Noted(tuple(seeds))

    attack = replace(pgd(eps=0.1, steps=3, restarts=2), gradient=Averaged(draws=4))
    outcome = attack.outcome(Noted((0, 0)), IMAGES, [1, 2])
    assert len(set(seen)) == len(seen) == outcome.gradients + outcome.queries
    assert (outcome.gradients, outcome.queries) == (2 * 3 * 4, 2 * 4)
    assert attack.cost == 24
    assert passes(exact, gradients=5, values=2) == (5, 2)


def test_the_judges_draws_are_never_asked_for(network: PoseModel, batch: PoseBatch) -> None:
    """The answer does not depend on the loss's own seeds, which are the judge's."""
    loss = Untargeted().loss(network, batch)
    other = loss.seeded([0] * len(batch))
    assert other.seeds != loss.seeds  # type: ignore[attr-defined]
    noisy = replace(igsm(eps=0.1, steps=3), keep_best=True, gradient=Averaged(draws=2))
    one, two = (noisy(Noisy(seeds), IMAGES, [1, 2]) for seeds in ((3, 4), (5, 6)))
    assert torch.equal(one, two)


def test_without_random_draws_it_is_the_exact_one(network: PoseModel, batch: PoseBatch) -> None:
    loss = Untargeted().loss(network, batch)
    found = Averaged(draws=2)(loss, batch.images, batch.seeds)
    torch.testing.assert_close(found.gradient, exact(loss, batch.images, batch.seeds).gradient)


@pytest.mark.usefixtures("unchecked")
def test_what_cannot_be_averaged_is_refused(batch: PoseBatch) -> None:
    with pytest.raises(UsageError, match=r"takes seeds \(RandomLoss\), found function"):
        Averaged(draws=2)(lambda images: images.sum(dim=(1, 2, 3)), batch.images, batch.seeds)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at least 1 draw, found 0"):
        Averaged(draws=0)


def test_how_many_draws_is_part_of_what_identifies_an_attack() -> None:
    two, eight = (replace(igsm(eps=0.1), gradient=Averaged(draws=draws)) for draws in (2, 8))
    assert described(two) != described(eight)
