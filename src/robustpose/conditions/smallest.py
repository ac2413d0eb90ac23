"""The smallest perturbation that is enough: a search over epsilon for each person on their own."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from robustpose.attacks.balls import Linf
from robustpose.attacks.levels import finished
from robustpose.conditions.condition import (
    Artefact,
    Condition,
    Perturbed,
    Preparation,
    Sources,
)
from robustpose.data.people import Split
from robustpose.errors import UsageError, check_choice
from robustpose.models.model import PoseModel
from robustpose.poses import Images, PoseBatch

SHARE = 0.5
"""A person is lost when at most this share of the joints that were right is still right."""
LEVEL = 1 / 255


@dataclass(frozen=True, kw_only=True)
class Smallest:
    """Each person meets the smallest box in which an attack makes them lose half of their joints.

    Or, if a `joint` is named, that joint: the attack is then on this joint alone. `made` returns
    the attack in a ball (`pose_auto_attack`). Epsilon is bisected in `rounds` halvings of its
    logarithm between `least`, which is never tried, and `largest`, which comes first. Each size
    begins with the image found at a larger one, brought into the smaller box: only whom that does
    not lose is attacked. From 1/255 on, sizes are whole levels and images 8-bit ones if `rounding`
    (the study's) asks for it.

    Rows hold each person's epsilon: 0 for whom nothing is right on the clean image, null for whom
    nothing was enough.
    """

    name: str
    made: Callable[[Linf], Condition]
    largest: float = 32 / 255
    least: float = 1 / 16 / 255
    rounds: int = 6
    joint: str | None = None
    rounding: bool = True
    goal = "untargeted"
    preparation_cost = 0
    on_model = True

    def __post_init__(self) -> None:
        if not 0 < self.least < self.largest:
            raise UsageError(
                f"expected a least epsilon between 0 and {255 * self.largest:g}, found "
                f"{255 * self.least:g}"
            )
        if self.rounds < 0:
            raise UsageError(f"expected at least 0 halvings, found {self.rounds}")

    @property
    def description(self) -> str:
        """What is sought, and by which attack."""
        what = "half of the joints" if self.joint is None else f"the joint {self.joint}"
        return (
            f"The smallest ε up to {255 * self.largest:g} at which {what} of a person is lost, in "
            f"{self.rounds} halvings. {self._at_largest.description}"
        )

    @property
    def ball(self) -> Linf:
        """The largest box that is tried."""
        return Linf(self.largest)

    @property
    def steps(self) -> int | None:
        """Steps of the attack at each size."""
        return self._at_largest.steps

    @property
    def cost(self) -> int:
        """Gradient evaluations an image, if each size needs its attack."""
        return (1 + self.rounds) * self._at_largest.cost

    @property
    def _at_largest(self) -> Condition:
        return self.made(self.ball)

    def prepares_on(self, sources: Sources) -> Split | None:
        """Return those whom the attack prepares on."""
        return self._at_largest.prepares_on(sources)

    def prepare(self, preparation: Preparation) -> Artefact:
        """Prepare what the attack needs."""
        return self._at_largest.prepare(preparation)

    def perturb(
        self, batch: PoseBatch, model: PoseModel | None, artefact: Artefact | None, seed: int
    ) -> Perturbed:
        """Search on the batch; gradients and queries are the means over its people."""
        if model is None:
            raise ValueError(f"{self.name} needs a model to attack")
        search = _Search(self, self._sought(batch), model)
        for _ in range(1 + self.rounds):
            for size, people in search.sizes().items():
                images = finished_in(search.images[people], batch.images[people], size, self)
                people = people[~search.see(people, images, size)]
                if len(people):
                    condition = self.made(Linf(size))
                    found = condition.perturb(search.batch.take(people), model, artefact, seed)
                    images = finished_in(found.images, batch.images[people], size, self)
                    search.see(people, images, size, found)
        return search.perturbed()

    def _sought(self, batch: PoseBatch) -> PoseBatch:
        """Return the people with the labels of the joint sought alone, if one is."""
        if self.joint is None:
            return batch
        check_choice("joint", self.joint, batch.skeleton.joints)
        only = torch.arange(len(batch.skeleton)) == batch.skeleton.index(self.joint)
        return replace(batch, labelled=batch.labelled & only.to(batch.labelled.device))


def finished_in(images: Images, origin: Images, size: float, search: Smallest) -> Images:
    """Return images brought into a box and to its levels."""
    box = Linf(size)
    inside = box.project(images, origin)
    return finished(inside, origin, box, rounding=search.rounding, valid_range=True)[0]


class _Search:
    """Where the search for each person stands."""

    def __init__(self, settings: Smallest, batch: PoseBatch, model: PoseModel) -> None:
        self.settings = settings
        self.batch = batch
        self.model = model
        self.images = batch.images.clone()
        count = len(batch)
        self.low = torch.full((count,), settings.least, dtype=torch.float64)
        self.high = torch.full((count,), math.inf, dtype=torch.float64)
        self.spent = torch.zeros(2, count)
        everybody = torch.arange(count)
        self.right = self._right(everybody, batch.images)
        self.high[self.right == 0] = 0.0

    def sizes(self) -> dict[float, Int[Tensor, "m"]]:
        """Return the sizes to try next, each with its people; none for whom the search is over."""
        chosen: dict[float, list[int]] = {}
        for person, (low, high) in enumerate(
            zip(self.low.tolist(), self.high.tolist(), strict=True)
        ):
            size = self._between(low, high)
            if size is not None:
                chosen.setdefault(size, []).append(person)
        return {size: torch.tensor(chosen[size]) for size in sorted(chosen, reverse=True)}

    def see(
        self,
        people: Int[Tensor, "m"],
        images: Images,
        size: float,
        found: Perturbed | None = None,
    ) -> Bool[Tensor, "m"]:
        """Judge images of a size, and tell who is lost; `found` is the attack's last word."""
        lost = self._right(people, images) <= SHARE * self.right[people]
        self.high[people[lost]] = size
        kept = lost if found is None else torch.ones_like(lost)
        # An image that was not enough is shown only if nothing was.
        kept = kept & (lost | self.high[people].isinf())
        at = people[kept].to(self.images.device)
        self.images[at] = images[kept.to(images.device)]
        if found is not None:
            self.low[people[~lost]] = size
            self.spent[0, people] += torch.as_tensor(found.gradients)
            self.spent[1, people] += torch.as_tensor(found.queries)
        return lost

    def perturbed(self) -> Perturbed:
        """Return everybody's image and epsilon; infinite for whom nothing was enough."""
        gradients, queries = self.spent.mean(dim=1).round().int().tolist()
        return Perturbed(self.images, gradients=gradients, queries=queries, sizes=self.high)

    def _between(self, low: float, high: float) -> float | None:
        """Return the size between two, or None where there is no other between them."""
        if high == 0 or low == self.settings.largest:
            return None
        size = self.settings.largest if math.isinf(high) else math.sqrt(low * high)
        if self.settings.rounding and size >= LEVEL:
            size = max(math.floor(255 * size + 1e-9), math.floor(255 * low + 1e-9) + 1) / 255
        return size if low < size < high else None

    def _right(self, people: Int[Tensor, "m"], images: Images) -> Float[Tensor, "m"]:
        """Return how many joints are right, and count the query."""
        some = self.batch.take(people)
        pose = self.model.predict(images, some.seeds)
        distance = (pose.joints - some.joints).norm(dim=2)
        right = some.scored & (distance <= some.threshold * some.size[:, None])
        self.spent[1, people] += 1
        counted: Tensor = right.sum(dim=1).cpu().float()
        return counted
