"""SimpleBaseline: its published cost, and deconvolutions of other numbers and kernels."""

import pytest
import torch

from robustpose.errors import UsageError
from robustpose.models.simple_baseline import Deconvolution, resdec


def test_resnet50_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        network = resdec(depth=50).network
    assert sum(parameter.numel() for parameter in network.parameters()) == 33_998_926


@pytest.mark.parametrize("kernel", [2, 3, 4])
@pytest.mark.parametrize("count", [0, 1, 4])
def test_each_deconvolution_doubles_the_size(kernel: int, count: int) -> None:
    model = resdec(
        depth=18,
        width=4,
        deconvolutions=[Deconvolution(8, kernel)] * count,
        bias=True,
        final_kernel=3,
        size=(64, 96),
    ).frozen()
    (maps,) = model(torch.zeros(1, 3, 64, 96))
    assert maps.shape == (1, 14, 2 * 2**count, 3 * 2**count)
    assert model.codecs[0].encode(torch.zeros(1, 14, 2)).shape == maps.shape


@pytest.mark.parametrize("size", [(0, 32), (100, 128), (128, 16)])
def test_a_size_that_features_do_not_cover_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match=f"multiples of 32, found {size[0]} x {size[1]}"):
        resdec(depth=18, size=size)
