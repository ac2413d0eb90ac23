"""Maps of parts: ridges against a slow loop and against bumps along a line, weights, gradients."""

import math

import pytest
import torch
from torch import Tensor

from robustpose.models.codecs import HeatmapCodec
from robustpose.models.codecs.parts import PartsCodec

SIZE = (48, 64)  # height, width
PARTS = (((0, 1),), ((0, 1), (1, 2)), ((3, 2),))
CODEC = PartsCodec(SIZE, sigma=1.3, parts=PARTS)
Point = tuple[float, float]


def some_joints(count: int = 3, dtype: torch.dtype = torch.float64) -> Tensor:
    random = torch.Generator().manual_seed(5)
    return torch.rand(count, 4, 2, generator=random, dtype=dtype) * 60 - 6


def distance_to_bone(cell: Point, one: Point, other: Point) -> float:
    """Return the distance to a segment: that to an end if it lies beyond, else that to the line."""
    (x, y), (ax, ay), (bx, by) = cell, one, other
    if (x - ax) * (bx - ax) + (y - ay) * (by - ay) <= 0:
        return math.dist(cell, one)
    if (x - bx) * (ax - bx) + (y - by) * (ay - by) <= 0:
        return math.dist(cell, other)
    return abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / math.dist(one, other)


def test_parts_against_a_slow_loop() -> None:
    joints = some_joints()
    maps = CODEC.encode(joints)
    assert maps.shape == (3, 3 + 4, 12, 16)
    for person in range(3):
        places = [((x - 1.5) / 4, (y - 1.5) / 4) for x, y in joints[person].tolist()]
        for channel, part in enumerate(PARTS):
            for row in range(12):
                for column in range(16):
                    nearest = min(
                        distance_to_bone((column, row), places[a], places[b]) for a, b in part
                    )
                    expected = math.exp(-(nearest**2) / (2 * 1.3**2))
                    found = maps[person, channel, row, column].item()
                    assert found == pytest.approx(expected, abs=1e-12)


def test_the_joints_are_drawn_as_heatmaps_are() -> None:
    joints = some_joints()
    assert torch.equal(CODEC.encode(joints)[:, 3:], HeatmapCodec(SIZE, sigma=1.3).encode(joints))


def bumps_along(row: int, columns: range, sigma: float, reach: int) -> Tensor:
    """Return a map of bumps in the cells of a line, each cut off `reach` cells away."""
    drawn = torch.zeros(12, 16, dtype=torch.float64)
    for column in columns:
        for y in range(max(0, row - reach), min(12, row + reach + 1)):
            for x in range(max(0, column - reach), min(16, column + reach + 1)):
                bump = math.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * sigma**2))
                drawn[y, x] = max(drawn[y, x].item(), bump)
    return drawn


@pytest.mark.parametrize("upright", [False, True])
def test_a_ridge_is_the_published_one_but_for_its_cut_and_its_missing_end(upright: bool) -> None:
    joints = torch.tensor([[[4 * 4 + 1.5, 4 * 5 + 1.5], [4 * 10 + 1.5, 4 * 5 + 1.5]]]).double()
    size = (64, 48) if upright else SIZE
    codec = PartsCodec(size, sigma=1.75, parts=(((0, 1),),))
    ridge = codec.encode(joints.flip(2) if upright else joints)[0, 0]
    ridge = ridge.T if upright else ridge
    published = bumps_along(5, range(4, 10), sigma=1.75, reach=3)
    drawn = published > 0
    torch.testing.assert_close(ridge[:, :10][drawn[:, :10]], published[:, :10][drawn[:, :10]])
    assert (ridge >= published - 1e-12).all()
    assert ridge[5, 10] == 1
    assert ridge[~drawn].max() <= math.exp(-(3**2) / (2 * 1.75**2))


def test_joints_decode_from_their_own_maps() -> None:
    random = torch.Generator().manual_seed(3)
    joints = torch.rand(5, 4, 2, generator=random) * 47
    output = CODEC.encode(joints)
    output[:, :3] = 100 * torch.randn(5, 3, 12, 16, generator=random)
    pose = CODEC.decode(output)
    assert (pose.joints - joints).abs().max() <= 1 + 1e-3
    assert pose.confidence.max() <= 1


@pytest.mark.parametrize(
    ("labelled", "maps"),
    [
        ((1, 1, 1, 1), 7),
        ((0, 1, 1, 1), 1 + 3),  # the last part alone
        ((1, 0, 1, 1), 1 + 3),
        ((1, 1, 0, 1), 1 + 3),  # the first part alone
        ((1, 1, 1, 0), 2 + 3),
        ((0, 0, 0, 1), 1),
        ((0, 0, 0, 0), 0),
    ],
)
def test_a_part_enters_if_all_of_its_joints_are_labelled(
    labelled: tuple[int, ...], maps: int
) -> None:
    target = CODEC.encode(some_joints())
    weight = torch.tensor(labelled, dtype=torch.float64).expand(3, 4)
    expected = torch.full((3,), 4 * maps / 7, dtype=torch.float64)
    torch.testing.assert_close(CODEC.loss(target + 2, target, weight), expected)


@pytest.mark.parametrize("absurd", [-1e6, 1e9])
def test_joints_without_label_do_not_enter(absurd: float) -> None:
    joints, weight = some_joints(), torch.ones(3, 4, dtype=torch.float64)
    weight[:, 0] = 0
    moved = joints.clone()
    moved[:, 0] = absurd
    random = torch.Generator().manual_seed(0)
    output = torch.randn(3, 7, 12, 16, generator=random, dtype=torch.float64)
    for loss in (CODEC.loss, CODEC.cross_entropy):
        one, other = (loss(output, CODEC.encode(each), weight) for each in (joints, moved))
        assert torch.equal(one, other)
        assert (one > 0).all()


def test_cross_entropy_against_a_slow_sum() -> None:
    joints = some_joints()
    weight = torch.tensor([[1.0, 1, 1, 1], [0, 1, 1, 1], [1, 1, 0, 0]]).double()
    entering = [(0, 1, 2, 3, 4, 5, 6), (2, 4, 5, 6), (0, 3, 4)]
    target = CODEC.encode(joints)
    output = torch.randn(target.shape, generator=torch.Generator().manual_seed(1)).double()
    expected = []
    for person, channels in enumerate(entering):
        total = 0.0
        for channel in channels:
            truth = target[person, channel] / target[person, channel].sum()
            probability = output[person, channel].exp() / output[person, channel].exp().sum()
            total -= (truth * probability.log()).sum().item()
        expected.append(total / 7)
    found = CODEC.cross_entropy(output, target, weight)
    torch.testing.assert_close(found, torch.tensor(expected).double())


def test_targets_differentiate_with_respect_to_joints() -> None:
    codec = PartsCodec((16, 20), parts=PARTS)
    joints = (some_joints(2) / 4 + 2).requires_grad_()
    assert torch.autograd.gradcheck(codec.encode, (joints,))


def test_a_bone_without_length_is_a_bump() -> None:
    joints = torch.full((1, 2, 2), 17.0).requires_grad_()
    maps = PartsCodec(SIZE, parts=(((0, 1),),)).encode(joints)
    torch.testing.assert_close(maps[:, 0], maps[:, 1])
    maps.square().sum().backward()
    assert joints.grad is not None
    assert joints.grad.isfinite().all()
