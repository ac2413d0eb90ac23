"""The list of targets is that of the rows, once for all attacks that share it."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from robustpose.report.runs import open_run
from robustpose.report.target_list import target_list
from robustpose.studies.rows import read_rows

from .conftest import NETWORKS

WriteRun = Callable[..., Path]


def test_each_network_and_person_has_one_pose_to_ask_for(synthetic_run: WriteRun) -> None:
    folder = synthetic_run(attacks=("IGSM-U-10", "IGSM-T-20"), epsilons=(4, 8))
    table = target_list(open_run(folder))
    rows = read_rows(folder).filter(condition="IGSM-T-20")
    assert table["network"].n_unique() == len(NETWORKS)
    assert len(table) == len(NETWORKS) * rows["person"].n_unique() * 14
    for row in rows.filter(pl.col("victim") == pl.col("made_on")).head(5).to_dicts():
        own = table.filter(network=row["made_on"], person=row["person"])
        assert own.select("x", "y").rows() == [pytest.approx(tuple(each)) for each in row["target"]]


def test_untargeted_runs_have_none(synthetic_run: WriteRun) -> None:
    assert target_list(open_run(synthetic_run(attacks=("FGSM-U",), epsilons=(8,)))).is_empty()
