"""Runs that no network made, with scores as asked for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from robustpose.skeletons import LSP14
from robustpose.studies.rows import PERSON, ROW, write_json, write_table

PEOPLE, JOINTS, CANVAS, SIZE, THRESHOLD = 20, 14, 128, 30.0, 0.2
RIGHT, WRONG = 0.05, 1.5
FILLED = {
    *("study", "part", "person", "victim", "made_on", "condition", "goal", "norm", "eps", "steps"),
    *("joints", "error", "zero_gradient", "gradients", "queries"),
}
EXACT = {"function": "robustpose.attacks.gradients.exact"}
STAND_INS = {"function": "robustpose.attacks.stand_ins.stand_ins"}
AVERAGED = {"type": "robustpose.attacks.gradients.Averaged", "draws": 8}


class Images(NamedTuple):
    """A condition of a made run, and the share of joints that each network that sees it has right.

    `left` is {(victim, made on): percent}.
    """

    name: str
    eps: float | None
    left: Mapping[tuple[str, str | None], float]
    steps: int | None = 10
    step: float | None = None
    goal: str | None = "untargeted"
    gradients: int = 10
    queries: int = 0
    zero_gradient: float = 0.0
    gradient: Mapping[str, Any] = EXACT
    poses: np.ndarray | None = None


def clean(*networks: str, left: float = 80.0, poses: np.ndarray | None = None) -> Images:
    """Return the clean images."""
    shown = {(network, None): left for network in networks}
    return Images("clean", None, shown, None, goal=None, gradients=0, poses=poses)


def noise(eps: float, left: float, network: str = "net") -> Images:
    """Return noise that everybody sees."""
    return Images("noise", eps, {(network, None): left}, None, goal=None, gradients=0)


def attack(name: str, eps: float, left: float, *, network: str = "net", **more: Any) -> Images:
    """Return an attack on one network."""
    return Images(name, eps, {(network, network): left}, **more)


WriteRun = Callable[..., Path]


@pytest.fixture
def made_run(tmp_path: Path) -> WriteRun:
    """Return a function that writes a run: its images, and further entries of its networks."""

    def write(images: Sequence[Images], **settings: Any) -> Path:
        return write_run(tmp_path / "run", images, **settings)

    return write


def write_run(
    folder: Path,
    images: Sequence[Images],
    *,
    people: int = PEOPLE,
    victims: Mapping[str, Mapping[str, Any]] | None = None,
    study: Mapping[str, Any] | None = None,
) -> Path:
    """Write a run; `study` replaces entries of its study.json."""
    random = np.random.default_rng(5)
    truth = random.normal((64, 64), 18, (people, JOINTS, 2))
    rank = random.permutation(people * JOINTS).reshape(people, JOINTS) / (people * JOINTS)
    ids = [f"drawn/test/{place:04}/0" for place in range(people)]
    cells = []
    for each in images:
        for made_on in dict.fromkeys(source for _, source in each.left):
            part = f"part{len(cells):03}"
            seen = {
                victim: left for (victim, source), left in each.left.items() if source == made_on
            }
            tables = [
                _rows(
                    part,
                    each,
                    made_on,
                    victim,
                    ids,
                    truth,
                    np.where(rank < left / 100, RIGHT, WRONG),
                )
                for victim, left in seen.items()
            ]
            write_table(pl.concat(tables), folder / "rows" / f"{part}.parquet")
            cells.append(
                {
                    "part": part,
                    "condition": _label(each),
                    "made_on": made_on,
                    "victims": list(seen),
                    "batch": 0,
                }
            )
    networks = dict.fromkeys(victim for each in images for victim, _ in each.left)
    entries = {
        name: {"repeat_difference": 0.0, "random": False, "checkpoint": f"digest of {name}"}
        | dict((victims or {}).get(name, {}))
        for name in networks
    }
    _write_people(folder, ids, truth)
    content = _study(people, images, cells, entries) | dict(study or {})
    write_json(content, folder / "study.json")
    return folder


def _label(each: Images) -> str:
    return each.name if each.eps is None else f"{each.name} @ {each.eps:g}"


def _rows(
    part: str,
    each: Images,
    made_on: str | None,
    victim: str,
    ids: Sequence[str],
    truth: np.ndarray,
    error: np.ndarray,
) -> pl.DataFrame:
    poses = truth + [SIZE, 0] * error[..., None] if each.poses is None else each.poses
    count = len(ids)
    return pl.DataFrame(
        {
            "study": ["made"] * count,
            "part": [part] * count,
            "person": list(ids),
            "victim": [victim] * count,
            "made_on": [made_on] * count,
            "condition": [each.name] * count,
            "goal": [each.goal] * count,
            "norm": [None if each.eps is None else "linf"] * count,
            "eps": [None if each.eps is None else each.eps / 255] * count,
            "steps": [each.steps] * count,
            "joints": poses.tolist(),
            "error": error.tolist(),
            "zero_gradient": [each.zero_gradient if each.gradients else None] * count,
            "gradients": [each.gradients] * count,
            "queries": [each.queries] * count,
        }
        | {name: [None] * count for name in set(ROW) - FILLED},
        schema=ROW,
        strict=False,
    )


def _write_people(folder: Path, ids: Sequence[str], truth: np.ndarray) -> None:
    table = {
        "person": list(ids),
        "photo": list(ids),
        "joints": truth.tolist(),
        "labelled": np.ones(truth.shape[:2], dtype=bool).tolist(),
        "size": [SIZE] * len(ids),
    }
    write_table(pl.DataFrame(table, schema=PERSON), folder / "people.parquet")


def _study(
    people: int,
    images: Sequence[Images],
    cells: Sequence[Mapping[str, Any]],
    victims: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "name": "made-v1",
        "version": "0.1.0",
        "command": "robustpose run made",
        "created": "2026-11-22T15:00:00+00:00",
        "seed": 0,
        "batch_size": people,
        "canvas": [CANVAS, CANVAS],
        "precision": "float32",
        "rounding": True,
        "valid_range": True,
        "keep": 0,
        "people": {
            "name": "drawn/test",
            "count": people,
            "available": people,
            "digest": "9f2b",
            "threshold": THRESHOLD,
            "reference": "torso",
            "sigmas": None,
            "skeleton": LSP14.name,
            "joints": list(LSP14.joints),
            "limbs": [list(limb) for limb in LSP14.limbs],
            "left_out": {},
        },
        "guess": {"pose": [[64, 64]] * JOINTS, "people": 9, "available": 9, "split": "drawn/train"}
        | {"other_pose": 5.0},
        "victims": dict(victims),
        "conditions": [_condition(each) for each in images],
        "cells": list(cells),
        "parts": [cell["part"] for cell in cells],
    }


def _condition(each: Images) -> dict[str, Any]:
    step = each.step if each.step is not None else (each.eps or 0) / 255 / 3
    method = {"type": "Iterated", "steps": each.steps, "step_size": step, "gradient": each.gradient}
    return {
        "label": _label(each),
        "condition": each.name,
        "goal": each.goal,
        "norm": None if each.eps is None else "linf",
        "eps": None if each.eps is None else each.eps / 255,
        "steps": each.steps,
        "step_size": step if each.gradients else None,
        "description": "made",
        "settings": {"type": "Attacked", "name": each.name, "attack": method},
    }
