"""JPEG and bit depth: what they make of pictures, and the gradients that stand in for theirs."""

import pytest
import torch
from torch import Tensor

from robustpose.defenses import JPEG, BitDepth, defended
from robustpose.defenses.jpeg import smooth_jpeg
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel


def test_the_finest_settings_change_almost_nothing(pictures: Tensor) -> None:
    assert torch.equal(BitDepth(bits=8).change(pictures, []), pictures)
    change = (JPEG(quality=100).change(pictures, []) - pictures).abs() * 255
    coarse = (JPEG(quality=10).change(pictures, []) - pictures).abs() * 255
    assert change.mean() < 1  # colours are kept at half the resolution
    assert coarse.mean() > 5 * change.mean()


@pytest.mark.parametrize("bits", [1, 3, 5])
def test_few_bits_leave_as_many_levels_and_move_by_half_of_one(bits: int, pictures: Tensor) -> None:
    found = BitDepth(bits=bits).change(pictures, [])
    assert len(found.unique()) == 2**bits
    assert (found - pictures).abs().max() <= 0.5 / (2**bits - 1) + 1e-6


def test_red_stays_red(pictures: Tensor) -> None:
    red = torch.zeros_like(pictures)
    red[:, 0] = 1
    found = JPEG(quality=90).change(red, [])
    assert found[:, 0].min() > 0.95
    assert found[:, 1:].max() < 0.05


def test_values_beyond_the_range_are_cut_off(pictures: Tensor) -> None:
    wild = 3 * pictures - 1
    for defense in (JPEG(quality=50), BitDepth(bits=2)):
        assert torch.equal(defense.change(wild, []), defense.change(wild.clamp(0, 1), []))


def test_the_gradient_through_few_bits_is_that_at_the_rounded_picture(
    plain: dict[str, PoseModel], pictures: Tensor
) -> None:
    model, defense = plain["resdec"], BitDepth(bits=3)
    through = gradient_of(defended(model, defense), pictures)
    torch.testing.assert_close(through, gradient_of(model, defense.change(pictures, [])))


def test_the_gradient_through_jpeg_is_that_at_the_read_picture_through_its_stand_in(
    plain: dict[str, PoseModel], pictures: Tensor
) -> None:
    model, defense = plain["resdec"], JPEG(quality=40)
    at = gradient_of(model, defense.change(pictures, []))
    variable = pictures.clone().requires_grad_()
    (expected,) = torch.autograd.grad(smooth_jpeg(variable, 40), variable, at)
    torch.testing.assert_close(gradient_of(defended(model, defense), pictures), expected)


def gradient_of(model: PoseModel, images: Tensor) -> Tensor:
    variable = images.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(variable)[0].square().sum(), variable)
    return gradient


@pytest.mark.parametrize("quality", [10, 40, 75, 95])
@pytest.mark.parametrize("size", [(64, 96), (50, 41)])
def test_the_stand_in_does_about_what_the_encoder_does(
    quality: int, size: tuple[int, int], pictures: Tensor
) -> None:
    cut = pictures[..., : size[0], : size[1]]
    real = JPEG(quality=quality).change(cut, []) * 255
    difference = (smooth_jpeg(cut, quality) * 255 - real).abs().mean()
    lost = (cut * 255 - real).abs().mean()
    assert difference < 0.8 * lost + 0.3


def test_the_gradient_of_the_stand_in_equals_finite_differences() -> None:
    picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(3)).double()
    picture.requires_grad_()
    assert torch.autograd.gradcheck(lambda each: smooth_jpeg(each, 50), picture, fast_mode=True)


def test_what_jpeg_loses_has_hardly_any_gradient() -> None:
    """Alternating pixels are the highest frequency, a slow slope is among the lowest."""
    sign = torch.tensor([1.0, -1.0]).repeat(8)
    checks, slope = sign * sign[:, None], torch.linspace(-1, 1, 16).expand(16, 16)
    grey = (0.5 + 0.02 * checks + 0.2 * slope).expand(1, 3, 16, 16).clone().requires_grad_()
    shares = [
        torch.autograd.grad((smooth_jpeg(grey, 25) * pattern).sum(), grey)[0].mul(pattern).sum()
        / (3 * pattern.square().sum())
        for pattern in (checks, slope)
    ]
    assert shares[0] < 0.1 < shares[1]


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_a_senseless_quality_is_refused(quality: int) -> None:
    with pytest.raises(UsageError, match="quality from 1 to 100"):
        JPEG(quality=quality)


@pytest.mark.parametrize("bits", [0, 9])
def test_senseless_bits_are_refused(bits: int) -> None:
    with pytest.raises(UsageError, match="1 to 8 whole bits"):
        BitDepth(bits=bits)
