"""What the tables of explanations say of a run whose numbers are known."""

from pathlib import Path

import polars as pl
import pytest

from robustpose.metrics.error_kinds import KINDS
from robustpose.report.explanations import (
    confidence_table,
    floor_table,
    kind_table,
    plausibility_table,
    with_guess,
)
from robustpose.report.runs import Run, open_run
from robustpose.report.tables import scores

from .conftest import NETWORKS, WriteRun, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder: Path = tmp_path_factory.mktemp("run")
    return open_run(write_run(folder, people=240, epsilons=(1, 32), keep=0))


def test_kinds_share_out_all_joints_and_the_good_ones_are_the_pck(run: Run) -> None:
    kinds = kind_table(run, resamples=50)
    assert len(kinds) == len(NETWORKS) * (1 + 3 * 2)
    assert kinds.select(pl.sum_horizontal(KINDS)).to_series().to_list() == pytest.approx(
        [100.0] * len(kinds)
    )
    pck = scores(run, resamples=50).join(
        kinds, on=["network", "attack", "eps255"], nulls_equal=True
    )
    assert len(pck) == len(kinds)
    assert pck["good"].to_list() == pytest.approx(pck["score"].to_list())


def test_a_confidence_that_never_changes_tells_nothing(run: Run) -> None:
    told = confidence_table(run, resamples=50)
    assert set(told["auroc"]) == {None}
    assert set(told["fell"]) == {0.0}


def test_what_lies_above_the_guess_adds_up_and_shrinks(run: Run) -> None:
    floors = floor_table(run, resamples=50)
    clean = scores(run, resamples=50).filter(attack="clean").select("network", own="score")
    joined = floors.join(clean, on="network")
    assert (joined["floor"] + joined["clean"]).to_list() == pytest.approx(joined["own"].to_list())
    iterated = floors.filter(attack="IGSM-U-10").sort("eps255")
    for network in NETWORKS:
        small, large = iterated.filter(network=network)["kept"].to_list()
        assert large < small <= 100 + 1e-9


def test_the_guess_is_relative_to_the_clean_score_but_held_against_targets(run: Run) -> None:
    all_scores, floors = scores(run, resamples=50), floor_table(run, resamples=50)
    guess = with_guess(all_scores, floors)
    line = guess.filter(network="2-SHG", attack="FGSM-U", eps255=1.0)
    clean = all_scores.filter(network="2-SHG", attack="clean")["score"][0]
    assert line["guess"][0] == pytest.approx(100 * floors["floor"][0] / clean)
    aimed = guess.filter(goal="targeted").sort("network", "eps255")["guess"]
    floor = floors.filter(attack="IGSM-T-20").sort("network", "eps255")["target_floor"]
    assert aimed.to_list() == floor.to_list()
    assert floors.filter(attack="FGSM-U")["target_floor"].null_count() == len(NETWORKS) * 2


def test_poses_become_implausible_under_attack(run: Run) -> None:
    shares = plausibility_table(run, resamples=50)
    clean = shares.filter(network="DeepPose", attack="clean")["implausible"][0]
    attacked = shares.filter(network="DeepPose", attack="IGSM-U-10", eps255=32.0)["implausible"][0]
    assert clean < 30
    assert attacked > 90


def test_what_lacks_cells_has_no_line(synthetic_run: WriteRun) -> None:
    folder = synthetic_run(epsilons=(1,), keep=0, without=[("FGSM-U @ 1", "2-SHG", 1)])
    kinds = kind_table(open_run(folder), resamples=20)
    assert len(kinds.filter(network="2-SHG", attack="FGSM-U")) == 0
    assert len(kinds.filter(network="DeepPose", attack="FGSM-U")) == 1
