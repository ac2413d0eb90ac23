"""Balls: nearest points, uniform draws, steepest directions."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import Bounds, NonlinearConstraint, minimize
from scipy.stats import kstest
from torch import Tensor

from robustpose.attacks.balls import L2, Ball, Linf
from robustpose.errors import UsageError

SHAPE = (3, 2, 2)
BALLS = [Linf(0.3), L2(0.3), Linf(0.3, valid=False), L2(0.3, valid=False)]


def values(low: float, high: float) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float32, SHAPE, elements=st.floats(low, high, width=32))


origins = values(0, 1)
changes = values(-2, 2)
radii = st.floats(0.01, 4)


def solved(image: np.ndarray, origin: np.ndarray, eps: float) -> np.ndarray:
    """Find the nearest point of L2 ball and range with a general solver, in double precision."""
    x, o = image.astype(float).ravel(), origin.astype(float).ravel()
    ball = NonlinearConstraint(
        lambda z: ((z - o) ** 2).sum(), -np.inf, eps**2, jac=lambda z: 2 * (z - o)[None]
    )
    found = minimize(
        lambda z: ((z - x) ** 2).sum(),
        o,
        jac=lambda z: 2 * (z - x),
        bounds=Bounds(0, 1),
        constraints=[ball],
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 300},
    )
    return found.x.reshape(image.shape)


@given(origins, changes, radii)
def test_l2_projection_finds_the_nearest_point_of_ball_and_range(
    origin: np.ndarray, change: np.ndarray, eps: float
) -> None:
    image = origin + change
    found = L2(eps).project(torch.tensor(image)[None], torch.tensor(origin)[None])[0].numpy()
    assert np.linalg.norm(found - origin) <= eps * (1 + 1e-5) + 1e-6
    assert found.min() >= 0
    assert found.max() <= 1
    best = np.linalg.norm(solved(image, origin, eps) - image)
    assert np.linalg.norm(found - image) <= best + 2e-4 * (1 + best)


def test_shortening_and_then_clipping_would_not_be_nearest() -> None:
    origin, image = torch.zeros(1, 3, 1, 1), torch.tensor([-9.0, 0.9, 0.0]).view(1, 3, 1, 1)
    found = L2(0.5).project(image, origin)
    torch.testing.assert_close(found.flatten(), torch.tensor([0, 0.5, 0]), rtol=0, atol=1e-5)


@given(origins, changes, st.floats(0.01, 1))
def test_linf_projection_clips_every_value(
    origin: np.ndarray, change: np.ndarray, eps: float
) -> None:
    image = origin + change
    expected = np.clip(np.clip(image, origin - eps, origin + eps), 0, 1)
    found = Linf(eps).project(torch.tensor(image)[None], torch.tensor(origin)[None])[0]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


@given(origins, changes, st.sampled_from(BALLS))
def test_projecting_again_changes_nothing(
    origin: np.ndarray, change: np.ndarray, ball: Ball
) -> None:
    first = torch.tensor(origin)[None]
    once = ball.project(torch.tensor(origin + change)[None], first)
    torch.testing.assert_close(ball.project(once, first), once, rtol=0, atol=1e-5)
    assert ball.distance(once, first).item() <= ball.eps + 1e-5


@pytest.mark.parametrize("ball", BALLS, ids=repr)
def test_an_image_of_the_ball_stays(ball: Ball) -> None:
    origin = torch.full((2, *SHAPE), 0.5)
    image = origin + 0.05
    torch.testing.assert_close(ball.project(image, origin), image, rtol=0, atol=1e-7)


@pytest.mark.parametrize("make", [Linf, L2])
def test_without_a_valid_range_images_may_leave_it(make: type[Linf] | type[L2]) -> None:
    origin = torch.ones(1, *SHAPE)
    assert make(0.5, valid=False).project(origin + 9, origin).min() > 1
    assert make(0.5).project(origin + 9, origin).max() == 1


@pytest.mark.parametrize("ball", BALLS, ids=repr)
def test_each_image_is_projected_on_its_own(ball: Ball) -> None:
    random = torch.Generator().manual_seed(0)
    origin = torch.rand(3, *SHAPE, generator=random)
    image = origin + torch.randn(3, *SHAPE, generator=random) * torch.tensor([0.01, 1, 20]).view(
        3, 1, 1, 1
    )
    alone = torch.cat([ball.project(image[i : i + 1], origin[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(ball.project(image, origin), alone, rtol=0, atol=1e-6)


def drawn(ball: Ball, count: int = 1500) -> Tensor:
    return ball.sample(torch.full((count, 3, 1, 1), 0.5), range(count)).flatten(1) - 0.5


def test_linf_draws_are_uniform_in_the_box() -> None:
    change = drawn(Linf(0.2)) / 0.2
    assert kstest(change.flatten().numpy(), "uniform", args=(-1, 2)).pvalue > 0.01
    assert np.corrcoef(change.T.numpy())[0, 1] == pytest.approx(0, abs=0.1)


def test_l2_draws_are_uniform_in_the_ball() -> None:
    change = drawn(L2(0.2)) / 0.2
    radius = change.norm(dim=1)
    assert kstest((radius**3).numpy(), "uniform").pvalue > 0.01
    # Archimedes: each coordinate of a direction in space is uniform.
    assert kstest((change / radius[:, None])[:, 0].numpy(), "uniform", args=(-1, 2)).pvalue > 0.01


@pytest.mark.parametrize("ball", BALLS, ids=repr)
def test_draws_belong_to_their_seed_and_stay_inside(ball: Ball) -> None:
    origin = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    one, other = ball.sample(origin, [5, 6, 7]), ball.sample(origin, [5, 9, 7])
    assert torch.equal(one[[0, 2]], other[[0, 2]])
    assert not torch.equal(one[1], other[1])
    assert (ball.distance(one, origin) <= ball.eps + 1e-6).all()
    with pytest.raises(ValueError, match="one seed an image"):
        ball.sample(origin, [1, 2])


def test_linf_ascent_is_the_sign() -> None:
    gradient = torch.tensor([-3.0, 0, 1e-30]).view(1, 3, 1, 1)
    assert torch.equal(Linf(0.1).ascent(gradient), gradient.sign())


@given(values(-1, 1), st.sampled_from([1e-25, 1e-12, 1.0, 1e12]))
def test_l2_ascent_has_length_one_whatever_the_scale(gradient: np.ndarray, scale: float) -> None:
    given_ = torch.tensor(gradient)[None] * scale
    ascent = L2(0.1).ascent(given_)
    if given_.abs().max() < 1e-29:
        assert ascent.norm() <= 1
    else:
        assert ascent.norm().item() == pytest.approx(1, abs=1e-4)
        assert (ascent * given_).sum() > 0


def test_l2_ascent_of_no_gradient_is_nothing() -> None:
    assert not L2(0.1).ascent(torch.zeros(1, *SHAPE)).any()


@pytest.mark.parametrize("make", [Linf, L2])
@pytest.mark.parametrize("eps", [0, -0.1, float("nan"), float("inf")])
def test_a_radius_is_above_zero(make: type[Linf] | type[L2], eps: float) -> None:
    with pytest.raises(UsageError, match="8 / 255"):
        make(eps)
