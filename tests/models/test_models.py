"""The frame that all networks share: sizes, codecs, skeletons, precision."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from robustpose.attacks.goals import Untargeted
from robustpose.errors import UsageError
from robustpose.models import build_model
from robustpose.models.codecs import CoordinateCodec, HeatmapCodec
from robustpose.models.model import Normalisation, PoseModel
from robustpose.poses import PoseBatch
from robustpose.scoring import pck
from robustpose.skeletons import COCO17, LSP14, MPII16, Skeleton


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'resnet'.*hourglass2-compact"):
        build_model("resnet")


def test_networks_ask_for_pictures_of_their_own_size(network: PoseModel, batch: PoseBatch) -> None:
    seen: list[tuple[int, ...]] = []
    handle = network.network.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape))
    network.predict(torch.rand(1, 3, 96, 128))
    handle.remove()
    assert seen == [(1, 3, 64, 64)]


def test_prediction_is_deterministic_without_gradients_and_one_by_one(
    network: PoseModel, batch: PoseBatch
) -> None:
    one, again = network.predict(batch.images), network.predict(batch.images)
    assert torch.equal(one.joints, again.joints)
    assert not one.joints.requires_grad
    alone = torch.cat([network.predict(batch.images[i : i + 1]).joints for i in range(4)])
    torch.testing.assert_close(alone, one.joints, rtol=0, atol=1e-3)


def test_forward_can_be_differentiated(network: PoseModel, batch: PoseBatch) -> None:
    images = batch.images.clone().requires_grad_()
    network(images)[-1].square().sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_a_frozen_model_has_no_trainable_weights(tiny: Callable[[str], PoseModel]) -> None:
    model = tiny("resdec").frozen()
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


class Says(nn.Module):
    """A network that says the same of every picture."""

    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = nn.Parameter(output)

    def forward(self, pictures: Tensor) -> tuple[Tensor]:
        return (self.output.expand(len(pictures), *self.output.shape),)


class Brightest(nn.Module):
    """A network whose maps are the brightness of the picture."""

    def forward(self, pictures: Tensor) -> tuple[Tensor]:
        return (nn.functional.avg_pool2d(pictures.mean(1, keepdim=True), 4).expand(-1, 14, -1, -1),)


def coordinates(joints: Tensor, size: tuple[int, int]) -> PoseModel:
    codec = CoordinateCodec(size)
    return PoseModel(
        Says(codec.encode(joints[None])[0]), name="says", size=size, codecs=[codec], skeleton=LSP14
    )


@pytest.mark.parametrize("canvas", [(64, 64), (128, 128), (64, 256), (50, 30)])
def test_answers_are_in_pixels_of_the_canvas(canvas: tuple[int, int]) -> None:
    joints = torch.rand(14, 2, generator=torch.Generator().manual_seed(0)) * 64
    answer = coordinates(joints, (64, 64)).predict(torch.zeros(2, 3, *canvas)).joints
    scale = max(canvas) / 64  # the longer side fills the network's square
    margin = torch.tensor([max(canvas) - canvas[1], max(canvas) - canvas[0]]) / 2
    expected = (joints + 0.5) * scale - 0.5 - margin  # the edge is half a pixel outside
    torch.testing.assert_close(answer, expected.expand(2, 14, 2), rtol=0.02, atol=0.5)


@pytest.mark.parametrize("canvas", [(64, 64), (128, 128), (96, 160)])
@pytest.mark.parametrize("place", [(0.3, 0.6), (0.52, 0.41), (0.81, 0.22)])
def test_a_light_is_found_where_it_is(canvas: tuple[int, int], place: tuple[float, float]) -> None:
    height, width = canvas
    x, y = place[0] * width, place[1] * height
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    cell = torch.tensor([4 * max(canvas) / 64] * 2)
    light = torch.exp(-(((columns - x) / cell[0]) ** 2 + ((rows - y) / cell[1]) ** 2) / 2)
    model = PoseModel(
        Brightest(), name="light", size=(64, 64), codecs=[HeatmapCodec((64, 64))], skeleton=LSP14
    )
    found = model.predict(light.expand(1, 3, height, width)).joints[0, 0]
    assert ((found - torch.tensor([x, y])).abs() <= 0.3 * cell).all()


def test_losses_take_joints_of_any_canvas() -> None:
    truth = torch.rand(3, 14, 2, generator=torch.Generator().manual_seed(1)) * 64
    model = coordinates(torch.full((14, 2), 20.0), (64, 64))
    stages = model(torch.zeros(3, 3, 128, 128))
    weight = torch.ones(3, 14)
    (expected,) = model.losses(stages, truth, weight)
    (found,) = model.losses(stages, (truth + 0.5) * 2 - 0.5, weight, canvas=(128, 128))
    assert expected.shape == (3,)
    torch.testing.assert_close(found, expected)


def test_bfloat16_answers_in_single_precision(tiny: Callable[[str], PoseModel]) -> None:
    model = tiny("deeppose").frozen()
    exact = model.predict(torch.full((1, 3, 64, 64), 0.4)).joints
    model.precision = torch.bfloat16
    rough = model.predict(torch.full((1, 3, 64, 64), 0.4)).joints
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().max() < 2


def test_blue_first_networks_are_given_blue_first() -> None:
    seen: list[Tensor] = []
    normalisation = Normalisation((0.1, 0.2, 0.3), (0.5, 0.25, 1.0), bgr=True)
    model = PoseModel(
        Brightest(),
        name="bgr",
        size=(4, 4),
        codecs=[HeatmapCodec((4, 4))],
        skeleton=LSP14,
        normalisation=normalisation,
    )
    model.network.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    model(torch.tensor([0.6, 0.7, 0.8]).view(1, 3, 1, 1).expand(1, 3, 4, 4))
    torch.testing.assert_close(seen[0][0, :, 0, 0], torch.tensor([0.5, 2.0, 1.0]))


def other(skeleton: Skeleton) -> PoseModel:
    """A network of coordinates that puts joint i at (i, 2 i)."""
    joints = torch.arange(len(skeleton)).float()[:, None] * torch.tensor([1.0, 2.0])
    codec = CoordinateCodec((64, 64))
    return PoseModel(
        Says(codec.encode(joints[None])[0]),
        name="other",
        size=(64, 64),
        codecs=[codec],
        skeleton=skeleton,
    )


def test_a_network_of_mpii_answers_for_every_joint_of_lsp() -> None:
    model = other(MPII16).asked(LSP14)
    assert all(model.answers)
    pose = model.predict(torch.zeros(1, 3, 64, 64))
    expected = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9]  # neck and head top come last
    torch.testing.assert_close(pose.joints[0, :, 0], torch.tensor(expected).float())


def test_a_network_of_coco_shares_twelve_joints_with_lsp() -> None:
    model = other(COCO17).asked(LSP14)
    assert sum(model.answers) == 12
    pose = model.predict(torch.zeros(1, 3, 64, 64))
    assert pose.joints[0, 12:].isnan().all()
    assert not pose.confidence[0, 12:].any()
    expected = [16, 14, 12, 11, 13, 15, 10, 8, 6, 5, 7, 9]  # right ankle, knee, hip, left hip ...
    torch.testing.assert_close(pose.joints[0, :12, 0], torch.tensor(expected).float())


def test_losses_of_a_network_asked_otherwise_count_shared_joints_alone() -> None:
    model = other(COCO17)
    stages = model(torch.zeros(1, 3, 64, 64))
    weight = torch.zeros(1, 17)
    weight[0, 5:] = 1
    own = torch.rand(1, 17, 2, generator=torch.Generator().manual_seed(0)) * 64
    (expected,) = model.losses(stages, own, weight)
    asked = torch.full((1, 14, 2), 31.0)
    for place, joint in enumerate(LSP14.joints[:12]):
        asked[0, place] = own[0, COCO17.index(joint)]
    (found,) = model.asked(LSP14).losses(stages, asked, torch.ones(1, 14))
    torch.testing.assert_close(found, expected)


def test_a_skeleton_without_a_known_joint_is_refused() -> None:
    hand = Skeleton("hand", ("thumb", "wrist"), (("thumb", "wrist"),))
    with pytest.raises(UsageError, match="none of those of hand"):
        other(LSP14).asked(hand)


def test_people_of_another_skeleton_are_asked_for_in_their_words(batch: PoseBatch) -> None:
    model = other(MPII16).frozen()
    with pytest.raises(UsageError, match=r"model\.asked"):
        pck(model.predict(batch.images), batch)
    with pytest.raises(UsageError, match=r"mpii-16.*model\.asked"):
        Untargeted().loss(model, batch)
    model.asked(batch.skeleton)
    assert pck(model.predict(batch.images), batch) >= 0
    assert Untargeted().loss(model, batch)(batch.images).shape == (len(batch),)
