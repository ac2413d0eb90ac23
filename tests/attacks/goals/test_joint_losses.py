"""Losses of a joint: signs, oracles, scales, and gradients where they are apt to vanish."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from robustpose.attacks.goals.joint_losses import (
    JointLoss,
    cos_pgd,
    cross_entropy,
    log_odds,
    oks,
    pck_margin,
    soft_argmax_distance,
)
from robustpose.metrics.oks import oks_credit
from robustpose.models.codecs import HeatmapCodec, Points, Scores, SimCCCodec, View
from robustpose.poses import PoseBatch
from robustpose.skeletons import COCO17

SIZE = (48, 64)
MAPS, BINS = HeatmapCodec(SIZE, stride=4), SimCCCodec(SIZE)
LOSSES: dict[str, JointLoss] = {
    "margin": pck_margin,
    "cross-entropy": cross_entropy,
    "log-odds": log_odds,
    "soft-argmax": soft_argmax_distance,
    "oks": oks,
    "cospgd": cos_pgd,
}
TRUTH = torch.tensor([[[20.0, 22.0]]])
RADIUS = torch.tensor([[7.0]])
NEAR, FAR = TRUTH + torch.tensor([3.0, 1.0]), TRUTH + torch.tensor([25.0, -9.0])


def seen(kind: str, joints: Tensor, scale: float = 1.0) -> View:
    """Return the view of an output that means these joints."""
    if kind == "points":
        return Points(joints)
    codec = MAPS if kind == "maps" else BINS
    return codec.view(scale * codec.encode(joints))


@pytest.fixture(params=LOSSES)
def loss(request: pytest.FixtureRequest) -> JointLoss:
    return LOSSES[request.param]


@pytest.fixture(params=["maps", "bins", "points"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_joint_that_is_lost_has_more_than_one_that_is_right(loss: JointLoss, kind: str) -> None:
    right, lost = (loss(seen(kind, place), TRUTH, RADIUS) for place in (NEAR, FAR))
    assert right.shape == (1, 1)
    assert (lost > right).all()


@pytest.mark.parametrize("name", ["margin", "log-odds", "soft-argmax"])
def test_the_sign_says_which(name: str, kind: str) -> None:
    assert LOSSES[name](seen(kind, NEAR), TRUTH, RADIUS) < 0
    assert LOSSES[name](seen(kind, FAR), TRUTH, RADIUS) > 0


@pytest.mark.parametrize("kind", ["maps", "bins"])
def test_the_scale_and_level_of_scores_do_not_matter(loss: JointLoss, kind: str) -> None:
    codec = MAPS if kind == "maps" else BINS
    noise = torch.rand(codec.encode(NEAR).shape, generator=torch.Generator().manual_seed(1))
    found = []
    for scale, level in ((1.0, 0.0), (1e-4, 0.0), (1e4, 3.0)):
        output = (codec.encode(NEAR) + 0.1 * noise).double().requires_grad_()
        value = loss(codec.view(scale * output + level), TRUTH.double(), RADIUS.double())
        (gradient,) = torch.autograd.grad(value.sum(), output)
        found.append((value.detach(), gradient))
    for value, gradient in found[1:]:
        torch.testing.assert_close(value, found[0][0], rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(gradient, found[0][1], rtol=1e-5, atol=1e-7)


def test_gradients_are_there_and_finite(loss: JointLoss, kind: str) -> None:
    codec = MAPS if kind == "maps" else BINS
    places = [TRUTH, NEAR, FAR]
    outputs = places if kind == "points" else [codec.encode(place) for place in places]
    for output in outputs:
        variable = output.clone().requires_grad_()
        view = Points(variable) if kind == "points" else codec.view(variable)
        (gradient,) = torch.autograd.grad(loss(view, TRUTH, RADIUS).sum(), variable)
        assert gradient.isfinite().all()
        if output is not TRUTH:  # from the middle no way out is the shortest
            assert gradient.abs().max() > 0


def test_scores_that_are_all_alike_are_left_towards_everywhere(loss: JointLoss) -> None:
    output = torch.full((1, 1, 12, 16), 0.5, requires_grad=True)
    value = loss(MAPS.view(output), TRUTH, RADIUS)
    (gradient,) = torch.autograd.grad(value.sum(), output)
    assert value.isfinite().all()
    assert gradient.isfinite().all()


def test_a_plateau_is_raised_as_a_whole() -> None:
    output = MAPS.encode(TRUTH).round()
    output[0, 0, 8:10, 12:14] = 0.5  # four best cells outside
    output.requires_grad_()
    (gradient,) = torch.autograd.grad(pck_margin(MAPS.view(output), TRUTH, RADIUS).sum(), output)
    assert (gradient[0, 0, 8:10, 12:14] > 0).all()


@pytest.mark.parametrize("radius", [1e-3, 500.0])
def test_radii_without_a_place_on_one_side_are_finite(loss: JointLoss, radius: float) -> None:
    view = MAPS.view(MAPS.encode(NEAR) + 0.01)
    assert loss(view, TRUTH, torch.full((1, 1), radius)).isfinite().all()


def test_cross_entropy_and_margin_by_hand() -> None:
    draw = torch.Generator().manual_seed(3)
    output = torch.rand((2, 3, 12, 16), generator=draw)
    joints = torch.rand((2, 3, 2), generator=draw) * 40
    radius = torch.full((2, 3), 9.0)
    entropy = cross_entropy(MAPS.view(output), joints, radius, temperature=4.0)
    margin = pck_margin(MAPS.view(output), joints, radius)
    for person in range(2):
        for joint in range(3):
            scores = output[person, joint].double().numpy()
            shares = np.exp(4 * scores / (scores.max() - scores.min()))
            shares /= shares.sum()
            y, x = np.mgrid[:12, :16] * 4 + 1.5
            away = np.hypot(
                x - joints[person, joint, 0].item(), y - joints[person, joint, 1].item()
            )
            inside = away <= 9 + 1
            assert entropy[person, joint] == pytest.approx(-np.log(shares[inside].sum()), rel=1e-4)
            gap = scores[~inside].max() - scores[inside].max()
            assert margin[person, joint] == pytest.approx(
                gap / (scores.max() - scores.min()), abs=1e-5
            )


def test_log_odds_at_a_high_temperature_are_the_margin() -> None:
    output = torch.rand((1, 1, 12, 16), generator=torch.Generator().manual_seed(0))
    odds = log_odds(MAPS.view(output), TRUTH, RADIUS, temperature=800.0)
    torch.testing.assert_close(
        odds / 800, pck_margin(MAPS.view(output), TRUTH, RADIUS), rtol=0, atol=4e-3
    )


def test_probabilities_of_both_axes_are_multiplied() -> None:
    output = torch.rand((1, 1, sum(BINS.bins)), generator=torch.Generator().manual_seed(2))
    view = BINS.view(output)
    inside = torch.exp(-cross_entropy(view, TRUTH, RADIUS))
    odds = torch.log((1 - inside) / inside)
    torch.testing.assert_close(log_odds(view, TRUTH, RADIUS), odds)


def test_oks_is_that_of_the_metric(batch: PoseBatch) -> None:
    sigmas = COCO17.oks_sigmas
    assert sigmas is not None
    area = torch.tensor([20.0, 30.0])
    radius = area[:, None] * torch.tensor(sigmas) * float(np.sqrt(8 * np.log(2)))
    truth = torch.rand((2, 17, 2), generator=torch.Generator().manual_seed(0)) * 40
    places = truth + torch.rand((2, 17, 2), generator=torch.Generator().manual_seed(1)) * 5
    error = torch.linalg.vector_norm(places - truth, dim=2) / area[:, None]
    credit = oks_credit(error.double().numpy(), sigmas)
    found = oks(Points(places), truth, radius)
    np.testing.assert_allclose(-found.numpy(), credit, rtol=1e-4, atol=1e-6)


def test_the_mean_place_lies_between_two_peaks() -> None:
    maps = MAPS.encode(TRUTH) + MAPS.encode(TRUTH + 16)
    distance = soft_argmax_distance(MAPS.view(maps), TRUTH, RADIUS, temperature=60.0)
    assert distance.item() == pytest.approx(8 * 2**0.5 / 7 - 1, abs=0.15)


def test_joints_that_are_right_weigh_most_in_cospgd() -> None:
    joints = torch.cat([NEAR, FAR], dim=1)
    output = (MAPS.encode(joints) + 0.2 * MAPS.encode(joints.flip(1))).requires_grad_()
    view, truth = MAPS.view(output), TRUTH.expand(1, 2, 2)
    for function, spared in ((partial(cos_pgd, temperature=10.0), True), (cross_entropy, False)):
        value = function(view, truth, RADIUS.expand(1, 2))
        (gradient,) = torch.autograd.grad(value.sum(), output, retain_graph=True)
        right, lost = gradient.abs().sum(dim=(2, 3))[0]
        assert bool(right > lost) is spared


def test_bins_are_lost_along_either_axis() -> None:
    for offset in ([20.0, 0.0], [0.0, 20.0]):
        view = BINS.view(BINS.encode(TRUTH + torch.tensor(offset)))
        assert isinstance(view, Scores)
        assert pck_margin(view, TRUTH, RADIUS) > 0
