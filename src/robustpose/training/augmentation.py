"""Batches of augmented training images: turned, scaled, mirrored, recoloured."""

import math
import queue
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from robustpose.geometry import box_to_canvas, scale_of, transformed
from robustpose.poses import Images, Joints
from robustpose.seeds import seed_of
from robustpose.training.pools import MARGIN, Pool
from robustpose.training.recipe import Recipe


class TrainingBatch(NamedTuple):
    """Images on the model's canvas, joints in its pixels, and the weight of each joint."""

    images: Images
    joints: Joints
    weight: Float[Tensor, "n k"]


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


def prefetched(
    pools: Sequence[Pool], shares: Sequence[float], recipe: Recipe, canvas: int, first: int
) -> Iterator[TrainingBatch]:
    """Yield the batches of all steps from `first` on, made ahead in another thread."""
    ready: queue.Queue[TrainingBatch | BaseException] = queue.Queue(maxsize=8)
    stopped = threading.Event()

    def produce() -> None:
        try:
            for step in range(first, recipe.steps):
                batch = training_batch(pools, shares, recipe, canvas, step)
                while not stopped.is_set():
                    try:
                        ready.put(batch, timeout=0.2)
                        break
                    except queue.Full:
                        continue
                if stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - handed over and raised by the consumer
            ready.put(error)

    producer = threading.Thread(target=produce, daemon=True)
    producer.start()
    try:
        for _ in range(first, recipe.steps):
            batch = ready.get()
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        stopped.set()
        producer.join()


def turned(
    pool: Pool, index: int, recipe: Recipe, canvas: int, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return one image of a pool turned, scaled and perhaps mirrored, its joints and weights."""
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
