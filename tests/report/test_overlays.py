"""Pictures are checked by what is where in them."""

import numpy as np
import pytest

from robustpose.report.overlays import (
    amplification,
    amplified,
    comparison,
    draw_maps,
    draw_skeleton,
    enlarged,
)
from robustpose.report.palette import LEFT, RIGHT, WRONG, ramp_colour
from robustpose.skeletons import LSP14, Skeleton

GREY = np.full((64, 64, 3), 128, dtype=np.uint8)
ARMS = Skeleton(
    "arms",
    ("left_wrist", "left_elbow", "right_wrist", "right_elbow"),
    (("left_wrist", "left_elbow"), ("right_wrist", "right_elbow")),
)
POSE = np.array([[48.0, 8], [48, 56], [16, 8], [16, 56]])


def _has(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((np.abs(picture.astype(int) - colour).max(axis=-1) < 12).any())


def test_left_and_right_limbs_have_their_colours_where_they_are() -> None:
    drawn = draw_skeleton(GREY, POSE, ARMS, scale=4)
    assert drawn.shape == (256, 256, 3)
    assert _has(drawn[80:180, 188:200], LEFT)
    assert not _has(drawn[:, 128:], RIGHT)
    assert _has(drawn[80:180, 60:72], RIGHT)
    assert not _has(drawn[:, :128], LEFT)


def test_lines_lie_on_the_centres_of_pixels() -> None:
    # The middle of pixel 16 of 4 x 4 squares is 65.5: columns 65 and 66 mirror each other.
    drawn = draw_skeleton(GREY, POSE, ARMS, scale=4).astype(int)
    row = drawn[128]
    assert np.abs(row[60:66] - row[66:72][::-1]).max() <= 10


def test_the_image_itself_is_not_drawn_on() -> None:
    before = GREY.copy()
    draw_skeleton(GREY, POSE, ARMS, scale=1)
    assert (before == GREY).all()


def test_wrong_joints_are_marked_and_others_are_not() -> None:
    wrong = np.array([True, False, False, False])
    drawn = draw_skeleton(GREY, POSE, ARMS, scale=4, wrong=wrong)
    assert _has(drawn[16:52, 176:212], WRONG)
    assert not _has(drawn[:, :128], WRONG)
    assert not _has(draw_skeleton(GREY, POSE, ARMS, scale=4), WRONG)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e12])
def test_joints_that_are_nowhere_are_left_out(value: float) -> None:
    pose = POSE.copy()
    pose[0] = value
    drawn = draw_skeleton(GREY, pose, ARMS, scale=4, wrong=np.ones(4, dtype=bool))
    assert _has(drawn, RIGHT)


def test_no_change_is_mid_grey_and_a_full_step_fills_the_range() -> None:
    clean = np.full((4, 4, 3), 100, dtype=np.uint8)
    factor = amplification(8)
    assert factor == 16
    assert (amplified(clean, clean, factor=factor) == 128).all()
    assert (amplified(clean, clean + 8, factor=factor) == 255).all()
    assert (amplified(clean, clean - 8, factor=factor) == 0).all()


def test_heatmaps_light_up_where_a_joint_is() -> None:
    maps = np.zeros((3, 16, 16), dtype=np.float16)
    maps[1, 4, 12] = 1
    drawn = draw_maps(GREY, maps)
    assert drawn.shape == GREY.shape
    brightest = np.unravel_index(drawn[..., 0].argmax(), (64, 64))
    assert brightest == pytest.approx((17.5, 49.5), abs=2.5)


def test_maps_that_are_not_numbers_do_not_break_the_picture() -> None:
    assert draw_maps(GREY, np.full((2, 8, 8), np.nan)).shape == GREY.shape


def test_enlarging_repeats_pixels() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert (enlarged(image, 3)[3:, 3:] == image[1, 1]).all()


def test_a_comparison_has_three_panels_of_one_height() -> None:
    pose = np.full((14, 2), 30.0)
    picture = comparison(GREY, GREY, pose, pose + 5, LSP14, eps255=8, scale=2)
    assert picture.dtype == np.uint8
    assert picture.shape[1] == 3 * 128 + 2 * 8
    assert (picture[24:, 136:264] == 128).all()  # nothing changed: all grey


def test_the_ramp_rises_in_lightness() -> None:
    lightness = [np.dot(ramp_colour(v / 20), (0.2126, 0.7152, 0.0722)) for v in range(21)]
    assert (np.diff(lightness) > 0).all()
    assert ramp_colour(-1) == ramp_colour(0)
    assert ramp_colour(2) == ramp_colour(1)
