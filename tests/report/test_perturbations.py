"""Perturbations as pictures: full range, mid-grey for nothing, sign and channel in place."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import save_file

from robustpose.report.perturbations import perturbation_picture


def test_the_largest_value_fills_the_range_and_nothing_is_grey() -> None:
    perturbation = np.zeros((3, 4, 6), np.float32)
    perturbation[0, 1, 2], perturbation[2, 3, 5], perturbation[1, 0, 0] = 0.06, -0.06, 0.03
    picture = perturbation_picture(perturbation)
    assert picture.shape == (4, 6, 3)
    assert picture.dtype == np.uint8
    assert picture[1, 2].tolist() == [255, 128, 128]
    assert picture[3, 5].tolist() == [128, 128, 0]
    assert picture[0, 0].tolist() == [128, 191, 128]


def test_the_scale_of_a_perturbation_does_not_show() -> None:
    perturbation = np.random.default_rng(0).normal(size=(3, 5, 5))
    assert np.array_equal(
        perturbation_picture(perturbation), perturbation_picture(perturbation / 1000)
    )


def test_no_perturbation_is_grey() -> None:
    assert (perturbation_picture(np.zeros((3, 2, 2))) == 128).all()


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        perturbation_picture(np.full((3, 2, 2), np.nan))


def test_the_stored_artefact_can_be_read_without_torch(tmp_path: Path) -> None:
    stored = torch.linspace(-0.05, 0.05, 3 * 4 * 4).view(3, 4, 4)
    save_file({"perturbation": stored}, tmp_path / "artefact.safetensors")
    picture = perturbation_picture(load_file(tmp_path / "artefact.safetensors")["perturbation"])
    assert picture[0, 0].tolist() == [0, 87, 174]
    assert picture[-1, -1, 2] == 255
