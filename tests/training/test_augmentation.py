"""Training batches: reproducible, and joints stay on what they mark."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from robustpose.training.augmentation import TrainingBatch, prefetched, training_batch
from robustpose.training.pools import Pool
from robustpose.training.recipe import Recipe

RIGHT_KNEE, LEFT_KNEE = 1, 4
RIGHT_ANKLE, LEFT_ANKLE, NECK = 0, 5, 12
RECIPE = Recipe(images=48, batch_size=12, colour=0.0, rotation=30, scale=1.2)


def test_the_same_step_is_the_same_batch(pool: Pool) -> None:
    def batch(step: int, seed: int = 0) -> torch.Tensor:
        return training_batch([pool], [1.0], replace(RECIPE, seed=seed), 64, step).images

    assert torch.equal(batch(3), batch(3))
    assert not torch.equal(batch(3), batch(4))
    assert not torch.equal(batch(3), batch(3, seed=1))


def test_joints_lie_on_their_dots_also_in_a_mirror(pool: Pool) -> None:
    batch = training_batch([pool], [1.0], RECIPE, 64, 0)
    rows, columns = np.mgrid[:64, :64]
    mirrored = []
    for image, joints in zip(batch.images.numpy(), batch.joints.numpy(), strict=True):
        red, green, blue = (
            np.array([(light * columns).sum(), (light * rows).sum()]) / light.sum()
            for light in image.astype(float)
        )
        # A person's right is on the other side of the picture in a mirror: the names swap.
        (ax, ay), (bx, by) = green - red, blue - red
        swapped = ax * by - ay * bx > 0
        mirrored.append(swapped)
        at = (
            (joints[LEFT_ANKLE], joints[RIGHT_ANKLE])
            if swapped
            else (
                joints[RIGHT_ANKLE],
                joints[LEFT_ANKLE],
            )
        )
        np.testing.assert_allclose(np.stack(at), [red, green], atol=0.3)
        np.testing.assert_allclose(joints[NECK], blue, atol=0.3)
    assert 0 < sum(mirrored) < len(mirrored)
    weight = batch.weight.numpy()
    for row, swapped in enumerate(mirrored):
        knees = weight[row, LEFT_KNEE if swapped else RIGHT_KNEE]
        assert knees == 0


def test_joints_that_leave_the_picture_weigh_nothing(pool: Pool) -> None:
    joints = pool.joints.copy()
    joints[:, 13] = -200.0
    batch = training_batch([replace(pool, joints=joints)], [1.0], RECIPE, 64, 0)
    assert not batch.weight[:, 13].any()
    inside = ((batch.joints >= -0.5) & (batch.joints <= 63.5)).all(dim=2)
    assert inside[batch.weight > 0].all()
    assert batch.weight[:, NECK].all()


def test_colours_change_within_the_range(pool: Pool) -> None:
    plain = training_batch([pool], [1.0], RECIPE, 64, 0)
    coloured = training_batch([pool], [1.0], replace(RECIPE, colour=0.5), 64, 0)
    assert not torch.equal(plain.images, coloured.images)
    assert torch.equal(plain.joints, coloured.joints)
    assert 0 <= coloured.images.min() < coloured.images.max() <= 1


def test_pools_are_drawn_with_their_shares(pool: Pool) -> None:
    white = replace(pool, images=np.full_like(pool.images, 255))
    recipe = replace(RECIPE, batch_size=60)
    batch = training_batch([pool, white], [0.2, 0.8], recipe, 64, 0)
    white_share = (batch.images[:, :, 20:44, 20:44].mean(dim=(1, 2, 3)) > 0.9).float().mean()
    assert 0.65 < white_share < 0.95


def test_batches_made_ahead_are_those_of_their_steps(pool: Pool) -> None:
    def make(step: int) -> TrainingBatch:
        return training_batch([pool], [1.0], RECIPE, 64, step)

    steps = range(1, 14)  # more than are made ahead
    ahead = list(prefetched(make, steps, count=3))
    assert len(ahead) == len(steps)
    for step, batch in zip(steps, ahead, strict=True):
        assert torch.equal(batch.images, make(step).images)


def test_an_error_while_batches_are_made_reaches_the_training(pool: Pool) -> None:
    def make(step: int) -> TrainingBatch:
        return training_batch([pool], [0.5], RECIPE, 64, step)

    with pytest.raises(ValueError, match="probabilities"):
        next(prefetched(make, range(1)))


def test_a_training_that_stops_leaves_no_work_behind(pool: Pool) -> None:
    made: list[int] = []
    ahead = prefetched(lambda step: made.append(step), range(1000), count=2)
    next(ahead)
    ahead.close()
    done = len(made)
    assert done < 10
    time.sleep(0.05)
    assert len(made) == done
