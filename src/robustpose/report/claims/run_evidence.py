"""The rows of a run as evidence: every number with its bootstrap over photographs."""

import json
import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import PurePath
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from robustpose.metrics.detection import auroc_estimate
from robustpose.metrics.estimates import Estimate, ratio_estimate
from robustpose.metrics.intervals import COVERAGE, Sums
from robustpose.metrics.plausibility import Population, implausibility, implausible_sums
from robustpose.metrics.robustness import scored_in_all
from robustpose.report.claims.evidence import Network
from robustpose.report.claims.names import JOINTS, STEP
from robustpose.report.explanations import bodies_of, confidences
from robustpose.report.findings import NOTABLE_ZERO_GRADIENT
from robustpose.report.guess import guess_errors
from robustpose.report.runs import Condition, Run
from robustpose.report.tables import counts_of
from robustpose.report.task_tables import TaskRun, open_tasks

Errors = Float[np.ndarray, "n k"]
Ask = Callable[..., Estimate | None]


def _once(ask: Ask) -> Ask:
    """Let a question to a `RunEvidence` be answered from memory when it is asked again."""

    @wraps(ask)
    def answer(evidence: "RunEvidence", *which: Hashable, **how: Hashable) -> Estimate | None:
        key = (ask.__name__, *which, *how.items())
        if key not in evidence._remembered:
            evidence._remembered[key] = ask(evidence, *which, **how)
        return evidence._remembered[key]

    return answer


@dataclass(frozen=True, eq=False)
class RunEvidence:
    """A run (see `Evidence`). A number is there only if everybody has the rows that it needs.

    Claims ask for the same numbers over and over: each is made once.
    """

    run: Run

    trainings_known = True

    @property
    def people(self) -> int:
        """The people of the run."""
        return len(self.run.people)

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """The networks of the run, as study.json describes them."""
        return tuple(
            network_of(label, victim, base=self.run.defended.get(label))
            for label, victim in self.run.study["victims"].items()
        )

    def epsilons(self, attack: str) -> tuple[float, ...]:
        """Return the epsilons of an attack, rising."""
        found = self.run.attacks.get(attack, ())
        return tuple(each.eps255 for each in found if each.eps255 is not None)

    def step_shares(self, attack: str) -> dict[str, float]:
        """Return the attacks of a sweep, and the attack itself, with step / epsilon."""
        return {
            name: each[0].step255 / each[0].eps255
            for name, each in self.run.attacks.items()
            if (name == attack or name.startswith(attack + STEP))
            and each[0].step255
            and each[0].eps255
        }

    @_once
    def clean(self, network: str) -> Estimate | None:
        """Return the score on the clean images."""
        if not self.run.complete(network):
            return None
        return _known(ratio_estimate(self._sums(self.run.errors(network)), self._counts))

    @_once
    def relative(
        self,
        network: str,
        attack: str,
        eps255: float,
        *,
        made_on: str | None = None,
        joint: str | None = None,
    ) -> Estimate | None:
        """Return the relative score of the same people and joints."""
        errors = self._errors(network, attack, eps255, made_on, joint)
        if errors is None:
            return None
        after, before = (self._sums(each, joint).numerator for each in scored_in_all(*errors))
        sums = Sums(after, before)
        return _known(ratio_estimate(sums, self._counts))

    @_once
    def attacked(
        self, network: str, attack: str, eps255: float, *, made_on: str | None = None
    ) -> Estimate | None:
        """Return the attacked score."""
        errors = self._errors(network, attack, eps255, made_on, None)
        if errors is None:
            return None
        return _known(ratio_estimate(self._sums(errors[0]), self._counts))

    @_once
    def kept(
        self,
        network: str,
        attack: str,
        eps255: float,
        *,
        made_on: str | None = None,
        joint: str | None = None,
    ) -> Estimate | None:
        """Return what is left of the score above that of the constant pose of `report.guess`."""
        errors = self._errors(network, attack, eps255, made_on, joint)
        if errors is None:
            return None
        guessed = self._guessed[:, self._places(joint)]
        after, before, bottom = (
            self._sums(each, joint).numerator for each in scored_in_all(*errors, guessed)
        )
        attacked, clean = after - bottom, before - bottom
        if (self._counts @ clean <= 0).mean() > (1 - COVERAGE) / 2:
            return None
        return _known(ratio_estimate(Sums(attacked, clean), self._counts))

    @_once
    def target(self, network: str, attack: str, eps255: float) -> Estimate | None:
        """Return the score against the pose asked for."""
        condition = self._condition(attack, eps255)
        if condition is None or not self.run.complete(network, condition):
            return None
        errors = self.run.errors(network, condition, column="target_error")
        return _known(ratio_estimate(self._sums(errors), self._counts))

    @_once
    def implausible(
        self, network: str, attack: str | None = None, eps255: float | None = None
    ) -> Estimate | None:
        """Return the share of answers that these people's bodies could not be in."""
        condition = None if attack is None else self._condition(attack, eps255)
        known = self._bodies
        if known is None or (attack is not None and condition is None):
            return None
        if not self.run.complete(network, condition):
            return None
        joints = self.run.points(network, condition)
        answered = ~np.isnan(joints).any(axis=2) & self.run.counted
        sums = implausible_sums(implausibility(joints, answered, known))
        return _known(ratio_estimate(sums, self._counts))

    @_once
    def told(self, network: str, attack: str, eps255: float) -> Estimate | None:
        """Return the AUROC of telling attacked from clean images by mean confidence."""
        condition = self._condition(attack, eps255)
        if condition is None or not self.run.complete(network, condition):
            return None
        clean, attacked = (confidences(self.run, network, each) for each in (None, condition))
        return _known(100 * auroc_estimate(clean, attacked, self._counts))

    def task(
        self, task: str, attack: str, eps255: float, *, above_chance: bool = False
    ) -> Estimate | None:
        """Return what an attack leaves of a head, relative to its clean score or above chance."""
        found = None if self._heads is None else self._heads.measures(task, attack, eps255)
        return None if found is None else _known(found["kept" if above_chance else "relative"])

    def masked(self, network: str) -> bool | None:
        """Tell whether a notable share of the first gradient of some attack is exactly zero."""
        share = self._zero_gradients.get(network)
        return None if share is None else share > NOTABLE_ZERO_GRADIENT

    def missing(self, experiment: str) -> str:
        """Name the experiment that makes the rows."""
        return f"no such cells in this run: run the experiment {experiment}"

    @cached_property
    def _counts(self) -> Float[np.ndarray, "b n"]:
        return counts_of(self.run)

    @cached_property
    def _bodies(self) -> Population | None:
        return bodies_of(self.run)

    @cached_property
    def _heads(self) -> TaskRun | None:
        return open_tasks(self.run.folder)

    @cached_property
    def _zero_gradients(self) -> dict[str, float | None]:
        """The largest mean share of zero gradients that an attack met on each network."""
        own = self.run.rows.filter(pl.col("victim") == pl.col("made_on"))
        share = pl.col("zero_gradient").cast(pl.Float64)
        means = own.group_by("victim", "condition", "eps").agg(share.mean())
        return dict(means.group_by("victim").agg(pl.col("zero_gradient").max()).iter_rows())

    @cached_property
    def _remembered(self) -> dict[tuple[Hashable, ...], Estimate | None]:
        return {}

    @cached_property
    def _guessed(self) -> Errors:
        return guess_errors(self.run)

    def _sums(self, errors: Errors, joint: str | None = None) -> Sums:
        return self.run.rule.among(self._places(joint)).sums(errors)

    def _condition(self, attack: str, eps255: float | None) -> Condition | None:
        return next((c for c in self.run.attacks.get(attack, ()) if c.eps255 == eps255), None)

    def _errors(
        self, network: str, attack: str, eps255: float, made_on: str | None, joint: str | None
    ) -> tuple[Errors, Errors] | None:
        """Return attacked and clean errors, or None if somebody lacks either."""
        run, condition = self.run, self._condition(attack, eps255)
        if condition is None or not run.complete(network):
            return None
        if not run.complete(network, condition, made_on=made_on):
            return None
        places = self._places(joint)
        attacked = run.errors(network, condition, made_on=made_on)[:, places]
        return attacked, run.errors(network)[:, places]

    def _places(self, joint: str | None) -> list[int]:
        groups = self.run.skeleton.groups
        if joint is None:
            return list(range(len(self.run.skeleton)))
        return [place for name in JOINTS[joint] for place in groups.get(name, ())]


def network_of(label: str, victim: Mapping[str, Any], *, base: str | None = None) -> Network:
    """Return what an entry of `victims` in study.json tells of a network; `base` is defended."""
    card = victim.get("card") or {}
    recipe = card.get("recipe") or {}
    seen = card.get("seen", recipe.get("images"))
    return Network(
        label=label,
        model=victim.get("model", label),
        family=victim.get("family", ""),
        stages=victim.get("stages", 1),
        backbone=victim.get("backbone"),
        pretrained=_source(card.get("encoder")),
        recipe=_recipe(card),
        seed=recipe.get("seed"),
        whole=seen == recipe.get("images"),
        base=base,
        defence=None if base is None else label.removeprefix(base)[1:],
    )


def _source(encoder: Any) -> str | None:
    """Return what a card says of where an encoder comes from: a name, or a record with one."""
    source = encoder.get("source") if isinstance(encoder, Mapping) else encoder
    return None if source is None else PurePath(source).stem


def _recipe(card: Mapping[str, Any]) -> str | None:
    if "recipe" not in card:
        return None
    settings = {name: value for name, value in card["recipe"].items() if name != "seed"}
    data = [[each.get("digest"), each.get("share")] for each in card.get("data", ())]
    return json.dumps([settings, data], sort_keys=True)


def _known(estimate: Estimate) -> Estimate | None:
    return None if math.isnan(estimate.value) else estimate
