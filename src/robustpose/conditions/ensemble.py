"""Several attacks, of which each person is shown the one that hurts them most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from robustpose.attacks.balls import Ball
from robustpose.attacks.levels import finished
from robustpose.conditions.attacked import Attacked
from robustpose.conditions.condition import Artefact, Perturbed, Preparation, Sources
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.metrics.distances import relative_errors
from robustpose.metrics.rules import rule_of
from robustpose.metrics.worst_case import Harm, harm
from robustpose.models.model import PoseModel
from robustpose.poses import Images, PoseBatch

CLEAN = "clean"
"""The member that is named where no attack made things worse."""
NOTHING = 0.01
"""A person whose joints have no more than this share of their credit is lost."""


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Attacks in one ball, one after the other; each person is shown their worst image.

    That is the one with the fewest joints right (under OKS, the lowest similarity), of several the
    one with the larger mean error, as the model attacked sees it after rounding to 8 bits; the
    clean image, if none is worse. Who has no joint left right is not attacked again. Members begin
    afresh, so that each could have been run alone: Croce and Hein 2020 (AutoAttack).

    `rounding` is that of the study: whether the images will be brought to 8-bit levels.
    """

    name: str
    members: tuple[Attacked, ...]
    rounding: bool = True
    goal = "untargeted"
    preparation_cost = 0
    on_model = True

    def __post_init__(self) -> None:
        if not self.members:
            raise UsageError(f"{self.name} needs at least one attack")
        if any(member.ball != self.ball for member in self.members):
            raise UsageError(f"expected the attacks of {self.name} in one and the same ball")

    @property
    def description(self) -> str:
        """Which attacks there are."""
        names = ", ".join(member.name for member in self.members)
        return f"For each person the worst image of {len(self.members)} attacks: {names}."

    @property
    def ball(self) -> Ball:
        """The ball of all attacks."""
        return self.members[0].ball

    @property
    def steps(self) -> int:
        """Steps of all attacks together."""
        return sum(member.steps for member in self.members)

    @property
    def cost(self) -> int:
        """Gradient evaluations an image, if nobody is lost before the end."""
        return sum(member.cost for member in self.members)

    def prepares_on(self, sources: Sources) -> Split | None:
        """Return those whose poses targeted members may ask for."""
        targeted = self._targeted
        return None if targeted is None else targeted.prepares_on(sources)

    def prepare(self, preparation: Preparation) -> Artefact:
        """List the poses that targeted members may ask for."""
        targeted = self._targeted
        return {} if targeted is None else targeted.prepare(preparation)

    def perturb(
        self, batch: PoseBatch, model: PoseModel | None, artefact: Artefact | None, seed: int
    ) -> Perturbed:
        """Attack the model on the batch. Gradients and queries are counted for each person."""
        if model is None:
            raise ValueError(f"{self.name} needs a model to attack")
        worst = _Worst(model, batch)
        for member in self.members:
            left = worst.left()
            if len(left):
                found = member.perturb(batch.take(left), model, artefact, seed)
                # Whether the range holds is checked in the end, by whoever wants it to.
                images, _ = finished(
                    found.images,
                    batch.images[left.to(batch.images.device)],
                    self.ball,
                    rounding=self.rounding,
                    valid_range=False,
                )
                worst.see(member.name, left, found._replace(images=images))
        return worst.perturbed()

    @property
    def _targeted(self) -> Attacked | None:
        return next((member for member in self.members if member.targeted), None)


class _Worst:
    """Each person's worst image so far, who made it, and what was spent on them."""

    def __init__(self, model: PoseModel, batch: PoseBatch) -> None:
        count = len(batch)
        self.model, self.batch = model, batch
        self.images = batch.images
        self.harm = self._judged(batch.images)
        self.members = [CLEAN] * count
        self.gradients, self.queries = np.zeros(count, int), np.ones(count, int)
        self.zero_gradient = torch.full((count,), torch.nan)

    def left(self) -> Int[Tensor, "m"]:
        """Return who is not lost."""
        scored = self.batch.scored.sum(dim=1).cpu().numpy()
        return torch.from_numpy(np.flatnonzero(self.harm.credit > NOTHING * scored))

    def see(self, member: str, index: Int[Tensor, "m"], found: Perturbed) -> None:
        """Take the images of a member, of some of the people, where they are worse."""
        places = index.numpy()
        images = self.images.clone()
        images[index.to(images.device)] = found.images
        # Judged with everybody, as it will be in the end: to the last bit, batches differ.
        now = self._judged(images)
        self.gradients[places] += _each(found.gradients, len(places))
        self.queries[places] += _each(found.queries, len(places)) + 1
        if found.zero_gradient is not None:
            known, first = self.zero_gradient[index], found.zero_gradient.cpu()
            self.zero_gradient[index] = torch.where(known.isnan(), first, known)
        worse = np.isin(np.arange(len(self.members)), places) & now.exceeds(self.harm)
        self.harm = now.where(worse, self.harm)
        self.members = np.where(worse, member, self.members).tolist()
        taken = torch.from_numpy(worse).to(images.device).view(-1, 1, 1, 1)
        self.images = torch.where(taken, images, self.images)

    def perturbed(self) -> Perturbed:
        """Return the worst images."""
        return Perturbed(
            self.images,
            self.zero_gradient,
            gradients=self.gradients.tolist(),
            queries=self.queries.tolist(),
            members=self.members,
        )

    def _judged(self, images: Images) -> Harm:
        batch = self.batch
        error = relative_errors(
            self.model.predict(images, batch.seeds).joints.cpu().double().numpy(),
            batch.joints.cpu().double().numpy(),
            batch.scored.cpu().numpy(),
            batch.size.cpu().double().numpy(),
        )
        return harm(error, rule_of(batch.threshold, batch.sigmas))


def _each(spent: int | Sequence[int], count: int) -> Int[np.ndarray, "n"]:
    return np.broadcast_to(spent, count)
