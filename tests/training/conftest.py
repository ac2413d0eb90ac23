"""People to train on: a few dots of different colours."""

import numpy as np
import pytest

from robustpose.skeletons import LSP14
from robustpose.training.pools import Pool

RIGHT_ANKLE, LEFT_ANKLE, NECK = 0, 5, 12
SIDE = 80  # 1.25 x a canvas of 64


@pytest.fixture(scope="session")
def pool() -> Pool:
    """Return six pictures of 80 px: right ankle red, left ankle green, neck blue."""
    random = np.random.default_rng(0)
    images = np.zeros((6, SIDE, SIDE, 3), np.uint8)
    joints = np.empty((6, 14, 2))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for person in range(6):
        joints[person] = random.uniform(30, 50, (14, 2))
        x, y = 40 + random.uniform(-3, 3, 2)
        joints[person, RIGHT_ANKLE] = x - 9, y + 9
        joints[person, LEFT_ANKLE] = x + 9, y + 9
        joints[person, NECK] = x, y - 9
        for channel, joint in enumerate((RIGHT_ANKLE, LEFT_ANKLE, NECK)):
            at = joints[person, joint]
            spot = np.exp(-((columns - at[0]) ** 2 + (rows - at[1]) ** 2) / 18)
            images[person, ..., channel] = (250 * spot).round()
    labelled = np.ones((6, 14), bool)
    labelled[:, 1] = False  # nobody's right knee
    return Pool(images, joints, labelled, LSP14)
