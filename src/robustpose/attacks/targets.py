"""Poses for targeted attacks, chosen by the study's rule."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from robustpose.errors import UsageError
from robustpose.poses import Joints, Pose, PoseBatch
from robustpose.seeds import seed_of

SAME_POSE = 1e-3
"""Poses that differ by fewer pixels are one pose."""


def choose_targets(
    clean: Pose, batch: PoseBatch, candidates: Float[Tensor, "m k 2"], *, seed: int
) -> Joints:
    """Return for each person another person's pose that shares no joint with the prediction.

    `clean` is what the network says of the clean images, `candidates` are poses with all joints
    labelled, on the same canvas. Of those whose PCK against the prediction is 0 (with the
    attacked person's own reference length), one is drawn by the person's seed; if there is none,
    the pose with the fewest joints in common. A person's own pose is no target. Jain et al. 2019,
    section 3. Raises `UsageError` for fewer than two candidates.
    """
    if len(candidates) < 2:
        raise UsageError(
            "targeted attacks ask for another person's pose: expected at least two people with "
            f"all joints labelled, found {len(candidates)}"
        )
    chosen = []
    for row, (name, size) in enumerate(zip(batch.ids, batch.size.tolist(), strict=True)):
        distance = torch.linalg.vector_norm(candidates - clean.joints[row].cpu(), dim=2)
        common = (distance <= batch.threshold * size).sum(dim=1)
        own = (candidates - batch.joints[row].cpu()).abs().flatten(1).amax(dim=1) < SAME_POSE
        common[own] = candidates.shape[1] + 1
        best = torch.nonzero(common == common.min()).flatten()
        random = np.random.RandomState(seed_of("target", seed, name) % 2**32)
        chosen.append(candidates[best[random.randint(len(best))]])
    return torch.stack(chosen).to(batch.joints)
