"""One photograph of one person, without annotations: find the person, attack, draw."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, UInt8

from robustpose.attacks.goals import Untargeted
from robustpose.attacks.iterated import pgd
from robustpose.attacks.levels import holds_levels, rounded
from robustpose.data.crops import crop
from robustpose.data.lsp import torso
from robustpose.data.people import RGB, Box, Person, Photo, Split, joints_square
from robustpose.data.photos import PhotoFile
from robustpose.errors import UsageError
from robustpose.geometry import box_to_canvas, inverse, transformed
from robustpose.models import load_model
from robustpose.models.codecs import HeatmapCodec
from robustpose.models.model import PoseModel
from robustpose.poses import Pose, PoseBatch
from robustpose.report.overlays import comparison
from robustpose.scoring import best_device

THRESHOLD = 0.2
"""A joint has left its place when it moved by more than this share of the torso (PCK@0.2)."""

MARGIN = 1.3

FINDER = "resdec-compact"
"""Who looks for the person where the network under attack cannot tell how sure it is."""

CHUNK = 16
SMALLEST = 8
LONGEST = 8
"""Photographs have at least so many pixels a side, and sides of at most this ratio."""


class AttackedPhotograph(NamedTuple):
    """The picture of before and after, and how many joints left their place."""

    picture: UInt8[np.ndarray, "h w 3"]
    moved: int
    joints: int
    threshold: float


def attack_photograph(
    path: Path,
    network: str,
    *,
    eps: float,
    steps: int,
    box: tuple[float, float, float, float] | None,
    seed: int,
    says: Callable[[str], None] = lambda _: None,
) -> AttackedPhotograph:
    """Drive a network away from its own answer on a photograph, by PGD.

    There is no annotation, so the clean prediction stands in for the truth; the random start
    matters, since a network that puts out coordinates has no gradient at its own answer. `eps`
    is for images in [0, 1]; `box` is (x, y, width, height) of the person in pixels; `says` hears
    what is going on. Raises
    `UsageError` for an unreadable photograph or a box that is not inside it.
    """
    model = load_model(network).to(best_device())
    photo = _Read(path.name, PhotoFile(path).read())
    _check_size(photo)
    if box is None:
        says("looking for the person")
        sees = isinstance(model.codecs[-1], HeatmapCodec)
        square = find_person(model if sees else load_model(FINDER).to(best_device()), photo)
    else:
        square = _boxed(box, photo.pixels)
    batch = _batch(photo, [square], model, f"attack/{seed}/{path.name}")
    says(f"attacking {network}, {steps} steps")
    before = model.predict(batch.images)
    loss = Untargeted().loss(model, _believed(batch, before))
    attack = pgd(eps=eps, steps=steps)
    images = attack(loss, batch.images, batch.seeds)
    if holds_levels(attack.ball, images[0].numel()):
        images = rounded(images, batch.images, attack.ball)
    after = model.predict(images)
    moved = _moved(before, after)
    picture = comparison(
        _pixels(batch.images),
        _pixels(images),
        before.joints[0].cpu().numpy(),
        after.joints[0].cpu().numpy(),
        model.skeleton,
        eps255=255 * eps,
        wrong=moved,
    )
    return AttackedPhotograph(picture, int(moved.sum()), len(moved), THRESHOLD)


def find_person(model: PoseModel, photo: Photo) -> Box:
    """Return the square around the person, as far as the network itself can tell.

    Of squares of several sizes all over the photograph the one with the highest mean confidence
    is taken, and then tightened around the predicted joints. This needs a network of heatmaps: one
    of coordinates says nothing of its confidence.
    """
    height, width = photo.read().shape[:2]
    whole = Box.square(((width - 1) / 2, (height - 1) / 2), float(max(height, width)))
    best = _most_confident(model, photo, [whole, *_tiles(height, width)])
    for _ in range(2):
        best = _most_confident(model, photo, [best, _tightened(model, photo, best)])
    return best


class _Read(NamedTuple):
    """A photograph that has been read already."""

    name: str
    pixels: RGB

    def read(self) -> RGB:
        return self.pixels


def _tiles(height: int, width: int) -> list[Box]:
    squares = []
    for share in (1.0, 0.75, 0.55, 0.4):
        side = share * min(height, width)
        rows = np.linspace(side / 2, height - side / 2, 1 + round(2 * (height / side - 1)))
        columns = np.linspace(side / 2, width - side / 2, 1 + round(2 * (width / side - 1)))
        squares += [Box.square((float(x), float(y)), side) for y in rows for x in columns]
    return squares


def _most_confident(model: PoseModel, photo: Photo, squares: list[Box]) -> Box:
    means = [
        model.predict(_batch(photo, squares[at : at + CHUNK], model, "search").images)
        .confidence.mean(dim=1)
        .cpu()
        for at in range(0, len(squares), CHUNK)
    ]
    return squares[int(torch.cat(means).argmax())]


def _tightened(model: PoseModel, photo: Photo, box: Box) -> Box:
    joints = model.predict(_batch(photo, [box], model, "search").images).joints[0].cpu().double()
    to_photo = inverse(box_to_canvas(box.centre, (box.width, box.height), model.size))
    points = transformed(joints.numpy(), to_photo)
    return joints_square(points, np.ones(len(points), bool), margin=MARGIN)


def _batch(photo: Photo, squares: list[Box], model: PoseModel, name: str) -> PoseBatch:
    count = len(model.skeleton)
    nothing = np.zeros(count, bool)
    people = [
        Person(f"{name}/{index}", photo, np.zeros((count, 2)), nothing, nothing, square, None)
        for index, square in enumerate(squares)
    ]
    split = Split("photograph", model.skeleton, THRESHOLD, "torso", people, digest="")
    return crop(split, model).to(next(model.buffers()).device)


def _believed(batch: PoseBatch, pose: Pose) -> PoseBatch:
    return replace(batch, joints=pose.joints, labelled=torch.ones_like(batch.labelled))


def _check_size(photo: _Read) -> None:
    height, width = photo.pixels.shape[:2]
    if min(height, width) < SMALLEST or max(height, width) > LONGEST * min(height, width):
        raise UsageError(
            f"expected a photograph of at least {SMALLEST} x {SMALLEST} pixels, at most "
            f"{LONGEST} times as long as wide; {photo.name} has {width} x {height}"
        )


def _boxed(box: tuple[float, float, float, float], pixels: RGB) -> Box:
    x, y, width, height = box
    rows, columns = pixels.shape[:2]
    inside = x >= 0 and y >= 0 and x + width <= columns and y + height <= rows
    if not inside or min(width, height) < SMALLEST:
        raise UsageError(
            f"expected a box X Y WIDTH HEIGHT of at least {SMALLEST} x {SMALLEST} pixels inside "
            f"the photograph of {columns} x {rows}, found {x:g} {y:g} {width:g} {height:g}"
        )
    return Box.square((x + (width - 1) / 2, y + (height - 1) / 2), MARGIN * max(width, height))


def _moved(before: Pose, after: Pose) -> Bool[np.ndarray, "k"]:
    joints = before.joints[0].cpu().double().numpy()
    length = torso(joints, np.ones(len(joints), bool)) or 1.0
    distance = np.linalg.norm(after.joints[0].cpu().double().numpy() - joints, axis=1)
    return np.asarray(distance > THRESHOLD * length)


def _pixels(images: torch.Tensor) -> UInt8[np.ndarray, "h w 3"]:
    pixels = (images[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu()
    return np.ascontiguousarray(pixels.numpy())
