"""Scores of a model or a pose on people, straight from tensors."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from robustpose.data.coco import Detections, coco_results
from robustpose.data.crops import batches
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.geometry import transformed
from robustpose.metrics.average_precision import AveragePrecision, average_precision
from robustpose.metrics.distances import relative_errors
from robustpose.metrics.oks import oks
from robustpose.metrics.pck import pck_by_joint, pck_of_errors
from robustpose.metrics.suppression import oks_nms
from robustpose.models.model import PoseModel, check_evaluating
from robustpose.poses import Pose, PoseBatch


class Scores(NamedTuple):
    """PCK in percent: over all scored joints, and for each joint of the skeleton.

    `oks` is the mean OKS of the people in percent where their data set is scored by it, else None.
    It is no AP: nobody is detected, every person counts alike. `ap` has COCO's figures on the
    annotated boxes, where the people are a whole set of COCO and the model knows all its joints.
    """

    pck: float
    by_joint: dict[str, float]
    people: int
    oks: float | None = None
    ap: AveragePrecision | None = None


class Predictions(NamedTuple):
    """What a model says of the people of a split, in their order.

    `joints` are in pixels of the photographs, NaN where the model does not know a joint; `errors`
    are over each person's reference length, NaN where nothing is scored or known.
    """

    joints: Float[np.ndarray, "n k 2"]
    confidence: Float[np.ndarray, "n k"]
    errors: Float[np.ndarray, "n k"]


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


def predicted(model: PoseModel, people: Split, *, batch_size: int = 32) -> Predictions:
    """Ask a model where people's joints are, in memory that does not grow with the photographs.

    A model of another skeleton answers for the joints that it shares with the people. Raises
    `UsageError` if there is nobody, no joint is shared, or the model is in training mode.
    """
    if not len(people):
        raise UsageError(f"{people.name} has nobody to score")
    check_evaluating(model)
    device = next(model.parameters()).device
    before = model.skeleton
    model.asked(people.skeleton)
    joints, confidence, error = [], [], []
    for batch in batches(people, model.size, batch_size):
        pose = model.predict(batch.images.to(device), batch.seeds)
        joints.append(_on_photos(pose, batch))
        confidence.append(pose.confidence.cpu().double().numpy())
        error.append(errors(pose, batch))
    unknown = ~np.array(model.answers)
    model.asked(before)
    found = Predictions(*map(np.concatenate, (joints, confidence, error)))
    found.errors[:, unknown] = np.nan
    return found


def _on_photos(pose: Pose, batch: PoseBatch) -> Float[np.ndarray, "n k 2"]:
    """Return joints of a canvas in pixels of the photographs."""
    places = zip(
        pose.joints.cpu().double().numpy(), batch.to_photo.cpu().double().numpy(), strict=True
    )
    return np.stack([transformed(joints, to_photo) for joints, to_photo in places])


def evaluate(model: PoseModel, people: Split, *, batch_size: int = 32) -> Scores:
    """Score a model on clean photographs.

    A model of another skeleton is scored over the joints that it shares with the people; those
    that it does not know have a score of NaN. Raises `UsageError` if there is nobody to score, no
    joint is shared, or the model is in training mode.
    """
    found = predicted(model, people, batch_size=batch_size)
    error, whole = found.errors, people.annotations is not None
    by_joint = pck_by_joint(error, people.threshold)
    return Scores(
        pck=pck_of_errors(error, people.threshold),
        by_joint=dict(zip(people.skeleton.joints, by_joint.tolist(), strict=True)),
        people=len(people),
        oks=None if people.sigmas is None else float(100 * np.nanmean(oks(error, people.sigmas))),
        ap=coco_precision(found, people, model.size)
        if whole and np.isfinite(found.joints).all()
        else None,
    )


def evaluate_detections(
    model: PoseModel, detections: Detections, *, batch_size: int = 32
) -> AveragePrecision:
    """Score a model on the boxes of a detector, by COCO's official rules.

    Raises `UsageError` for a model that does not know all of COCO's joints, for a part of the
    detections, and as `predicted` does.
    """
    people = detections.people
    unknown = [joint for joint in people.skeleton.joints if model.own_skeleton.place(joint) is None]
    if unknown:
        raise UsageError(
            f"AP is over all {len(people.skeleton)} joints of COCO: {model.name} does not know "
            f"{', '.join(unknown)}"
        )
    found = predicted(model, people, batch_size=batch_size)
    return coco_precision(found, people, model.size, scores=detections.scores)


def coco_precision(
    found: Predictions,
    people: Split,
    canvas: tuple[int, int],
    *,
    scores: Float[np.ndarray, "n"] | None = None,
) -> AveragePrecision:
    """Return COCO's ten figures of what was predicted on crops of (height, width) `canvas`.

    As the evaluation of SimpleBaseline and HRNet has it: a pose's score is its confidence
    (`coco_results`) times its box's, if a detector gave `scores`, and poses that repeat a better
    one are dropped (`oks_nms`), their areas those of the crops. Raises `UsageError` for people who
    are not all of a set of COCO, and for joints that are not finite.
    """
    if people.annotations is None or people.sigmas is None:
        raise UsageError(
            f"AP is of all people of a set of COCO together: {people.name} is a part, or another"
        )
    results = coco_results(people.ids, found.joints, found.confidence, scores=scores)
    shown = [person.box.shown_on(canvas) for person in people]
    stays = oks_nms(
        found.joints,
        np.array([result["score"] for result in results]),
        np.array([box.width * box.height for box in shown]),
        np.array([result["image_id"] for result in results]),
        sigmas=people.sigmas,
    )
    kept = [result for result, stay in zip(results, stays, strict=True) if stay]
    return average_precision(people.annotations, kept)


def best_device() -> torch.device:
    """Return the accelerator that this process uses, or the CPU."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None:
        return torch.device("cpu")
    return torch.device(accelerator.type, torch.accelerator.current_device_index())
