"""Reading joints off maps: as published code does it, where UDP places cells, and by hand."""

import math

import pytest
import torch
from torch import Tensor

from robustpose.errors import UsageError
from robustpose.models import build_model
from robustpose.models.codecs import (
    Dark,
    DarkUDP,
    Decoding,
    HeatmapCodec,
    MMPoseQuarterOffset,
    PartsCodec,
    QuarterOffset,
)

from .decoding_reference.maps import CASES, maps, recorded

OUTPUTS = ["coco-256x192", "coco-384x288", "mpii-256x256"]
"""Cases that look like what networks put out; the others are far from it."""


def decodings(kernel: int = 11) -> list[Decoding]:
    return [QuarterOffset(), MMPoseQuarterOffset(), Dark(kernel), DarkUDP(kernel)]


def compared(name: str, decoding: Decoding) -> tuple[Tensor, Tensor]:
    """Return how far the places lie from those of published code, and how far it went from the
    largest cells: (m,) each, in cells, of maps with a positive value.
    """
    drawn = maps(CASES[name])
    expected = torch.tensor(recorded()["places"][name][type(decoding).__name__])
    largest, flat = drawn.flatten(2).max(dim=2)
    columns = drawn.shape[3]
    peaks = torch.stack([flat % columns, flat // columns], dim=-1)
    positive = largest > 0
    difference = (decoding(drawn) - expected).abs().amax(dim=-1)
    return difference[positive], (expected - peaks).norm(dim=-1)[positive]


@pytest.mark.parametrize("which", range(4), ids=[type(each).__name__ for each in decodings()])
@pytest.mark.parametrize("name", OUTPUTS)
def test_places_equal_those_of_published_code(name: str, which: int) -> None:
    difference, _ = compared(name, decodings(CASES[name].kernel)[which])
    assert difference.max() <= 1e-5


@pytest.mark.parametrize("which", range(4), ids=[type(each).__name__ for each in decodings()])
@pytest.mark.parametrize("name", sorted(set(CASES) - set(OUTPUTS)))
def test_places_on_noise_equal_those_of_published_code(name: str, which: int) -> None:
    """Of a map without a bump the Newton step is anything; rounding errors grow with it."""
    difference, step = compared(name, decodings(CASES[name].kernel)[which])
    assert (difference / (1 + step.square())).max() <= 1e-3
    assert difference[step < 1].quantile(0.95) <= 1e-5


@pytest.mark.parametrize("decoding", decodings(), ids=repr)
def test_maps_without_a_positive_value_say_the_cell_that_published_code_says(
    decoding: Decoding,
) -> None:
    case = CASES["small"]
    drawn = maps(case)
    empty = drawn.flatten(2).amax(dim=2) <= 0
    assert 5 < empty.sum() < 20
    nowhere = 0.0 if isinstance(decoding, QuarterOffset) else -1.0
    assert (decoding(drawn)[empty] == nowhere).all()
    assert (decoding(torch.zeros(1, 2, 12, 9)) == nowhere).all()
    if not isinstance(decoding, DarkUDP):  # whose published places depend on memory beside the map
        expected = torch.tensor(recorded()["places"]["small"][type(decoding).__name__])
        assert (expected[empty] == nowhere).all()


@pytest.mark.parametrize("decoding", decodings(), ids=repr)
def test_every_map_is_read_alone_and_none_is_changed(decoding: Decoding) -> None:
    drawn = maps(CASES["small"])
    kept = drawn.clone()
    whole = decoding(drawn)
    assert torch.equal(drawn, kept)
    one = torch.cat([decoding(drawn[i : i + 1, j : j + 1]) for i in range(3) for j in range(14)])
    torch.testing.assert_close(one.view(3, 14, 2), whole[:3], rtol=0, atol=1e-6)


@pytest.mark.parametrize("decoding", decodings(), ids=repr)
def test_places_stay_on_the_device_of_their_maps(decoding: Decoding) -> None:
    assert decoding(torch.empty(2, 3, 12, 9, device="meta")).device.type == "meta"


def alone(*cells: tuple[int, int], value: float = 0.5) -> Tensor:
    """Return a map of 8 x 8 with 1 at (4, 3) (x, y) and another value elsewhere."""
    drawn = torch.zeros(1, 1, 8, 8)
    drawn[0, 0, 3, 4] = 1
    for x, y in cells:
        drawn[0, 0, y, x] = value
    return drawn


@pytest.mark.parametrize("decoding", decodings()[:2], ids=repr)
def test_a_quarter_towards_the_larger_neighbour_by_hand(decoding: Decoding) -> None:
    for cells, expected in (
        ([(5, 3)], (4.25, 3)),
        ([(3, 3), (4, 4)], (3.75, 3.25)),
        ([(3, 3), (5, 3), (4, 2)], (4, 2.75)),  # neighbours alike: no step
    ):
        assert torch.equal(decoding(alone(*cells)), torch.tensor([[expected]]).float())


def test_quarters_at_borders_by_hand() -> None:
    """In the second row HRNet's authors move along no axis, MMPose along x."""
    drawn = torch.zeros(1, 3, 8, 8)
    drawn[0, 0, 1, 4], drawn[0, 0, 1, 5], drawn[0, 0, 2, 4] = 1, 0.5, 0.5
    drawn[0, 1, 4, 7], drawn[0, 1, 5, 7] = 1, 0.5
    drawn[0, 2, 2, 2], drawn[0, 2, 2, 3], drawn[0, 2, 3, 2] = 1, 0.5, 0.5
    authors = torch.tensor([[[4, 1], [7, 4], [2.25, 2.25]]])
    assert torch.equal(QuarterOffset()(drawn), authors)
    mmpose = torch.tensor([[[4.25, 1], [7, 4.25], [2.25, 2.25]]])
    assert torch.equal(MMPoseQuarterOffset()(drawn), mmpose)


@pytest.mark.parametrize(("sigma", "kernel"), [(2.0, 11), (3.0, 17)])
@pytest.mark.parametrize("udp", [False, True])
def test_dark_finds_a_bump_to_a_fiftieth_of_a_cell(*, sigma: float, kernel: int, udp: bool) -> None:
    decoding = DarkUDP(kernel) if udp else Dark(kernel)
    codec = HeatmapCodec((256, 192), sigma=sigma, udp=udp, decoding=decoding)
    random = torch.Generator().manual_seed(0)
    joints = torch.rand(8, 17, 2, generator=random) * torch.tensor([111.0, 175]) + 40
    found = codec.decode(codec.encode(joints)).joints
    assert (found - joints).abs().max() <= 4 / 50
    quarter = HeatmapCodec((256, 192), sigma=sigma, udp=udp, decoding=QuarterOffset())
    error = (quarter.decode(quarter.encode(joints)).joints - joints).abs().max()
    assert 0.25 * 4 / 2 < error <= 0.25 * 4 + 0.03


@pytest.mark.parametrize("kernel", [-1, 0, 1, 2, 12])
def test_a_kernel_has_a_middle(kernel: int) -> None:
    for decoding in (Dark, DarkUDP):
        with pytest.raises(UsageError, match=f"odd.*found {kernel}"):
            decoding(kernel)


def test_udp_puts_the_outermost_cells_on_the_outermost_pixels() -> None:
    # Published quarters leave border cells where they are.
    codec = HeatmapCodec((256, 192), sigma=2.0, udp=True, decoding=QuarterOffset())
    assert codec.map_size == (64, 48)
    corners = torch.tensor([[[0.0, 0], [191, 0], [0, 255], [191, 255]]])
    drawn = codec.encode(corners)
    for joint, (row, column) in enumerate([(0, 0), (0, 47), (63, 0), (63, 47)]):
        assert drawn[0, joint, row, column] == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(codec.decode(drawn).joints, corners)
    parts = PartsCodec((256, 192), sigma=2.0, udp=True, parts=(((2, 3),),))
    ridge = parts.encode(corners)[0, 0]
    assert (ridge[63] >= 1 - 1e-4).all()
    assert ridge[62].max() == pytest.approx(math.exp(-1 / 8), abs=1e-3)
    step = codec.decode(torch.eye(48 * 64)[3 * 48 + 2].view(1, 1, 64, 48)).joints
    torch.testing.assert_close(step, torch.tensor([[[2 * 191 / 47, 3 * 255 / 63]]]))


def test_places_have_no_gradient_and_confidence_has_that_of_the_largest_cell() -> None:
    drawn = maps(CASES["small"])[:2].requires_grad_()
    for decoding in decodings():
        joints, confidence = HeatmapCodec((48, 36), decoding=decoding).decode(drawn)
        assert not joints.requires_grad
        (gradient,) = torch.autograd.grad(confidence.sum(), drawn)
        assert gradient.count_nonzero() == gradient.sum() == 2 * 14
        assert torch.equal(confidence, drawn.flatten(2).amax(dim=2))


def test_a_model_is_told_how_its_maps_are_read() -> None:
    model = build_model("resdec-matched").frozen()
    before = model.codecs
    assert model.decoded_by(Dark()) is model
    assert model.codecs[0].decoding == Dark()  # type: ignore[attr-defined]
    model.decoded_by(udp=True)
    (codec,) = model.codecs
    assert isinstance(codec, HeatmapCodec)
    assert (codec.decoding, codec.udp) == (Dark(), True)
    model.decoded_by(udp=False)
    assert model.codecs[0].decoding == Dark()  # type: ignore[attr-defined]
    assert model.codecs != before
    pictures = torch.rand(1, 3, *model.size, generator=torch.Generator().manual_seed(0))
    stages = model(pictures)
    cells = Dark()(stages[-1])
    torch.testing.assert_close(model.decode(stages).joints, 4 * cells + 1.5)


def test_stages_of_parts_are_told_too() -> None:
    model = build_model("dlcm-matched").decoded_by(QuarterOffset(), udp=True).frozen()
    assert all(isinstance(codec, HeatmapCodec) and codec.udp for codec in model.codecs)
    assert sum(isinstance(codec, PartsCodec) for codec in model.codecs) == 3
    stages = model(torch.rand(1, 3, *model.size, generator=torch.Generator().manual_seed(0)))
    cells = QuarterOffset()(stages[-1])
    torch.testing.assert_close(model.decode(stages).joints, cells * 127 / 31)


@pytest.mark.parametrize("name", ["deeppose-matched", "simcc-matched", "integral-matched"])
def test_a_model_without_maps_refuses(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} has no heatmaps.*Codec"):
        build_model(name).decoded_by(Dark())
