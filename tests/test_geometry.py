"""Maps between photographs, canvases and heatmaps."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustpose.geometry import (
    Alignment,
    box_to_canvas,
    cell_to_pixel,
    inverse,
    pixel_to_cell,
    rescaled,
    rescaled_back,
    resized,
    scale_of,
    transformed,
)

centres = st.tuples(st.floats(-50, 500), st.floats(-50, 500))
sides = st.floats(5, 800)
canvases = st.tuples(st.integers(8, 300), st.integers(8, 300))
angles = st.floats(-180, 180)


def test_a_square_fills_the_canvas_edge_to_edge() -> None:
    # 10 photo pixels from -0.5 to 9.5 become 40 canvas pixels from -0.5 to 39.5.
    affine = box_to_canvas((4.5, 4.5), (10, 10), (40, 40))
    points = np.array([[-0.5, -0.5], [0, 0], [4.5, 4.5], [9.5, 9.5]])
    expected = [[-0.5, -0.5], [1.5, 1.5], [19.5, 19.5], [39.5, 39.5]]
    np.testing.assert_allclose(transformed(points, affine), expected)
    assert scale_of(affine) == pytest.approx(4)


def test_a_square_fits_the_shorter_side_in_the_middle() -> None:
    affine = box_to_canvas((100, 50), (20, 20), (40, 60))
    np.testing.assert_allclose(transformed(np.array([100.0, 50.0]), affine), [29.5, 19.5])
    np.testing.assert_allclose(transformed(np.array([90.0, 40.0]), affine), [9.5, -0.5])


def test_the_whole_box_is_seen_on_a_canvas_of_other_proportions() -> None:
    corners = np.array([[95.0, 30.0], [105.0, 70.0]])  # 10 wide, 40 high
    for canvas, low, high in (
        ((80, 60), [19.5, -0.5], [39.5, 79.5]),
        ((80, 10), [-0.5, 19.5], [9.5, 59.5]),
    ):
        affine = box_to_canvas((100, 50), (10, 40), canvas)
        np.testing.assert_allclose(transformed(corners, affine), [low, high])


@pytest.mark.parametrize(
    ("alignment", "low", "high"),
    [
        (Alignment.EDGES, [-0.5, -0.5], [39.5, 59.5]),
        (Alignment.INDEX, [0, 0], [40, 60]),
        (Alignment.UDP, [0, 0], [39, 59]),
    ],
)
def test_where_the_corners_of_a_box_lie(
    alignment: Alignment, low: list[float], high: list[float]
) -> None:
    affine = box_to_canvas((100, 50), (20, 30), (60, 40), alignment=alignment)
    corners = np.array([[90.0, 35.0], [110.0, 65.0]])
    np.testing.assert_allclose(transformed(corners, affine), [low, high], atol=1e-12)


def test_rotation_is_clockwise_and_a_mirror_swaps_left_and_right() -> None:
    right_of_centre = np.array([6.0, 5.0])
    turned = box_to_canvas((5, 5), (11, 11), (11, 11), rotation=90)
    np.testing.assert_allclose(transformed(right_of_centre, turned), [5, 6], atol=1e-12)
    mirrored = box_to_canvas((5, 5), (11, 11), (11, 11), mirrored=True)
    np.testing.assert_allclose(transformed(right_of_centre, mirrored), [4, 5], atol=1e-12)
    both = box_to_canvas((5, 5), (11, 11), (11, 11), rotation=90, mirrored=True)
    np.testing.assert_allclose(transformed(np.array([5.0, 4.0]), both), [4, 5], atol=1e-12)


@given(centres, sides, canvases, angles, st.booleans())
def test_the_inverse_leads_back(
    centre: tuple[float, float],
    side: float,
    canvas: tuple[int, int],
    rotation: float,
    mirrored: bool,
) -> None:
    affine = box_to_canvas(centre, (side, side), canvas, rotation=rotation, mirrored=mirrored)
    points = np.array([[0.0, 0], [17.3, -4], [250, 99.5]])
    np.testing.assert_allclose(
        transformed(transformed(points, affine), inverse(affine)), points, atol=1e-6
    )
    assert scale_of(affine) == pytest.approx(min(canvas) / side)
    middle = [(canvas[1] - 1) / 2, (canvas[0] - 1) / 2]
    np.testing.assert_allclose(transformed(np.array(centre), affine), middle, atol=1e-6)


@pytest.mark.parametrize("rotation", [0, 30, -110])
@pytest.mark.parametrize("mirrored", [False, True])
def test_pixels_and_points_move_together(rotation: float, mirrored: bool) -> None:
    at = np.array([70.0, 45.0])
    rows, columns = np.mgrid[:120, :120]
    picture = np.exp(-((columns - at[0]) ** 2 + (rows - at[1]) ** 2) / 18)
    affine = box_to_canvas((60, 55), (90, 90), (64, 80), rotation=rotation, mirrored=mirrored)
    moved = cv2.warpAffine(picture, affine, (80, 64), flags=cv2.INTER_LINEAR)
    rows, columns = np.mgrid[:64, :80]
    centre = [(moved * columns).sum() / moved.sum(), (moved * rows).sum() / moved.sum()]
    np.testing.assert_allclose(centre, transformed(at, affine), atol=0.05)


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (128, 64), (200, 30)])
def test_resized_pictures_and_rescaled_joints_move_together(size: tuple[int, int]) -> None:
    rows, columns = np.mgrid[:64, :64]
    picture = np.exp(-((columns - 40) ** 2 + (rows - 21) ** 2) / 50).astype(np.float32)
    moved = resized(torch.from_numpy(picture)[None, None], size)[0, 0].numpy()
    rows, columns = np.mgrid[: size[0], : size[1]]
    centre = [(moved * columns).sum() / moved.sum(), (moved * rows).sum() / moved.sum()]
    found = rescaled(torch.tensor([[[40.0, 21.0]]]), (64, 64), size)
    np.testing.assert_allclose(found[0, 0].numpy(), centre, atol=0.05)
    back = rescaled_back(found, (64, 64), size)
    torch.testing.assert_close(back, torch.tensor([[[40.0, 21.0]]]))


def test_resizing_keeps_a_constant_and_can_be_differentiated() -> None:
    images = torch.full((1, 3, 50, 40), 0.3, requires_grad=True)
    small = resized(images, (25, 20))
    torch.testing.assert_close(small, torch.full((1, 3, 25, 20), 0.3))
    small.sum().backward()
    assert images.grad is not None
    assert (images.grad > 0).all()
    assert resized(images, (50, 40)) is images


def test_pictures_of_another_shape_keep_their_proportions() -> None:
    wide = resized(torch.ones(1, 1, 10, 20), (40, 40))[0, 0]
    assert not wide[:10].any()
    assert not wide[30:].any()
    torch.testing.assert_close(wide[10:30], torch.ones(20, 40))
    corners = torch.tensor([[[-0.5, -0.5], [19.5, 9.5]]])
    moved = rescaled(corners, (10, 20), (40, 40))
    torch.testing.assert_close(moved, torch.tensor([[[-0.5, 9.5], [39.5, 29.5]]]))


@given(st.floats(-10, 300, width=32), st.sampled_from([1.0, 2.0, 4.0, 8.0]))
def test_cells_and_pixels_lead_back(pixel: float, stride: float) -> None:
    pixels = torch.tensor([pixel])
    back = cell_to_pixel(pixel_to_cell(pixels, stride), stride)
    torch.testing.assert_close(back, pixels, rtol=0, atol=1e-4)
    assert cell_to_pixel(torch.tensor(0.0), 4).item() == 1.5  # the middle of pixels 0 to 3
