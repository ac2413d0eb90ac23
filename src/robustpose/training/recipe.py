"""The settings of a training run, and what follows from them at each step."""

import math
from dataclasses import dataclass

from robustpose.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    `images` is how many augmented images it sees in all. Networks of maps spend the share
    `cross_entropy` of their steps on a soft-max over each map, then go on with squared error, the
    loss of their papers. Rotation is in degrees (uniform, both ways), scale a factor (log-uniform,
    both ways), colour the largest relative change of contrast, brightness and each channel.
    """

    images: int = 160_000
    batch_size: int = 32
    rate: float = 1e-3
    weight_decay: float = 1e-2
    warm_up: int = 200
    cross_entropy: float = 0.85
    averaging: float = 0.998
    rotation: float = 40.0
    scale: float = 1.3
    colour: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("images", "batch_size", "rate"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise UsageError(f"training needs {name} above 0, found {value}")
        if not 0 <= self.cross_entropy <= 1:
            raise UsageError(
                f"cross_entropy is a share from 0 to 1 of the steps, found {self.cross_entropy}"
            )

    @property
    def steps(self) -> int:
        """How many optimiser steps there are."""
        return max(1, math.ceil(self.images / self.batch_size))


@dataclass(frozen=True)
class Schedule:
    """What happens at each step: the learning rate (a warm-up and a cosine), and which loss."""

    recipe: Recipe
    switch: int
    """The first step of the second loss; 0 if there is only one."""

    @classmethod
    def of(cls, recipe: Recipe, *, maps: bool) -> "Schedule":
        """Plan a run; a network without maps has only one loss."""
        return cls(recipe, round(recipe.steps * recipe.cross_entropy) if maps else 0)

    def on_cross_entropy(self, step: int) -> bool:
        """Tell whether the step belongs to the first of two losses."""
        return step < self.switch

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        recipe = self.recipe
        warm_up = min(recipe.warm_up, recipe.steps // 4)
        if step < warm_up:
            return recipe.rate * (step + 1) / warm_up
        share = (step - warm_up) / max(1, recipe.steps - warm_up)
        return recipe.rate * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)
