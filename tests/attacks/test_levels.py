"""Rounding to 8-bit levels inside a ball."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robustpose.attacks.balls import L2, Ball, Linf
from robustpose.attacks.levels import check, holds_levels, rounded

SHAPE = (3, 2, 3)
origins = arrays(np.uint8, SHAPE)
noise = arrays(np.float32, SHAPE, elements=st.floats(-1, 1, width=32))
# Radii that are typed in decimals lie a little below or above a whole level.
whole = st.integers(1, 32)
near_whole = st.sampled_from([-1e-6, -1e-5, -1e-4, -5e-4, -1e-3, -2e-3, 0, 1e-6, 1e-4, 1e-3, 0.5])
radii = st.one_of(
    st.floats(1, 32), st.builds(lambda level, beside: level + beside, whole, near_whole)
).map(lambda level: level / 255)


def perturbed(origin: np.ndarray, noise: np.ndarray, ball: Ball) -> tuple[torch.Tensor, ...]:
    start = torch.from_numpy(origin)[None].float() / 255
    return ball.project(start + 2 * ball.eps * torch.from_numpy(noise)[None], start), start


@settings(max_examples=100)
@given(origins, noise, radii)
def test_linf_rounding_finds_the_nearest_level_inside_the_ball(
    origin: np.ndarray, noise: np.ndarray, eps: float
) -> None:
    ball = Linf(eps)
    images, start = perturbed(origin, noise, ball)
    if not holds_levels(ball, images.numel()):
        return
    found = rounded(images, start, ball)
    check(found, start, ball, valid_range=True)
    levels = torch.arange(256) / 255
    away, cost = (levels - start[..., None]).abs(), (levels - images[..., None]).abs()
    surely, possibly = (
        cost.masked_fill(away > radius, torch.inf).amin(dim=-1)
        for radius in (eps, eps * (1 + 1e-4) + 1e-4 / 255)  # with what `check` lets pass
    )
    assert ((found - images).abs() <= surely + 2e-6).all()
    assert ((found - images).abs() >= possibly - 2e-6).all()
    torch.testing.assert_close((found * 255).round() / 255, found, rtol=0, atol=1e-7)


@given(origins, noise, st.floats(0.02, 2))
def test_l2_rounding_gives_levels_inside_the_ball(
    origin: np.ndarray, noise: np.ndarray, eps: float
) -> None:
    ball = L2(eps)
    images, start = perturbed(origin, noise, ball)
    found = rounded(images, start, ball)
    check(found, start, ball, valid_range=True)
    torch.testing.assert_close((found * 255).round() / 255, found, rtol=0, atol=1e-7)
    assert (found - images).abs().max() <= 1.01 / 255


@pytest.mark.parametrize(
    ("ball", "holds"),
    [
        (Linf(1 / 255), True),
        (Linf(0.999 / 255), False),
        (Linf(0.5 / 255), False),
        (Linf(1.001 / 255), True),
        (L2(1 / 255), False),
        (L2(10 / 255), True),
        (L2(9.9 / 255), False),
    ],
)
def test_a_ball_smaller_than_a_level_holds_none(ball: Ball, holds: bool) -> None:
    assert holds_levels(ball, 100) is holds


@pytest.mark.parametrize("eps", [0.00784, 0.0039, 0.00393, 0.01176, 0.0157, 0.03137, 0.0314])
def test_radii_typed_in_decimals_keep_their_ball(eps: float) -> None:
    start = torch.full((1, 3, 4, 4), 100 / 255)
    images = start + eps
    ball = Linf(eps)
    if holds_levels(ball, images.numel()):
        check(rounded(images, start, ball), start, ball, valid_range=True)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images: images[:, :, 1:], "keeps the shape"),
        (lambda images: images * torch.nan, "not finite"),
        (lambda images: images - 0.2, "valid range"),
        (lambda images: images + 0.02, "left its linf ball"),
    ],
    ids=["shape", "NaN", "range", "ball"],
)
def test_a_condition_that_breaks_its_word_is_noticed(change: object, message: str) -> None:
    start = torch.full((1, 3, 4, 4), 0.1)
    with pytest.raises(RuntimeError, match=message):
        check(change(start), start, Linf(0.01), valid_range=True)  # type: ignore[operator]
    check(start + 0.01, start, Linf(0.01), valid_range=True)
