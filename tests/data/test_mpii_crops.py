"""People of MPII are cut out as published code cuts them."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from robustpose.data.crops import crop
from robustpose.data.mpii import mpii_people
from robustpose.data.people import UDP, Split
from robustpose.geometry import inverse

from .make.mpii_crops import BOXES, CASES, REFERENCE, picture
from .mpii_forms import annotated, write_json, write_photos


@dataclass(frozen=True)
class Drawn:
    """The drawn picture, in place of a photograph."""

    pixels: np.ndarray
    name: str = "drawn"

    def read(self) -> np.ndarray:
        return self.pixels


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Split]:
    """Return everybody whose crop is recorded, read from a file as published code reads it."""
    folder = tmp_path_factory.mktemp("mpii")
    somebody = annotated([f"{name}.jpg" for name in BOXES])
    somebody.centre = np.array([centre for centre, _ in BOXES.values()])
    somebody.scale = np.array([scale for _, scale in BOXES.values()])
    write_json(write_photos(folder, somebody.images), somebody)
    split, photo = mpii_people(folder, "test"), Drawn(picture())
    return {
        name: replace(split, people=[replace(person, photo=photo)])
        for name, person in zip(BOXES, split, strict=True)
    }


EVERY = [(code, name) for code, (_, names) in CASES.items() for name in names]


@pytest.mark.parametrize(("code", "name"), EVERY)
def test_crops_are_those_of_the_published_code(
    people: dict[str, Split], code: str, name: str
) -> None:
    with np.load(REFERENCE) as reference:
        image, affine = (reference[f"{code}/{name}/{what}"] for what in ("image", "affine"))
    split = replace(people[name], cropping=UDP) if code == "mmpose-udp" else people[name]
    batch = crop(split, CASES[code][0])
    found = np.rint(batch.images[0].permute(1, 2, 0).numpy() * 255)
    difference = np.abs(found - image.astype(np.float64)).max(axis=2)
    assert found.shape == image.shape
    assert (difference <= 1).mean() >= 0.99
    assert image.any() == (name != "outside")
    to_canvas = inverse(batch.to_photo[0].double().numpy())
    np.testing.assert_allclose(to_canvas, affine, rtol=0, atol=2e-3)


def test_a_shift_of_one_photo_pixel_would_be_seen(people: dict[str, Split]) -> None:
    with np.load(REFERENCE) as reference:
        image = reference["hrnet/060754485/image"]
    (person,) = people["060754485"]
    x, y = person.box.centre
    shifted = replace(person, box=replace(person.box, centre=(x + 1, y + 1)))
    found = crop(replace(people["060754485"], people=[shifted]), CASES["hrnet"][0]).images[0]
    difference = np.abs(np.rint(found.permute(1, 2, 0).numpy() * 255) - image).max(axis=2)
    assert (difference <= 1).mean() < 0.5


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing(tmp_path: Path, threads: int) -> None:
    somebody = annotated([f"{number}.jpg" for number in range(5)])
    write_json(write_photos(tmp_path, somebody.images), somebody)
    for number in range(5):
        cv2.imwrite(str(tmp_path / "images" / f"{number}.jpg"), np.roll(picture(), 40 * number, 1))
    split = mpii_people(tmp_path, "test")
    alone = crop(split, (64, 64))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = crop(split, (64, 64))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(alone.images, together.images)
    assert alone.ids == together.ids
    assert torch.equal(alone.joints, together.joints)
    assert not torch.equal(alone.images[0], alone.images[1])
