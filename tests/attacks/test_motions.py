"""Where a picture went is found by looking at it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from robustpose.attacks.bridges import bridged_front
from robustpose.attacks.motions import motions, moved_by
from robustpose.data.crops import crop
from robustpose.data.rendered import rendered_people
from robustpose.poses import Images


@pytest.fixture(scope="module")
def pictures() -> Images:
    """Return two rendered people."""
    return crop(rendered_people("test", count=2, pixels=128), (128, 128)).images


def shifted(maps: Tensor) -> Tensor:
    """Return maps three rows and two columns on, what falls out coming in at the other side."""
    return torch.roll(maps, (3, -2), (2, 3))


def shrunk(maps: Tensor) -> Tensor:
    """Return maps in 112 of 128 rows and columns, black around."""
    small = F.interpolate(maps, size=(112, 112), mode="bilinear")
    return F.pad(small, (10, 6, 4, 12))


def mirrored(maps: Tensor) -> Tensor:
    """Return maps with left and right exchanged."""
    return maps.flip(3)


def turned(maps: Tensor) -> Tensor:
    """Return maps turned by six degrees."""
    cosine, sine = np.cos(0.1), np.sin(0.1)
    turn = torch.tensor([[[cosine, -sine, 0], [sine, cosine, 0]]]).float().repeat(len(maps), 1, 1)
    grid = F.affine_grid(turn, list(maps.shape), align_corners=False)
    return F.grid_sample(maps, grid, align_corners=False)


def rounded(maps: Tensor) -> Tensor:
    """Return maps of eight levels."""
    return (7 * maps).round() / 7


MOVES = [shifted, shrunk, mirrored, turned]


@pytest.mark.parametrize("move", MOVES)
def test_a_motion_is_found_behind_rounding(
    move: Callable[[Tensor], Tensor], pictures: Images
) -> None:
    found = motions(pictures, rounded(move(pictures)))
    assert found is not None
    # The middle: at the border pictures differ in what comes in.
    seen, wanted = (
        each[:, :, 24:-24, 24:-24] for each in (moved_by(pictures, found), move(pictures))
    )
    assert (seen - wanted).abs().mean() < 0.02


@pytest.mark.parametrize("change", [lambda x: x, rounded, lambda x: 0.3 * x + 0.5])
def test_what_stays_in_its_place_has_no_motion(
    change: Callable[[Tensor], Tensor], pictures: Images
) -> None:
    assert motions(pictures, change(pictures)) is None


def test_nothing_is_found_in_flat_or_foreign_pictures(pictures: Images) -> None:
    assert motions(torch.full_like(pictures, 0.5), pictures) is None
    assert motions(pictures, torch.rand(pictures.shape)) is None


def test_each_image_has_a_motion_of_its_own(pictures: Images) -> None:
    given = torch.cat([pictures[:1], shifted(pictures[1:])])
    found = motions(pictures, given)
    assert found is not None
    torch.testing.assert_close(found[0], torch.eye(2, 3))
    torch.testing.assert_close(found[1], torch.tensor([[1.0, 0, 2], [0, 1, -3]]), atol=0.1, rtol=0)


def test_without_a_motion_maps_are_themselves() -> None:
    maps = torch.rand(2, 4, 9, 13)
    torch.testing.assert_close(moved_by(maps, torch.eye(2, 3).repeat(2, 1, 1)), maps)


@pytest.mark.parametrize("move", MOVES)
def test_gradients_go_back_to_where_a_picture_came_from(
    move: Callable[[Tensor], Tensor], pictures: Images
) -> None:
    torch.manual_seed(0)
    weights = F.avg_pool2d(torch.randn(2, 3, 130, 130), 3, 1)

    def cut(images: Images) -> Tensor:
        return rounded(move(images)).detach()

    def gradient(led: Callable[[Images], Tensor]) -> Tensor:
        variable = pictures.clone().requires_grad_()
        return torch.autograd.grad((led(variable) * weights).sum(), variable)[0].flatten(1)

    wanted = gradient(move)
    found = gradient(lambda x: bridged_front(cut(x), x, cut, keep=False))
    assert (F.cosine_similarity(found, wanted) > 0.7).all()


def test_a_motion_with_gradients_of_its_own_keeps_them(pictures: Images) -> None:
    variable = pictures.clone().requires_grad_()
    given = shifted(variable)
    assert bridged_front(given, variable, shifted, keep=True) is given
