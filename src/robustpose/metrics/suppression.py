"""Suppression of repeated poses: of several that nearly coincide on a photograph, the best stays.

A detector may find one person twice, and each pose more than one a person counts as wrong. Poses
are therefore dropped before they are scored by average precision: Papandreou et al., "Towards
Accurate Multi-person Pose Estimation in the Wild", CVPR 2017, section 3.3; `oks_nms` in lib/nms of
SimpleBaseline and HRNet.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from robustpose.metrics.oks import oks

THRESHOLD = 0.9
"""OKS above which a pose repeats another, in every configuration of SimpleBaseline and HRNet."""


def oks_nms(
    joints: Float[np.ndarray, "n k 2"],
    scores: Float[np.ndarray, "n"],
    areas: Float[np.ndarray, "n"],
    photos: Int[np.ndarray, "n"],
    *,
    sigmas: Sequence[float],
    threshold: float = THRESHOLD,
) -> Bool[np.ndarray, "n"]:
    """Return which poses stay.

    On each photograph the pose of the best score stays, those whose OKS with it is more than
    `threshold` go, and so on with the rest. The OKS of two poses is the mean credit of all joints,
    over the mean of both `areas` (above 0, in the square of the joints' unit). `photos` tells the
    photographs apart. Of equal scores the later one is the better, as in the published code. Raises
    `UsageError` for another number of sigmas than joints.
    """
    stays = np.zeros(len(scores), dtype=bool)
    worst_first = np.lexsort((scores, photos))
    borders = np.flatnonzero(np.diff(photos[worst_first])) + 1
    for photo in np.split(worst_first, borders):
        left = photo[::-1]
        while len(left):
            best, others = left[0], left[1:]
            stays[best] = True
            distance = np.linalg.norm(joints[others] - joints[best], axis=2)
            root = np.sqrt((areas[others] + areas[best]) / 2)
            left = others[oks(distance / root[:, None], sigmas) <= threshold]
    return stays
