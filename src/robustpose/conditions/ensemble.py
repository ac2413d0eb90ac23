"""Several attacks, of which each person is shown the one that hurts them most."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from robustpose.attacks.attack import Attack
from robustpose.attacks.balls import Ball
from robustpose.attacks.gradients import exact
from robustpose.attacks.levels import finished
from robustpose.conditions.attacked import Attacked
from robustpose.conditions.condition import Artefact, Perturbed, Preparation, Sources
from robustpose.conditions.worst import CLEAN, Spent, Worst
from robustpose.data.people import Split
from robustpose.draws import Draws
from robustpose.errors import UsageError
from robustpose.metrics.distances import relative_errors
from robustpose.metrics.rules import rule_of
from robustpose.metrics.worst_case import Harm, harm
from robustpose.models.model import PoseModel
from robustpose.models.repeating import repeat_difference
from robustpose.poses import Images, PoseBatch
from robustpose.seeds import REPEATABLE

ASKED = 16
"""How often a network whose draws no seed settles is asked what an image has done."""


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Attacks in one ball, one after the other; each person is shown their worst image.

    That is the one with the fewest joints right (under OKS, the lowest similarity), of several the
    one with the larger mean error, as the model attacked sees it after rounding to 8 bits; the
    clean image, if none is worse. Who has no joint left right is not attacked again. Members begin
    afresh, so that each could have been run alone: Croce and Hein 2020 (AutoAttack).

    `rounding` is that of the study: whether the images will be brought to 8-bit levels. More
    members come last, and only where they may help: `where_masked` if most people who are fooled
    are so by a member that does not follow the model's own gradient, `where_random` if the model
    draws random numbers.
    """

    name: str
    members: tuple[Attacked, ...]
    where_masked: tuple[Attacked, ...] = ()
    where_random: tuple[Attacked, ...] = ()
    rounding: bool = True
    goal = "untargeted"
    preparation_cost = 0
    on_model = True

    def __post_init__(self) -> None:
        if not self.members:
            raise UsageError(f"{self.name} needs at least one attack")
        if any(member.ball != self.ball for member in (*self.members, *self._further)):
            raise UsageError(f"expected the attacks of {self.name} in one and the same ball")

    @property
    def description(self) -> str:
        """Which attacks there are."""
        names = ", ".join(member.name for member in self.members)
        more = ", ".join(member.name for member in self._further)
        others = f"; where gradients are masked or random also {more}" if more else ""
        return f"For each person the worst image of {len(self.members)} attacks: {names}{others}."

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
        """Gradient evaluations an image, if nobody is lost before the end and nothing is random."""
        return sum(member.cost for member in self.members)

    def prepares_on(self, sources: Sources) -> Split | None:
        """Return those whose poses targeted members may ask for."""
        targeted = self._targeted
        return None if targeted is None else targeted.prepares_on(sources)

    def prepare(self, preparation: Preparation) -> Artefact:
        """List the poses that targeted members may ask for."""
        targeted = self._targeted
        return {} if targeted is None else targeted.prepare(preparation)

    def __call__(self, model: PoseModel, batch: PoseBatch, *, seed: int = 0) -> Perturbed:
        """Attack a model on a batch alone; poses to ask for are those of its people.

        Images come at 8-bit levels. Raises `UsageError` where a member is targeted and fewer than
        two people are labelled completely.
        """
        poses = batch.joints[batch.labelled.all(dim=1)]
        return self.perturb(batch, model, {"poses": poses}, seed)

    def perturb(
        self, batch: PoseBatch, model: PoseModel | None, artefact: Artefact | None, seed: int
    ) -> Perturbed:
        """Attack the model on the batch. Gradients and queries are counted for each person."""
        if model is None:
            raise ValueError(f"{self.name} needs a model to attack")
        seen = _Seen(model, batch)
        for member in self._members_on(model, batch, seen.worst):
            left = seen.left()
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
                seen.see(member.name, left, found._replace(images=images))
        return seen.perturbed()

    def further(
        self, model: PoseModel, batch: PoseBatch, fooled_by: Sequence[str]
    ) -> tuple[Attacked, ...]:
        """Return the members that are called in, when it is known who was fooled by which member.

        Whether the model is random, it is asked about a few people of the batch.
        """
        own = {member.name for member in self.members if _follows_gradient(member.attack)}
        fooled = [name for name in fooled_by if name != CLEAN]
        masked = sum(name not in own for name in fooled) > len(fooled) / 2
        draws = model.random or repeat_difference(model, batch) > REPEATABLE
        return (*(self.where_masked if masked else ()), *(self.where_random if draws else ()))

    def _members_on(self, model: PoseModel, batch: PoseBatch, worst: Worst) -> Iterator[Attacked]:
        """Yield members one by one: the last ones depend on what the others have done."""
        yield from self.members
        yield from self.further(model, batch, worst.members)

    @property
    def _further(self) -> tuple[Attacked, ...]:
        return (*self.where_masked, *self.where_random)

    @property
    def _targeted(self) -> Attacked | None:
        members = (*self.members, *self._further)
        return next((member for member in members if member.targeted), None)


def _follows_gradient(attack: Attack) -> bool:
    """Tell whether an attack follows the exact gradient of its loss."""
    return getattr(attack, "gradient", None) is exact


class _Seen:
    """Each person's worst image so far, as the model attacked sees it."""

    def __init__(self, model: PoseModel, batch: PoseBatch) -> None:
        self.model, self.batch = model, batch
        self.asked = ASKED if repeat_difference(model, batch) > REPEATABLE else 1
        self.draws = Draws.now()
        self.images = batch.images
        self.worst = Worst(self._judged(batch.images), batch.scored.sum(dim=1).cpu().numpy())

    def left(self) -> Int[Tensor, "m"]:
        """Return who is not lost."""
        return torch.from_numpy(np.flatnonzero(self.worst.left()))

    def see(self, member: str, index: Int[Tensor, "m"], found: Perturbed) -> None:
        """Take the images of a member, of some of the people, where they are worse."""
        images = self.images.clone()
        images[index.to(images.device)] = found.images
        zero = found.zero_gradient
        spent = Spent(
            found.gradients,
            np.add(found.queries, 1),
            None if zero is None else zero.cpu().double().numpy(),
        )
        # Judged with everybody, as it will be in the end: to the last bit, batches differ.
        worse = self.worst.see(member, index.numpy(), self._judged(images), spent)
        taken = torch.from_numpy(worse).to(images.device).view(-1, 1, 1, 1)
        self.images = torch.where(taken, images, self.images)

    def perturbed(self) -> Perturbed:
        """Return the worst images."""
        worst = self.worst
        return Perturbed(
            self.images,
            torch.from_numpy(worst.zero_gradient).float(),
            gradients=worst.gradients.tolist(),
            queries=worst.queries.tolist(),
            members=worst.members,
        )

    def _judged(self, images: Images) -> Harm:
        """Return what images have done: on average, where an answer is one of many.

        Alike for all members, so that none of them wins by a lucky draw.
        """
        with self.draws.again():
            answers = [self._answered(images) for _ in range(self.asked)]
        return Harm(*(np.mean(each, axis=0) for each in zip(*answers, strict=True)))

    def _answered(self, images: Images) -> Harm:
        batch = self.batch
        error = relative_errors(
            self.model.predict(images, batch.seeds).joints.cpu().double().numpy(),
            batch.joints.cpu().double().numpy(),
            batch.scored.cpu().numpy(),
            batch.size.cpu().double().numpy(),
        )
        return harm(error, rule_of(batch.threshold, batch.sigmas))
