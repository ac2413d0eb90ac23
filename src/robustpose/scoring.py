"""Scores of a model or a pose on people, straight from tensors."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from robustpose.data.crops import batches
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.metrics.distances import relative_errors
from robustpose.metrics.oks import oks
from robustpose.metrics.pck import pck_by_joint, pck_of_errors
from robustpose.models.model import PoseModel, check_evaluating
from robustpose.poses import Pose, PoseBatch


class Scores(NamedTuple):
    """PCK in percent: over all scored joints, and for each joint of the skeleton.

    `oks` is the mean OKS of the people in percent where their data set is scored by it, else None.
    It is no AP: nobody is detected, every person counts alike.
    """

    pck: float
    by_joint: dict[str, float]
    people: int
    oks: float | None = None


def errors(pose: Pose, batch: PoseBatch) -> Float[np.ndarray, "n k"]:
    """Return distances over each person's reference length; NaN where nothing is scored."""
    return relative_errors(
        pose.joints.detach().cpu().double().numpy(),
        batch.joints.cpu().double().numpy(),
        batch.scored.cpu().numpy(),
        batch.size.cpu().double().numpy(),
    )


def pck(pose: Pose, batch: PoseBatch) -> float:
    """Return the percentage of labelled joints within the batch's threshold.

    Counts every joint alike; threshold and reference length travel with the people. NaN if
    nobody in the batch can be scored. Raises `UsageError` for a pose of other joints.
    """
    if pose.joints.shape[1] != batch.joints.shape[1]:
        raise UsageError(
            f"the pose has {pose.joints.shape[1]} joints, the people have {batch.joints.shape[1]} "
            f"({batch.skeleton.name}): ask the network in their words, "
            "model.asked(people.skeleton)"
        )
    return pck_of_errors(errors(pose, batch), batch.threshold)


def evaluate(model: PoseModel, people: Split, *, batch_size: int = 32) -> Scores:
    """Score a model on clean photographs, in memory that does not grow with the people.

    A model of another skeleton is scored over the joints that it shares with the people; those
    that it does not know have a score of NaN. Raises `UsageError` if there is nobody to score, no
    joint is shared, or the model is in training mode.
    """
    if not len(people):
        raise UsageError(f"{people.name} has nobody to score")
    check_evaluating(model)
    device = next(model.parameters()).device
    before = model.skeleton
    model.asked(people.skeleton)
    error = np.concatenate(
        [
            errors(model.predict(batch.images.to(device), batch.seeds), batch)
            for batch in batches(people, model.size, batch_size)
        ]
    )
    error[:, ~np.array(model.answers)] = np.nan
    model.asked(before)
    by_joint = pck_by_joint(error, people.threshold)
    return Scores(
        pck=pck_of_errors(error, people.threshold),
        by_joint=dict(zip(people.skeleton.joints, by_joint.tolist(), strict=True)),
        people=len(people),
        oks=None if people.sigmas is None else float(100 * np.nanmean(oks(error, people.sigmas))),
    )


def best_device() -> torch.device:
    """Return the accelerator that this process uses, or the CPU."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None:
        return torch.device("cpu")
    return torch.device(accelerator.type, torch.accelerator.current_device_index())
