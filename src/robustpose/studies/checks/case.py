"""What checks are given: all that the rows of a run hold of one network."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Bool, Float

from robustpose.metrics.floors import constant_pose_errors, mean_pose
from robustpose.metrics.intervals import FEWEST, Interval, photo_counts
from robustpose.metrics.robustness import score_difference
from robustpose.metrics.rules import Rule, rule_of, score_of
from robustpose.studies.rows import (
    Truth,
    errors_of,
    read_people,
    read_rows,
    read_study,
    truth_of,
)


@dataclass(frozen=True, eq=False)
class Seen:
    """The images of one condition, made on one network, as a network saw them.

    `error` has a line for everybody. `zero_gradient` is the mean share of image values,
    `gradients` and `queries` are means a person. `settings` describe the condition.
    """

    network: str
    made_on: str | None
    name: str
    goal: str | None
    norm: str | None
    eps255: float | None
    steps: int | None
    settings: Mapping[str, Any]
    error: Float[np.ndarray, "n k"]
    zero_gradient: float | None
    gradients: float
    queries: float

    @property
    def own(self) -> bool:
        """Whether the images were made on this very network."""
        return self.made_on == self.network

    @property
    def untargeted(self) -> bool:
        """Whether they were made to be wrong in any way."""
        return self.goal == "untargeted"

    @property
    def by_gradient(self) -> bool:
        """Whether each image was made for itself, with gradients of this very network."""
        return self.own and self.gradients > 0

    @property
    def without_gradient(self) -> bool:
        """Whether each image was made for itself by asking this very network."""
        return self.own and not self.gradients and self.queries > 0

    @property
    def averaged(self) -> bool:
        """Whether the attack averaged its gradients over random draws."""
        return _mentions(self.settings, "Averaged")

    @property
    def ensemble(self) -> bool:
        """Whether each image is the worst of several attacks'."""
        return "members" in self.settings

    @property
    def around(self) -> bool:
        """Whether the attack went around the network's own gradient, by stand-ins (BPDA)."""
        return not self.ensemble and _mentions(self.settings, "stand_ins")

    @property
    def by_own_gradient(self) -> bool:
        """Whether the attack followed gradients of this very network and nothing else."""
        return self.by_gradient and not self.around and not self.ensemble

    @property
    def ball(self) -> tuple[str | None, float | None]:
        """Norm and radius: attacks are compared within one ball."""
        return self.norm, self.eps255


@dataclass(frozen=True, eq=False)
class Case:
    """A network, with what it said of clean and of perturbed images.

    `entry` is what `study.json` says of it; `seen` holds the conditions for which everybody has a
    row. Errors are over the reference length, NaN where nothing is scored; `poses` are the answers
    to the clean images, `guess` the errors of one constant pose.
    """

    network: str
    entry: Mapping[str, Any]
    clean: Float[np.ndarray, "n k"]
    poses: Float[np.ndarray, "n k 2"]
    seen: tuple[Seen, ...]
    guess: Float[np.ndarray, "n k"]
    truth: Truth
    rule: Rule
    counts: Float[np.ndarray, "b n"]

    @property
    def enough(self) -> bool:
        """Whether there are people enough for an interval."""
        return len(self.clean) >= FEWEST

    @property
    def defended(self) -> bool:
        """Whether the network is behind a defence."""
        return bool(self.entry.get("defenses")) or "+" in self.network

    @cached_property
    def floor(self) -> float:
        """The score of one constant pose in percent."""
        return self.score(self.guess)

    def score(self, error: Float[np.ndarray, "n k"]) -> float:
        """Return the score of errors in percent."""
        return score_of(self.rule.sums(error))

    def left(self, seen: Seen) -> float:
        """Return the score under a condition in percent."""
        return self.score(seen.error)

    def excess(self, first: Float[np.ndarray, "n k"], second: Float[np.ndarray, "n k"]) -> Interval:
        """Return the first score less the second in points, paired over people."""
        found = score_difference(first, second, self.rule, self.counts)
        return found if self.enough else Interval(found.value, np.nan, np.nan)

    def strongest(self, seen: list[Seen]) -> Seen | None:
        """Return the one that leaves least; None of none."""
        return min(seen, key=self.left, default=None)


def cases_of(run: Path) -> list[Case]:
    """Return a case for each network of a run that has all its clean rows, in their order.

    Raises `UsageError` for a folder that is no run or has no rows.
    """
    return _Reader(read_study(run), read_people(run), read_rows(run)).cases()


class _Reader:
    def __init__(self, study: Mapping[str, Any], people: pl.DataFrame, rows: pl.DataFrame) -> None:
        self.study = study
        self.places = {person: place for place, person in enumerate(people["person"])}
        self.truth = truth_of(people)
        self.rule = rule_of(study["people"]["threshold"], study["people"].get("sigmas"))
        self.counts = photo_counts(people["photo"].to_list() or [""])
        self.parts = rows.partition_by("part", "victim", as_dict=True)

    def cases(self) -> list[Case]:
        """Return the cases."""
        guess = constant_pose_errors(
            self._guessed(),
            self.truth.joints,
            self.truth.labelled & self._counted(),
            self.truth.size,
        )
        shown = self._shown()
        found = []
        for network, entry in self.study["victims"].items():
            seen = [each for each in shown if each[0] == network]
            clean = [each[3] for each in seen if self.conditions[each[2]]["condition"] == "clean"]
            if not clean:
                continue
            found.append(
                Case(
                    network=network,
                    entry=entry,
                    clean=self._errors(clean[0]),
                    poses=self._poses(clean[0]),
                    seen=tuple(self._seen(*each) for each in seen),
                    guess=guess,
                    truth=self.truth,
                    rule=self.rule,
                    counts=self.counts,
                )
            )
        return found

    @cached_property
    def conditions(self) -> Mapping[str, Mapping[str, Any]]:
        return {entry["label"]: entry for entry in self.study["conditions"]}

    def _shown(self) -> list[tuple[str, str | None, str, pl.DataFrame]]:
        """Return victim, made on, label and rows wherever everybody has a row."""
        parts: dict[tuple[str, str | None, str], list[pl.DataFrame]] = {}
        for cell in self.study["cells"]:
            for victim in cell["victims"]:
                rows = self.parts.get((cell["part"], victim))
                own = parts.setdefault((victim, cell["made_on"], cell["condition"]), [])
                own += [] if rows is None else [rows]
        whole = ((key, pl.concat(each)) for key, each in parts.items() if each)
        return [(*key, rows) for key, rows in whole if len(rows) == len(self.places)]

    def _seen(self, victim: str, made_on: str | None, label: str, rows: pl.DataFrame) -> Seen:
        entry = self.conditions[label]
        return Seen(
            network=victim,
            made_on=made_on,
            name=entry["condition"],
            goal=entry["goal"],
            norm=entry["norm"],
            # 8 / 255 * 255 is not always 8 in floating point.
            eps255=None if entry["eps"] is None else round(255 * entry["eps"], 6),
            steps=entry["steps"],
            settings=entry.get("settings") or {},
            error=self._errors(rows),
            zero_gradient=_mean(rows["zero_gradient"]),
            gradients=_mean(rows["gradients"]) or 0.0,
            queries=_mean(rows["queries"]) or 0.0,
        )

    def _errors(self, rows: pl.DataFrame) -> Float[np.ndarray, "n k"]:
        return errors_of(rows, self.places, self.truth.labelled.shape[1])

    def _poses(self, rows: pl.DataFrame) -> Float[np.ndarray, "n k 2"]:
        poses = np.full(self.truth.joints.shape, np.nan)
        for person, pose in zip(rows["person"], rows["joints"].to_list(), strict=True):
            poses[self.places[person]] = [point or (np.nan, np.nan) for point in pose]
        return poses

    def _guessed(self) -> Float[np.ndarray, "k 2"]:
        guess = self.study.get("guess")
        if guess is None:
            return mean_pose(self.truth.joints, self.truth.labelled)
        return np.array([point or (np.nan, np.nan) for point in guess["pose"]], dtype=float)

    def _counted(self) -> Bool[np.ndarray, "k"]:
        people = self.study["people"]
        known = np.array(people.get("scored", [True] * len(people["joints"])))
        left_out = people.get("unscored", ())
        counted: np.ndarray = known & [joint not in left_out for joint in people["joints"]]
        return counted


def _mean(values: pl.Series) -> float | None:
    mean = values.cast(pl.Float64).mean()
    return None if mean is None else float(mean)  # type: ignore[arg-type]


def _mentions(settings: Any, kind: str) -> bool:
    """Tell whether described settings hold a value of a type, or a function."""
    if isinstance(settings, Mapping):
        named = any(str(settings.get(key, "")).endswith(f".{kind}") for key in ("type", "function"))
        return named or any(_mentions(each, kind) for each in settings.values())
    return isinstance(settings, list) and any(_mentions(each, kind) for each in settings)
