"""Crops: pixels and joints stay together, batches are fixed."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from robustpose.data.crops import batches, crop
from robustpose.data.people import PUBLISHED, Box, Person, Split
from robustpose.models.model import PoseModel
from robustpose.poses import Pose
from robustpose.scoring import errors
from robustpose.skeletons import LSP14


@dataclass(frozen=True)
class Dots:
    """A picture that is black but for a soft spot at one joint."""

    at: tuple[float, float]
    width: float
    size: tuple[int, int] = (220, 300)
    name: str = "a dot"

    def read(self) -> np.ndarray:
        rows, columns = np.mgrid[: self.size[0], : self.size[1]]
        distance = (columns - self.at[0]) ** 2 + (rows - self.at[1]) ** 2
        spot = 255 * np.exp(-distance / (2 * self.width**2))
        return np.repeat(spot.round().astype(np.uint8)[..., None], 3, axis=2)


@dataclass(frozen=True)
class Stripes:
    """A picture of black and white rows."""

    name: str = "stripes"

    def read(self) -> np.ndarray:
        picture = np.zeros((400, 400, 3), np.uint8)
        picture[::2] = 255
        return picture


def person(at: tuple[float, float], side: float, **changes: object) -> Person:
    joints = np.tile(np.array(at), (14, 1))
    known = np.ones(14, bool)
    somebody = Person(
        id=f"dot/{at}/{side}",
        photo=Dots(at, width=side / 20),
        joints=joints,
        labelled=known,
        visible=known,
        box=Box.square((140.2, 101.7), side),
        size=side / 4,
    )
    return replace(somebody, **changes)


def split(*people: Person) -> Split:
    return Split("dots", LSP14, threshold=0.5, reference="none", people=people, digest="")


def spot(image: torch.Tensor) -> np.ndarray:
    """Return the centre of the light of an image."""
    light = image.mean(0).numpy().astype(float)
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
    return np.array([(light * columns).sum(), (light * rows).sum()]) / light.sum()


@pytest.mark.parametrize("side", [40, 80, 160, 180])
@pytest.mark.parametrize("canvas", [(64, 64), (48, 80), (32, 32)])
def test_what_lies_at_a_joint_stays_there(side: float, canvas: tuple[int, int]) -> None:
    at = (140.2 + side / 9, 101.7 - side / 7)
    batch = crop(split(person(at, side)), canvas)
    assert batch.images.shape == (1, 3, *canvas)
    np.testing.assert_allclose(spot(batch.images[0]), batch.joints[0, 0].numpy(), atol=0.1)


def test_lengths_shrink_with_the_picture_and_points_lead_back_to_the_photo() -> None:
    batch = crop(split(person((150.0, 90.0), 128)), (64, 64))
    assert batch.size.item() == pytest.approx(128 / 4 / 2)
    back = batch.to_photo[0, :, :2] @ batch.joints[0, 0] + batch.to_photo[0, :, 2]
    torch.testing.assert_close(back, torch.tensor([150.0, 90.0]), rtol=0, atol=1e-3)


def test_images_are_eight_bit_levels_from_zero_to_one() -> None:
    images = crop(split(person((150.0, 90.0), 100)), (32, 32)).images
    torch.testing.assert_close((images * 255).round() / 255, images)
    assert images.dtype == torch.float32
    assert 0 <= images.min() < images.max() <= 1


def test_coordinates_without_a_label_are_never_read() -> None:
    labelled = np.ones(14, bool)
    labelled[2] = False
    joints = np.tile([150.0, 90.0], (14, 1))
    joints[2] = np.nan
    batch = crop(split(person((150.0, 90.0), 100, joints=joints, labelled=labelled)), (32, 32))
    assert batch.joints.isfinite().all()
    assert batch.weight[0].tolist() == [1, 1, 0, *[1] * 11]


def test_people_without_a_reference_length_have_size_zero() -> None:
    assert crop(split(person((150.0, 90.0), 100, size=None)), (32, 32)).size.item() == 0


def test_what_lies_outside_the_photo_is_black() -> None:
    corner = person((150.0, 90.0), 100, box=Box.square((0.0, 0.0), 100))
    white = replace(corner, photo=Dots((0.0, 0.0), width=1e6))
    image = crop(split(white), (40, 40)).images[0]
    assert not image[:, :18, :].any()
    assert not image[:, :, :18].any()
    assert (image[:, 22:, 22:] == 1).all()


def test_a_fine_pattern_does_not_alias() -> None:
    image = crop(
        split(person((150.0, 90.0), 100, photo=Stripes(), box=Box.square((200, 200), 300))),
        (64, 64),
    ).images
    assert 0.4 < image[..., 8:-8, 8:-8].min() <= image[..., 8:-8, 8:-8].max() < 0.6


def test_a_model_is_a_canvas(people: Split, networks: dict[str, PoseModel]) -> None:
    images = crop(people[:1], networks["resdec"]).images
    assert torch.equal(images, crop(people[:1], (64, 64)).images)


def test_labels_travel_with_the_people(people: Split) -> None:
    batch = crop(people, (32, 32))
    assert batch.labels["activity"].tolist() == [someone.labels["activity"] for someone in people]
    assert batch.take([2]).labels["activity"].tolist() == [people[2].labels["activity"]]


def test_batches_are_fixed_and_complete(people: Split) -> None:
    found = list(batches(people, (32, 32), 3))
    assert [batch.ids for batch in found] == [
        tuple(someone.id for someone in people[:3]),
        (people[3].id,),
    ]
    whole = crop(people, (32, 32))
    assert torch.equal(torch.cat([batch.images for batch in found]), whole.images)
    assert torch.equal(torch.cat([batch.joints for batch in found]), whole.joints)


def test_nobody_makes_an_empty_batch(people: Split) -> None:
    batch = crop(people[:0], (32, 40))
    assert len(batch) == 0
    assert batch.images.shape == (0, 3, 32, 40)
    assert batch.joints.shape == (0, 14, 2)


def test_published_crops_are_not_smoothed_and_lie_half_a_pixel_further() -> None:
    striped = split(person((150.0, 90.0), 100, photo=Stripes(), box=Box.square((200, 200), 300)))
    ours, theirs = crop(striped, (64, 64)), crop(replace(striped, cropping=PUBLISHED), (64, 64))
    assert np.ptp(theirs.images[..., 8:-8, 8:-8].numpy()) > 0.9  # every stripe is black or white
    torch.testing.assert_close(theirs.joints, ours.joints + 0.5)


def test_unscored_joints_are_labelled_but_count_in_no_score() -> None:
    batch = crop(replace(split(person((150.0, 90.0), 100)), unscored=("neck",)), (64, 64))
    assert batch.labelled.all()
    assert batch.scored.tolist()[0] == [joint != "neck" for joint in LSP14.joints]
    error = errors(Pose(batch.joints, torch.ones(1, 14)), batch)
    assert np.isnan(error[0]).tolist() == [joint == "neck" for joint in LSP14.joints]
