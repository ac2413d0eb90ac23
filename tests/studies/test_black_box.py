"""Attacks without gradients in a study: rows and tables say what they took."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from robustpose.attacks.balls import Linf
from robustpose.attacks.evolution import NES
from robustpose.attacks.goals import Judged
from robustpose.attacks.iterated import igsm
from robustpose.attacks.random_search import Square
from robustpose.attacks.sign_hunter import SignHunter
from robustpose.conditions import Attacked, Clean
from robustpose.report.tables import scores
from robustpose.studies.rows import read_rows
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study

BALL = Linf(8 / 255)
ATTACKS = [
    Attacked(name="Square", attack=Square(ball=BALL, queries=7)),
    Attacked(name="SignHunter", attack=SignHunter(ball=BALL, queries=5), by=Judged()),
    Attacked(name="Square-T", attack=Square(ball=BALL, queries=3), by=Judged(), targeted=True),
    Attacked(
        name="NES",
        attack=replace(igsm(eps=BALL.eps, steps=2), keep_best=True, gradient=NES(samples=2)),
    ),
]
QUERIES = {"clean": 0, "Square": 7, "SignHunter": 5, "Square-T": 3 + 1, "NES": 2 * 3 + 1}


@pytest.fixture(scope="module")
def run(tiny_study: Callable[..., Study], tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = tiny_study(conditions={each.name: each for each in [Clean(), *ATTACKS]})
    out = tmp_path_factory.mktemp("black-box") / "run"
    return run_study(study, out, device=torch.device("cpu"))


def test_rows_say_what_was_asked(run: Path) -> None:
    rows = read_rows(run)
    for name, queries in QUERIES.items():
        own = rows.filter(condition=name)
        assert set(own["queries"]) == {queries}
        assert set(own["gradients"]) == {0}
        assert own["zero_gradient"].null_count() == len(own)


def test_tables_do_too(run: Path) -> None:
    attacked = scores(run).drop_nulls("goal")
    assert dict(attacked.select("attack", "queries").rows()) == {
        name: queries for name, queries in QUERIES.items() if name != "clean"
    }
    assert set(attacked["gradients"]) == {0}
