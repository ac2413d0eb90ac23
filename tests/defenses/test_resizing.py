"""Copies of random size at random places: the pictures, and answers brought back."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustpose.defenses import ResizeAndPad, defended
from robustpose.errors import UsageError
from robustpose.models.codecs import (
    Codec,
    CoordinateCodec,
    HeatmapCodec,
    IntegralCodec,
    SimCCCodec,
)
from robustpose.models.model import Normalisation, PoseModel
from robustpose.poses import Images
from robustpose.skeletons import Skeleton

from .conftest import SIZE

HALF = ResizeAndPad(least=0.5)


def test_a_copy_is_what_pytorch_interpolates_on_black() -> None:
    picture = 0.1 + 0.9 * torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    for seed in range(20):
        (found,) = HALF.change(picture, [seed])
        seen = (found > 0).all(dim=0)
        rows, columns = seen.any(dim=1).nonzero(), seen.any(dim=0).nonzero()
        top, bottom, left, right = (
            int(each) for each in (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1)
        )
        assert seen[top:bottom, left:right].all()
        assert not found[:, ~seen].any()
        (copy,) = F.interpolate(picture, size=(bottom - top, right - left), mode="bilinear")
        torch.testing.assert_close(found[:, top:bottom, left:right], copy, rtol=0, atol=1e-5)
        assert 0.48 <= (bottom - top) / SIZE[0] <= 1


def test_sizes_and_places_take_all_their_values() -> None:
    white = torch.ones(400, 3, 8, 8)
    copies = HALF.change(white, range(400))[:, 0] > 0
    first = [copies.any(dim=axis).float().argmax(dim=1) for axis in (1, 2)]
    assert set(copies.any(dim=1).sum(dim=1).tolist()) == {4, 5, 6, 7, 8}
    assert all(set(each.tolist()) == {0, 1, 2, 3, 4} for each in first)
    assert not torch.equal(*first)


def test_the_whole_picture_is_left_alone(model: PoseModel, pictures: Tensor) -> None:
    seeds = [1, 2, 3]
    whole = defended(model, ResizeAndPad(least=1.0))
    torch.testing.assert_close(
        whole.predict(pictures, seeds).joints, model.predict(pictures, seeds).joints,
        rtol=0, atol=1e-2,
    )  # fmt: skip


class Seeing(nn.Module):
    """A network that says without fail where the one bright spot of a picture is."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, images: Images) -> tuple[Tensor]:
        weight = images[:, 0] / images[:, 0].sum(dim=(1, 2), keepdim=True)
        x = weight.sum(dim=1) @ torch.arange(float(SIZE[1]))
        y = weight.sum(dim=2) @ torch.arange(float(SIZE[0]))
        places = torch.stack([x, y], dim=-1)[:, None]
        if isinstance(self.codec, IntegralCodec):
            bumps = HeatmapCodec(SIZE, origin=self.codec.origin, sigma=0.8).encode(places)
            return (bumps.clamp_min(1e-30).log(),)
        return (self.codec.encode(places),)


NONE = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
CODECS: dict[str, tuple[Codec, float]] = {
    "maps": (HeatmapCodec(SIZE), 2.0),
    "maps from pixel 0": (HeatmapCodec(SIZE, origin=0.0), 2.0),
    "udp": (HeatmapCodec(SIZE, udp=True), 2.0),
    "coordinates": (CoordinateCodec(SIZE), 0.05),
    "coordinates from pixel 0": (CoordinateCodec(SIZE, origin=(0.0, 0.0)), 0.05),
    "bins": (SimCCCodec(SIZE), 0.5),
    "bins from pixel 0": (SimCCCodec(SIZE, origin=0.0), 0.5),
    "mean places": (IntegralCodec(SIZE), 0.3),
    "mean places from pixel 0": (IntegralCodec(SIZE, origin=0.0), 0.3),
}
"""Each with how many pixels it may be wrong by, less than half of its cells."""


@pytest.mark.parametrize("name", CODECS)
def test_answers_are_brought_back_to_where_the_spot_was(name: str) -> None:
    codec, tolerance = CODECS[name]
    spot = Skeleton("spot", ("spot",), ())
    model = PoseModel(
        Seeing(codec), name="seeing", size=SIZE, codecs=[codec], skeleton=spot, normalisation=NONE
    )
    y, x = torch.meshgrid(*(torch.arange(float(side)) for side in SIZE), indexing="ij")
    centres = torch.tensor([[20.3, 40.0], [70.0, 22.5], [48.0, 30.0], [33.3, 33.3]]).repeat(8, 1)
    distance = (x - centres[:, :1, None]).square() + (y - centres[:, 1:, None]).square()
    images = torch.exp(-distance / 18)[:, None].expand(-1, 3, -1, -1).contiguous()
    seeds = list(range(len(images)))
    found = defended(model, HALF).predict(images, seeds).joints[:, 0]
    moved = model.predict(HALF.change(images, seeds)).joints[:, 0]
    assert (moved - centres).abs().max() > 10
    assert (found - centres).abs().max() <= tolerance


def test_gradients_equal_finite_differences() -> None:
    picture = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(0)).double()
    picture.requires_grad_()
    assert torch.autograd.gradcheck(lambda each: HALF.change(each, [3]), picture)


@pytest.mark.parametrize("least", [0.0, -1.0, 1.1, float("nan")])
def test_a_senseless_size_is_refused(least: float) -> None:
    with pytest.raises(UsageError, match="above 0 and up to 1"):
        ResizeAndPad(least=least)
