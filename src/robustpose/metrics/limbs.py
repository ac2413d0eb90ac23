"""Whether limbs are right: the percentage of correct parts (PCP).

A limb is correct when both of its ends lie within half the true limb's length of where they
belong: the strict rule among the readings of Ferrari et al. 2008 (the loose one asks that of the
mean of both ends). Short limbs, and those pointed at the camera, are harder than with PCK.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from robustpose.skeletons import Skeleton

PCP_THRESHOLD = 0.5
"""Of the true limb's length."""


def limb_errors(
    joints: Float[np.ndarray, "n k 2"],
    truth: Float[np.ndarray, "n k 2"],
    labelled: Bool[np.ndarray, "n k"],
    limbs: Sequence[tuple[int, int]],
) -> Float[np.ndarray, "n l"]:
    """Return for each limb the larger error of its two ends, over the true limb's length.

    `limbs` are pairs of positions (`Skeleton.limb_indices`). `pck_of_errors` and `pck_by_joint`
    score the result at `PCP_THRESHOLD` for strict PCP, `score_drop` and the others by the rule
    `Within(PCP_THRESHOLD)`. NaN where an
    end is not labelled or the true limb has no length; infinite where a prediction is not finite.
    """
    first, second = np.array(limbs, dtype=int).reshape(-1, 2).T
    known = np.where(labelled[..., None], truth, 0.0).astype(float)
    distance = np.linalg.norm(joints.astype(np.float64) - known, axis=2)
    distance = np.where(np.isfinite(distance), distance, np.inf)
    length = np.linalg.norm(known[:, first] - known[:, second], axis=2)
    scored = labelled[:, first] & labelled[:, second] & (length > 0)
    worse = np.maximum(distance[:, first], distance[:, second])
    return np.where(scored, worse / np.where(scored, length, 1.0), np.nan)


def limb_groups(skeleton: Skeleton) -> dict[str, tuple[int, ...]]:
    """Return left and right limbs under one name: `{"ankle-knee": (0, 3), ...}`.

    The values are positions in `Skeleton.limb_indices`, the names those of the ends.
    """
    groups: dict[str, tuple[int, ...]] = {}
    for position, limb in enumerate(skeleton.limbs):
        name = "-".join(sorted(each.removeprefix("left_").removeprefix("right_") for each in limb))
        groups[name] = (*groups.get(name, ()), position)
    return groups
