"""Random draws from a frozen stream, so that a scene is the same in every version of numpy."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.random import RandomState

from robustpose.seeds import seed_of

Option = TypeVar("Option")


def stream(*parts: str | int) -> RandomState:
    """Return the stream of random numbers that belongs to these parts.

    `RandomState` and not `Generator`: numpy promises that its stream never changes.
    """
    seed = seed_of(*parts)
    return RandomState(np.array([seed >> 32, seed & 0xFFFFFFFF], np.uint32))


def between(random: RandomState, low: float, high: float) -> float:
    """Return a number drawn uniformly from [low, high)."""
    return low + (high - low) * float(random.random_sample())


def chance(random: RandomState, probability: float) -> bool:
    """Return True with the given probability."""
    return float(random.random_sample()) < probability


def one_of(random: RandomState, options: Sequence[Option]) -> Option:
    """Return one of the options, each equally likely."""
    return options[int(float(random.random_sample()) * len(options))]


def whole(random: RandomState, low: int, high: int) -> int:
    """Return a whole number drawn uniformly from low, ..., high - 1."""
    return low + int(float(random.random_sample()) * (high - low))
