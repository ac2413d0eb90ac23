"""The noise that perturbations are compared with: its size, its range, and whose it is."""

import pytest
import torch

from robustpose.attacks.balls import L2, Linf
from robustpose.conditions import Noise
from robustpose.poses import PoseBatch

EPS = 0.1


def test_full_noise_moves_every_value_by_epsilon(batch: PoseBatch) -> None:
    noise = Noise(ball=Linf(EPS, valid=False))
    change = noise.perturb(batch, None, None, 0).images - batch.images
    torch.testing.assert_close(change.abs(), torch.full_like(change, EPS), rtol=0, atol=1e-6)
    assert change.mean().abs() < 0.01 * EPS
    assert (change[:, 0] * change[:, 1]).mean().abs() < 0.05 * EPS**2


def test_full_noise_in_an_l2_ball_is_as_long_as_its_radius(batch: PoseBatch) -> None:
    noise = Noise(ball=L2(EPS, valid=False))
    change = (noise.perturb(batch, None, None, 0).images - batch.images).flatten(1)
    torch.testing.assert_close(change.norm(dim=1), torch.full((4,), EPS), rtol=1e-3, atol=0)


def test_other_noise_is_uniform_in_the_ball(batch: PoseBatch) -> None:
    noise = Noise(ball=Linf(EPS, valid=False), full=False)
    change = (noise.perturb(batch, None, None, 0).images - batch.images) / EPS
    assert change.abs().max() <= 1 + 1e-5
    assert change.square().mean() == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize("ball", [Linf(EPS), L2(2.0)])
@pytest.mark.parametrize("full", [True, False])
def test_images_stay_in_ball_and_range(ball: Linf | L2, full: bool, batch: PoseBatch) -> None:
    images = Noise(ball=ball, full=full).perturb(batch, None, None, 0).images
    assert (ball.distance(images, batch.images) <= ball.eps * (1 + 1e-5)).all()
    assert images.min() >= 0
    assert images.max() <= 1
    # Black pixels get brighter, or stay: they do where the noise goes down, half of the time.
    black = batch.images == 0
    assert (images[black] > 0).float().mean() == pytest.approx(0.5, abs=0.05)


def test_noise_belongs_to_person_seed_and_condition(batch: PoseBatch) -> None:
    noise = Noise(ball=Linf(EPS))
    images = noise.perturb(batch, None, None, 0).images
    assert torch.equal(noise.perturb(batch.take([2]), None, None, 0).images[0], images[2])
    for name, seed in (("noise", 1), ("other", 0)):
        other = Noise(ball=Linf(EPS), name=name).perturb(batch, None, None, seed).images
        assert ((other != images).flatten(1).float().mean(dim=1) > 0.1).all()
    change = images - batch.images
    assert not torch.equal(change[0], change[1])
