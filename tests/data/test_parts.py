"""Label maps of drawn people: at the right places, and swapped in a mirror."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from robustpose.data.parts import MIRRORED, crop_with_parts, part_map, rendering_of
from robustpose.data.people import Split
from robustpose.data.rendered import PARTS, rendered_people
from robustpose.errors import UsageError
from robustpose.geometry import affine_to_cells, box_to_canvas, cell_to_pixel, transformed
from robustpose.poses import PoseBatch


@pytest.fixture(scope="module")
def labelled(people: Split) -> PoseBatch:
    return crop_with_parts(people, (64, 64), stride=4)


def test_people_are_cropped_as_ever(labelled: PoseBatch, batch: PoseBatch) -> None:
    assert labelled.ids == batch.ids
    assert torch.equal(labelled.images, batch.images)
    assert torch.equal(labelled.joints, batch.joints)
    assert torch.equal(labelled.labels["activity"], batch.labels["activity"])


def test_a_cell_has_the_label_of_the_pixel_in_its_middle(
    labelled: PoseBatch, people: Split
) -> None:
    maps = labelled.labels["parts"].numpy()
    assert maps.shape == (4, 16, 16)
    for person, found in zip(people, maps, strict=True):
        mask = rendering_of(person).parts
        affine = people.affine(person, (64, 64))
        linear, shift = affine[:, :2], affine[:, 2]
        agreed = 0
        for row, column in np.ndindex(16, 16):
            middle = np.array([4 * column + 1.5, 4 * row + 1.5])
            x, y = np.rint(np.linalg.solve(linear, middle - shift)).astype(int)
            inside = 0 <= x < mask.shape[1] and 0 <= y < mask.shape[0]
            agreed += found[row, column] == (mask[y, x] if inside else 0)
        assert agreed >= 250  # middles between two pixels go either way
        assert len(np.unique(found)) > 5


def test_parts_lie_where_the_joints_are() -> None:
    people = rendered_people("test", count=40, pixels=64)
    batch = crop_with_parts(people, (64, 64), stride=1)
    right = left = 0
    for person, joints, parts in zip(people, batch.joints, batch.labels["parts"], strict=True):
        for knee, lower, other in ((1, "right_lower_leg", "left_lower_leg"),
                                   (4, "left_lower_leg", "right_lower_leg")):  # fmt: skip
            ankle = 0 if knee == 1 else 5
            if not (person.visible[knee] and person.visible[ankle]):
                continue
            x, y = (joints[knee] + joints[ankle]).div(2).round().long().tolist()
            right += int(parts[y, x] == PARTS.index(lower))
            left += int(parts[y, x] == PARTS.index(other))
    assert right > 5 * left
    assert right > 20


def test_left_and_right_swap_in_a_mirror() -> None:
    assert [PARTS[label] for label in MIRRORED[[0, 1, 2, 3, 10]]] == [
        "background",
        "head",
        "torso",
        "left_upper_arm",
        "right_lower_leg",
    ]
    assert MIRRORED[MIRRORED].tolist() == list(range(len(PARTS)))


def test_a_mirrored_map_is_the_map_of_the_mirrored_picture(people: Split) -> None:
    mask = rendering_of(people[0]).parts
    plain, mirrored = (
        part_map(mask, affine_to_cells(affine, 4), (16, 16))
        for affine in (
            box_to_canvas((31.4, 30.2), (55.3, 55.3), (64, 64), mirrored=mirrored)
            for mirrored in (False, True)
        )
    )
    assert (mirrored[:, ::-1] == plain).mean() > 0.99
    assert (mirrored != plain).any()


def test_cells_are_pixels_seen_at_fewer_places() -> None:
    affine = box_to_canvas((31, 30), (50, 50), (64, 64), rotation=20, mirrored=True)
    points = np.random.default_rng(0).uniform(0, 60, (5, 2))
    cells = transformed(points, affine_to_cells(affine, 4))
    pixels = cell_to_pixel(torch.from_numpy(cells), 4)
    np.testing.assert_allclose(pixels, transformed(points, affine))


def test_photographs_have_no_parts(people: Split) -> None:
    class Photograph:
        name = "a photograph"

        def read(self) -> np.ndarray:
            return np.zeros((64, 64, 3), np.uint8)

    some = replace(people, people=(replace(people[0], photo=Photograph()),))
    with pytest.raises(UsageError, match="only drawn people have a mask"):
        crop_with_parts(some, (64, 64), stride=4)
