"""Global generators go back to where they stood."""

import random

import numpy as np
import pytest
import torch

from robustpose.draws import Draws


def drawn() -> tuple[float, float, float]:
    """Draw from each of them."""
    return float(torch.rand(())), float(np.random.rand()), random.random()


def replayed(draws: Draws) -> tuple[float, float, float]:
    """Draw from each of them, from where they stood."""
    with draws.again():
        return drawn()


def test_the_same_is_drawn_again() -> None:
    # What checks types in tests draws from Python's generator too, after the states were read.
    draws = Draws.now()
    first = replayed(draws)
    drawn()
    assert replayed(draws) == first
    assert replayed(Draws.now()) != first


def test_they_go_on_from_where_they_stood() -> None:
    stood = torch.get_rng_state(), np.random.get_state()[1]
    replayed(Draws.now())
    with pytest.raises(ZeroDivisionError), Draws.now().again():
        _ = drawn()[0] / 0
    torch.testing.assert_close(torch.get_rng_state(), stood[0])
    np.testing.assert_array_equal(np.random.get_state()[1], stood[1])
