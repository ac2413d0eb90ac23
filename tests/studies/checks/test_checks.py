"""Checks on runs with a planted fault each: it is found, and nothing else is."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from robustpose.studies.checks import CHECKS, Severity, check_run, flagged

from .conftest import AVERAGED, STAND_INS, Images, attack, clean, noise

WriteRun = Callable[..., Path]

HONEST = (
    clean("net", "other"),
    attack("FGSM-U", 2, 60, steps=1, gradients=1),
    attack("FGSM-U", 8, 30, steps=1, gradients=1),
    attack("FGSM-U", 16, 25, steps=1, gradients=1),
    Images("IGSM-U-10", 2, {("net", "net"): 40, ("net", "other"): 75}),
    attack("IGSM-U-10", 8, 2),
    attack("IGSM-U-20", 8, 1.8, steps=20, gradients=20),
    attack("IGSM-U-10", 16, 1),
    attack("square", 2, 55, steps=500, gradients=0, queries=500),
    attack("APGD-BPDA", 2, 41, gradient=STAND_INS),
    noise(8, 79),
)


def replaced(*images: Images) -> list[Images]:
    """Return the honest run with some images in the place of those of the same name and size."""
    new = {(each.name, each.eps): each for each in images}
    kept = [new.pop((each.name, each.eps), each) for each in HONEST]
    return [*kept, *new.values()]


def severities(run: Path, network: str = "net") -> dict[str, Severity]:
    return {each.check: each.severity for each in check_run(run) if each.network == network}


def test_an_honest_run_passes_every_check(made_run: WriteRun) -> None:
    found = severities(made_run(HONEST))
    assert set(found.values()) == {Severity.PASSED}
    assert len(found) == len(CHECKS) - 1  # it has no defence


PLANTED: dict[str, Sequence[Images]] = {
    "gradients that are exactly zero": replaced(attack("IGSM-U-10", 8, 2, zero_gradient=0.5)),
    "stronger without gradients": replaced(
        attack("square", 2, 30, steps=500, gradients=0, queries=500)
    ),
    "stronger around its gradient": replaced(attack("APGD-BPDA", 2, 30, gradient=STAND_INS)),
    "made on another network, yet stronger": replaced(
        Images("IGSM-U-10", 2, {("net", "net"): 40, ("net", "other"): 30})
    ),
    "one step stronger than many": replaced(attack("FGSM-U", 2, 30, steps=1, gradients=1)),
    "a large epsilon leaves something": replaced(
        attack("IGSM-U-10", 16, 15),
        attack("IGSM-U-10", 8, 15),
        attack("IGSM-U-20", 8, 15, steps=20),
    ),
    "more epsilon weaker": replaced(
        attack("IGSM-U-10", 2, 10), attack("IGSM-U-10", 4, 20), noise(4, 79)
    ),
    "more steps weaker": replaced(attack("IGSM-U-20", 2, 50, steps=20, gradients=20)),
}


@pytest.mark.parametrize("check", PLANTED)
def test_a_planted_fault_is_found_and_nothing_else(check: str, made_run: WriteRun) -> None:
    run = made_run(PLANTED[check])
    red = [each for each in check_run(run) if each.severity is Severity.RED]
    assert [each.check for each in red] == [check]
    assert red[0].said
    assert red[0].settled_by
    assert list(flagged(check_run(run))) == ["net"]


def test_noise_that_comes_close_is_found(made_run: WriteRun) -> None:
    step = attack("FGSM-U", 8, 79, steps=1)
    weak = [attack(f"IGSM-U-{steps}", 8, 79, steps=steps) for steps in (10, 20)]
    weak.append(step)
    assert severities(made_run(replaced(*weak)))["noise comes close"] is Severity.RED
    half = [attack(f"IGSM-U-{steps}", 8, 70, steps=steps) for steps in (10, 20)]
    found = severities(made_run(replaced(*half, step, noise(8, 74))))
    assert found["noise comes close"] is Severity.AMBER


def test_an_attack_that_doubled_still_gains_has_not_converged(made_run: WriteRun) -> None:
    run = made_run(replaced(attack("IGSM-U-10", 8, 30), attack("IGSM-U-20", 8, 20, steps=20)))
    assert severities(run)["not converged"] is Severity.AMBER
    # The same gain spread over so many doublings is little with each.
    run = made_run(replaced(attack("IGSM-U-10", 8, 4), attack("IGSM-U-20", 8, 2, steps=100)))
    assert severities(run)["not converged"] is Severity.PASSED


def test_steps_of_another_size_are_another_attack(made_run: WriteRun) -> None:
    longer = attack("IGSM-U-20", 8, 30, steps=20, step=1 / 255)
    assert severities(made_run(replaced(longer)))["more steps weaker"] is Severity.UNCHECKED
    # As many as reach as far are the same: 20 of half the size.
    longer = attack("IGSM-U-20", 8, 30, steps=20, step=8 / 255 / 6)
    found = severities(made_run(replaced(longer, attack("IGSM-U-10", 8, 10))))
    assert found["more steps weaker"] is Severity.RED


def test_a_constant_output_is_no_winner(made_run: WriteRun) -> None:
    pose = np.random.default_rng(0).normal((64, 64), 18, (1, 14, 2))
    tremble = np.random.default_rng(1).normal(0, 0.2, (20, 14, 2))
    run = made_run(
        [clean("net", left=10, poses=pose + tremble), attack("IGSM-U-10", 8, 10), noise(8, 10)]
    )
    found = next(each for each in check_run(run) if each.check == "answers that ignore the picture")
    assert found.severity is Severity.RED
    assert "robust by construction" in found.said
    assert "no winner" in found.said


@pytest.mark.parametrize(
    ("entry", "gradient", "expected"),
    [
        ({"repeat_difference": 0.2}, AVERAGED, Severity.RED),
        ({"repeat_difference": 1e-7}, {}, Severity.PASSED),
        ({"random": True}, {}, Severity.RED),
        ({"random": True}, AVERAGED, Severity.PASSED),
        ({"repeat_difference": None}, {}, Severity.UNCHECKED),
    ],
)
def test_random_answers_need_gradients_that_are_averaged(
    entry: dict[str, Any], gradient: dict[str, Any], expected: Severity, made_run: WriteRun
) -> None:
    images = replaced(attack("IGSM-U-10", 8, 2, gradient=gradient))
    found = severities(made_run(images, victims={"net": entry}))
    assert found["random answers"] is expected


def test_a_defence_is_attacked_by_those_who_know_it(made_run: WriteRun) -> None:
    name, check = "net+jpeg:75", "not attacked through its defence"
    unaware = Images("IGSM-U-10", 8, {("net", "net"): 2, (name, "net"): 30})
    aware = Images("IGSM-U-10", 8, {("net", "net"): 2, (name, "net"): 30, (name, name): 5})
    square = attack("square", 8, 20, network=name, steps=500, gradients=0, queries=500)
    victims = {name: {"defenses": ["jpeg:75"], "differentiable": False}}
    for images, expected in (
        ([unaware], Severity.RED),
        ([aware], Severity.AMBER),
        ([aware, square], Severity.PASSED),
    ):
        run = made_run([clean("net", name), *images], victims=victims)
        found = severities(run, name)
        assert found[check] is expected
        assert check not in severities(run)


def test_few_people_make_nothing_red_by_comparison(made_run: WriteRun) -> None:
    run = made_run(PLANTED["one step stronger than many"], people=8)
    assert severities(run)["one step stronger than many"] is Severity.AMBER


def test_where_nothing_is_left_nothing_is_hidden(made_run: WriteRun) -> None:
    lost = replaced(attack("IGSM-U-10", 8, 2), attack("FGSM-U", 8, 0, steps=1))
    assert severities(made_run(lost))["one step stronger than many"] is Severity.PASSED


def test_a_run_without_the_rows_says_so(made_run: WriteRun) -> None:
    run = made_run([clean("net"), attack("IGSM-U-10", 2, 40)])
    unchecked = [each for each in check_run(run) if each.severity is Severity.UNCHECKED]
    assert len(unchecked) == 9
    assert all(each.settled_by for each in unchecked)


def test_half_of_the_people_are_no_evidence(made_run: WriteRun) -> None:
    run = made_run(PLANTED["gradients that are exactly zero"])
    for part in (run / "rows").glob("*.parquet"):
        rows = pl.read_parquet(part)
        if rows["zero_gradient"][0] == 0.5:
            rows.head(5).write_parquet(part)
    assert severities(run)["gradients that are exactly zero"] is Severity.PASSED


def test_checks_need_no_torch() -> None:
    code = "import sys, robustpose.studies.checks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
