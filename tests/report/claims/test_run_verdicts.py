"""Verdicts on runs whose scores are chosen: intervals, trainings, matches, missing cells."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustpose.report.claims import CLAIMS, RunEvidence
from robustpose.report.claims.table import judge, judge_all, verdict_table
from robustpose.report.claims.verdicts import Outcome, Verdict

from ..made_tasks import WEAKNESS, write_tasks
from .made_run import Share, Shown, made_run, victim

SUPPORTED, CONTRADICTED, UNDECIDED = Outcome
U, U100, T, FGSM = "IGSM-U-10", "IGSM-U-100", "IGSM-T-20", "FGSM-U"
ENCODER = "ResNet-18, 24 channels, stride 16"

Judge = Callable[..., Verdict]


@pytest.fixture
def judged(tmp_path: Path) -> Judge:
    """Return how a claim is judged on a made run; `corrected` asks for the other form."""

    def judged(
        number: str,
        victims: Mapping[str, dict[str, Any]],
        shares: Mapping[Shown, Share],
        *,
        corrected: bool = False,
        **settings: Any,
    ) -> Verdict:
        (claim,) = (claim for claim in CLAIMS if claim.number == number)
        evidence = RunEvidence(made_run(tmp_path / "run", victims, shares, **settings))
        return judge(claim.corrected if corrected else claim.published, evidence)

    return judged


def _trainings(model: str, family: str, left: Sequence[float], **entry: Any) -> dict[str, Any]:
    """Return trainings of one architecture, each with what is left of it: (victims, shares)."""
    victims, shares = {}, {}
    for seed, share in enumerate(left):
        label = f"{model}:{seed}.safetensors"
        victims[label] = victim(model, family, seed=seed, **entry)
        shares |= {Shown(label, "clean"): 0.8, Shown(label, U, 2): share, Shown(label, U, 8): share}
    return {"victims": victims, "shares": shares}


def _both(*groups: Mapping[str, Mapping[Any, Any]]) -> tuple[dict[str, Any], dict[Shown, Any]]:
    victims = {name: entry for group in groups for name, entry in group["victims"].items()}
    shares = {shown: share for group in groups for shown, share in group["shares"].items()}
    return victims, shares


def test_one_training_of_an_architecture_decides_nothing(judged: Judge) -> None:
    run = _both(_trainings("resdec", "resdec", [0.6]), _trainings("deeppose", "deeppose", [0.2]))
    found = judged("C1", *run)
    assert found.outcome is UNDECIDED
    assert (
        "3 trainings of each are needed (robustpose train --seed), found 1" in found.parts[0].found
    )
    assert found.effect is not None  # it is told all the same
    assert found.effect.estimate.value == pytest.approx(50, abs=5)


def test_two_trainings_are_not_three(judged: Judge) -> None:
    run = _both(
        _trainings("resdec", "resdec", [0.6, 0.61, 0.62]),
        _trainings("deeppose", "deeppose", [0.2, 0.21]),
    )
    assert judged("C1", *run).outcome is UNDECIDED


@pytest.mark.parametrize(
    ("heatmaps", "coordinates", "outcome"),
    [
        ([0.6, 0.65, 0.7], [0.2, 0.25, 0.3], SUPPORTED),
        ([0.2, 0.25, 0.3], [0.6, 0.65, 0.7], CONTRADICTED),
        ([0.6, 0.65, 0.2], [0.2, 0.25, 0.3], UNDECIDED),  # people tell them apart, trainings do not
        ([0.6, 0.65, 0.7], [0.6, 0.65, 0.7], UNDECIDED),
    ],
)
def test_three_trainings_decide_if_they_agree(
    judged: Judge, heatmaps: list[float], coordinates: list[float], outcome: Outcome
) -> None:
    run = _both(
        _trainings("resdec", "resdec", heatmaps), _trainings("deeppose", "deeppose", coordinates)
    )
    assert judged("C1", *run).outcome is outcome


def test_checkpoints_along_the_way_are_no_trainings(judged: Judge) -> None:
    run = _both(
        _trainings("resdec", "resdec", [0.6, 0.65]),
        _trainings("deeppose", "deeppose", [0.2, 0.25, 0.3]),
        {
            "victims": {"resdec:half": victim("resdec", "resdec", seed=2, seen=50)},
            "shares": {
                Shown("resdec:half", a, e): 0.7 for a, e in (("clean", None), (U, 2), (U, 8))
            },
        },
    )
    assert judged("C1", *run).outcome is UNDECIDED


def test_matched_networks_share_encoder_recipe_and_clean_score(judged: Judge) -> None:
    good, poor = [0.6, 0.65, 0.7], [0.2, 0.25, 0.3]
    run = _both(
        _trainings("resdec", "resdec", good, backbone=ENCODER),
        _trainings("rle", "rle", poor, backbone=ENCODER),
    )
    # Above chance, and RLE counts as a regressor.
    found = judged("C1", *run, corrected=True)
    assert found.parts[0].outcome is SUPPORTED
    assert found.effect is not None
    assert "kept above a constant pose" in found.effect.what


@pytest.mark.parametrize(
    ("backbone", "clean", "said"),
    [
        ("ResNet-50", 0.8, "different backbones"),
        (ENCODER, 0.5, "more than 3 points apart"),
    ],
)
def test_unmatched_networks_are_named(
    judged: Judge, backbone: str, clean: float, said: str
) -> None:
    heatmaps = _trainings("resdec", "resdec", [0.4, 0.42, 0.44], backbone=ENCODER)
    coordinates = _trainings("deeppose", "deeppose", [0.1, 0.12, 0.14], backbone=backbone)
    victims, shares = _both(heatmaps, coordinates)
    shares |= {Shown(label, "clean"): clean for label in coordinates["victims"]}
    found = judged("C1", victims, shares, corrected=True)
    assert found.outcome is UNDECIDED
    assert said in found.parts[0].found


def test_masked_gradients_are_no_robustness(judged: Judge) -> None:
    deep = _trainings("hourglass8", "hourglass", [0.5, 0.52, 0.54], stages=8)
    flat = _trainings("hourglass2", "hourglass", [0.2, 0.22, 0.24], stages=2)
    run = _both(deep, flat)
    assert judged("C3", *run).outcome is SUPPORTED
    masked = dict.fromkeys(deep["victims"], 0.3)
    found = judged("C3", *run, corrected=True, zero_gradient=masked)
    assert found.outcome is UNDECIDED
    assert "part of the gradient of hourglass8 (3 trainings) is zero" in found.parts[0].found


def test_pretraining_is_told_from_the_same_network_without(judged: Judge) -> None:
    run = _both(
        _trainings("resdec", "resdec", [0.2, 0.22, 0.24]),
        {
            part: {self_named(key): value for key, value in content.items()}
            for part, content in _trainings(
                "resdec", "resdec", [0.5, 0.52, 0.54], encoder={"source": "resnet18.pth"}
            ).items()
        },
    )
    found = judged("C8", *run)
    assert found.outcome is SUPPORTED
    assert "resdec from resnet18 (3 trainings)" in found.parts[0].found
    assert found.parts[1].outcome is UNDECIDED  # there is no DLCM


def self_named(key: Any) -> Any:
    """Return a label, or a key with one, that differs from that of the network from nothing."""
    return key._replace(victim="pre" + key.victim) if isinstance(key, Shown) else "pre" + key


def _net(*shares: tuple[str, float, Share], clean: float = 0.8) -> dict[Shown, Share]:
    return {Shown("net", "clean"): clean} | {Shown("net", a, e): s for a, e, s in shares}


NET = {"net": victim("resdec-matched", "resdec")}


@pytest.mark.parametrize(
    ("every_stage", "outcome"), [(0.2, SUPPORTED), (0.6, CONTRADICTED), (0.4, UNDECIDED)]
)
def test_attacks_on_all_stages_need_no_trainings(
    judged: Judge, every_stage: float, outcome: Outcome
) -> None:
    found = judged("C4", NET, _net((U, 8, 0.4), (f"{U}-ALL", 8, every_stage)))
    assert found.outcome is outcome
    assert found.effect is not None
    assert found.effect.estimate.interval.low <= found.effect.estimate.value


def test_what_a_single_step_leaves_is_counted_above_chance_when_corrected(judged: Judge) -> None:
    shares = _net((FGSM, 8, 0.5), (U, 8, 0.1))
    assert judged("C5", NET, shares).outcome is SUPPORTED
    # Without skill one has about 4 % here; a network that is hardly better keeps nothing of it.
    poor = _net((FGSM, 8, 0.06), (U, 8, 0.01), clean=0.1)
    assert judged("C5", NET, poor, corrected=True, people=200).outcome is not SUPPORTED


def test_iterations_against_the_rule_of_segmentation(judged: Judge) -> None:
    shares = _net((U, 8, 0.4), (U100, 8, 0.01), ("IGSM-U-N", 8, 0.04), ("IGSM-U-10N", 8, 0.036))
    assert judged("C6", NET, shares).outcome is SUPPORTED
    # Of steps of one size ten times as many add hardly anything.
    assert judged("C6", NET, shares, corrected=True).outcome is CONTRADICTED


def test_missing_cells_name_the_experiment(judged: Judge) -> None:
    shares = _net((U, 8, 0.4))
    for number, experiment in (
        ("C4", "white-box"),
        ("C5", "white-box"),
        ("C6", "iterations"),
        ("C9", "universal"),
        ("C10", "universal"),
        ("C12", "tasks"),
        ("C14", "defenses"),
        ("C15", "defenses"),
    ):
        found = judged(number, NET, shares)
        assert found.outcome is UNDECIDED
        assert f"run the experiment {experiment}" in found.parts[0].found


def test_rows_of_half_the_people_are_no_cells(tmp_path: Path) -> None:
    run = made_run(tmp_path, NET, _net((U, 8, 0.4)))
    assert RunEvidence(run).relative("net", U, 8) is not None
    halved = type(run)(run.folder, run.study, run.people, run.rows.head(90))
    assert RunEvidence(halved).relative("net", U, 8) is None


def test_steps_are_compared_only_if_the_sweeps_meet(judged: Judge) -> None:
    sweep = [(f"{U} step 1/2", 8.0, 0.1), (f"{U} step 1/3", 8.0, 0.3)]
    small = [(f"{T} step 1/9", 8.0, 0.7)]
    large = [(f"{T} step 1/2", 8.0, 0.4)]
    plain = [(U, 8.0, 0.3), (T, 8.0, 0.3)]
    found = judged("C7", NET, _net(*plain, *sweep, *small, *large))
    assert found.parts[-1].outcome is SUPPORTED
    assert "0.50 ε away and 0.11 ε towards" in found.parts[-1].found
    alone = judged("C7", NET, _net(*plain, *sweep), people=50)
    assert alone.parts[-1].outcome is UNDECIDED


def _universal(own: float, foreign: float, noise: float) -> tuple[dict[str, Any], dict[Shown, Any]]:
    victims = {
        "hourglass": victim("hourglass", "hourglass"),
        "dlcm": victim("dlcm", "dlcm"),
        "chained": victim("chained", "chained"),
    }
    shares: dict[Shown, Share] = {}
    for name in victims:
        shares |= {Shown(name, "clean"): 0.8, Shown(name, U, 16): 0.1}
        shares |= {Shown(name, "noise", 16): noise}
        for source in victims:
            shares[Shown(name, "UAP", 16, source)] = own if name == source else foreign
    return victims, shares


def test_universal_perturbations_are_read_by_what_they_were_made_on(judged: Judge) -> None:
    run = _universal(own=0.12, foreign=0.4, noise=0.79)
    assert judged("C9", *run).outcome is SUPPORTED
    found = judged("C10", *run)
    assert found.outcome is SUPPORTED
    assert [part.outcome for part in found.parts[1:]] == [UNDECIDED, UNDECIDED]  # architectures
    assert judged("C9", *run, corrected=True).parts[1].outcome is SUPPORTED  # beyond noise


def test_what_noise_does_as_well_is_no_transfer(judged: Judge) -> None:
    run = _universal(own=0.12, foreign=0.4, noise=0.4)
    assert judged("C10", *run).outcome is SUPPORTED
    assert judged("C10", *run, corrected=True).outcome is CONTRADICTED


def test_joints_are_compared_by_their_groups(judged: Judge) -> None:
    # LSP: ankle, knee, hip twice over; wrist, elbow, shoulder twice over; neck, head.
    leg, arm, top = 0.05, 0.3, 0.6
    shares = _net((U, 8, [*[leg] * 6, *[arm] * 6, *[top] * 2]))
    assert judged("C11", NET, shares, people=200).outcome is SUPPORTED
    upside_down = _net((U, 8, [*[top] * 6, *[arm] * 6, *[leg] * 2]))
    assert judged("C11", NET, upside_down, people=200).outcome is CONTRADICTED


@pytest.mark.parametrize(("weakness", "outcome"), [(0.2, SUPPORTED), (2.0, CONTRADICTED)])
def test_tasks_are_read_from_the_heads_of_one_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weakness: float, outcome: Outcome
) -> None:
    monkeypatch.setitem(WEAKNESS, "pose", weakness)
    evidence = RunEvidence(made_run(tmp_path, NET, _net((U, 8, 0.4))))
    write_tasks(tmp_path, people=200)
    (claim,) = (claim for claim in CLAIMS if claim.number == "C12")
    assert judge(claim.published, evidence).outcome is outcome
    if outcome is SUPPORTED:  # else both are below chance under the stronger attack
        assert judge(claim.corrected, evidence).outcome is outcome


def test_failures_that_show_in_confidence(judged: Judge) -> None:
    # Confidence is 0.9 where a joint is right and 0.1 where it is wrong.
    found = judged("C13", NET, _net((U, 8, 0.1)), people=120)
    plausible, told = found.parts
    assert plausible.outcome is not UNDECIDED
    assert told.outcome is CONTRADICTED


def test_defences_are_read_from_names_and_from_what_was_attacked(judged: Judge) -> None:
    victims = {name: victim("resdec", "resdec") for name in ("net", "net+gaussian:1", "net+mirror")}
    shares: dict[Shown, Share] = {Shown(name, "clean"): 0.8 for name in victims}
    for attack, eps in ((U, 8.0), ("UAP", 16.0)):
        shares[Shown("net", attack, eps)] = 0.1
        shares[Shown("net+gaussian:1", attack, eps, "net")] = 0.4
        shares[Shown("net+gaussian:1", attack, eps)] = 0.05
        shares[Shown("net+mirror", attack, eps, "net")] = 0.7 if attack == U else 0.1
        shares[Shown("net+mirror", attack, eps)] = 0.1
    assert judged("C14", victims, shares).outcome is SUPPORTED
    assert judged("C14", victims, shares, corrected=True).outcome is CONTRADICTED
    assert judged("C15", victims, shares).outcome is SUPPORTED
    assert judged("C15", victims, shares, corrected=True).outcome is CONTRADICTED


def test_of_a_handful_of_people_nothing_is_decided(judged: Judge) -> None:
    found = judged("C5", NET, _net((FGSM, 8, 0.7), (U, 8, 0.05)), people=9)
    assert found.outcome is UNDECIDED
    assert "9 people" in found.parts[0].found


def test_a_run_from_before_families_were_written_is_judged_as_far_as_it_goes(
    judged: Judge,
) -> None:
    old = {"net": {"summary": "", "card": {}}}
    shares = _net((FGSM, 8, 0.7), (U, 8, 0.05))
    assert judged("C5", old, shares).outcome is SUPPORTED
    assert "are needed" in judged("C1", old, shares).parts[0].found


def test_the_table_has_a_line_for_each_claim(tmp_path: Path) -> None:
    run = made_run(tmp_path, NET, _net((FGSM, 8, 0.7), (U, 8, 0.05)))
    table = verdict_table(judge_all(RunEvidence(run)))
    assert table["claim"].to_list() == [f"C{number}" for number in range(1, 16)]
    weak = table.filter(claim="C5").row(0, named=True)
    assert weak["as_published"] == "supported"
    assert weak["effect_low"] < weak["effect"] < weak["effect_high"]
    assert weak["paper_says"] == "supported"
    numbers = table.select("effect", "effect_low", "corrected_effect").to_numpy().astype(float)
    assert not np.isinf(numbers).any()
