"""Running a study: every cell that has no part on disk is made, judged and written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import torch
from jaxtyping import Bool
from torch import Tensor

from robustpose.attacks.levels import finished
from robustpose.conditions import Condition, Ensemble, Perturbed
from robustpose.conditions.worst import CLEAN
from robustpose.data.crops import crop
from robustpose.errors import UsageError
from robustpose.metrics.rules import rule_of
from robustpose.models.model import PoseModel
from robustpose.models.repeating import repeat_difference
from robustpose.poses import PoseBatch
from robustpose.studies.artefacts import Artefacts
from robustpose.studies.configuration import (
    condition_entry,
    cropping_entry,
    people_entry,
    victim_entry,
)
from robustpose.studies.digests import digest_of
from robustpose.studies.folder import check_folder, check_same_run, locked
from robustpose.studies.guesses import guess_entry
from robustpose.studies.judging import Judged, people_table, rows_of
from robustpose.studies.provenance import (
    arithmetic,
    described,
    libraries,
    machine,
    weights_digest,
)
from robustpose.studies.rows import read_study, write_json, write_table
from robustpose.studies.samples import copy_samples, keep_images, keep_maps
from robustpose.studies.study import Cell, Study
from robustpose.studies.worst_rows import cells_of_members, named_after, worst_rows
from robustpose.version import __version__

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Advance:
    """What a listener hears: work done and in all (in gradient evaluations), and on what."""

    done: int
    total: int
    cell: Cell


def run_study(
    study: Study,
    out: Path,
    *,
    device: torch.device,
    command: str = "",
    listen: Callable[[Advance], None] = lambda _: None,
) -> Path:
    """Make the rows of a study in the folder `out`; returns it.

    Cells whose part lies there already are not made again, so a killed run goes on where it
    stopped. Raises `UsageError` for a folder that holds something else, and if a network cannot
    judge these people.
    """
    check_folder(out)
    exact(device)
    runner = _Runner(study, out, device)
    runner.write_configuration(command)
    make_missing(runner, list(study.cells()), listen)
    # A run on the same folder with other networks or attacks may have described itself meanwhile.
    runner.write_configuration(command)
    return out


class Maker(Protocol):
    """What makes the parts of cells."""

    def work(self, cell: Cell) -> int:
        """Return gradient evaluations, the measure of progress."""
        ...

    def part_path(self, cell: Cell) -> Path:
        """Return where the part of a cell lies."""
        ...

    def make(self, cell: Cell) -> None:
        """Make the part."""
        ...


def make_missing(maker: Maker, cells: Sequence[Cell], listen: Callable[[Advance], None]) -> None:
    """Make the parts that are not on disk, in the order of the cells."""
    works = [maker.work(cell) for cell in cells]
    total, done = sum(works), 0
    for cell, work in zip(cells, works, strict=True):
        listen(Advance(done, total, cell))
        if not maker.part_path(cell).exists():
            maker.make(cell)
        done += work
    if cells:
        listen(Advance(done, total, cells[-1]))


class _Runner:
    def __init__(self, study: Study, out: Path, device: torch.device) -> None:
        self.study = study
        self.out = out
        self.device = device
        self.models = {name: self._model(name) for name in study.victims}
        self._crops: dict[int, PoseBatch] = {}

    @cached_property
    def digests(self) -> Mapping[str, str]:
        return {name: weights_digest(model) for name, model in self.models.items()}

    @cached_property
    def artefacts(self) -> Artefacts:
        return Artefacts(
            self.study,
            self.out,
            self.device,
            models=self.models,
            digests=self.digests,
            joints=self.shared.tolist(),
        )

    @cached_property
    def repeats(self) -> Mapping[str, float]:
        """How far each network's answers to the same people lie apart (`repeat_difference`)."""
        batch = self._crop(0).to(self.device)
        return {name: repeat_difference(model, batch) for name, model in self.models.items()}

    @cached_property
    def shared(self) -> Bool[Tensor, "k"]:
        """Which joints of the people all victims know: only those are attacked and scored."""
        answers = torch.tensor([model.answers for model in self.models.values()])
        shared: Tensor = answers.all(dim=0)
        if not shared.any():
            raise UsageError(f"no joint is known to all of {', '.join(self.models)}")
        return shared

    @cached_property
    def guess(self) -> dict[str, Any] | None:
        """What a guess from the training people scores, measured once in the life of a run."""
        begun = (self.out / "study.json").is_file()
        before = read_study(self.out).get("guess") if begun else None
        return guess_entry(self.study, self.shared.numpy(), before)

    @cached_property
    def described_people(self) -> list[str]:
        return self.study.people.ids

    def work(self, cell: Cell) -> int:
        """Return gradient evaluations, the measure of progress.

        The first batch of a condition and model bears what is prepared for all of them.
        """
        condition = self.study.conditions[cell.label]
        people = len(self.study.batch_people(cell.batch))
        if isinstance(condition, Ensemble) and cells_of_members(
            self.study, cell, condition.members
        ):
            return people  # its rows are made of those of its members
        return people * condition.cost + (cell.batch == 0) * condition.preparation_cost

    def part_path(self, cell: Cell) -> Path:
        return self.out / "rows" / f"{self.part(cell)}.parquet"

    def part(self, cell: Cell) -> str:
        """Return the digest of all that decides the rows of a cell."""
        return digest_of(self.identity(cell))

    def identity(self, cell: Cell) -> dict[str, Any]:
        """Return all that decides the rows of a cell."""
        study = self.study
        start = cell.batch * study.batch_size
        return {
            "study": study.name,
            "label": cell.label,
            "condition": described(study.conditions[cell.label]),
            "made_on": cell.made_on,
            "models": {
                name: self.digests[name] for name in (*cell.victims, *filter(None, [cell.made_on]))
            },
            "people": self.described_people[start : start + study.batch_size],
            "annotations": study.people.digest,
            "prepared_on": self.artefacts.prepared_on(cell.label),
            "canvas": study.canvas,
            "cropping": cropping_entry(study.people),
            "unscored": list(study.people.unscored),
            "precision": study.precision,
            "rounding": [study.rounding, study.valid_range],
            "seed": study.seed,
            "joints": self.shared.tolist(),
            "arithmetic": arithmetic(self.device),
        }

    def make(self, cell: Cell) -> None:
        """Make the rows of a cell and write its part: those of an ensemble from its members'."""
        rows = self._worst_rows(cell)
        if rows is None:
            rows = self._attacked(cell)
        write_table(rows, self.part_path(cell), origin=self.identity(cell))

    def _attacked(self, cell: Cell) -> pl.DataFrame:
        """Make the images of a cell, show them to its victims, and return what they said."""
        batch = self._crop(cell.batch).to(self.device)
        condition = self.study.conditions[cell.label]
        model = None if cell.made_on is None else self.models[cell.made_on]
        perturbed, levels = self._finished(
            condition.perturb(batch, model, self.artefacts.of(cell), self.study.seed),
            batch,
            condition,
        )
        tables = []
        for victim in cell.victims:
            pose = self.models[victim].predict(perturbed.images, batch.seeds)
            tables.append(Judged(victim, pose))
        part, kept = self.part(cell), self._kept(cell)
        if kept:
            keep_images(self.out, part, batch, perturbed.images, kept)
            for victim in cell.victims:
                model = self.models[victim]
                keep_maps(self.out, part, victim, model, batch, perturbed.images, kept)
        return rows_of(self.study, part, cell, batch, perturbed, tables, rounded=levels)

    def _kept(self, cell: Cell) -> int:
        """Return of how many people of a cell the pictures are kept."""
        return max(0, self.study.keep - cell.batch * self.study.batch_size)

    def _worst_rows(self, cell: Cell) -> pl.DataFrame | None:
        """Return the rows of an ensemble, if those of all its members are on disk.

        None also where further members are called in, whose rows are nobody's.
        """
        condition = self.study.conditions[cell.label]
        if not isinstance(condition, Ensemble) or cell.victims != (cell.made_on,):
            return None
        cells = cells_of_members(self.study, cell, condition.members)
        paths = [self.part_path(each) for each in cells]
        if not cells or not all(path.exists() for path in paths):
            return None
        victim, batch = cell.victims[0], self._crop(cell.batch).to(self.device)
        tables = [pl.read_parquet(path).filter(victim=victim) for path in paths]
        names = [CLEAN, *(member.name for member in condition.members)]
        rule = rule_of(self.study.people.threshold, self.study.people.sigmas)
        rows = worst_rows(dict(zip(names, tables, strict=True)), rule)
        if condition.further(self.models[victim], batch, rows["member"].to_list()):
            return None
        part = self.part(cell)
        for row in rows.head(self._kept(cell)).iter_rows(named=True):
            copy_samples(self.out, row["part"], part, row["person"], victim)
        return named_after(condition, rows, part)

    def write_configuration(self, command: str) -> None:
        """Write study.json and people.parquet."""
        study = self.study
        cells = [
            {
                "part": self.part(cell),
                "condition": cell.label,
                "made_on": cell.made_on,
                "victims": list(cell.victims),
                "batch": cell.batch,
            }
            for cell in study.cells()
        ]
        content: dict[str, Any] = {
            "name": study.name,
            "version": __version__,
            "command": command,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": study.seed,
            "batch_size": study.batch_size,
            "canvas": list(study.canvas),
            "precision": study.precision,
            "rounding": study.rounding,
            "valid_range": study.valid_range,
            "keep": study.keep,
            "people": people_entry(study, self.shared.tolist()),
            "guess": self.guess,
            "victims": {
                name: victim_entry(model, self.digests[name], repeat_difference=self.repeats[name])
                for name, model in self.models.items()
            },
            "conditions": [
                condition_entry(label, condition) for label, condition in study.conditions.items()
            ],
            "cells": cells,
            "artefacts": self.artefacts.entries(),
            "parts": [cell["part"] for cell in cells],
            "arithmetic": arithmetic(self.device),
            "machine": machine(),
            "libraries": libraries(),
        }
        with locked(self.out):
            check_same_run(self.out, content)
            write_table(people_table(study), self.out / "people.parquet")
            write_json(content, self.out / "study.json")

    def _model(self, name: str) -> PoseModel:
        model = self.study.victims[name]().to(self.device).frozen()
        model.asked(self.study.people.skeleton)
        model.precision = PRECISIONS[self.study.precision]
        return model

    def _crop(self, batch: int) -> PoseBatch:
        if batch not in self._crops:
            if len(self._crops) >= 4:
                self._crops.pop(next(iter(self._crops)))
            people = crop(self.study.batch_people(batch), self.study.canvas)
            self._crops[batch] = replace(people, labelled=people.labelled & self.shared)
        return self._crops[batch]

    def _finished(
        self, perturbed: Perturbed, batch: PoseBatch, condition: Condition
    ) -> tuple[Perturbed, bool]:
        """Bring images to 8-bit levels where the ball holds any, and check them."""
        images, levels = finished(
            perturbed.images,
            batch.images,
            condition.ball,
            rounding=self.study.rounding and perturbed.sizes is None,
            valid_range=self.study.valid_range,
        )
        targets = perturbed.targets
        if targets is not None:
            known = self.shared.to(targets.device)
            targets = targets.masked_fill(~known.view(1, -1, 1), float("nan"))
        return perturbed._replace(images=images, targets=targets), levels


def exact(device: torch.device) -> None:
    """Let a GPU compute in single precision as asked, in the same order each time."""
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
