"""Whether a network answers alike when it is asked the same twice."""

import torch

from robustpose.draws import Draws
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch

ASKED = 4
"""So many people are enough: a network that draws does so for everybody."""


@torch.no_grad()
def repeat_difference(model: PoseModel, batch: PoseBatch) -> float:
    """Return the largest difference between two outputs for the same people, images and seeds.

    Over the largest output of its stage, so 0 for a network that repeats itself. Global generators
    are left as they were. Outputs that are not finite differ by 1.
    """
    images, seeds = batch.images[:ASKED], batch.seeds[:ASKED]
    with Draws.now().again():
        once, again = model(images, seeds), model(images, seeds)
    return max(_difference(one, other) for one, other in zip(once, again, strict=True))


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    if not (one.isfinite().all() and other.isfinite().all()):
        return 1.0
    largest = one.abs().max().clamp_min(torch.finfo(one.dtype).tiny)
    return float((one - other).abs().max() / largest)
