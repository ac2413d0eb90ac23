"""From predictions to rows."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from jaxtyping import Float
from torch import Tensor

from robustpose.attacks.levels import TOLERANCE
from robustpose.conditions import Condition, Perturbed
from robustpose.geometry import scale_of, transformed
from robustpose.metrics.distances import relative_errors
from robustpose.poses import Pose, PoseBatch
from robustpose.studies.digests import digest_of
from robustpose.studies.provenance import described
from robustpose.studies.rows import PERSON, ROW
from robustpose.studies.study import Cell, Study


class Judged(NamedTuple):
    """What a victim said of the images of a cell."""

    victim: str
    pose: Pose


def rows_of(
    study: Study,
    part: str,
    cell: Cell,
    batch: PoseBatch,
    perturbed: Perturbed,
    judged: list[Judged],
    *,
    rounded: bool,
) -> pl.DataFrame:
    """Return one row a person and victim."""
    condition = study.conditions[cell.label]
    shared = shared_columns(study.name, part, cell, condition, batch, perturbed, rounded=rounded)
    shared |= _own_sizes(perturbed)
    return pl.concat(
        [
            pl.DataFrame(
                {**shared, **pose_columns(victim, pose, batch, perturbed)}, schema=ROW, strict=False
            )
            for victim, pose in judged
        ]
    )


def people_table(study: Study) -> pl.DataFrame:
    """Return the truth about the people of a study, without reading a photograph."""
    rows = []
    for person in study.people:
        affine = study.people.affine(person, study.canvas)
        joints = transformed(person.joints, affine)
        rows.append(
            {
                "person": person.id,
                "photo": person.photo.name,
                "joints": _points(joints[None], person.labelled[None])[0],
                "labelled": person.labelled.tolist(),
                "size": None if person.size is None else person.size * scale_of(affine),
            }
        )
    return pl.DataFrame(rows, schema=PERSON, strict=False)


def shared_columns(
    study: str,
    part: str,
    cell: Cell,
    condition: Condition,
    batch: PoseBatch,
    perturbed: Perturbed,
    *,
    rounded: bool,
) -> dict[str, object]:
    """Return the columns that do not depend on what a victim says; `study` is its name."""
    count = len(batch)
    ball = condition.ball
    change = (perturbed.images - batch.images).flatten(1)
    attacked = ball is not None

    def each(value: object) -> list[object]:
        return [value] * count

    def counted(spent: int | Sequence[int]) -> list[object]:
        return each(spent) if isinstance(spent, int) else list(spent)

    return {
        "study": each(study),
        "part": each(part),
        "person": list(batch.ids),
        "made_on": each(cell.made_on),
        "condition": each(condition.name),
        "goal": each(condition.goal),
        "norm": each(ball.norm if ball else None),
        "eps": each(ball.eps if ball else None),
        "steps": each(condition.steps),
        "perturbation_linf": change.abs().amax(dim=1).tolist() if attacked else each(None),
        "perturbation_l2": change.norm(dim=1).tolist() if attacked else each(None),
        "rounded": each(rounded),
        "zero_gradient": (
            each(None) if perturbed.zero_gradient is None else _known(perturbed.zero_gradient)
        ),
        "gradients": counted(perturbed.gradients),
        "queries": counted(perturbed.queries),
        "member": each(None) if perturbed.members is None else list(perturbed.members),
        "settings": each(digest_of(described(condition))),
    }


def pose_columns(
    victim: str, pose: Pose, batch: PoseBatch, perturbed: Perturbed
) -> dict[str, object]:
    """Return the columns that say what a victim's poses are worth."""
    joints = pose.joints.cpu().double().numpy()
    truth = batch.joints.cpu().double().numpy()
    scored = batch.scored.cpu().numpy()
    size = batch.size.cpu().double().numpy()
    error = relative_errors(joints, truth, scored, size)
    columns: dict[str, object] = {
        "victim": [victim] * len(batch),
        "joints": _points(joints, ~np.isnan(joints).any(axis=2)),
        "confidence": pose.confidence.cpu().tolist(),
        "error": _values(error),
        "target": [None] * len(batch),
        "target_error": [None] * len(batch),
    }
    if perturbed.targets is not None:
        targets = perturbed.targets.cpu().double().numpy()
        asked = ~np.isnan(targets).any(axis=2)
        columns["target"] = _points(targets, asked)
        columns["target_error"] = _values(relative_errors(joints, targets, asked, size))
    return columns


def _known(values: Float[Tensor, "n"]) -> list[float | None]:
    return [None if value.isnan() else float(value) for value in values]


def _own_sizes(perturbed: Perturbed) -> dict[str, object]:
    """Return the columns that say each person's own epsilon, where those differ."""
    if perturbed.sizes is None:
        return {}
    sizes = [None if math.isinf(size) else size for size in perturbed.sizes.tolist()]
    levels = torch.round(perturbed.images * 255) / 255 - perturbed.images
    exact = (levels.abs().flatten(1).amax(dim=1) < TOLERANCE).tolist()
    return {"eps": sizes, "rounded": exact}


def _values(error: Float[np.ndarray, "n k"]) -> list[list[float | None]]:
    return [[None if np.isnan(value) else float(value) for value in row] for row in error]


def _points(
    joints: Float[np.ndarray, "n k 2"], labelled: np.ndarray
) -> list[list[list[float] | None]]:
    return [
        [point.tolist() if known else None for point, known in zip(pose, flags, strict=True)]
        for pose, flags in zip(joints, labelled, strict=True)
    ]
