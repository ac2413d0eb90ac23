"""A run that no network made: plausible numbers and drawn pictures, in the layout of the runner."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest

from robustpose.skeletons import LSP14
from robustpose.studies.rows import PERSON, ROW, sample_path, write_json, write_table

CANVAS = 128
SIZE = 30.0
THRESHOLD = 0.2
EPSILONS = (0.25, 0.5, 1, 2, 4, 8, 16, 32)
NETWORKS = {"DeepPose": 0.55, "2-SHG": 0.3, "Simple baseline": 0.22}  # how easily it is fooled
ATTACKS = {
    "FGSM-U": ("untargeted", 1, 0.35),
    "IGSM-U-10": ("untargeted", 10, 1.0),
    "IGSM-T-20": ("targeted", 20, 1.0),
}
FURTHER = {
    "IGSM-U-20": ("untargeted", 20, 1.1),
    "IGSM-U-100": ("untargeted", 100, 1.3),
    "IGSM-U-N": ("untargeted", 10, 0.9),
    "IGSM-U-10N": ("untargeted", 100, 1.2),
    "APGD-T-LO-100": ("targeted", 100, 2.0),
    "UAP": ("untargeted", 40, 0.5),
    "pose-auto-attack-v1": ("untargeted", 100, 1.5),
}
"""What runs have at one epsilon if they are asked to."""
BATCH = 8
STANDING = np.array(
    [
        *[(54, 118), (54, 96), (56, 72), (72, 72), (74, 96), (74, 118)],
        *[(40, 74), (44, 58), (52, 40), (76, 40), (84, 58), (88, 74), (64, 36), (64, 18)],
    ],
    dtype=float,
)

WriteRun = Callable[..., Path]


@pytest.fixture
def synthetic_run(tmp_path: Path) -> WriteRun:
    """Return `write_run` for a folder of this test."""

    def write(**settings: Any) -> Path:
        return write_run(tmp_path / "run", **settings)

    return write


def write_run(
    folder: Path,
    *,
    people: int = 16,
    epsilons: Sequence[float] = EPSILONS,
    attacks: Sequence[str] = tuple(ATTACKS),
    keep: int = 2,
    without: Sequence[tuple[str, str | None, int]] = (),
    shared: Sequence[str] = (),
    further: Sequence[str] = (),
    sigmas: Sequence[float] | None = None,
) -> Path:
    """Write a run; `without` names cells (condition label, made_on, batch) that have no part.

    Images of conditions whose label is in `shared` are shown to all networks.

    With `sigmas` its people are scored by OKS.
    """
    random = np.random.default_rng(3)
    truth = STANDING * random.normal(1, 0.05, (people, 1, 1)) + random.normal(0, 4, (people, 14, 2))
    labelled = random.random((people, 14)) > 0.05
    ids = [f"drawn/test/{place:04}/0" for place in range(people)]
    _write_people(folder, ids, truth, labelled)
    conditions = [_condition("clean", None)]
    conditions += [_condition(attack, eps) for attack in attacks for eps in epsilons]
    conditions += [_condition(attack, 8.0) for attack in further]
    cells = []
    for condition in conditions:
        for made_on in NETWORKS if condition["eps"] is not None else (None,):
            for batch in range(-(-people // BATCH)):
                key = f"{condition['label']} {made_on} {batch}"
                part = hashlib.sha256(key.encode()).hexdigest()[:16]
                cells.append(
                    {
                        "part": part,
                        "condition": condition["label"],
                        "made_on": made_on,
                        "victims": _victims(condition["label"], made_on, shared),
                        "batch": batch,
                    }
                )
                chosen = slice(batch * BATCH, (batch + 1) * BATCH)
                rows = _rows(
                    part, condition, made_on, ids[chosen], truth[chosen], labelled[chosen], random
                )
                if (condition["label"], made_on, batch) not in without:
                    write_table(rows, folder / "rows" / f"{part}.parquet")
    _write_samples(folder, ids[:keep], truth, conditions, cells, random)
    write_json(_study(people, conditions, cells, keep, sigmas), folder / "study.json")
    return folder


def _victims(label: str, made_on: str | None, shared: Sequence[str]) -> list[str]:
    return list(NETWORKS) if made_on is None or label in shared else [made_on]


def _condition(name: str, eps255: float | None) -> dict[str, Any]:
    if eps255 is None:
        return {
            "label": "clean",
            "condition": "clean",
            "goal": None,
            "norm": None,
            "eps": None,
            "steps": None,
            "step_size": None,
            "description": "The crop as it is.",
        }
    goal, steps, _ = {**ATTACKS, **FURTHER}[name]
    return {
        "label": f"{name} @ {eps255:g}",
        "condition": name,
        "goal": goal,
        "norm": "linf",
        "eps": eps255 / 255,
        "steps": steps,
        "step_size": eps255 / 255 / (1 if steps == 1 else 3 if goal == "untargeted" else 8),
        "description": f"{steps} signed step{'s' if steps > 1 else ''} "
        + ("up the training loss." if goal == "untargeted" else "towards another person's pose."),
    }


def _rows(
    part: str,
    condition: dict[str, Any],
    made_on: str | None,
    ids: Sequence[str],
    truth: np.ndarray,
    labelled: np.ndarray,
    random: np.random.Generator,
) -> pl.DataFrame:
    lines = []
    targeted = condition["goal"] == "targeted"
    for victim, weakness in NETWORKS.items():
        strength = {**ATTACKS, **FURTHER}[condition["condition"]][2] if condition["eps"] else 0
        eps255 = (condition["eps"] or 0) * 255
        reach = weakness * strength * np.log2(1 + 2 * eps255)
        if made_on is not None and victim != made_on:
            reach /= 8  # a transferred perturbation: the report is to ignore these rows
        goal_pose = truth[:, ::-1] * [-1, 1] + [CANVAS, 0]
        spread = np.linspace(1.6, 0.7, 14)[[5, 4, 3, 3, 4, 5, 7, 8, 9, 9, 8, 7, 13, 12]][:, None]
        noise = random.normal(0, 2 + 5 * reach * (not targeted), truth.shape) * spread
        pull = min(0.9 * reach, 0.97) if targeted else 0
        joints = truth + pull * (goal_pose - truth) + noise
        error = np.linalg.norm(joints - truth, axis=2) / SIZE
        to_target = np.linalg.norm(joints - goal_pose, axis=2) / SIZE
        for place, person in enumerate(ids):
            scored = labelled[place]
            lines.append(
                {
                    "study": "synthetic-v1",
                    "part": part,
                    "person": person,
                    "victim": victim,
                    "made_on": made_on,
                    "condition": condition["condition"],
                    "goal": condition["goal"],
                    "norm": condition["norm"],
                    "eps": condition["eps"],
                    "steps": condition["steps"],
                    "joints": joints[place].tolist(),
                    "confidence": [0.5] * 14,
                    "error": _nulled(error[place], scored),
                    "target": goal_pose[place].tolist() if targeted else None,
                    "target_error": _nulled(to_target[place], scored) if targeted else None,
                    "perturbation_linf": condition["eps"],
                    "perturbation_l2": None,
                    "rounded": eps255 >= 1 if made_on else None,
                    "zero_gradient": (0.04 if victim == "2-SHG" else 0.0) if made_on else None,
                    "gradients": condition["steps"],
                    "queries": 0 if made_on else None,
                }
            )
    return pl.DataFrame(lines, schema=ROW, orient="row")


def _nulled(values: np.ndarray, known: np.ndarray) -> list[float | None]:
    return [float(value) if there else None for value, there in zip(values, known, strict=True)]


def _write_people(
    folder: Path, ids: Sequence[str], truth: np.ndarray, labelled: np.ndarray
) -> None:
    table = pl.DataFrame(
        {
            "person": list(ids),
            "photo": [f"{person}.png" for person in ids],
            "joints": [
                [point if known else [None, None] for point, known in zip(pose, marks, strict=True)]
                for pose, marks in zip(truth.tolist(), labelled.tolist(), strict=True)
            ],
            "labelled": labelled.tolist(),
            "size": [SIZE] * len(ids),
        },
        schema=PERSON,
    )
    write_table(table, folder / "people.parquet")


def _write_samples(
    folder: Path,
    ids: Sequence[str],
    truth: np.ndarray,
    conditions: Sequence[dict[str, Any]],
    cells: Sequence[dict[str, Any]],
    random: np.random.Generator,
) -> None:
    def part(label: str, made_on: str | None, place: int) -> str:
        batch = place // BATCH
        return next(
            cell["part"]
            for cell in cells
            if (cell["condition"], cell["made_on"], cell["batch"]) == (label, made_on, batch)
        )

    for place, person in enumerate(ids):
        clean = _photo(truth[place], random)
        _save(sample_path(folder, part("clean", None, place), person), clean)
        for network in NETWORKS:
            if network != "DeepPose":
                own = part("clean", None, place)
                _save_maps(sample_path(folder, own, person, network), truth[place], 1.0)
            for condition in conditions[1:]:
                eps255 = condition["eps"] * 255
                field = cv2.GaussianBlur(random.normal(0, 1, clean.shape), (0, 0), 1.5)
                noise = np.rint(np.sign(field) * eps255)
                own = part(condition["label"], network, place)
                changed = np.clip(clean + noise, 0, 255).astype(np.uint8)
                _save(sample_path(folder, own, person), changed)
                if network != "DeepPose":
                    shifted = truth[place] + random.normal(0, 2 * eps255**0.7, (14, 2))
                    _save_maps(sample_path(folder, own, person, network), shifted, 0.7)


def _photo(pose: np.ndarray, random: np.random.Generator) -> np.ndarray:
    base = cv2.resize(random.uniform(60, 200, (6, 6, 3)).astype(np.float32), (CANVAS, CANVAS))
    picture = (base + random.normal(0, 5, base.shape)).clip(0, 255).astype(np.uint8)
    for a, b in LSP14.limb_indices:
        start, end = (tuple(int(v) for v in np.rint(pose[joint])) for joint in (a, b))
        cv2.line(picture, start, end, (60 + 9 * a, 90, 200 - 9 * b), 9, cv2.LINE_AA)
    cv2.circle(picture, tuple(int(v) for v in pose[13] + [0, 6]), 10, (222, 180, 150), -1)
    return picture


def _save(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def _save_maps(path: Path, pose: np.ndarray, height: float) -> None:
    cells = np.arange(32)
    x, y = pose[:, 0, None, None] / 4, pose[:, 1, None, None] / 4
    distance = (cells[None, None, :] - x) ** 2 + (cells[None, :, None] - y) ** 2
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, maps=(height * np.exp(-distance / 2)).astype(np.float16))


def _study(
    people: int,
    conditions: list[dict[str, Any]],
    cells: list[dict[str, Any]],
    keep: int,
    sigmas: Sequence[float] | None,
) -> dict[str, Any]:
    return {
        "name": "synthetic-v1",
        "version": "0.1.0",
        "command": "robustpose run synthetic-v1 --out runs/synthetic",
        "created": "2026-11-22T15:00:00+00:00",
        "seed": 0,
        "batch_size": BATCH,
        "canvas": [CANVAS, CANVAS],
        "precision": "float32",
        "rounding": True,
        "people": {
            "name": "drawn/test",
            "count": people,
            "available": people,
            "digest": "9f2b" * 16,
            "threshold": THRESHOLD,
            "reference": "torso",
            "sigmas": None if sigmas is None else list(sigmas),
            "skeleton": LSP14.name,
            "joints": list(LSP14.joints),
            "limbs": [list(limb) for limb in LSP14.limbs],
            "left_out": {"no torso annotated": 3},
        },
        "victims": {
            name: {
                "checkpoint": hashlib.sha256(name.encode()).hexdigest(),
                "summary": f"Not a network: numbers drawn with weakness {weakness}.",
                "card": {"parameters": 0},
            }
            for name, weakness in NETWORKS.items()
        },
        "conditions": conditions,
        "cells": cells,
        "parts": [cell["part"] for cell in cells],
        "keep": keep,
        "machine": {"processor": "none"},
        "libraries": {"numpy": np.__version__},
    }
