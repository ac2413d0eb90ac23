"""One run as the report reads it: rows arranged by network, condition and what it was made on.

Unless `made_on` names another network, everything is white box: the network judged is the network
attacked (`victim == made_on`). Perturbations that nobody's gradients made count as everybody's own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Bool, Float

from robustpose.metrics.rules import Rule, rule_of
from robustpose.skeletons import Skeleton
from robustpose.studies.checks import Finding, check_run
from robustpose.studies.rows import errors_of, read_people, read_rows, read_study, truth_of

LEVELS = 255
"""Epsilon is in [0, 1] in rows and in 0-255 units (8-bit levels) in every report."""


class Condition(NamedTuple):
    """One entry of a study's list of conditions; epsilon in 0-255 units, None for clean images."""

    label: str
    name: str
    goal: str | None
    norm: str | None
    eps255: float | None
    steps: int | None
    step255: float | None
    description: str


class Cell(NamedTuple):
    """One unit of work of the runner: a condition, made on a network, for one batch of people."""

    part: str
    condition: str
    made_on: str | None
    victims: tuple[str, ...]
    batch: int

    def __str__(self) -> str:
        on = f" on {self.made_on}" if self.made_on else ""
        return f"{self.condition}{on}, batch {self.batch}"


@dataclass(frozen=True, eq=False)
class Run:
    """The folder of a run, read once; arrays follow the order of `people.parquet`."""

    folder: Path
    study: dict[str, Any]
    people: pl.DataFrame
    rows: pl.DataFrame

    @cached_property
    def skeleton(self) -> Skeleton:
        """The joints that all networks of the study are scored over."""
        people = self.study["people"]
        limbs = tuple((a, b) for a, b in people["limbs"])
        return Skeleton(people["skeleton"], tuple(people["joints"]), limbs)

    @property
    def unscored(self) -> list[str]:
        """Joints that the data set's rule leaves out."""
        return list(self.study["people"].get("unscored", ()))

    @property
    def unknown(self) -> list[str]:
        """Joints of the people that not every network knows, so that none is scored on them."""
        joints = self.study["people"]["joints"]
        known = self.study["people"].get("scored", [True] * len(joints))
        return [joint for joint, scored in zip(joints, known, strict=True) if not scored]

    @cached_property
    def rule(self) -> Rule:
        """The rule by which the people are scored."""
        return rule_of(self.threshold, self.study["people"].get("sigmas"))

    @property
    def measure(self) -> str:
        """What a score is, in words: "PCK@0.2 of the torso", "mean OKS"."""
        if self.study["people"].get("sigmas") is not None:
            return self.rule.name
        return f"{self.rule.name}@{self.radius}"

    @property
    def radius(self) -> str:
        """Within what a joint is right, in words: "0.2 of the torso"."""
        return f"{self.threshold:g} of the {self.study['people']['reference']}"

    @property
    def threshold(self) -> float:
        """A joint is right when its error is at most this multiple of the reference length.

        Where people are scored by OKS, this serves only where a yes or no is asked for.
        """
        return float(self.study["people"]["threshold"])

    @cached_property
    def networks(self) -> tuple[str, ...]:
        """The networks of the study, in its order; without those behind a defence."""
        return tuple(name for name in self.study["victims"] if name not in self.defended)

    @cached_property
    def defended(self) -> dict[str, str]:
        """The networks behind a defence, NAME+DEFENCE, each with the NAME of its network."""
        names = sorted(self.study["victims"], key=len)  # a bare network before its defended ones
        bases = {
            name: next((base for base in names if name.startswith(f"{base}+")), None)
            for name in self.study["victims"]
        }
        return {name: base for name, base in bases.items() if base is not None}

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition of the study, clean ones too."""
        return tuple(_condition(entry) for entry in self.study["conditions"])

    @cached_property
    def attacks(self) -> dict[str, tuple[Condition, ...]]:
        """The attacks in a box (norm linf) by name, each with its epsilons in rising order."""
        found: dict[str, list[Condition]] = {}
        for condition in self.conditions:
            if condition.eps255 is not None and condition.norm == "linf":
                found.setdefault(condition.name, []).append(condition)
        return {name: tuple(sorted(each, key=_epsilon)) for name, each in found.items()}

    @cached_property
    def swept(self) -> dict[str, tuple[Condition, ...]]:
        """The attacks at several epsilons, which make curves; all attacks if none has several."""
        several = {name: each for name, each in self.attacks.items() if len(each) > 1}
        return several or self.attacks

    def attacks_on(self, network: str) -> dict[str, tuple[Condition, ...]]:
        """Return the attacks of which the study shows a network images made on itself."""
        asked = {
            name: tuple(each for each in conditions if self.asked(network, each))
            for name, conditions in self.attacks.items()
        }
        return {name: conditions for name, conditions in asked.items() if conditions}

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell that the study asks for."""
        return tuple(
            Cell(
                part=each["part"],
                condition=each["condition"],
                made_on=each["made_on"],
                victims=tuple(each["victims"]),
                batch=int(each["batch"]),
            )
            for each in self.study["cells"]
        )

    @cached_property
    def missing(self) -> tuple[Cell, ...]:
        """The cells that have no part on disk."""
        present = {path.stem for path in (self.folder / "rows").glob("*.parquet")}
        return tuple(cell for cell in self.cells if cell.part not in present)

    @cached_property
    def findings(self) -> list[Finding]:
        """What the checks say of each network."""
        return check_run(self.folder)

    @cached_property
    def _shown(self) -> set[tuple[str, str, str]]:
        return {
            (cell.condition, victim, cell.made_on or victim)
            for cell in self.cells
            for victim in cell.victims
        }

    def asked(self, network: str, condition: Condition, *, made_on: str | None = None) -> bool:
        """Tell whether the study shows a network the images of a condition, made on itself.

        Or on another one: `made_on`. Images that no network was needed for are everybody's own.
        """
        return (condition.label, network, made_on or network) in self._shown

    def complete(
        self, network: str, condition: Condition | None = None, *, made_on: str | None = None
    ) -> bool:
        """Tell whether everybody has a row of a network under a condition."""
        return len(self.of(network, condition, made_on=made_on)) == len(self.people)

    def missing_for(self, network: str, conditions: Sequence[Condition] = ()) -> tuple[Cell, ...]:
        """Return the cells that a score of a network needs and that are not there.

        Every score needs the clean cells besides those of its own conditions.
        """
        labels = {condition.label for condition in conditions}
        clean = {each.label for each in self.conditions if each.name == "clean"}
        return tuple(
            cell
            for cell in self.missing
            if cell.condition in clean
            or (cell.condition in labels and cell.made_on in (network, None))
        )

    def errors(
        self,
        network: str,
        condition: Condition | None = None,
        *,
        made_on: str | None = None,
        column: str = "error",
    ) -> Float[np.ndarray, "n k"]:
        """Return errors over the reference length; NaN where there is no row or no joint to score.

        Without a condition, those of the clean images. `column` may be `target_error`.
        """
        rows = self.of(network, condition, made_on=made_on)
        return errors_of(rows, self._places, len(self.skeleton), column=column)

    def column(
        self, network: str, condition: Condition | None, name: str
    ) -> list[list[Any] | None]:
        """Return a column of lists for everybody in the order of the people; None without a row."""
        rows = self.of(network, condition)
        found = dict(zip(rows["person"], rows[name].to_list(), strict=True))
        return [found.get(person) for person in self.people["person"]]

    def points(
        self, network: str, condition: Condition | None, name: str = "joints"
    ) -> Float[np.ndarray, "n k 2"]:
        """Return a column of poses in canvas pixels; NaN where there is no row or no joint."""
        nothing = [[math.nan, math.nan]] * len(self.skeleton)
        poses = [
            [point or nothing[0] for point in pose or nothing]
            for pose in self.column(network, condition, name)
        ]
        return np.array(poses, dtype=float).reshape(len(poses), len(self.skeleton), 2)

    def of(
        self, network: str, condition: Condition | None = None, *, made_on: str | None = None
    ) -> pl.DataFrame:
        """Return the rows of a network under a condition; without one, on the clean images.

        `made_on` is the network attacked, if that is another one than the network judged.
        """
        name, eps = ("clean", None) if condition is None else (condition.name, condition.eps255)
        key = (network, made_on or network, name, _rounded(eps))
        return self._by_condition.get(key, self.rows.clear())

    @cached_property
    def truth(self) -> Float[np.ndarray, "n k 2"]:
        """Annotated joints in canvas pixels; meaningless where not labelled."""
        return truth_of(self.people).joints

    @cached_property
    def counted(self) -> Bool[np.ndarray, "k"]:
        """Which joints count in the scores."""
        left_out = {*self.unscored, *self.unknown}
        return np.array([joint not in left_out for joint in self.skeleton.joints])

    @cached_property
    def scored(self) -> Bool[np.ndarray, "n k"]:
        """Which joints are annotated and count in the scores."""
        scored: np.ndarray = self.labelled & self.counted
        return scored

    @cached_property
    def labelled(self) -> Bool[np.ndarray, "n k"]:
        """Which joints are annotated."""
        return truth_of(self.people).labelled

    @cached_property
    def size(self) -> Float[np.ndarray, "n"]:
        """The reference length of each person in canvas pixels; 0 where there is none."""
        return truth_of(self.people).size

    @cached_property
    def _places(self) -> dict[str, int]:
        return {person: place for place, person in enumerate(self.people["person"])}

    @cached_property
    def _by_condition(self) -> dict[tuple[Any, ...], pl.DataFrame]:
        keyed = self.rows.with_columns(
            (pl.col("eps") * LEVELS).round(6).alias("eps255"),
            pl.col("made_on").fill_null(pl.col("victim")),
        )
        return keyed.partition_by("victim", "made_on", "condition", "eps255", as_dict=True)


def open_run(run: Path | Run) -> Run:
    """Read the folder of a run. Raises `UsageError` for a folder that is no run or has no rows."""
    if isinstance(run, Run):
        return run
    rows = read_rows(run).filter((pl.col("condition") == "clean") | (pl.col("norm") == "linf"))
    return Run(folder=run, study=read_study(run), people=read_people(run), rows=rows)


def _condition(entry: dict[str, Any]) -> Condition:
    step = entry.get("step_size")
    return Condition(
        label=entry["label"],
        name=entry["condition"],
        goal=entry["goal"],
        norm=entry.get("norm"),
        eps255=None if entry["eps"] is None else _rounded(float(entry["eps"]) * LEVELS),
        steps=entry.get("steps"),
        step255=None if step is None else float(step) * LEVELS,
        description=entry.get("description") or _described(entry),
    )


def _described(entry: dict[str, Any]) -> str:
    if entry["eps"] is None:
        return "The crop as it is." if entry["condition"] == "clean" else ""
    aim = "towards a chosen pose" if entry["goal"] == "targeted" else "away from the truth"
    steps = entry.get("steps")
    return f"{steps} step{'s' if steps != 1 else ''} {aim}." if steps else f"Moves joints {aim}."


def _epsilon(condition: Condition) -> float:
    return condition.eps255 or 0.0


def _rounded(eps255: float | None) -> float | None:
    # 8 / 255 * 255 is not always 8 in floating point.
    return None if eps255 is None else round(eps255, 6)
