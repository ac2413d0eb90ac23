"""Photographs that all get one and the same perturbation, fitted beforehand on other people."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor

from robustpose.attacks.balls import Ball
from robustpose.attacks.goals import Goal, Targeted, Untargeted
from robustpose.attacks.universal import State, UniversalAscent, apply
from robustpose.conditions.condition import Artefact, Perturbed, Preparation, Sources
from robustpose.data.crops import crop
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.geometry import transformed
from robustpose.models.model import PoseModel
from robustpose.poses import Joints, PoseBatch
from robustpose.seeds import seed_of

SAVE_EVERY = 25
"""Steps after which the state of a fit is written to its file."""
SCORED = 256
"""Of so many people fitted on it is also told what the perturbation does."""
KEPT_BYTES = 2**29
"""Crops that need no more memory are made once and kept, others are made anew in each pass."""


@dataclass(frozen=True, kw_only=True)
class Universal:
    """One perturbation for everybody, fitted on `images` people in several passes.

    The people are the first of an order that the study's seed decides, so that a smaller number is
    part of a larger one; in each pass they come in another order. `people` says who they are: those
    that no score is taken of, or those judged. If `targeted`, everybody is to show one pose: that
    of the first person in the same order whose joints are all labelled and lie on the canvas.
    """

    method: UniversalAscent
    name: str = "UAP"
    images: int = 2_500
    passes: int = 10
    batch_size: int = 16
    targeted: bool = False
    all_stages: bool = False
    people: Literal["training", "judged"] = "training"
    cost = 1
    on_model = True

    def __post_init__(self) -> None:
        if min(self.images, self.passes, self.batch_size) < 1:
            raise UsageError(
                "a universal perturbation needs at least 1 image, 1 pass and a batch size of 1: "
                f"found {self.images}, {self.passes} and {self.batch_size}"
            )

    @property
    def description(self) -> str:
        """What is raised or lowered, on how many people and in which steps."""
        share = self.method.step_size / self.ball.eps
        way = (
            "down the training loss against one pose for everybody"
            if self.targeted
            else "up the training loss against the true poses"
        )
        stages = "summed over all stages" if self.all_stages else "of the last stage"
        whom = "training people" if self.people == "training" else "the people judged"
        return (
            f"One perturbation for everybody: {self.steps} steps of {share:.3g} ε {way}, {stages}, "
            f"in {self.passes} passes through {self.images:,} of {whom} by {self.batch_size}."
        )

    @property
    def goal(self) -> str:
        """`untargeted` or `targeted`."""
        return "targeted" if self.targeted else "untargeted"

    @property
    def ball(self) -> Ball:
        """The ball of the perturbation."""
        return self.method.ball

    @property
    def steps(self) -> int:
        """Steps of the fit, one a mini-batch."""
        return self.passes * -(-self.images // self.batch_size)

    @property
    def preparation_cost(self) -> int:
        """Gradient evaluations of the fit."""
        return self.passes * self.images

    def prepares_on(self, sources: Sources) -> Split:
        """Return the people to fit on. Raises `UsageError` if there are none to train on."""
        if self.people == "judged":
            return sources.judged
        if sources.training is None:
            raise UsageError(
                f"{self.name} is fitted on people that no score is taken of, and the study has "
                "none: name people to train on"
            )
        return sources.training

    def prepare(self, preparation: Preparation) -> Artefact:
        """Fit the perturbation; a fit that was killed goes on where its state was last saved.

        Returns `perturbation` (3, h, w), for images in [0, 1]; `losses`, the mean of each
        mini-batch before its step; `target` (k, 2) in canvas pixels if there is one; and of the
        first `SCORED` people fitted on the errors (n, k) over the reference length, `fitted_clean`
        and `fitted_attacked` (to the target if there is one), NaN where nothing is scored. Raises
        `UsageError` for fewer people than `images`.
        """
        model = preparation.model
        if model is None:
            raise ValueError(f"{self.name} needs a model to fit on")
        device = model.mean.device
        people = preparation.people
        if len(people) < self.images:
            raise UsageError(
                f"{self.name} is to be fitted on {self.images:,} people, {people.name} has "
                f"{len(people):,}: ask for fewer"
            )
        crowd = _Crowd(people, preparation.canvas, preparation.seed, self.images, self.batch_size)
        target = crowd.pose() if self.targeted else None
        state, losses = _restored(preparation.state, device)
        for step in range(len(losses), self.steps):
            batch = crowd.minibatch(step).to(device)
            loss = self._goal(target, len(batch)).loss(model, batch)
            state = self.method.step(state or self.method.start(batch.images), loss, batch.images)
            losses.append(float(state["loss"]))
            if len(losses) % SAVE_EVERY == 0:
                _save(state, losses, preparation.state)
        fitted = {"perturbation": self.method.perturbation(state), "losses": torch.tensor(losses)}
        if target is not None:
            fitted["target"] = target
        return {**fitted, **self._on_fitted(model, crowd, fitted)}

    def perturb(
        self, batch: PoseBatch, model: PoseModel | None, artefact: Artefact | None, seed: int
    ) -> Perturbed:
        """Add the perturbation to every image."""
        if artefact is None:
            raise ValueError(f"{self.name} needs the perturbation that prepare() fits")
        images = apply(batch.images, artefact["perturbation"], valid=self.method.ball.valid)
        target = artefact.get("target")
        return Perturbed(
            images, targets=None if target is None else target.expand(len(batch), -1, -1)
        )

    def _on_fitted(self, model: PoseModel, crowd: "_Crowd", fitted: Artefact) -> Artefact:
        """Return errors on people fitted on, without and with the perturbation."""
        found: dict[str, list[Tensor]] = {"fitted_clean": [], "fitted_attacked": []}
        for start in range(0, min(self.images, SCORED), self.batch_size):
            people = crowd.some(range(start, min(start + self.batch_size, self.images, SCORED)))
            people = people.to(model.mean.device)
            attacked = self.perturb(people, model, fitted, 0)
            for name, images in (("clean", people.images), ("attacked", attacked.images)):
                joints = model.predict(images, people.seeds).joints
                found[f"fitted_{name}"].append(_errors(joints, attacked.targets, people))
        return {name: torch.cat(each) for name, each in found.items()}

    def _goal(self, target: Tensor | None, count: int) -> Goal:
        if target is None:
            return Untargeted(self.all_stages)
        return Targeted(target.expand(count, -1, -1), self.all_stages)


@dataclass(frozen=True)
class _Crowd:
    """The people that a perturbation is fitted on, in the order that a seed decides."""

    people: Split
    canvas: tuple[int, int]
    seed: int
    images: int
    batch_size: int

    @cached_property
    def order(self) -> Sequence[int]:
        """Everybody's place in the split."""
        return _shuffled(len(self.people), "universal people", self.seed)

    @cached_property
    def crops(self) -> PoseBatch | None:
        """The first `images` people, cut out, unless that needs too much memory."""
        height, width = self.canvas
        if self.images * 3 * height * width * 4 > KEPT_BYTES:
            return None
        return self._cut(range(self.images))

    def minibatch(self, step: int) -> PoseBatch:
        """Return the people of a step: within a pass everybody comes once."""
        a_pass, place = divmod(step, -(-self.images // self.batch_size))
        shuffled = _shuffled(self.images, "universal pass", self.seed, a_pass)
        return self.some(shuffled[place * self.batch_size : (place + 1) * self.batch_size])

    def some(self, chosen: Sequence[int]) -> PoseBatch:
        """Return people by their places in the order."""
        return self._cut(chosen) if self.crops is None else self.crops.take(list(chosen))

    def pose(self) -> Float[Tensor, "k 2"]:
        """Return the first pose whose joints are all labelled and lie on the canvas."""
        height, width = self.canvas
        for person in (self.people[place] for place in self.order):
            joints = transformed(person.joints, self.people.affine(person, self.canvas))
            inside = ((joints >= 0) & (joints <= (width - 1, height - 1))).all()
            if person.labelled.all() and inside:
                return torch.from_numpy(joints).float()
        raise UsageError(
            "a targeted universal perturbation asks for somebody's pose: expected a person with "
            f"all joints labelled and on the canvas in {self.people.name}, found none"
        )

    def _cut(self, chosen: Iterable[int]) -> PoseBatch:
        persons = [self.people[self.order[number]] for number in chosen]
        return crop(replace(self.people, people=persons), self.canvas)


def _errors(joints: Joints, targets: Joints | None, people: PoseBatch) -> Float[Tensor, "n k"]:
    """Return errors over the reference length, to the truth or to targets."""
    asked = people.scored & (people.size > 0)[:, None]
    aim = people.joints if targets is None else targets
    distance: Tensor = torch.linalg.vector_norm(joints - aim, dim=2)
    return (distance / people.size[:, None]).masked_fill(~asked, torch.nan).cpu()


def _shuffled(count: int, *reason: str | int) -> list[int]:
    random = np.random.RandomState(seed_of(*reason) % 2**32)
    return [int(place) for place in random.permutation(count)]


def _save(state: State, losses: Sequence[float], path: Path) -> None:
    """Write how far a fit is; the file appears whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    save_file({**state, "losses": torch.tensor(losses)}, partial)
    partial.replace(path)


def _restored(path: Path, device: torch.device) -> tuple[State, list[float]]:
    """Return the state of a fit that was killed, and its losses; nothing if there was none."""
    if not path.exists():
        return {}, []
    state = load_file(path, device=str(device))
    return state, state.pop("losses").tolist()
