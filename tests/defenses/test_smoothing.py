"""Means and medians against SciPy and OpenCV, and their gradients against finite differences."""

import cv2
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from robustpose.defenses import GaussianSmoothing, MedianSmoothing
from robustpose.errors import UsageError


@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0])
def test_a_gaussian_mean_equals_scipys_within_the_picture(sigma: float, pictures: Tensor) -> None:
    axes = {"axes": (2, 3), "mode": "constant", "truncate": 12}
    total = gaussian_filter(pictures.double().numpy(), sigma, **axes)
    weight = gaussian_filter(torch.ones_like(pictures).double().numpy(), sigma, **axes)
    found = GaussianSmoothing(sigma=sigma).change(pictures, [])
    np.testing.assert_allclose(found.numpy(), total / weight, atol=1e-5)


@pytest.mark.parametrize("window", [3, 5, 9])
def test_medians_equal_opencvs(window: int, pictures: Tensor) -> None:
    found = MedianSmoothing(window=window).change(pictures, []) * 255
    for picture, own in zip(pictures, found, strict=True):
        pixels = (picture * 255).round().byte().permute(1, 2, 0).contiguous().numpy()
        expected = cv2.medianBlur(pixels, window)
        np.testing.assert_allclose(own.permute(1, 2, 0).numpy(), expected, atol=1e-3)


def test_the_gradient_of_a_median_goes_to_the_pixel_that_it_is() -> None:
    picture = torch.randperm(3 * 7 * 9, generator=torch.Generator().manual_seed(0)).float()
    picture = (picture / 189).view(1, 3, 7, 9).requires_grad_()
    smoothed = MedianSmoothing(window=3).change(picture, [])
    weight = torch.rand_like(smoothed)
    (gradient,) = torch.autograd.grad((smoothed * weight).sum(), picture)
    expected = torch.zeros_like(picture)
    for value, share in zip(smoothed.flatten(), weight.flatten(), strict=True):
        expected[picture == value] += share
    torch.testing.assert_close(gradient, expected)


def test_of_equal_pixels_one_has_the_whole_gradient() -> None:
    picture = torch.full((1, 3, 5, 5), 0.5, requires_grad=True)
    smoothed = MedianSmoothing(window=3).change(picture, [])
    (gradient,) = torch.autograd.grad(smoothed[0, 0, 2, 2], picture)
    assert gradient.sum() == 1
    assert gradient.max() == 1


@pytest.mark.parametrize(
    "defense", [GaussianSmoothing(sigma=1.5), MedianSmoothing(window=3)], ids=["mean", "median"]
)
def test_gradients_equal_finite_differences(
    defense: GaussianSmoothing | MedianSmoothing,
) -> None:
    picture = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(0)).double()
    picture.requires_grad_()
    assert torch.autograd.gradcheck(lambda each: defense.change(each, []), picture)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan"), float("inf")])
def test_a_senseless_sigma_is_refused(sigma: float) -> None:
    with pytest.raises(UsageError, match="sigma above 0"):
        GaussianSmoothing(sigma=sigma)


@pytest.mark.parametrize("window", [1, 4, -3, 101])
def test_a_senseless_window_is_refused(window: int) -> None:
    with pytest.raises(UsageError, match="odd window"):
        MedianSmoothing(window=window)
