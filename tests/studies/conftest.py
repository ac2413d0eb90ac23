"""The tiny study, as a module for this process and as a script for others."""

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
import torch

from robustpose.studies.rows import read_rows
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study

SCRIPT = Path(__file__).with_name("tiny_study.py")
ORDER = ["condition", "made_on", "victim", "person"]


@pytest.fixture(scope="session")
def script() -> Path:
    """Return the program that runs the tiny study."""
    return SCRIPT


@pytest.fixture(scope="session")
def tiny_module() -> ModuleType:
    """Return the tiny study's module."""
    spec = spec_from_file_location("tiny_study", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny_study(tiny_module: ModuleType) -> Callable[..., Study]:
    """Return the function that makes the tiny study, with other settings if wanted."""
    return tiny_module.tiny_study


@pytest.fixture(scope="session")
def finished(tiny_study: Callable[..., Study], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tiny study, run without interruption."""
    out = tmp_path_factory.mktemp("study") / "run"
    return run_study(tiny_study(), out, device=torch.device("cpu"), command="a test")


@pytest.fixture(scope="session")
def rows(finished: Path) -> pl.DataFrame:
    """Return the rows of the finished study in a fixed order."""
    return read_rows(finished).sort(ORDER)
