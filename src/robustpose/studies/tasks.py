"""The study of sibling tasks: three heads on one encoder x conditions x drawn people, into rows.

Each head is attacked by its own training loss against the true label, and judged on the images made
on itself; a row is a person, a head and a condition. What never looks at the picture is judged as a
condition of its own, so that chance is told from rows too.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import torch
from safetensors.torch import load_file
from torch import Tensor

from robustpose.attacks.goals import Mislabelled
from robustpose.attacks.levels import finished
from robustpose.conditions import Attacked, Clean, Perturbed
from robustpose.data.parts import crop_with_parts
from robustpose.data.people import Split
from robustpose.data.rendered import ACTIVITIES, PARTS
from robustpose.errors import UsageError
from robustpose.metrics.tasks import overlaps
from robustpose.models.tasks import LabelModel, TaskModel
from robustpose.poses import Pose, PoseBatch
from robustpose.studies.artefacts import write_artefact
from robustpose.studies.configuration import condition_entry
from robustpose.studies.constant import Constant, ConstantAnswers, constant_answers
from robustpose.studies.digests import digest_of
from robustpose.studies.folder import check_folder
from robustpose.studies.judging import pose_columns, shared_columns
from robustpose.studies.provenance import (
    arithmetic,
    described,
    libraries,
    machine,
    weights_digest,
)
from robustpose.studies.rows import TASK_ROW, write_json, write_table
from robustpose.studies.runner import Advance, exact, make_missing
from robustpose.studies.study import Cell
from robustpose.version import __version__

TASKS = {"activity": "accuracy", "parts": "mIoU", "pose": "PCK"}
"""The heads, and how each is scored."""


@dataclass(frozen=True, kw_only=True)
class TaskStudy:
    """The whole configuration.

    `people` are drawn people, `training` those of whom no score is taken: the answers that never
    look at a picture are measured on them. `model` builds the three heads. `conditions` are clean
    and attacked photographs by their label in the report.
    """

    name: str
    people: Split
    training: Split
    model: Callable[[], TaskModel]
    conditions: Mapping[str, Clean | Attacked]
    batch_size: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        if not len(self.people):
            raise UsageError(f"{self.people.name} has no people that can be scored")
        if self.batch_size < 1:
            raise UsageError(f"expected a batch size of at least 1, found {self.batch_size}")

    def batch_places(self, batch: int) -> slice:
        """Return the places of a batch's people: always the same ones."""
        return slice(batch * self.batch_size, (batch + 1) * self.batch_size)

    def cells(self) -> Iterator[Cell]:
        """Yield the cells in the order of work: batch by batch, so that each is drawn once."""
        for batch in range(-(-len(self.people) // self.batch_size)):
            for label, condition in self.conditions.items():
                for task in TASKS:
                    yield Cell(label, task if condition.on_model else None, (task,), batch)


def run_task_study(
    study: TaskStudy,
    out: Path,
    *,
    device: torch.device,
    command: str = "",
    listen: Callable[[Advance], None] = lambda _: None,
) -> Path:
    """Make the task rows of a study in the folder `out`, which may hold a run; returns it.

    Cells whose part lies there already are not made again. Raises `UsageError` for a folder that
    holds something else, and for people who are not drawn.
    """
    check_folder(out)
    exact(device)
    maker = _Maker(study, out, device)
    maker.write_configuration(command)
    make_missing(maker, list(study.cells()), listen)
    return out


class _Maker:
    def __init__(self, study: TaskStudy, out: Path, device: torch.device) -> None:
        self.study = study
        self.out = out
        self.device = device
        self.model = study.model().to(device)
        self.model.frozen()
        self.digest = weights_digest(self.model)
        self.ids = study.people.ids
        self._drawn: tuple[int, PoseBatch] | None = None

    def work(self, cell: Cell) -> int:
        """Return gradient evaluations, the measure of progress."""
        people = len(self.ids[self.study.batch_places(cell.batch)])
        return people * self.study.conditions[cell.label].cost

    def part_path(self, cell: Cell) -> Path:
        """Return where the part of a cell lies."""
        return self.out / "task_rows" / f"{self.part(cell)}.parquet"

    def part(self, cell: Cell) -> str:
        """Return the digest of all that decides the rows of a cell."""
        return digest_of(self.identity(cell))

    def identity(self, cell: Cell) -> dict[str, Any]:
        """Return all that decides the rows of a cell."""
        study = self.study
        condition = study.conditions[cell.label]
        return {
            "study": study.name,
            "task": cell.victims[0],
            "condition": described(condition),
            "model": self.digest,
            "people": self.ids[study.batch_places(cell.batch)],
            "annotations": study.people.digest,
            "prepared_on": self._prepared_on if isinstance(condition, Constant) else None,
            "seed": study.seed,
            "arithmetic": arithmetic(self.device),
        }

    def make(self, cell: Cell) -> None:
        """Make the images of a cell, show them to its head, and write the part."""
        (task,) = cell.victims
        condition = self.study.conditions[cell.label]
        batch = self._batch(cell.batch)
        perturbed = self._perturbed(condition, task, batch)
        images, levels = finished(
            perturbed.images, batch.images, condition.ball, rounding=True, valid_range=True
        )
        perturbed = perturbed._replace(images=images)
        if isinstance(condition, Constant):
            answer = self.constants.answer(task, len(batch))
        else:
            answer = _answer(self.model.heads[task], images, batch)
        part = self.part(cell)
        columns = {
            **shared_columns(
                self.study.name, part, cell, condition, batch, perturbed, rounded=levels
            ),
            **_judgement(task, answer, batch, perturbed),
        }
        nothing = [None] * len(batch)
        whole = {name: columns.get(name, nothing) for name in TASK_ROW}
        rows = pl.DataFrame(whole, schema=TASK_ROW, strict=False)
        write_table(rows, self.part_path(cell), origin=self.identity(cell))

    def write_configuration(self, command: str) -> None:
        """Write tasks.json."""
        study, people = self.study, self.study.people
        cells = [
            {
                "part": self.part(cell),
                "condition": cell.label,
                "task": cell.victims[0],
                "batch": cell.batch,
            }
            for cell in study.cells()
        ]
        content = {
            "name": study.name,
            "version": __version__,
            "command": command,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": study.seed,
            "batch_size": study.batch_size,
            "canvas": list(self.model.size),
            "stride": self.model.stride,
            "people": {
                "name": people.name,
                "count": len(people),
                "digest": people.digest,
                "threshold": people.threshold,
                "reference": people.reference,
            },
            "training": {"name": study.training.name, "count": len(study.training)},
            "model": {
                "name": self.model.name,
                "checkpoint": self.digest,
                "parameters": sum(p.numel() for p in self.model.parameters()),
                "card": dict(self.model.card),
            },
            "tasks": TASKS,
            "activities": list(ACTIVITIES),
            "classes": list(PARTS),
            "conditions": [
                condition_entry(label, condition) for label, condition in study.conditions.items()
            ],
            "cells": cells,
            "parts": [cell["part"] for cell in cells],
            "constants": self._constants_path.name,
            "arithmetic": arithmetic(self.device),
            "machine": machine(),
            "libraries": libraries(),
        }
        write_json(content, self.out / "tasks.json")

    @cached_property
    def constants(self) -> ConstantAnswers:
        """The answers that never look, from disk if they were found before."""
        path = self._constants_path
        if not path.exists():
            found = constant_answers(self.study.training, self.model.size, stride=self.model.stride)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_artefact(found, path)
        return ConstantAnswers(**load_file(path))

    @cached_property
    def _prepared_on(self) -> str:
        training = self.study.training
        return digest_of([training.digest, training.ids, self.model.size, self.model.stride])

    @property
    def _constants_path(self) -> Path:
        key = digest_of([described(Constant()), self._prepared_on])
        return self.out / "artefacts" / f"{key}.safetensors"

    def _batch(self, batch: int) -> PoseBatch:
        if self._drawn is None or self._drawn[0] != batch:
            people = self.study.people[self.study.batch_places(batch)]
            drawn = crop_with_parts(people, self.model.size, stride=self.model.stride)
            self._drawn = batch, drawn.to(self.device)
        return self._drawn[1]

    def _perturbed(self, condition: Clean | Attacked, task: str, batch: PoseBatch) -> Perturbed:
        head = self.model.heads[task]
        if isinstance(condition, Attacked) and isinstance(head, LabelModel):
            return condition.raised(Mislabelled().loss(head, batch), batch, self.study.seed)
        return condition.perturb(batch, self.model, None, self.study.seed)


def _answer(head: LabelModel | TaskModel, images: Tensor, batch: PoseBatch) -> Tensor | Pose:
    if isinstance(head, LabelModel):
        return head.predict(images)
    return head.predict(images, batch.seeds)


def _judgement(
    task: str, answer: Tensor | Pose, batch: PoseBatch, perturbed: Perturbed
) -> dict[str, object]:
    """Return the columns that say what the answers to a task are worth."""
    if isinstance(answer, Pose):
        return pose_columns(task, answer, batch, perturbed)
    columns: dict[str, object] = {"victim": [task] * len(batch)}
    given, true = answer.cpu().numpy(), batch.labels[task].cpu().numpy()
    if task == "activity":
        return {**columns, "correct": (given == true).tolist()}
    both, either = overlaps(given, true, len(PARTS))
    return {**columns, "intersection": both.tolist(), "union": either.tolist()}
