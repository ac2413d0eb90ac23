"""Estimated gradients: what they come near, whose draws they are, what they cost."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from robustpose.attacks.balls import Linf
from robustpose.attacks.evolution import NES
from robustpose.attacks.goals import Untargeted
from robustpose.attacks.gradients import exact, passes
from robustpose.attacks.iterated import Iterated, igsm
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch
from robustpose.studies.provenance import described

IMAGES = torch.full((2, 3, 6, 5), 0.5)
WEIGHTS = torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(0))


class Linear:
    """A loss whose gradient is known, which counts how often it is asked and minds gradients."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, images: Tensor) -> Tensor:
        assert not torch.is_grad_enabled()
        self.asked += 1
        return (images * WEIGHTS).sum(dim=(1, 2, 3))

    def take(self, index: Tensor) -> "Linear":
        return self


def test_many_samples_come_near_the_gradient() -> None:
    found = NES(samples=3000, sigma=0.01)(Linear(), IMAGES, [1, 2])
    similarity = torch.cosine_similarity(found.gradient[0].ravel(), WEIGHTS.ravel(), dim=0)
    assert similarity > 0.95
    torch.testing.assert_close(found.gradient[0].norm(), WEIGHTS.norm(), rtol=0.1, atol=0)
    with torch.no_grad():
        torch.testing.assert_close(found.loss, Linear()(IMAGES))


def test_opposite_directions_cancel_what_is_even() -> None:
    class Even(Linear):
        def __call__(self, images: Tensor) -> Tensor:
            return (images - 0.5).square().sum(dim=(1, 2, 3))

    assert NES(samples=2, sigma=0.1)(Even(), IMAGES, [1, 2]).gradient.abs().max() < 1e-4


def test_tiles_are_constant_and_point_uphill() -> None:
    gradient = NES(samples=20, sigma=0.01, tile=4)(Linear(), IMAGES, [1, 2]).gradient
    assert (gradient[..., :4, :4] == gradient[..., :1, :1]).all()
    assert (gradient[..., 4:, 4:] == gradient[..., 4:5, 4:5]).all()
    assert not (gradient[..., :4, :4] == gradient[..., 4:5, :1]).any()
    assert ((gradient * WEIGHTS).sum(dim=(1, 2, 3)) > 0).all()


def test_directions_belong_to_the_person_and_the_step() -> None:
    nes = NES(samples=4, sigma=0.01)
    both = nes(Linear(), IMAGES, [1, 2]).gradient
    torch.testing.assert_close(nes(Linear(), IMAGES[:1], [2]).gradient[0], both[1])
    assert not torch.allclose(both[0], both[1])


def test_all_passes_are_queries() -> None:
    attack = Iterated(
        ball=Linf(0.1),
        steps=3,
        step_size=0.05,
        random_start=True,
        restarts=2,
        keep_best=True,
        gradient=NES(samples=6, sigma=0.01),
    )
    loss = Linear()
    outcome = attack.outcome(loss, IMAGES, [1, 2])
    assert outcome.gradients == 0
    assert outcome.queries == loss.asked == 2 * (3 * 7 + 1)
    assert outcome.zero_gradient is None
    assert attack.cost == 22
    assert passes(attack.gradient, gradients=1) == (0, 7)
    assert attack.description == (
        "3 steps of 0.5 ε along gradients estimated from 6 queries, from a random image of the "
        "ball, 2 times"
    )


def test_it_attacks_without_a_gradient(network: PoseModel, batch: PoseBatch) -> None:
    loss = Untargeted().loss(network, batch)
    attack = replace(igsm(eps=8 / 255, steps=4), gradient=NES(samples=20, sigma=0.01, tile=8))
    answer = attack(loss, batch.images, batch.seeds)
    with torch.no_grad():
        assert (loss(answer) > loss(batch.images)).all()
    torch.testing.assert_close(
        attack.gradient(loss, batch.images, batch.seeds).loss,
        exact(loss, batch.images, batch.seeds).loss,
    )


def test_its_settings_are_part_of_what_identifies_an_attack() -> None:
    one, two = (replace(igsm(eps=0.1), gradient=NES(samples=samples)) for samples in (2, 4))
    assert described(one) != described(two)


@pytest.mark.parametrize(
    "settings", [{"samples": 3}, {"samples": 0}, {"sigma": 0.0}, {"tile": 0}], ids=str
)
def test_senseless_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="expected"):
        NES(**settings)  # type: ignore[arg-type]
