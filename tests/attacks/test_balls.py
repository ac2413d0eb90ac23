"""Balls: nearest points, uniform draws, steepest directions."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import Bounds, NonlinearConstraint, minimize
from scipy.stats import beta, kstest
from torch import Tensor

from robustpose.attacks.balls import L0, L1, L2, Ball, Linf, in_radii
from robustpose.errors import UsageError

SHAPE = (3, 2, 2)
BALLS = [
    Linf(0.3),
    L2(0.3),
    L1(0.8),
    Linf(0.3, valid=False),
    L2(0.3, valid=False),
    L1(0.8, valid=False),
]
ALL = [*BALLS, L0(2)]


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


def solved_l1(image: np.ndarray, origin: np.ndarray, eps: float, valid: bool) -> np.ndarray:
    """Find the nearest point of L1 ball and range with a general solver: what goes up, and down."""
    x, o = image.astype(float).ravel(), origin.astype(float).ravel()
    count, one = len(x), np.ones(2 * len(x))
    sign = np.concatenate([np.ones(count), -np.ones(count)])

    def away(z: np.ndarray) -> np.ndarray:
        return o + z[:count] - z[count:] - x

    found = minimize(
        lambda z: (away(z) ** 2).sum(),
        np.zeros(2 * count),
        jac=lambda z: 2 * sign * np.tile(away(z), 2),
        bounds=Bounds(0, np.concatenate([1 - o, o]) if valid else np.inf),
        constraints=[NonlinearConstraint(lambda z: z.sum(), -np.inf, eps, jac=lambda z: one[None])],
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 300},
    )
    return (away(found.x) + x).reshape(image.shape)


@given(origins, changes, radii, st.booleans())
def test_l1_projection_finds_the_nearest_point_of_ball_and_range(
    origin: np.ndarray, change: np.ndarray, eps: float, valid: bool
) -> None:
    image = origin + change
    ball = L1(eps, valid=valid)
    found = ball.project(torch.tensor(image)[None], torch.tensor(origin)[None])[0].numpy()
    assert np.abs(found - origin).sum() <= eps * (1 + 1e-5) + 1e-6
    if valid:
        assert found.min() >= 0
        assert found.max() <= 1
    best = np.linalg.norm(solved_l1(image, origin, eps, valid) - image)
    assert np.linalg.norm(found - image) <= best + 2e-4 * (1 + best)


def test_l1_projection_leaves_small_changes_out() -> None:
    origin = torch.full((1, *SHAPE), 0.5)
    image = origin.clone()
    image[0, :, 0, 0] += torch.tensor([0.4, -0.3, 0.05])
    found = L1(0.5).project(image, origin) - origin
    expected = torch.tensor([0.3, -0.2, 0])
    torch.testing.assert_close(found[0, :, 0, 0], expected, rtol=0, atol=1e-6)
    assert found.count_nonzero() == 2


@given(origins, changes, st.integers(1, 5))
def test_l0_projection_finds_the_nearest_image_of_few_changed_pixels(
    origin: np.ndarray, change: np.ndarray, eps: int
) -> None:
    image = origin + change
    found = L0(eps).project(torch.tensor(image)[None], torch.tensor(origin)[None])[0].numpy()
    changed = (found != origin).any(axis=0)
    assert changed.sum() <= eps
    places = [(row, column) for row in range(2) for column in range(2)]
    best = np.inf
    for chosen in combinations(places, min(eps, len(places))):
        tried = origin.copy()
        for row, column in chosen:
            tried[:, row, column] = image[:, row, column].clip(0, 1)
        best = min(best, np.linalg.norm(tried - image))
    assert np.linalg.norm(found - image) <= best + 1e-5


@given(origins, changes, st.floats(0.01, 1))
def test_linf_projection_clips_every_value(
    origin: np.ndarray, change: np.ndarray, eps: float
) -> None:
    image = origin + change
    expected = np.clip(np.clip(image, origin - eps, origin + eps), 0, 1)
    found = Linf(eps).project(torch.tensor(image)[None], torch.tensor(origin)[None])[0]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


@given(origins, changes, st.sampled_from(ALL))
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
    assert ball.distance(image, origin)[0] <= ball.eps
    torch.testing.assert_close(ball.project(image, origin), image, rtol=0, atol=1e-7)


def test_an_image_of_few_changed_pixels_stays() -> None:
    origin = torch.full((2, *SHAPE), 0.5)
    image = origin.clone()
    image[:, 1, 0, 1], image[:, 2, 1, 1] = 0.9, 0.0
    assert torch.equal(L0(2).project(image, origin), image)
    assert L0(2).distance(image, origin).tolist() == [2, 2]


@pytest.mark.parametrize("make", [Linf, L2, L1])
def test_without_a_valid_range_images_may_leave_it(
    make: type[Linf] | type[L2] | type[L1],
) -> None:
    origin = torch.ones(1, *SHAPE)
    assert make(0.5, valid=False).project(origin + 9, origin).min() > 1
    assert make(0.5).project(origin + 9, origin).max() <= 1


@pytest.mark.parametrize("ball", ALL, ids=repr)
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


def test_l1_draws_are_uniform_in_the_ball() -> None:
    change = drawn(L1(0.2)) / 0.2
    radius = change.abs().sum(dim=1)
    assert kstest((radius**3).numpy(), "uniform").pvalue > 0.01
    # Each share of a point of a triangle has this distribution, either sign as often.
    share = (change / radius[:, None])[:, 0]
    assert kstest(share.abs().numpy(), beta(1, 2).cdf).pvalue > 0.01
    assert abs(share.sign().mean()) < 0.1


def test_l0_draws_are_pixels_anywhere_of_any_colour() -> None:
    origin = torch.full((1500, *SHAPE), 0.5)
    drawn_ = L0(2).sample(origin, range(1500))
    changed = (drawn_ != origin).any(dim=1)
    assert (changed.sum(dim=(1, 2)) == 2).all()
    assert changed.float().mean(dim=0).sub(0.5).abs().max() < 0.05
    assert kstest(drawn_[drawn_ != origin].numpy(), "uniform").pvalue > 0.01


@pytest.mark.parametrize("ball", ALL, ids=repr)
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


@given(values(-1, 1), st.floats(0, 1))
def test_l1_ascent_moves_the_largest_share_alike(gradient: np.ndarray, share: float) -> None:
    given_ = torch.tensor(gradient)[None]
    ascent = L1(0.1).ascent(given_, share)
    if not given_.any():
        assert not ascent.any()
        return
    moved = ascent != 0
    assert ascent.abs().sum().item() == pytest.approx(1, abs=1e-5)
    assert torch.equal(ascent[moved].sign(), given_[moved].sign())
    assert ascent[moved].abs().unique().numel() == 1
    least = given_[moved].abs().min()
    assert (given_[~moved].abs() < least).all()
    assert moved.sum() >= min(int(share * 12), int((given_ != 0).sum()))


def test_l1_ascent_takes_a_share_an_image() -> None:
    gradient = torch.arange(1.0, 13).view(1, *SHAPE).expand(2, *SHAPE)
    ascent = L1(0.1).ascent(gradient, torch.tensor([0.25, 0.5]).view(2, 1, 1, 1))
    assert (ascent != 0).sum(dim=(1, 2, 3)).tolist() == [3, 6]


def test_l0_ascent_moves_the_largest_value_by_one() -> None:
    gradient = torch.tensor([-4.0, 1, 0]).view(1, 3, 1, 1)
    assert torch.equal(L0(1).ascent(gradient), gradient / 4)
    assert not L0(1).ascent(0 * gradient).any()


@pytest.mark.parametrize("make", [Linf, L2, L1])
@pytest.mark.parametrize("eps", [0, -0.1, float("nan"), float("inf")])
def test_a_radius_is_above_zero(make: type[Linf] | type[L2] | type[L1], eps: float) -> None:
    with pytest.raises(UsageError, match="8 / 255"):
        make(eps)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("eps", [0, -3, 2.5, float("nan"), float("inf")])
def test_pixels_are_counted_in_whole_ones(eps: float) -> None:
    with pytest.raises(UsageError, match="whole number of pixels"):
        L0(eps)  # type: ignore[arg-type]


def test_steps_are_told_in_radii_unless_the_radius_counts_pixels() -> None:
    assert in_radii(0.1, Linf(0.3)) == "0.333 ε"
    assert in_radii(0.5, L0(40)) == "0.5"
