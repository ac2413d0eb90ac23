"""Runs whose scores are chosen: each joint of each person is right or wrong as a share says."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from robustpose.report.runs import Run, open_run
from robustpose.skeletons import LSP14
from robustpose.studies.rows import PERSON, ROW, write_json, write_table

SIZE, THRESHOLD = 30.0, 0.2
RIGHT, WRONG = 0.1, 0.9
Share = float | Sequence[float]


class Shown(NamedTuple):
    """What a victim was shown: a condition at an epsilon (0-255 units), made on a network."""

    victim: str
    attack: str
    eps255: float | None = None
    made_on: str | None = None


def victim(model: str, family: str, *, seed: int = 0, **entry: Any) -> dict[str, Any]:
    """Return an entry of `victims`; `encoder` goes into the card."""
    card = {"recipe": {"images": 100, "seed": seed}, "seen": 100}
    card |= {key: entry.pop(key) for key in ("encoder", "seen") if key in entry}
    return {"model": model, "family": family, "stages": 1, "card": card, **entry}


def made_run(
    folder: Path,
    victims: Mapping[str, dict[str, Any]],
    shares: Mapping[Shown, Share],
    *,
    people: int = 60,
    zero_gradient: Mapping[str, float] | None = None,
) -> Run:
    """Write and open a run in which these shares of joints are right (one for all, or by joint).

    Of targeted attacks it is the share of the target that is reached. Everybody has the same
    luck in all of it, so that larger shares contain smaller ones.
    """
    random = np.random.default_rng(0)
    luck = random.random((people, len(LSP14)))
    truth = random.uniform(20, 100, (people, len(LSP14), 2))
    ids = [f"made/{place}" for place in range(people)]
    conditions = {(each.attack, each.eps255): _condition(each) for each in shares}
    cells = []
    for place, (each, share) in enumerate(shares.items()):
        error = np.where(luck < np.asarray(share), RIGHT, WRONG)
        condition = conditions[each.attack, each.eps255]
        zero = (zero_gradient or {}).get(each.victim, 0.0)
        part, made_on = f"part{place}", _made_on(each)
        rows = {
            **dict.fromkeys(ROW, [None] * people),
            "part": [part] * people,
            "person": ids,
            "victim": [each.victim] * people,
            "made_on": [made_on] * people,
            "condition": [each.attack] * people,
            "goal": [condition["goal"]] * people,
            "norm": [condition["norm"]] * people,
            "eps": [condition["eps"]] * people,
            "joints": (truth + np.dstack([SIZE * error, 0 * error])).tolist(),
            "confidence": (1 - error).tolist(),
            "error": error.tolist(),
            "target_error": error.tolist() if condition["goal"] == "targeted" else [None] * people,
            "zero_gradient": [zero if made_on else None] * people,
        }
        write_table(pl.DataFrame(rows, schema=ROW, strict=False), folder / f"rows/{part}.parquet")
        label = condition["label"]
        cells.append(
            {
                "part": part,
                "condition": label,
                "made_on": made_on,
                "victims": [each.victim],
                "batch": 0,
            }
        )
    _write_people(folder, ids, truth)
    write_json(_study(victims, list(conditions.values()), cells, people), folder / "study.json")
    return open_run(folder)


def _made_on(shown: Shown) -> str | None:
    if shown.attack in ("clean", "noise"):
        return None
    return shown.made_on or shown.victim


def _condition(shown: Shown) -> dict[str, Any]:
    clean = shown.eps255 is None
    step = {"1/2": 1 / 2, "1/9": 1 / 9}.get(shown.attack.rpartition(" ")[2], 1 / 3)
    eps = None if shown.eps255 is None else shown.eps255 / 255
    return {
        "label": shown.attack if clean else f"{shown.attack} @ {shown.eps255:g}",
        "condition": shown.attack,
        "goal": None if clean else "targeted" if "-T" in shown.attack else "untargeted",
        "norm": None if clean else "linf",
        "eps": eps,
        "steps": None if clean else 10,
        "step_size": None if eps is None else step * eps,
        "description": "chosen",
    }


def _write_people(folder: Path, ids: Sequence[str], truth: np.ndarray) -> None:
    table = {
        "person": list(ids),
        "photo": [f"{person}.png" for person in ids],
        "joints": truth.tolist(),
        "labelled": [[True] * len(LSP14)] * len(ids),
        "size": [SIZE] * len(ids),
    }
    write_table(pl.DataFrame(table, schema=PERSON), folder / "people.parquet")


def _study(
    victims: Mapping[str, dict[str, Any]],
    conditions: list[dict[str, Any]],
    cells: list[dict[str, Any]],
    people: int,
) -> dict[str, Any]:
    return {
        "name": "jain2019-made",
        "version": "0.1.0",
        "command": "",
        "created": "2026-11-22T15:00:00+00:00",
        "seed": 0,
        "batch_size": people,
        "canvas": [128, 128],
        "precision": "float32",
        "rounding": True,
        "people": {
            "name": "made/test",
            "count": people,
            "available": people,
            "digest": "9f2b",
            "threshold": THRESHOLD,
            "reference": "torso",
            "skeleton": LSP14.name,
            "joints": list(LSP14.joints),
            "limbs": [list(limb) for limb in LSP14.limbs],
            "left_out": {},
        },
        "victims": dict(victims),
        "conditions": conditions,
        "cells": cells,
        "parts": [cell["part"] for cell in cells],
    }
