"""`import robustpose` is quick, and its names exist."""

import subprocess
import sys

import pytest

import robustpose

HEAVY = ("torch", "numpy", "cv2", "scipy", "polars", "altair")


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    ).stdout


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = f"import sys, robustpose; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert run(code).strip() == "[]"


def test_metrics_and_rows_run_without_torch() -> None:
    code = (
        "import sys, robustpose.metrics.pck, robustpose.metrics.robustness, "
        "robustpose.studies.rows; print('torch' in sys.modules)"
    )
    assert run(code).strip() == "False"


def test_data_sets_are_listed_and_predictions_scored_without_torch() -> None:
    code = (
        "import sys, robustpose.data.inspection, robustpose.data.lsp, robustpose.data.mpii, "
        "robustpose.data.coco, robustpose.predictions; "
        "print([m for m in ('torch', 'scipy') if m in sys.modules])"
    )
    assert run(code).strip() == "[]"


@pytest.mark.parametrize("name", robustpose.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(robustpose, name) is not None
    assert name in dir(robustpose)


def test_public_names_are_sorted_and_no_other_exists() -> None:
    assert len(set(robustpose.__all__)) == len(robustpose.__all__)
    assert dir(robustpose) == sorted(robustpose.__all__)
    with pytest.raises(AttributeError, match="no attribute 'atack'"):
        robustpose.atack  # noqa: B018
