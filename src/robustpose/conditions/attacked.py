"""Photographs that are perturbed one by one, each on its own."""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from robustpose.attacks.attack import Attack, Outcome
from robustpose.attacks.balls import Ball
from robustpose.attacks.goals import Aim, Untargeted
from robustpose.attacks.gradients import leads_back
from robustpose.attacks.losses import Loss
from robustpose.attacks.targets import choose_targets
from robustpose.conditions.condition import Artefact, Perturbed, Preparation, Sources
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.geometry import transformed
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch
from robustpose.seeds import seed_of


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """Each photograph is perturbed on its own by an attack on the training loss, or on `by`.

    A targeted attack pulls towards another person's pose, chosen by the study's rule
    (`choose_targets`) from what the model attacked says of the clean image.
    """

    name: str
    attack: Attack
    targeted: bool = False
    all_stages: bool = False
    by: Aim | None = field(default=None, metadata={"later": True})
    preparation_cost = 0
    on_model = True

    @property
    def description(self) -> str:
        """What is raised or lowered, and in which steps."""
        steps, begin, start = self.attack.description.partition(", from ")
        return f"{steps} {self.aim.description(targeted=self.targeted)}{begin}{start}."

    @property
    def aim(self) -> Aim:
        """What is raised, or lowered against targets."""
        return Untargeted(self.all_stages) if self.by is None else self.by

    def __post_init__(self) -> None:
        if self.by is not None and self.all_stages:
            raise UsageError("an aim has stages of its own: leave all_stages out")

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
        return self.attack.cost

    def prepares_on(self, sources: Sources) -> Split | None:
        """Return those whose poses a targeted attack may ask for."""
        return sources.judged if self.targeted else None

    def prepare(self, preparation: Preparation) -> Artefact:
        """List the poses that a targeted attack may ask for.

        Raises `UsageError` if there are not two, of which one is another person's.
        """
        people = preparation.people
        poses = complete_poses(people, preparation.canvas)
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
        targets = None
        if self.targeted:
            if artefact is None:
                raise ValueError(f"{self.name} needs the poses that prepare() lists")
            clean = model.predict(batch.images, batch.seeds)
            targets = choose_targets(clean, batch, artefact["poses"].cpu(), seed=seed)
        goal = self.aim if targets is None else self.aim.towards(targets)
        found = self.raised(goal.loss(model, batch), batch, seed, asked=int(self.targeted))
        return found._replace(targets=targets)

    def raised(self, loss: Loss, batch: PoseBatch, seed: int, *, asked: int = 0) -> Perturbed:
        """Attack any loss on the batch; the model has been asked so many times already.

        From a loss without a way back to the images no attack moves: all gradients are zero.
        """
        seeds = [seed_of("noise", seed, self.name, person) for person in batch.ids]
        try:
            outcome = self.attack.outcome(loss, batch.images, seeds)
        except RuntimeError:
            if leads_back(loss, batch.images):
                raise
            outcome = Outcome(batch.images, torch.ones(len(batch)), gradients=0, queries=1)
        return Perturbed(
            outcome.images,
            outcome.zero_gradient,
            gradients=outcome.gradients,
            queries=outcome.queries + asked,
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
