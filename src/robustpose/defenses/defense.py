"""A defence: what is done to a picture before a network sees it, and to its answer after."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from robustpose.errors import UsageError
from robustpose.geometry import resized
from robustpose.models.model import PoseModel
from robustpose.models.wrapping import Wrapped
from robustpose.poses import Images
from robustpose.seeds import seed_of


class Defense(ABC):
    """A change of the picture that is to take an attack's effect away.

    Pictures are RGB in [0, 1], of the network's own size and as it will see them, before
    normalisation: a canvas of another size was resized to it.
    """

    differentiable: ClassVar[bool] = True
    """Whether gradients are exact. If not, they are those of a stand-in (straight-through)."""
    deterministic: ClassVar[bool] = True
    """Whether the same picture is always changed alike, whatever the seeds."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What follows the + in the name of a defended network: `jpeg:75`."""

    @abstractmethod
    def change(self, pictures: Images, seeds: Sequence[int]) -> Images:
        """Return the pictures that the network sees, of the same size; with gradients.

        `seeds`, one an image, settle what a random defence draws; others ignore them.
        """

    def restore(
        self, stages: tuple[Tensor, ...], model: PoseModel, seeds: Sequence[int]
    ) -> tuple[Tensor, ...]:
        """Return what was said of changed pictures in terms of the pictures before the change.

        `seeds` are those that `change` was given. Here, for changes that move nothing: as it is.
        """
        return stages

    def check(self, model: PoseModel) -> None:
        """Raise `UsageError` for a model whose answers `restore` does not understand."""
        return


def defended(model: PoseModel, *defenses: Defense) -> "Defended":
    """Return a model that sees pictures changed by each defence, one after the other.

    It is a `PoseModel` as any other: losses, attacks and studies go through the defences, exactly
    or by the stand-in that a defence is differentiated by. An attack on `model`, the given one,
    does not know of them. The network is shared; the answers of `model` do not change.

    Raises `UsageError` without defences, for a model that is wrapped already, and for one whose
    answers a defence cannot restore.
    """
    if not defenses:
        raise UsageError(f"expected a defence for {model.name}, found none")
    if type(model) is not PoseModel:
        raise UsageError(
            f"defences are for a plain PoseModel, all of them in one call: {model.name} is a "
            f"{type(model).__name__}"
        )
    for defense in defenses:
        defense.check(model)
    return Defended(model, defenses)


class Defended(Wrapped):
    """A model behind defences, as `defended` makes it."""

    def __init__(self, model: PoseModel, defenses: Sequence[Defense]) -> None:
        name = "+".join([model.name, *(defense.name for defense in defenses)])
        super().__init__(model, name=name)
        self.defenses = tuple(defenses)

    def forward(self, images: Images, seeds: Sequence[int] | None = None) -> tuple[Tensor, ...]:
        """Return the output of every stage in terms of the given images.

        `seeds`, one an image, settle what random defences and a random network draw. Without them
        they draw from PyTorch's own generator.
        """
        draws = self._seeds(len(images), seeds)
        pictures = resized(images, self.size)
        for defense, drawn in zip(self.defenses, draws, strict=True):
            pictures = defense.change(pictures, drawn)
        stages = super().forward(pictures, seeds)
        for defense, drawn in zip(reversed(self.defenses), reversed(draws), strict=True):
            stages = defense.restore(stages, self, drawn)
        return stages

    @property
    def random(self) -> bool:
        """Whether the network or a defence draws random numbers."""
        return super().random or not all(defense.deterministic for defense in self.defenses)

    @property
    def differentiable(self) -> bool:
        """Whether gradients through all defences are exact, not those of a stand-in."""
        return all(defense.differentiable for defense in self.defenses)

    def _seeds(self, count: int, seeds: Sequence[int] | None) -> list[list[int]]:
        """Return seeds of their own for each defence, one an image."""
        if seeds is None:
            seeds = torch.randint(2**62, (count,)).tolist() if self.random else [0] * count
        if len(seeds) != count:
            raise ValueError(f"expected one seed an image ({count}), found {len(seeds)}")
        return [
            [seed_of("defense", place, seed) for seed in seeds]
            for place in range(len(self.defenses))
        ]
