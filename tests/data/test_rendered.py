"""The drawn people: the same everywhere, with joints that lie where the picture shows them."""

import cv2
import numpy as np
import pytest

from robustpose.data.people import Person
from robustpose.data.rendered import (
    ACTIVITIES,
    PARTS,
    RenderedPeople,
    RenderedPhoto,
    Rendering,
    rendered_people,
)
from robustpose.data.rendering.activities import FAMILIES, LimbAngles, Pose
from robustpose.data.rendering.bodies import lsp_joints, pose_body, sample_proportions, turn_y
from robustpose.data.rendering.clothing import dress, sample_outfit
from robustpose.data.rendering.drawing import Light, draw, parts_at
from robustpose.data.rendering.draws import stream
from robustpose.data.rendering.heads import Head
from robustpose.data.rendering.scenes import ADJACENT
from robustpose.errors import UsageError
from robustpose.skeletons import LSP14

# Made with (version 1):
#   for i in (0, 1, 499):
#       photo = rendered_people("test", pixels=64)[i].photo
#       grey = photo.read().mean(axis=2).reshape(4, 16, 4, 16).mean(axis=(1, 3))
#       print(i, np.round(grey).astype(int).tolist())
PICTURES = {
    0: [[116, 92, 80, 125], [123, 111, 117, 115], [123, 122, 117, 137], [136, 133, 114, 145]],
    1: [[109, 114, 112, 110], [113, 116, 110, 113], [106, 109, 101, 104], [55, 56, 60, 56]],
    499: [[127, 132, 131, 179], [139, 167, 159, 187], [144, 112, 171, 175], [133, 151, 136, 140]],
}

# Made with: np.round(rendered_people("test", pixels=160)[7].joints, 3).tolist()
JOINTS = [
    (92.797, 123.66), (87.626, 114.344), (86.202, 85.754), (70.231, 84.024),
    (66.584, 106.098), (63.254, 127.476), (103.132, 25.057), (99.631, 40.248),
    (89.418, 55.695), (64.773, 53.322), (52.578, 44.72), (44.164, 35.396),
    (76.989, 52.207), (75.359, 36.614),
]  # fmt: skip


def _photo(person: Person) -> RenderedPhoto:
    assert isinstance(person.photo, RenderedPhoto)
    return person.photo


def _render(person: Person) -> Rendering:
    return _photo(person).render()


@pytest.mark.parametrize("index", PICTURES)
def test_pictures_are_the_frozen_ones(index: int) -> None:
    image = rendered_people("test", pixels=64)[index].photo.read()
    grey = image.mean(axis=2).reshape(4, 16, 4, 16).mean(axis=(1, 3))
    np.testing.assert_allclose(grey, PICTURES[index], atol=1.0)


def test_joints_are_the_frozen_ones() -> None:
    joints = rendered_people("test", pixels=160)[7].joints
    np.testing.assert_allclose(joints, JOINTS, atol=2e-3)


def test_people_do_not_depend_on_order_or_count() -> None:
    many, few = rendered_people("train", pixels=64), rendered_people("train", count=9, pixels=64)
    many[123].photo.read()
    assert (many[8].photo.read() == few[8].photo.read()).all()
    assert many[8].id == few[8].id == "rendered/v1/train/000008"
    assert (few[8].joints != few[7].joints).all()


def test_ids_are_known_without_drawing() -> None:
    people = rendered_people("test", count=5)[1:4]
    assert people.ids == [person.id for person in people]


def test_splits_differ() -> None:
    train, test = rendered_people("train", pixels=32), rendered_people("test", pixels=32)
    assert (train[0].joints != test[0].joints).all()
    assert train.digest != test.digest
    assert test.digest != rendered_people("test", pixels=64).digest
    assert len(test) == 1000
    assert len(train) == 1_000_000


def test_picture_mask_and_person_have_their_types() -> None:
    split = rendered_people("test", count=2, pixels=96)
    person = split[0]
    image, parts = _render(person)
    assert image.shape == (96, 96, 3)
    assert parts.shape == (96, 96)
    assert image.dtype == parts.dtype == np.uint8
    assert set(np.unique(parts)) <= set(range(len(PARTS)))
    assert (_photo(person).parts() == parts).all()
    assert (person.photo.read() == image).all()
    assert person.joints.shape == (14, 2)
    assert person.joints.dtype == np.float64
    assert person.labelled.all()
    assert (split.skeleton, split.threshold, split.reference) == (LSP14, 0.5, "head")


def test_joints_fill_the_picture_as_promised() -> None:
    pixels = 128
    for person in rendered_people("test", count=150, pixels=pixels):
        low, high = person.joints.min(axis=0), person.joints.max(axis=0)
        assert (low >= 0).all()
        assert (high <= pixels - 1).all()
        extent = (high - low).max() / pixels
        assert 0.55 - 1e-9 <= extent <= 0.75 + 1e-9
        assert person.box.width == pytest.approx(1.3 * extent * pixels)


def test_head_size_is_a_tenth_of_the_crop() -> None:
    people = rendered_people("test", count=150)
    shares = [float(person.size or 0) / person.box.width for person in people]
    assert 0.09 < np.median(shares) < 0.12
    assert min(shares) > 0.07
    assert max(shares) < 0.2


def test_head_size_is_that_of_the_drawn_head() -> None:
    pixels, checked = 256, 0
    for person in rendered_people("test", count=60, pixels=pixels):
        scene = _photo(person).scene
        head = [solid for solid in scene.person if isinstance(solid, Head)]
        parts = np.zeros((pixels, pixels), np.uint8)
        draw(np.zeros((3, pixels, pixels), np.float32), parts, head, scene.light)
        rows, columns = np.nonzero(parts)
        if min(rows.min(), columns.min()) == 0 or max(rows.max(), columns.max()) == pixels - 1:
            continue
        checked += 1
        diagonal = np.hypot(np.ptp(rows) + 1, np.ptp(columns) + 1)
        assert person.size == pytest.approx(0.6 * diagonal, abs=1.3)
    assert checked > 40


def test_visible_joints_lie_on_their_parts() -> None:
    agree, near = [], []
    for person in rendered_people("test", count=80, pixels=160):
        parts = _photo(person).parts()
        for (x, y), adjacent, visible in zip(person.joints, ADJACENT, person.visible, strict=True):
            column, row = round(float(x)), round(float(y))
            agree.append((parts[row, column] in adjacent) == visible)
            around = parts[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            near.append(not visible or bool(np.isin(around, adjacent).any()))
    # Visibility is asked at the joint itself, the mask at the middle of its pixel.
    assert np.mean(agree) > 0.98
    assert all(near)


def test_visibility_is_the_masks_at_pixel_centres() -> None:
    for person in rendered_people("test", count=20, pixels=64):
        scene = _photo(person).scene
        parts = _photo(person).parts()
        rows, columns = np.mgrid[3:64:5, 3:64:5].reshape(2, -1)
        points = (np.stack([columns, rows], axis=1) + 0.5) / 64
        solids = (*scene.person, *scene.before)
        assert (parts_at(solids, points) == parts[rows, columns]).all()


def test_occlusion_is_moderate() -> None:
    people = list(rendered_people("test", count=200, pixels=32))
    hidden = np.array([14 - person.visible.sum() for person in people])
    occluded = np.array([bool(_photo(person).scene.before) for person in people])
    assert 0.15 < occluded.mean() < 0.35
    assert 0.5 < hidden[~occluded].mean() < 1.8
    assert 0.5 < hidden[occluded].mean() - hidden[~occluded].mean() < 3


def test_every_activity_occurs() -> None:
    people = rendered_people("test", count=200, pixels=32)
    counts = np.bincount([person.labels["activity"] for person in people], minlength=12)
    assert len(ACTIVITIES) == len(counts) == 12
    assert counts.min() >= 5


def test_gymnasts_are_upside_down_and_standing_people_are_not() -> None:
    feet_above: dict[str, list[bool]] = {name: [] for name in ACTIVITIES}
    for person in rendered_people("test", count=250, pixels=32):
        ankles, neck = person.joints[[0, 5], 1].mean(), person.joints[12, 1]
        feet_above[ACTIVITIES[person.labels["activity"]]].append(bool(ankles < neck))
    assert np.mean(feet_above["gymnastics"]) > 0.7
    assert not any(feet_above["standing"])
    assert not any(feet_above["walking"])


def test_joints_scale_with_the_pixels() -> None:
    small = rendered_people("test", count=20, pixels=128)
    large = rendered_people("test", count=20, pixels=256)
    for few, many in zip(small, large, strict=True):
        np.testing.assert_allclose((few.joints + 0.5) * 2, many.joints + 0.5)
        assert (few.visible == many.visible).all()
        assert many.size == pytest.approx(2 * float(few.size or 0))


def test_pictures_of_two_sizes_show_the_same() -> None:
    small = rendered_people("test", count=12, pixels=128)
    large = rendered_people("test", count=12, pixels=256)
    for few, many in zip(small, large, strict=True):
        a, b = _render(few), _render(many)
        coarse = cv2.resize(a.image, (32, 32), interpolation=cv2.INTER_AREA).astype(float)
        fine = cv2.resize(b.image, (32, 32), interpolation=cv2.INTER_AREA).astype(float)
        assert np.abs(coarse - fine).mean() < 5
        assert np.mean(a.parts != b.parts[::2, ::2]) < 0.02


def _mirrored(pose: Pose) -> Pose:
    forward, sideways, twist = pose.spine
    nod, slant, turn = pose.head
    return Pose(
        pose.lean,
        -pose.tilt,
        (forward, -sideways, -twist),
        (nod, -slant, -turn),
        (pose.arms[1], pose.arms[0]),
        (pose.legs[1], pose.legs[0]),
    )


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_a_mirrored_pose_gives_mirrored_joints(activity: str) -> None:
    random = stream("test", activity)
    body, pose = sample_proportions(random), FAMILIES[activity](random)
    joints = lsp_joints(pose_body(body, pose, turn_y(35)))
    mirrored = lsp_joints(pose_body(body, _mirrored(pose), turn_y(-35)))
    np.testing.assert_allclose(mirrored[list(LSP14.mirror)] * (-1, 1, 1), joints, atol=1e-12)


def _upright(yaw: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a person with hanging arms; return planes, parts and joints in pixels."""
    random = stream("test", "upright")
    body, arm, leg = sample_proportions(random), LimbAngles(0, 20, 0, 5), LimbAngles(0, 8, 0, 0)
    pose = Pose(0, 0, (0, 0, 0), (0, 0, 0), (arm, arm), (leg, leg))
    figure = pose_body(body, pose, turn_y(yaw))
    solids = dress(figure, body, sample_outfit(random, 1.0), 1.0)
    # The hips are at the picture's corner, so it shows only what is right of and below them.
    canvas = np.zeros((3, 128, 128), np.float32)
    parts = np.zeros((128, 128), np.uint8)
    draw(canvas, parts, solids, Light((0.0, 0.0, 1.0), 0.5, 0.5))
    return canvas, parts, lsp_joints(figure)


def test_left_is_right_of_the_picture_when_the_person_faces_it() -> None:
    left, right = LSP14.index("left_wrist"), LSP14.index("right_wrist")
    for yaw, sign in ((0, 1), (180, -1)):
        _, parts, joints = _upright(yaw)
        assert sign * (joints[left, 0] - joints[right, 0]) > 0.2
        seen = PARTS.index("left_upper_leg" if sign > 0 else "right_upper_leg")
        hidden = PARTS.index("right_upper_leg" if sign > 0 else "left_upper_leg")
        assert (parts == seen).sum() > 5 * (parts == hidden).sum()


def test_the_toes_point_forward() -> None:
    random = stream("test", "toes")
    body = sample_proportions(random)
    rest = LimbAngles(0, 0, 0, 0)
    pose = Pose(0, 0, (0, 0, 0), (0, 0, 0), (rest, rest), (rest, rest))
    figure = pose_body(body, pose, turn_y(90))  # faces the right of the picture
    for leg in figure.legs:
        assert leg.tip[0] - leg.heel[0] > 0.08
    assert (figure.head_frame[2] @ (1, 0, 0)) == pytest.approx(1)


def test_face_and_nape_look_different() -> None:
    people = rendered_people("test", count=200, pixels=128)
    lightness: dict[bool, list[float]] = {True: [], False: []}
    for person in people:
        scene = _photo(person).scene
        head = next(solid for solid in scene.person if isinstance(solid, Head))
        facing = float(head.frame[2, 2])
        if abs(facing) < 0.8:
            continue
        x, y = head.centre[0], head.centre[1]
        surface = head.surface(np.full((1, 1), x, np.float32), np.full((1, 1), y, np.float32))
        colour = head.paint(surface, (0.0, 0.0, 1.0))[0].ravel()
        hair = np.array(head.hair.light)
        lightness[facing > 0].append(float(np.abs(colour - hair).max()))
    assert np.median(lightness[False]) < 40
    assert np.median(lightness[True]) > 60


def test_slices_and_negative_indices() -> None:
    split = rendered_people("test", count=30, pixels=32)
    people = split.people
    assert isinstance(people[5:25:3], RenderedPeople)
    assert [person.id[-2:] for person in split[5:25:5]] == ["05", "10", "15", "20"]
    assert split[-1].id == "rendered/v1/test/000029"
    assert split[::-1][0].id == split[29].id
    assert len(split.limited(4)) == 4
    assert len(rendered_people("test", count=0)) == 0
    with pytest.raises(IndexError):
        split[30]


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(UsageError, match="train and test"):
        rendered_people("val")
    with pytest.raises(UsageError, match="at least 0"):
        rendered_people("test", count=-1)
    with pytest.raises(UsageError, match="at least 16"):
        rendered_people("test", pixels=0)
