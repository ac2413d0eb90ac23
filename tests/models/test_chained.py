"""Chained predictions: which map is told of which, in what order, and for what sizes."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from robustpose.errors import UsageError
from robustpose.models.chained import ChainedPredictions, chained, easy_first, observation
from robustpose.models.model import PoseModel
from robustpose.skeletons import COCO17, LSP14, MPII16, Skeleton

SIZE = (64, 64)


def tiny(**changes: Any) -> PoseModel:
    settings = {"depth": 18, "width": 8, "hidden": 6, "channels": 4, "size": SIZE, **changes}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return chained("tiny-chained", **settings).frozen()


def chain(model: PoseModel) -> ChainedPredictions:
    assert isinstance(model.network, ChainedPredictions)
    return model.network


def pictures(count: int = 2) -> Tensor:
    return torch.rand(count, 3, *SIZE, generator=torch.Generator().manual_seed(1))


def moved_by(model: PoseModel, turn: int) -> list[str]:
    """Return the joints whose maps change with the map that is put out at a turn."""
    (before,) = model(pictures())
    layer = chain(model).output_layers()[turn]
    assert layer.bias is not None
    with torch.no_grad():
        layer.bias += 1
        (after,) = model(pictures())
        layer.bias -= 1
    changed = (after != before).flatten(2).any(dim=2).any(dim=0)
    return [joint for joint, moved in zip(LSP14.joints, changed, strict=True) if moved]


def test_a_map_is_told_of_all_before_it_and_of_none_after_it() -> None:
    order = easy_first(LSP14)
    model = tiny()
    for turn in (0, 5, 12, 13):
        assert sorted(moved_by(model, turn)) == sorted(order[turn:])


def test_joints_are_predicted_in_the_order_asked_for_and_put_out_by_joint() -> None:
    forwards = tiny(order=LSP14.joints)
    backwards = tiny(order=LSP14.joints[::-1])  # the same weights
    assert moved_by(forwards, 13) == [LSP14.joints[13]]
    assert moved_by(backwards, 13) == [LSP14.joints[0]]
    assert torch.equal(forwards(pictures())[0], backwards(pictures())[0].flip(1))


def test_every_joint_has_an_effect_of_its_own() -> None:
    model = tiny()
    steps = list(chain(model).steps)
    assert [len(step.observations) for step in steps] == list(range(1, 14))  # type: ignore[arg-type]
    with torch.no_grad():
        (before,) = model(pictures())
        steps[-1].observations[0][-1].bias += 1  # type: ignore[index, union-attr]
        (after,) = model(pictures())
    changed = (after != before).flatten(2).any(dim=2).any(dim=0)
    assert [joint for joint, moved in zip(LSP14.joints, changed, strict=True) if moved] == [
        easy_first(LSP14)[-1]
    ]


@pytest.mark.parametrize("skeleton", [LSP14, MPII16, COCO17])
def test_heads_come_first_and_ankles_last(skeleton: Skeleton) -> None:
    order = easy_first(skeleton)
    assert sorted(order) == sorted(skeleton.joints)
    assert order[0] in ("head_top", "nose")
    places = [
        max(order.index(f"{side}_{part}") for side in ("left", "right"))
        for part in ("shoulder", "hip", "elbow", "knee", "wrist", "ankle")
    ]
    assert places == sorted(places)
    assert places[-1] == len(order) - 1


@pytest.mark.parametrize(("stem_pool", "stride"), [(True, 8), (False, 4)])
def test_maps_are_of_a_quarter_of_the_encoders_stride(stem_pool: bool, stride: int) -> None:
    model = tiny(stem_pool=stem_pool)
    (maps,) = model(pictures(1))
    assert maps.shape == (1, 14, 64 // stride, 64 // stride)
    target = model.codecs[0].encode(torch.full((1, 14, 2), 31.5))
    assert target.shape == maps.shape


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_map_is_read_by_two_convolutions_of_stride_two(kernel: int) -> None:
    generator = torch.Generator().manual_seed(2)
    layers = observation(4, kernel).eval()
    maps = torch.rand(1, 1, 16, 24, generator=generator)
    lift, first, norm, second, last = layers
    assert isinstance(first, nn.Conv2d)
    assert isinstance(lift, nn.Conv2d)
    lifted = nn.functional.conv2d(maps, lift.weight, lift.bias)
    halved = nn.functional.conv2d(lifted, first.weight, first.bias, 2, kernel // 2)
    torch.testing.assert_close(layers(maps), last(second(norm(halved))))
    assert layers(maps).shape == (1, 4, 4, 6)


def test_larger_kernels_and_bfloat16_and_a_graph_give_maps_of_the_same_size() -> None:
    arm = Skeleton("arm", ("left_shoulder", "left_elbow", "left_wrist"), ())
    model = tiny(hidden_kernel=3, map_kernel=5, skeleton=arm)
    (maps,) = model(pictures())
    assert maps.shape == (2, 3, 8, 8)
    exported = torch.export.export(model.network, (pictures(),)).module()
    torch.testing.assert_close(exported(pictures()), model.network(pictures()))
    model.precision = torch.bfloat16
    assert model(pictures())[0].dtype == torch.float32


def test_gradients_reach_the_picture_from_the_last_joint() -> None:
    images = pictures(1).requires_grad_()
    (maps,) = tiny()(images)
    last = LSP14.joints.index(easy_first(LSP14)[-1])
    maps[:, last].square().sum().backward()
    assert images.grad is not None
    assert (images.grad != 0).any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order": ("neck", "head_top")}, "expected an order of the 14 joints of lsp"),
        ({"order": (*LSP14.joints[1:], "nose")}, "found .*nose"),
        ({"map_kernel": 2}, "expected odd kernels, found 1 and 2"),
        ({"size": (64, 72)}, "multiples of 32, found 64 x 72"),
    ],
)
def test_what_no_chain_can_be_built_for_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tiny(**changes)
