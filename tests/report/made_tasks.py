"""Rows of sibling tasks that no network made: scores fall with epsilon, each in its own way."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from robustpose.studies.rows import TASK_ROW, write_json, write_table

ATTACKS = {"FGSM-U": 1, "IGSM-U-10": 10}
WEAKNESS = {"activity": 0.5, "parts": 0.8, "pose": 0.3}
CHANCE = {"activity": 0.1, "parts": 0.2, "pose": 0.15}
CLASSES, JOINTS, CELLS = 3, 14, 100


def write_tasks(
    folder: Path,
    *,
    people: int = 24,
    epsilons: Sequence[float] = (0.5, 2, 8),
    without: Sequence[tuple[str, str]] = (),
) -> None:
    """Write task rows; `without` names (condition label, task) that have no part."""
    random = np.random.default_rng(5)
    conditions = [_condition("clean", None), _condition("constant", None)]
    conditions += [_condition(name, eps) for name in ATTACKS for eps in epsilons]
    cells = []
    for condition in conditions:
        for task in WEAKNESS:
            part = hashlib.sha256(f"{condition['label']} {task}".encode()).hexdigest()[:16]
            cells.append({"part": part, "condition": condition["label"], "task": task, "batch": 0})
            if (condition["label"], task) not in without:
                rows = _rows(part, condition, task, people, random)
                write_table(rows, folder / "task_rows" / f"{part}.parquet")
    study = {
        "name": "tasks-v1",
        "people": {
            "name": "drawn/test",
            "count": people,
            "threshold": 0.5,
            "reference": "head",
        },
        "tasks": {"activity": "accuracy", "parts": "mIoU", "pose": "PCK"},
        "conditions": conditions,
        "cells": cells,
        "parts": [cell["part"] for cell in cells],
    }
    write_json(study, folder / "tasks.json")


def right(condition: dict[str, Any], task: str) -> float:
    """Return the share of answers that are right."""
    if condition["condition"] == "constant":
        return CHANCE[task]
    eps255 = 255 * (condition["eps"] or 0)
    strength = 0.4 if condition["condition"] == "FGSM-U" else 1.0
    return float(0.8 / (1 + strength * WEAKNESS[task] * eps255))


def _condition(name: str, eps255: float | None) -> dict[str, Any]:
    return {
        "label": name if eps255 is None else f"{name} @ {eps255:g}",
        "condition": name,
        "eps": None if eps255 is None else eps255 / 255,
        "steps": ATTACKS.get(name),
    }


def _rows(
    part: str, condition: dict[str, Any], task: str, people: int, random: np.random.Generator
) -> pl.DataFrame:
    share = right(condition, task)
    columns: dict[str, Any] = {
        "study": ["tasks-v1"] * people,
        "part": [part] * people,
        "person": [f"drawn/test/{place:04}" for place in random.permutation(people)],
        "victim": [task] * people,
        "condition": [condition["condition"]] * people,
        "eps": [condition["eps"]] * people,
        "steps": [condition["steps"]] * people,
    }
    if task == "activity":
        columns["correct"] = (random.random(people) < share).tolist()
    elif task == "parts":
        both = random.binomial(CELLS, share, (people, CLASSES))
        columns |= {"intersection": both.tolist(), "union": np.full_like(both, CELLS).tolist()}
    else:
        columns["error"] = np.where(random.random((people, JOINTS)) < share, 0.2, 0.9).tolist()
    nothing = [None] * people
    whole = {name: columns.get(name, nothing) for name in TASK_ROW}
    return pl.DataFrame(whole, schema=TASK_ROW, strict=False)
