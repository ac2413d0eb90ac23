"""The flip test: averages of every kind of output, as published code has them and as they should
be, seen by losses and attacks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from robustpose.attacks.goals import Untargeted
from robustpose.attacks.iterated import pgd
from robustpose.data.crops import crop
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.models import ZOO
from robustpose.models.codecs import (
    Codec,
    CoordinateCodec,
    HeatmapCodec,
    IntegralCodec,
    PartsCodec,
    RLECodec,
    SimCCCodec,
)
from robustpose.models.deeppose import deeppose
from robustpose.models.flip_test import AVERAGES, flip_tested
from robustpose.models.integral import integral
from robustpose.models.mirror import mirrored_back
from robustpose.models.model import PoseModel
from robustpose.models.pyranet import pyranet
from robustpose.models.rle import RealNVP
from robustpose.models.simple_baseline import resdec
from robustpose.skeletons import Skeleton

from .decoding_reference.maps import recorded

SIZE = (64, 96)
TINY: dict[str, Any] = {"depth": 18, "width": 8, "size": SIZE}
SYMMETRIC: dict[str, Callable[[], PoseModel]] = {
    **{name: ZOO[name].build for name in ZOO if name.endswith("matched")},
    "integral from pixel 0": lambda: integral("integral", **TINY, features=16, origin=0.0),
    "deeppose from pixel 0": lambda: deeppose("deeppose", **TINY, origin=(0.0, 0.0)),
    "udp": lambda: resdec("resdec", **TINY, features=16, origin=0.0).decoded_by(udp=True),
    "pyranet": lambda: pyranet(
        "pyranet", features=16, depth=2, modules=1, base_width=4, cardinality=3, size=SIZE
    ),
}
"""One of every family of the zoo, and cells that lie elsewhere; outputs with a mirror image."""


def built(name: str) -> PoseModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SYMMETRIC[name]().frozen()


def pictures(model: PoseModel, count: int = 2) -> Tensor:
    return torch.rand(count, 3, *model.size, generator=torch.Generator().manual_seed(0))


def in_mirror(joints: Tensor, model: PoseModel) -> Tensor:
    """Return joints of a picture in pixels of its mirror image, left and right exchanged."""
    x, y = joints[:, list(model.skeleton.mirror)].unbind(dim=-1)
    return torch.stack([model.size[1] - 1 - x, y], dim=-1)


@pytest.mark.parametrize("name", SYMMETRIC)
def test_the_answer_for_the_mirror_image_is_the_mirrored_answer(name: str) -> None:
    model = built(name)
    tested = flip_tested(model)
    images, seeds = pictures(model), [3, 4]
    pose, other = tested.predict(images, seeds), tested.predict(images.flip(-1), seeds)
    expected = in_mirror(pose.joints, model)
    torch.testing.assert_close(other.joints, expected, rtol=0, atol=1e-3)
    turned = other.confidence[:, list(model.skeleton.mirror)]
    torch.testing.assert_close(turned, pose.confidence, rtol=1e-4, atol=1e-5)
    alone = model.predict(images.flip(-1), seeds).joints - in_mirror(
        model.predict(images, seeds).joints, model
    )
    assert alone.abs().max() > 0.01  # the network itself answers otherwise


@pytest.mark.parametrize("name", [name for name in SYMMETRIC if not name.startswith("rle")])
def test_losses_of_every_stage_and_their_gradients_have_mirror_images(name: str) -> None:
    """All but that of RLE, whose learned distribution of errors is not symmetric."""
    model = built(name)
    tested = flip_tested(model)
    joints = torch.rand(2, 14, 2, generator=torch.Generator().manual_seed(1)) * 60
    found = []
    for images, truth in (
        (pictures(model), joints),
        (pictures(model).flip(-1), in_mirror(joints, model)),
    ):
        variable = images.clone().requires_grad_()
        losses = torch.stack(tested.losses(tested(variable, [3, 4]), truth, torch.ones(2, 14)))
        assert len(losses) == len(model.codecs)
        (gradient,) = torch.autograd.grad(losses.sum(), variable)
        found.append((losses.detach(), gradient))
    (losses, gradient), (other_losses, other_gradient) = found
    torch.testing.assert_close(other_losses, losses, rtol=1e-4, atol=1e-6)
    largest = gradient.abs().max()
    assert 0 < largest < float("inf")
    assert (other_gradient.flip(-1) - gradient).abs().max() <= 1e-3 * largest


@pytest.mark.parametrize("name", ["deeppose-matched", "rle-matched", "integral from pixel 0"])
def test_places_are_the_mean_of_both_answers(name: str) -> None:
    model = built(name)
    images = pictures(model)
    back = in_mirror(model.predict(images.flip(-1)).joints, model)
    expected = (model.predict(images).joints + back) / 2
    torch.testing.assert_close(
        flip_tested(model).predict(images).joints, expected, rtol=0, atol=1e-3
    )


@pytest.mark.parametrize("shift", [None, True, False])
@pytest.mark.parametrize(("origin", "udp"), [(0.0, False), (None, False), (0.0, True)])
def test_maps_cell_by_cell(*, shift: bool | None, origin: float | None, udp: bool) -> None:
    model = resdec("resdec", **TINY, features=16, origin=origin).frozen().decoded_by(udp=udp)
    images = pictures(model)
    own, other = model(images)[0], model(images.flip(-1))[0]
    moves = origin == 0 and not udp if shift is None else shift
    (found,) = flip_tested(model, shift=shift)(images)
    mirror, columns = model.skeleton.mirror, own.shape[3]
    for joint in range(14):
        for column in range(columns):
            source = columns - 1 - (max(column - 1, 0) if moves else column)
            mean = (own[:, joint, :, column] + other[:, mirror[joint], :, source]) / 2
            assert torch.equal(found[:, joint, :, column], mean)


def test_what_the_network_sees_is_mirrored_not_the_canvas() -> None:
    """The frame around a canvas may be a pixel wider on one side."""
    model = built("deeppose from pixel 0")
    images = torch.rand(2, 3, 64, 63, generator=torch.Generator().manual_seed(0))
    (found,) = flip_tested(model)(images)
    (expected,) = flip_tested(model)(nn.functional.pad(images, (16, 17)))
    assert torch.equal(found, expected)


FACE = Skeleton("face", ("nose", "left_eye", "right_eye", "left_ear", "right_ear"), ())


class Two(nn.Module):
    """A network that says one thing of a picture whose left is brighter, and another of others."""

    def __init__(self, own: Tensor, other: Tensor) -> None:
        super().__init__()
        self.own, self.other = own, other

    def forward(self, images: Tensor) -> tuple[Tensor]:
        left = images[0, 0, 0, 0] > images[0, 0, 0, -1]
        return (self.own if left else self.other,)


def said(codec: Codec, size: tuple[int, int], *shape: int, shift: bool | None = None) -> Tensor:
    """Return the average of the outputs of tests/models/decoding_reference/make.py."""
    numbers = torch.arange(2.0 * torch.Size(shape).numel()).sin().view(2, 1, *shape)
    model = PoseModel(Two(*numbers), name="two", size=size, codecs=[codec], skeleton=FACE)
    images = torch.zeros(1, 3, *size)
    images[..., 0] = 1
    (stage,) = flip_tested(model, shift=shift)(images)
    return stage


def test_averages_equal_those_of_published_code() -> None:
    expected = {name: torch.tensor(each) for name, each in recorded()["mirrored"].items()}
    heatmaps = HeatmapCodec((8, 16), origin=0.0)
    stage = said(heatmaps, (8, 16), 5, 2, 4)
    torch.testing.assert_close(stage, expected["shifted maps"])
    for codec, shift in ((heatmaps, False), (HeatmapCodec((8, 16), udp=True), None)):
        stage = said(codec, (8, 16), 5, 2, 4, shift=shift)
        torch.testing.assert_close(stage, expected["maps"])
    stage = said(CoordinateCodec((8, 8), origin=(0.0, 0.0)), (8, 8), 5, 2)
    torch.testing.assert_close(stage, expected["coordinates"])
    stage = said(RLECodec((8, 8), RealNVP(), origin=(0.0, 0.0)), (8, 8), 5, 4)
    stage = torch.cat([stage[..., :2], stage[..., 2:].sigmoid()], dim=-1)
    torch.testing.assert_close(stage, expected["coordinates and deviations"])
    stage = said(SimCCCodec((8, 8), origin=0.0), (8, 8), 5, 32)
    torch.testing.assert_close(stage, expected["bins"])


def test_deviations_stay_finite_where_they_are_rounded_to_nothing() -> None:
    codec = RLECodec((8, 8), RealNVP())
    logits = torch.tensor([[-200.0, 200], [-200, -200], [90, 200]])
    output = torch.cat([torch.zeros(3, 2), logits], dim=-1)[None].requires_grad_()
    joints = Skeleton("three", ("a", "b", "c"), ())
    model = PoseModel(Two(output, output), name="t", size=(8, 8), codecs=[codec], skeleton=joints)
    (stage,) = flip_tested(model)(torch.zeros(1, 3, 8, 8))
    torch.testing.assert_close(stage[0, :, 2:], logits)
    (gradient,) = torch.autograd.grad(stage.sum(), output)
    assert gradient.isfinite().all()


def test_a_sharp_integral_map_has_finite_gradients() -> None:
    codec = IntegralCodec((8, 16), origin=0.0, beta=10.0)
    output = torch.zeros(1, 1, 2, 4)
    output[0, 0, 1, 3] = 100
    output.requires_grad_()
    joint = Skeleton("one", ("a",), ())
    model = PoseModel(Two(output, output), name="t", size=(8, 16), codecs=[codec], skeleton=joint)
    tested = flip_tested(model)
    stages = tested(torch.zeros(1, 3, 8, 16))
    places = tested.decode(stages).joints
    torch.testing.assert_close(places, torch.tensor([[[(12 + 3) / 2, 4]]]))
    (loss,) = tested.losses(stages, torch.full((1, 1, 2), 5.0), torch.ones(1, 1))
    (gradient,) = torch.autograd.grad(loss.sum(), output)
    assert gradient.isfinite().all()


def test_an_attack_sees_both_passes(people: Split) -> None:
    model = flip_tested(resdec("resdec", **TINY, features=16).frozen())
    batch = crop(people, model.size)
    loss = Untargeted().loss(model, batch)
    perturbed = pgd(eps=4 / 255, steps=3)(loss, batch.images, batch.seeds)
    assert (loss(perturbed) > loss(batch.images)).all()
    assert (perturbed - batch.images).abs().max() <= 4 / 255 + 1e-6


def test_the_given_model_stays_and_its_settings_are_taken_over() -> None:
    model = built("resdec-matched").asked(FACE_AND_NECK)
    model.precision = torch.bfloat16
    images = pictures(model)
    before = model.predict(images).joints
    tested = flip_tested(model)
    assert torch.equal(model.predict(images).joints.nan_to_num(), before.nan_to_num())
    assert (tested.precision, tested.skeleton) == (torch.bfloat16, FACE_AND_NECK)
    assert not tested.training
    assert tested.answers == (False, True)
    assert tested.name != model.name
    assert len({flip_tested(model, shift=shift).name for shift in (None, True, False)}) == 3
    assert tested.state_dict().keys() == model.state_dict().keys()


FACE_AND_NECK = Skeleton("face and neck", ("nose", "neck"), ())


def test_what_the_user_says_of_maps_afterwards_counts() -> None:
    model = resdec("resdec", **TINY, features=16, origin=0.0).frozen()
    tested = flip_tested(model)
    images = pictures(model)
    shifted = tested(images)[0]
    still = tested.decoded_by(udp=True)(images)[0]
    assert torch.equal(still[..., 0], shifted[..., 0])
    assert not torch.equal(still, shifted)


DEVICES = ["dlcm-matched", "deeppose-matched", "rle-matched", "simcc-matched"]


@pytest.mark.parametrize("name", [*DEVICES, "integral from pixel 0"])
def test_averages_stay_on_the_device_of_the_network(name: str) -> None:
    model = built(name)
    stages = model(pictures(model))
    assert flip_tested(model.to("meta")).mean.device.type == "meta"
    own = [torch.empty_like(stage, device="meta") for stage in stages]
    for codec, one, back in zip(model.codecs, own, mirrored_back(model, own), strict=True):
        assert AVERAGES[type(codec)](codec, one, back).device.type == "meta"


@dataclass(frozen=True)
class Strange(HeatmapCodec):
    """A codec that nobody told how to mirror."""


def with_codec(codec: Codec, skeleton: Skeleton = FACE) -> PoseModel:
    return PoseModel(nn.Identity(), name="mine", size=SIZE, codecs=[codec], skeleton=skeleton)


def test_what_has_no_mirror_image_is_refused() -> None:
    with pytest.raises(UsageError, match=r"how to mirror Strange \(mine\)"):
        flip_tested(with_codec(Strange(SIZE)))
    one_sided = Skeleton("one-sided", ("left_eye", "nose"), ())
    with pytest.raises(UsageError, match="one-sided has a left or right joint without"):
        flip_tested(with_codec(HeatmapCodec(SIZE), one_sided))
    with pytest.raises(UsageError, match=r"bones \(\(0, 1\),\) has no partner"):
        flip_tested(with_codec(PartsCodec(SIZE, parts=(((0, 1),), ((3, 4),)))))
    with pytest.raises(UsageError, match="origin at pixel 40"):
        flip_tested(with_codec(IntegralCodec(SIZE, origin=40.0)))
    model = with_codec(HeatmapCodec(SIZE))
    with pytest.raises(UsageError, match="mine, flip test is a FlipTested"):
        flip_tested(flip_tested(model))


@pytest.mark.parametrize(
    "codec", [CoordinateCodec(SIZE), SimCCCodec(SIZE), IntegralCodec(SIZE)], ids=repr
)
@pytest.mark.parametrize("shift", [True, False])
def test_only_heatmaps_are_shifted(codec: Codec, *, shift: bool) -> None:
    with pytest.raises(UsageError, match="shift is of heatmaps: mine has none"):
        flip_tested(with_codec(codec), shift=shift)
