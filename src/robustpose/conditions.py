"""Conditions: anything that turns a batch of people into a batch of images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from robustpose.attacks.balls import Ball
from robustpose.attacks.goals import Targeted, Untargeted
from robustpose.attacks.iterated import Iterated
from robustpose.attacks.targets import choose_targets
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.geometry import transformed
from robustpose.models.model import PoseModel
from robustpose.poses import Images, Joints, PoseBatch
from robustpose.seeds import seed_of

Artefact = Mapping[str, Tensor]
"""What a condition prepares once for all its batches: a target list, a universal perturbation."""


class Perturbed(NamedTuple):
    """Images of a condition, and what is known of them; all but the images may be missing."""

    images: Images
    zero_gradient: Float[Tensor, "n"] | None = None
    """Share of image values with a gradient of exactly zero, per image."""
    targets: Joints | None = None
    """The poses asked for, in canvas pixels."""
    gradients: int = 0
    """Gradient evaluations an image."""
    queries: int = 0
    """Forward passes without gradient an image."""


class Condition(Protocol):
    """Turns people into images: clean, corrupted, attacked."""

    @property
    def name(self) -> str:
        """What the literature calls it, without epsilon: `IGSM-U-10`."""
        ...

    @property
    def description(self) -> str:
        """One sentence for the report."""
        ...

    @property
    def goal(self) -> str | None:
        """`untargeted`, `targeted`, or None where nothing is attacked."""
        ...

    @property
    def ball(self) -> Ball | None:
        """What may change; None where nothing is attacked."""
        ...

    @property
    def steps(self) -> int | None:
        """Steps of the attack; None where nothing is attacked."""
        ...

    @property
    def cost(self) -> int:
        """Gradient evaluations an image, for the estimate of the time left."""
        ...

    def made_on(self, victim: str) -> str | None:
        """Return the model whose gradients make the images that this victim sees, if any."""
        ...

    def prepare(
        self, people: Split, canvas: tuple[int, int], model: PoseModel | None
    ) -> Artefact | None:
        """Make once what all batches need."""
        ...

    def perturb(
        self, batch: PoseBatch, model: PoseModel | None, artefact: Artefact | None, seed: int
    ) -> Perturbed:
        """Return the images. Noise of a person depends on `seed`, the condition and the person."""
        ...


@dataclass(frozen=True)
class Clean:
    """The photographs as they are."""

    name: str = "clean"
    description = "The photographs as they are."
    goal = None
    ball = None
    steps = None
    cost = 1

    def made_on(self, victim: str) -> str | None:
        """No gradients are used."""
        return None

    def prepare(
        self, people: Split, canvas: tuple[int, int], model: PoseModel | None
    ) -> Artefact | None:
        """Need nothing."""
        return None

    def perturb(
        self, batch: PoseBatch, model: PoseModel | None, artefact: Artefact | None, seed: int
    ) -> Perturbed:
        """Return the images unchanged."""
        return Perturbed(batch.images)


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """Each photograph is perturbed on its own by an attack on the training loss.

    `on` names the model attacked; None: each victim itself (white box). A targeted attack pulls
    towards another person's pose, chosen by the study's rule (`choose_targets`).
    """

    name: str
    attack: Iterated
    targeted: bool = False
    all_stages: bool = False
    on: str | None = None

    @property
    def description(self) -> str:
        """What is raised or lowered, and in which steps."""
        steps = "One step" if self.steps == 1 else f"{self.steps} steps"
        way = (
            "down the training loss against another person's pose"
            if self.targeted
            else "up the training loss against the true pose"
        )
        stages = "summed over all stages" if self.all_stages else "of the last stage"
        start = "a random image of the ball" if self.attack.random_start else "the clean image"
        share = self.attack.step_size / self.ball.eps
        return f"{steps} of {share:.3g} ε {way}, {stages}, from {start}."

    @property
    def goal(self) -> str:
        """`untargeted` or `targeted`."""
        return "targeted" if self.targeted else "untargeted"

    @property
    def ball(self) -> Ball:
        """The ball of the attack."""
        return self.attack.ball

    @property
    def steps(self) -> int:
        """Steps of the attack, in each restart."""
        return self.attack.steps

    @property
    def cost(self) -> int:
        """Gradient evaluations an image."""
        return self.attack.steps * self.attack.restarts

    def made_on(self, victim: str) -> str | None:
        """Return the model attacked."""
        return self.on or victim

    def prepare(
        self, people: Split, canvas: tuple[int, int], model: PoseModel | None
    ) -> Artefact | None:
        """List the poses that a targeted attack may ask for.

        Raises `UsageError` if there are not two, of which one is another person's.
        """
        if not self.targeted:
            return None
        poses = complete_poses(people, canvas)
        if len(poses) < 2:
            raise UsageError(
                f"{self.name} asks for another person's pose: expected at least two people with "
                f"all joints labelled in {people.name}, found {len(poses)}; leave targeted attacks "
                "out (--attacks FGSM-U IGSM-U-10)"
            )
        return {"poses": poses}

    def perturb(
        self, batch: PoseBatch, model: PoseModel | None, artefact: Artefact | None, seed: int
    ) -> Perturbed:
        """Attack the model on the batch."""
        if model is None:
            raise ValueError(f"{self.name} needs a model to attack")
        seeds = [seed_of("noise", seed, self.name, person) for person in batch.ids]
        targets = None
        goal: Untargeted | Targeted = Untargeted(self.all_stages)
        if self.targeted:
            if artefact is None:
                raise ValueError(f"{self.name} needs the poses that prepare() lists")
            clean = model.predict(batch.images)
            targets = choose_targets(clean, batch, artefact["poses"], seed=seed)
            goal = Targeted(targets, self.all_stages)
        outcome = self.attack.outcome(goal.loss(model, batch), batch.images, seeds)
        return Perturbed(
            outcome.images,
            outcome.zero_gradient,
            targets,
            outcome.gradients,
            outcome.queries + (targets is not None),
        )


def complete_poses(people: Split, canvas: tuple[int, int]) -> Float[Tensor, "m k 2"]:
    """Return the poses of people whose joints are all labelled, as they lie on the canvas."""
    poses = [
        transformed(person.joints, people.affine(person, canvas))
        for person in people
        if person.labelled.all()
    ]
    count = len(people.skeleton)
    return torch.from_numpy(np.reshape(poses, (len(poses), count, 2))).float()
