"""Codecs: joints out and back, losses that never mix people, gradients."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from robustpose.models.codecs import Codec, CoordinateCodec, HeatmapCodec

SIZE = (48, 64)  # height, width
HEATMAPS = [HeatmapCodec(SIZE, stride=4, sigma=sigma) for sigma in (1.0, 2.0)]
COORDINATES = [CoordinateCodec(SIZE, power=power) for power in (1, 2)]
CODECS: list[Codec] = [*HEATMAPS, *COORDINATES]

points = st.tuples(
    st.floats(-0.5, SIZE[1] - 0.5, width=32), st.floats(-0.5, SIZE[0] - 0.5, width=32)
)
poses = st.lists(points, min_size=1, max_size=6).map(lambda pose: torch.tensor([pose]))
borders = torch.tensor(
    [[[x, y] for x in (-0.5, 0, 1.5, 61.5, 63, 63.5) for y in (-0.5, 0, 1.5, 45.5, 47, 47.5)]]
)


@given(poses, st.sampled_from(HEATMAPS))
def test_heatmaps_decode_to_a_quarter_of_a_cell(joints: Tensor, codec: HeatmapCodec) -> None:
    pose = codec.decode(codec.encode(joints))
    assert (pose.joints - joints).abs().max() <= codec.stride / 4 + 1e-3
    assert pose.confidence.max() <= 1


@pytest.mark.parametrize("codec", HEATMAPS, ids=repr)
def test_heatmaps_decode_at_the_very_border(codec: HeatmapCodec) -> None:
    decoded = codec.decode(codec.encode(borders)).joints
    assert (decoded - borders).abs().max() <= codec.stride / 4 + 1e-3


@given(poses, st.sampled_from(COORDINATES))
def test_coordinates_decode_exactly(joints: Tensor, codec: CoordinateCodec) -> None:
    assert (codec.decode(codec.encode(joints)).joints - joints).abs().max() <= 1e-4


def test_a_bump_peaks_at_one_in_the_cell_of_its_joint() -> None:
    maps = HEATMAPS[0].encode(torch.tensor([[[4 * 5 + 1.5, 4 * 2 + 1.5]]]))
    assert maps.shape == (1, 1, 12, 16)
    assert maps[0, 0, 2, 5] == 1
    assert maps[0, 0, 2, 6].item() == pytest.approx(math.exp(-0.5))
    assert maps[0, 0, 3, 6].item() == pytest.approx(math.exp(-1))


def test_joints_outside_the_picture_give_empty_maps_but_true_coordinates() -> None:
    far = torch.tensor([[[1e4, -1e4]]])
    assert not HEATMAPS[0].encode(far).any()
    torch.testing.assert_close(COORDINATES[0].decode(COORDINATES[0].encode(far)).joints, far)


def output_like(codec: Codec, joints: Tensor, seed: int = 0) -> Tensor:
    target = codec.encode(joints)
    return target + torch.randn(
        target.shape, generator=torch.Generator().manual_seed(seed), dtype=target.dtype
    )


def some_joints(count: int = 3, dtype: torch.dtype = torch.float32) -> Tensor:
    random = torch.Generator().manual_seed(7)
    return torch.rand(count, 4, 2, generator=random, dtype=dtype) * 48


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_a_batch_is_its_people_one_by_one(codec: Codec) -> None:
    joints, weight = some_joints(), torch.tensor([[1.0, 1, 0, 1], [1, 1, 1, 1], [0, 0, 1, 0]])
    output, target = output_like(codec, joints), codec.encode(joints)
    whole = codec.loss(output, target, weight)
    assert whole.shape == (3,)
    for i in range(3):
        one = slice(i, i + 1)
        torch.testing.assert_close(codec.encode(joints[one]), target[one])
        torch.testing.assert_close(
            codec.decode(output[one]).joints, codec.decode(output).joints[one]
        )
        torch.testing.assert_close(
            codec.loss(output[one], target[one], weight[one]), whole[one], rtol=1e-6, atol=0
        )


@pytest.mark.parametrize("codec", CODECS, ids=repr)
@pytest.mark.parametrize("absurd", [-1e6, 1e9])
def test_joints_without_weight_do_not_enter(codec: Codec, absurd: float) -> None:
    joints, weight = some_joints(), torch.ones(3, 4)
    weight[:, 2] = 0
    output = output_like(codec, joints)
    moved = joints.clone()
    moved[:, 2] = absurd
    losses = [codec.loss(output, codec.encode(given_), weight) for given_ in (joints, moved)]
    assert torch.equal(*losses)
    assert not codec.loss(output, codec.encode(joints), torch.zeros(3, 4)).any()


def test_the_losses_are_those_of_the_papers() -> None:
    output, joints = torch.zeros(1, 1, 12, 16), torch.tensor([[[21.5, 9.5]]])
    weight = torch.ones(1, 1)
    bump = sum(
        math.exp(-((x - 5) ** 2 + (y - 2) ** 2)) for x in range(16) for y in range(12)
    )  # of squares: exp(-d / 2) ** 2
    loss = HEATMAPS[0].loss(output, HEATMAPS[0].encode(joints), weight)
    assert loss.item() == pytest.approx(bump / (12 * 16), rel=1e-4)
    shares = torch.tensor([[[0.25, -0.5]]])
    for codec, expected in zip(COORDINATES, ((0.25 + 0.5) / 2, (0.0625 + 0.25) / 2), strict=True):
        assert codec.loss(shares, torch.zeros(1, 1, 2), weight).item() == pytest.approx(expected)


@pytest.mark.parametrize("codec", HEATMAPS, ids=repr)
def test_cross_entropy_against_a_slow_sum(codec: HeatmapCodec) -> None:
    joints, weight = some_joints(), torch.tensor([[1.0, 1, 0, 1], [1, 1, 1, 1], [0, 0, 1, 0]])
    output, target = output_like(codec, joints), codec.encode(joints)
    expected = []
    for person in range(3):
        each = []
        for joint in range(4):
            truth = target[person, joint] / target[person, joint].sum()
            probability = output[person, joint].exp() / output[person, joint].exp().sum()
            each.append(-(truth * probability.log()).sum() * weight[person, joint])
        expected.append(sum(each) / 4)
    torch.testing.assert_close(
        codec.cross_entropy(output, target, weight), torch.stack(expected), rtol=1e-4, atol=0
    )


def test_cross_entropy_of_an_empty_target_is_nothing() -> None:
    codec = HEATMAPS[0]
    target = codec.encode(torch.full((1, 4, 2), 1e6))
    assert not codec.cross_entropy(torch.randn(1, 4, 12, 16), target, torch.ones(1, 4)).any()


@pytest.mark.parametrize("codec", [HeatmapCodec((16, 16)), CoordinateCodec(SIZE)], ids=repr)
def test_losses_differentiate_with_respect_to_outputs(codec: Codec) -> None:
    joints = some_joints(2, torch.float64) / 4
    weight = torch.tensor([[1.0, 0, 1, 1], [1, 1, 1, 0]], dtype=torch.float64)
    output = output_like(codec, joints).requires_grad_()
    target = codec.encode(joints)
    assert target.dtype == torch.float64
    losses = [codec.loss]
    if isinstance(codec, HeatmapCodec):
        losses.append(codec.cross_entropy)
    for loss in losses:
        assert torch.autograd.gradcheck(lambda o, loss=loss: loss(o, target, weight), (output,))


@pytest.mark.parametrize("codec", [HeatmapCodec((16, 16)), CoordinateCodec(SIZE)], ids=repr)
def test_targets_differentiate_with_respect_to_joints(codec: Codec) -> None:
    joints = (some_joints(1, torch.float64) / 4).requires_grad_()
    assert torch.autograd.gradcheck(codec.encode, (joints,))
