"""Batches of augmented training images: turned, scaled, mirrored, recoloured."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from robustpose.geometry import Affine, box_to_canvas, scale_of, transformed
from robustpose.poses import Images, Joints
from robustpose.seeds import seed_of
from robustpose.training.pools import MARGIN, Pool
from robustpose.training.recipe import Recipe

T = TypeVar("T")


class TrainingBatch(NamedTuple):
    """Images on the model's canvas, joints in its pixels, and the weight of each joint.

    `labels` are further targets, usually none.
    """

    images: Images
    joints: Joints
    weight: Float[Tensor, "n k"]
    labels: Mapping[str, Tensor] = MappingProxyType({})


class View(NamedTuple):
    """How a stored crop is seen once: the map onto the canvas, and whether it is a mirror."""

    affine: Affine
    mirrored: bool


def training_batch(
    pools: Sequence[Pool], shares: Sequence[float], recipe: Recipe, canvas: int, step: int
) -> TrainingBatch:
    """Make the batch of a step: the same for the same seed and step, on every run.

    Each image comes from a pool chosen with its share of `shares`. A joint that leaves the
    picture weighs nothing.
    """
    random = np.random.RandomState(seed_of("training", recipe.seed, step) % 2**32)
    images = np.empty((recipe.batch_size, canvas, canvas, 3), np.uint8)
    count = len(pools[0].skeleton)
    joints = np.empty((recipe.batch_size, count, 2), np.float32)
    weight = np.empty((recipe.batch_size, count), np.float32)
    for row, choice in enumerate(random.choice(len(pools), recipe.batch_size, p=shares)):
        pool = pools[choice]
        index = random.randint(len(pool))
        images[row], joints[row], weight[row] = turned(pool, index, recipe, canvas, random)
    return TrainingBatch(
        recoloured(images, recipe.colour, random),
        torch.from_numpy(joints),
        torch.from_numpy(weight),
    )


def prefetched(make: Callable[[int], T], steps: Iterable[int], *, count: int = 8) -> Iterator[T]:
    """Yield what `make` makes of each step, in order, up to `count` made ahead in other threads."""
    waiting: deque[Future[T]] = deque()
    executor = ThreadPoolExecutor(max_workers=2)
    try:
        for step in steps:
            waiting.append(executor.submit(make, step))
            if len(waiting) > count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)


def turned(
    pool: Pool, index: int, recipe: Recipe, canvas: int, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return one image of a pool turned, scaled and perhaps mirrored, its joints and weights."""
    return seen(pool, index, drawn_view(pool, recipe, canvas, random), canvas)


def drawn_view(pool: Pool, recipe: Recipe, canvas: int, random: np.random.RandomState) -> View:
    """Draw how a crop of a pool is turned, scaled and perhaps mirrored."""
    side = pool.images.shape[1]
    middle = (side - 1) / 2
    reach = math.log(recipe.scale)
    mirrored = bool(random.rand() < 0.5)
    shown = side / MARGIN * math.exp(random.uniform(-reach, reach))
    affine = box_to_canvas(
        (middle, middle),
        (shown, shown),
        (canvas, canvas),
        rotation=random.uniform(-recipe.rotation, recipe.rotation),
        mirrored=mirrored,
    )
    return View(affine, mirrored)


def seen(
    pool: Pool, index: int, view: View, canvas: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return one image of a pool as it is seen in a view, its joints and their weights."""
    affine, mirrored = view
    smooth = scale_of(affine) < 0.6
    image = cv2.GaussianBlur(pool.images[index], (3, 3), 0.6) if smooth else pool.images[index]
    image = cv2.warpAffine(image, affine, (canvas, canvas), flags=cv2.INTER_LINEAR)
    joints = transformed(pool.joints[index], affine)
    labelled = pool.labelled[index]
    if mirrored:
        order = list(pool.skeleton.mirror)
        joints, labelled = joints[order], labelled[order]
    inside = ((joints >= -0.5) & (joints <= canvas - 0.5)).all(axis=1)
    return image, joints, labelled & inside


def recoloured(images: np.ndarray, strength: float, random: np.random.RandomState) -> Images:
    """Return 8-bit images (n, h, w, 3) in [0, 1], contrast, brightness and colours changed."""
    pictures = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    count = len(pictures)

    def draw(*shape: int) -> Tensor:
        return torch.from_numpy(random.uniform(-strength, strength, shape).astype(np.float32))

    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    contrast = 1 + draw(count, 1, 1, 1)
    channels = 1 + draw(count, 3, 1, 1) / 2
    brightness = draw(count, 1, 1, 1) / 2
    return (((pictures - mean) * contrast + mean + brightness) * channels).clamp(0, 1)
