"""Sentences must follow from numbers, and from complete ones only."""

import polars as pl
import pytest

from robustpose.report.findings import Finding, findings, main_condition
from robustpose.report.runs import Run, open_run
from robustpose.report.tables import joint_scores, scores

from .conftest import WriteRun


def _findings(run: Run) -> list[Finding]:
    main = main_condition(run)
    return findings(run, scores(run, resamples=20), joint_scores(run, resamples=20), main)


@pytest.mark.parametrize(
    ("epsilons", "expected"), [((1, 8, 16), 8), ((1, 4, 16), 4), ((16, 32), 16)]
)
def test_the_main_epsilon_is_8_or_the_next_below(
    synthetic_run: WriteRun, epsilons: tuple[float, ...], expected: float
) -> None:
    main = main_condition(open_run(synthetic_run(people=2, keep=0, epsilons=epsilons)))
    assert main is not None
    assert (main.name, main.eps255) == ("IGSM-U-10", expected)


def test_the_ensemble_of_a_strong_evaluation_is_the_main_attack(
    synthetic_run: WriteRun,
) -> None:
    run = open_run(synthetic_run(people=2, keep=0, further=("pose-auto-attack-v1",)))
    main = main_condition(run)
    assert main is not None
    assert main.name == "pose-auto-attack-v1"


def test_without_an_iterated_attack_the_single_step_is_the_main_one(
    synthetic_run: WriteRun,
) -> None:
    run = open_run(synthetic_run(people=2, keep=0, attacks=("FGSM-U", "IGSM-T-20")))
    main = main_condition(run)
    assert main is not None
    assert main.name == "FGSM-U"


def test_the_strongest_attack_is_the_one_that_leaves_least(synthetic_run: WriteRun) -> None:
    run = open_run(synthetic_run(keep=0, epsilons=(1, 8)))
    table = scores(run, resamples=20).filter(eps255=8, goal="untargeted")
    said = {finding.lead: finding.text for finding in _findings(run)}
    for network in run.networks:
        left = table.filter(network=network).sort("relative").row(0, named=True)
        text = said[f"{network}: {left['relative']:.1f} % left at ε = 8."]
        assert left["attack"] in text
        assert f"to {left['score']:.1f} %" in text


def test_a_network_spared_an_attack_is_not_compared(synthetic_run: WriteRun) -> None:
    run = open_run(
        synthetic_run(keep=0, epsilons=(1, 8), without=[("IGSM-U-10 @ 8", "DeepPose", 0)])
    )
    leads = [finding.lead for finding in _findings(run)]
    assert "Not compared: DeepPose." in leads
    assert not any(lead.startswith("DeepPose:") for lead in leads)


def test_half_is_found_between_the_epsilons_that_enclose_it(synthetic_run: WriteRun) -> None:
    run = open_run(synthetic_run(keep=0, epsilons=(1, 4, 8)))
    table = scores(run, resamples=20).with_columns(
        # 75 at 1 and 25 at 4 meet 50 half way in log2: at 2.
        pl.when(pl.col("attack") == "IGSM-U-10")
        .then(pl.col("eps255").replace_strict({1.0: 75.0, 4.0: 25.0, 8.0: 5.0}, default=None))
        .alias("relative")
    )
    found = findings(run, table, joint_scores(run, resamples=20), main_condition(run))
    (text,) = (finding.text for finding in found if finding.lead == "Where half is lost.")
    assert "≈ 2.0 for DeepPose" in text


def test_small_shares_of_zero_gradients_are_not_made_much_of(synthetic_run: WriteRun) -> None:
    run = open_run(synthetic_run(keep=0, epsilons=(8,)))
    few = scores(run, resamples=20).with_columns(zero_gradient=pl.lit(0.001))
    found = findings(run, few, joint_scores(run, resamples=20), main_condition(run))
    assert "Some gradients are exactly zero." not in {finding.lead for finding in found}
