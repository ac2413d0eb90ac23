"""Rows: one a person, victim and condition; everything that is reported is read from them.

A run's folder holds `rows/*.parquet` (one immutable part a cell), `people.parquet` (the truth),
`study.json` (the configuration), `samples/` (pictures of a few people) and what the report adds.
Rows of sibling tasks lie apart, in `task_rows/*.parquet`, described by `tasks.json`.
Missing is null, never NaN or 0. No torch here: a report can be made where no network runs.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Bool, Float

from robustpose.errors import UsageError

POINTS: pl.DataType = pl.List(pl.List(pl.Float32))
VALUES: pl.DataType = pl.List(pl.Float32)


def _schema(columns: dict[str, type[pl.DataType] | pl.DataType]) -> pl.Schema:
    return pl.Schema(columns)


ROW = _schema(
    {
        "study": pl.String,
        "part": pl.String,  # the cell's digest, also the part's file name
        "person": pl.String,
        "victim": pl.String,  # the model judged
        "made_on": pl.String,  # the model attacked; null: nobody's gradients were used
        "condition": pl.String,  # "clean", "FGSM-U", "IGSM-U-10"; epsilon stands apart
        "goal": pl.String,  # "untargeted", "targeted", null for clean
        "norm": pl.String,  # "linf", "l2", "l1", "l0"
        "eps": pl.Float64,  # radius of the ball, images in [0, 1]; l0: pixels
        "steps": pl.Int32,
        "joints": POINTS,  # predicted, (x, y) in canvas pixels
        "confidence": VALUES,
        "error": VALUES,  # over the reference length; null where not labelled
        "target": POINTS,  # the pose asked for by a targeted attack
        "target_error": VALUES,  # to the target, over the reference length
        "perturbation_linf": pl.Float32,
        "perturbation_l2": pl.Float32,
        "rounded": pl.Boolean,  # to 8-bit levels, as an image file has them
        "zero_gradient": pl.Float32,  # share of image values whose gradient is exactly zero
        "gradients": pl.Int32,  # gradient evaluations spent on this person
        "queries": pl.Int32,  # forward passes without gradient spent on this person
        "member": pl.String,  # of an ensemble: whose image is shown; "clean" if nobody's is worse
        "settings": pl.String,  # digest of the condition's settings
    }
)
"""The columns of `rows/*.parquet`."""

TASK_ROW = _schema(
    {
        **ROW,  # victim and made_on are tasks: "activity", "parts", "pose"; errors are the pose's
        "correct": pl.Boolean,  # whether the activity is right
        "intersection": pl.List(pl.Int32),  # cells of each part in both label maps
        "union": pl.List(pl.Int32),  # cells of each part in either
    }
)
"""The columns of `task_rows/*.parquet`; what belongs to other tasks is null."""

PERSON = _schema(
    {
        "person": pl.String,
        "photo": pl.String,
        "joints": POINTS,  # the truth, canvas pixels; null where not labelled
        "labelled": pl.List(pl.Boolean),
        "size": pl.Float32,  # reference length, canvas pixels
    }
)
"""The columns of `people.parquet`, in the order of the study."""


def write_table(table: pl.DataFrame, path: Path, *, origin: Any = None) -> None:
    """Write a Parquet file that appears whole or not at all.

    `origin`, a JSON value that says what the rows came from, goes into its metadata.
    """
    partial = partial_of(path)
    table.write_parquet(partial, metadata={"robustpose": json.dumps(origin)})
    os.replace(partial, path)


def write_json(content: Any, path: Path) -> None:
    """Write a JSON file that appears whole or not at all."""
    write_bytes((json.dumps(content, indent=2) + "\n").encode(), path)


def write_bytes(content: bytes, path: Path) -> None:
    """Write a file that appears whole or not at all."""
    partial = partial_of(path)
    partial.write_bytes(content)
    os.replace(partial, path)


def partial_of(path: Path) -> Path:
    """Return where this process writes a file before it is renamed; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def sample_path(run: Path, part: str, person: str, victim: str | None = None) -> Path:
    """Return where a kept picture of a part lies, or the heatmaps that a victim made of it.

    Pictures are PNG; heatmaps are NPZ with `maps`, half precision (k, rows, columns).
    """
    name = f"{slug(person)}.png" if victim is None else f"{slug(person)}--{slug(victim)}.npz"
    return run / "samples" / part / name


def read_rows(run: Path) -> pl.DataFrame:
    """Read the rows of a run that its study asks for. Raises `UsageError` if there are none."""
    return _read_parts(run / "rows", read_study(run)["parts"], ROW)


def read_task_rows(run: Path) -> pl.DataFrame:
    """Read the rows of the sibling tasks of a run. Raises `UsageError` if there are none."""
    return _read_parts(run / "task_rows", (read_tasks(run) or {"parts": []})["parts"], TASK_ROW)


def _read_parts(folder: Path, parts: Iterable[str], schema: pl.Schema) -> pl.DataFrame:
    """Read parts; in those of earlier versions, columns that came later are null."""
    wanted = set(parts)
    paths = sorted(path for path in folder.glob("*.parquet") if path.stem in wanted)
    if not paths:
        raise UsageError(f"expected rows in {folder}, found none: `robustpose run` makes them")
    try:
        return pl.read_parquet(paths, schema=schema, missing_columns="insert")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UsageError(
            f"a part in {folder} cannot be read ({error}): delete it and run the study again"
        ) from error


def read_people(run: Path) -> pl.DataFrame:
    """Read the people of a run, in the order of the study."""
    path = run / "people.parquet"
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UsageError(
            f"expected the people of a run at {path}: {error}; run the study again"
        ) from error


class Truth(NamedTuple):
    """The annotations of everybody, in the order of the study.

    Joints are in canvas pixels and meaningless where not labelled; `size` is the reference length,
    0 where there is none.
    """

    joints: Float[np.ndarray, "n k 2"]
    labelled: Bool[np.ndarray, "n k"]
    size: Float[np.ndarray, "n"]


def truth_of(people: pl.DataFrame) -> Truth:
    """Return the annotations that a table of people holds."""
    labelled = np.array(people["labelled"].to_list(), dtype=bool)
    joints = [
        [point if point and None not in point else (0, 0) for point in points]
        for points in people["joints"].to_list()
    ]
    return Truth(
        np.array(joints, dtype=float).reshape(*labelled.shape, 2),
        labelled,
        people["size"].fill_null(0).cast(pl.Float64).to_numpy(),
    )


def errors_of(
    rows: pl.DataFrame, places: Mapping[str, int], joints: int, *, column: str = "error"
) -> Float[np.ndarray, "n k"]:
    """Return the errors of rows, one a person, at the person's place; NaN where there is none."""
    errors = np.full((len(places), joints), np.nan)
    known = rows.filter(pl.col(column).is_not_null())
    if len(known):
        values = known[column].explode().cast(pl.Float64).to_numpy()
        errors[[places[person] for person in known["person"]]] = values.reshape(len(known), -1)
    return errors


def read_study(run: Path) -> dict[str, Any]:
    """Read the configuration of a run. Raises `UsageError` for a folder that is no run."""
    path = run / "study.json"
    if not path.is_file():
        raise UsageError(
            f"expected the folder of a run at {run} (with study.json, rows/ and people.parquet), "
            f"found {'a folder without study.json' if run.is_dir() else 'no such folder'}"
        )
    return _read_description(path)


def read_tasks(run: Path) -> dict[str, Any] | None:
    """Read what describes the sibling tasks of a run; None for a run without them."""
    path = run / "tasks.json"
    return _read_description(path) if path.is_file() else None


def _read_description(path: Path) -> dict[str, Any]:
    try:
        study = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"expected JSON in {path}: {error}; run the study again") from error
    if not isinstance(study, dict) or "parts" not in study:
        raise UsageError(f"{path} does not describe a study: run the study again")
    return study


def slug(text: str) -> str:
    """Return text as part of a file's name: runs of other characters than A-Za-z0-9.- become _."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text)
