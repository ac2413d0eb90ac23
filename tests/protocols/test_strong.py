"""The strong evaluation: what is in it, and that its rows say who made each image."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

from robustpose.attacks.balls import Linf
from robustpose.attacks.iterated import igsm
from robustpose.attacks.random_search import Square
from robustpose.conditions import Attacked, Ensemble, Smallest, pose_auto_attack
from robustpose.data.rendered import rendered_people
from robustpose.errors import UsageError
from robustpose.models import load_model
from robustpose.models.model import PoseModel
from robustpose.models.wrapping import Wrapped
from robustpose.poses import Images
from robustpose.protocols.strong import strong
from robustpose.studies.checks import check_run, flagged
from robustpose.studies.rows import read_rows
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study

PEOPLE = rendered_people("test", count=4, pixels=64)
NETWORK = "deeppose-compact"


@pytest.mark.parametrize("quick", [True, False])
def test_the_ensemble_its_members_and_what_it_is_held_against(quick: bool) -> None:
    study = strong(PEOPLE, [NETWORK], epsilons=[2], quick=quick)
    ensemble = pose_auto_attack(Linf(2 / 255), quick=quick)
    names = [condition.name for condition in study.conditions.values()]
    members = [member.name for member in ensemble.members]
    assert names[:5] == ["clean", "noise", "FGSM-U", "IGSM-U-10", "IGSM-U-100"]
    assert names[6:-3] == [*members, ensemble.name]
    assert names[-3:] == ["APGD-LO-40" if quick else "APGD-LO-200", members[0], "smallest"]
    pgd = study.conditions[f"{names[5]} @ 2"]
    assert isinstance(pgd, Attacked)
    gradients = sum(m.cost for m in ensemble.members if not isinstance(m.attack, Square))
    assert gradients <= pgd.cost < gradients + 100
    alone = [study.conditions[f"{name} @ 2"] for name in members]
    assert alone == list(ensemble.members)


def test_all_radii_unless_others_are_asked_for() -> None:
    study = strong(PEOPLE, [NETWORK])
    radii = {each.ball.eps for each in study.conditions.values() if each.ball is not None}
    assert radii == {eps / 255 for eps in (0.5, 1, 2, 8, 16, 32)}
    assert study.conditions["APGD-LO-200 @ 1"].steps == 200
    at_sixteen = [label for label in study.conditions if label.endswith("@ 16")]
    assert at_sixteen == ["APGD-LO-100 @ 16"]


def test_what_is_unknown_is_refused() -> None:
    with pytest.raises(UsageError, match="attack 'FGSM'"):
        strong(PEOPLE, [NETWORK], attacks=["FGSM"])
    with pytest.raises(UsageError, match="0-255 units"):
        strong(PEOPLE, [NETWORK], epsilons=[0])
    with pytest.raises(UsageError):
        strong(PEOPLE, ["nobody"])


def two_steps(ball: Linf) -> Attacked:
    """Return an attack in a ball."""
    return Attacked(name="two steps", attack=igsm(eps=ball.eps, steps=2))


def shortened(study: Study) -> Study:
    """Return the study with attacks of two steps or queries."""

    def short(member: Attacked) -> Attacked:
        if isinstance(member.attack, Square):
            return replace(member, attack=replace(member.attack, queries=2))
        return replace(member, attack=replace(member.attack, steps=2))

    conditions = {}
    for label, condition in study.conditions.items():
        if isinstance(condition, Ensemble):
            condition = replace(condition, members=tuple(map(short, condition.members)))
        if isinstance(condition, Smallest):
            condition = replace(condition, made=two_steps, rounds=1)
        conditions[label] = short(condition) if isinstance(condition, Attacked) else condition
    return replace(study, conditions=conditions, canvas=(64, 64), keep=0)


def test_rows_say_which_member_it_was_and_what_was_spent(tmp_path: Path) -> None:
    study = shortened(strong(PEOPLE, [NETWORK], epsilons=[8], quick=True))
    rows = read_rows(run_study(study, tmp_path / "run", device=torch.device("cpu")))
    rows = rows.filter(pl.col("eps").is_null() | (pl.col("eps") < 16 / 255))
    names = [each.name for each in pose_auto_attack(Linf(8 / 255), quick=True).members]
    ensemble = rows.filter(pl.col("condition") == "pose-auto-attack-v1-quick")
    assert set(ensemble["member"]) <= {*names, "clean"}
    assert ensemble["settings"].n_unique() == 1
    assert rows.filter(pl.col("condition") == "IGSM-U-10")["member"].to_list() == [None] * 4
    left = rows.with_columns(
        right=pl.col("error").list.eval(pl.element() <= PEOPLE.threshold).list.sum()
    )
    worst = left.filter(pl.col("condition").is_in([*names, "clean"])).group_by("person")
    expected = worst.agg(pl.col("right").min()).sort("person")["right"]
    found = left.filter(pl.col("member").is_not_null()).sort("person")["right"]
    assert found.to_list() == expected.to_list()
    spent = (
        rows.filter(pl.col("condition").is_in(names))
        .group_by("person")
        .agg(pl.col("gradients", "queries").sum())
    )
    assert (ensemble["gradients"] <= spent["gradients"].max()).all()
    assert (ensemble["queries"] <= spent["queries"].max() + len(names) + 1).all()


def test_an_ensemble_is_the_same_with_and_without_rows_of_its_members(tmp_path: Path) -> None:
    whole = shortened(strong(PEOPLE, [NETWORK], epsilons=[8], quick=True))
    whole = replace(whole, keep=2)
    alone = {
        label: condition
        for label, condition in whole.conditions.items()
        if label == "clean" or isinstance(condition, Ensemble)
    }
    found = []
    for name, conditions in (("whole", whole.conditions), ("alone", alone)):
        study = replace(whole, conditions=conditions, exposures={})
        rows = read_rows(run_study(study, tmp_path / name, device=torch.device("cpu")))
        found.append(rows.filter(pl.col("member").is_not_null()).sort("person"))
    from_rows, attacked = found
    same = ("part", "settings", "condition", "eps", "goal", "norm", "steps", "made_on", "victim")
    assert from_rows.select(same).equals(attacked.select(same))
    assert from_rows["gradients"].to_list() == attacked["gradients"].to_list()
    assert from_rows["queries"].to_list() == attacked["queries"].to_list()
    assert from_rows["member"].to_list() == attacked["member"].to_list()
    for column in ("joints", "error", "confidence", "perturbation_linf", "zero_gradient"):
        one, other = (
            np.array(rows[column].to_list(), dtype=float) for rows in (from_rows, attacked)
        )
        np.testing.assert_allclose(one, other, atol=1e-4)
    pictures = [
        sorted(path.name for path in (tmp_path / name / "samples" / part).iterdir())
        for name, part in (("whole", from_rows["part"][0]), ("alone", attacked["part"][0]))
    ]
    assert pictures[0] == pictures[1]
    assert pictures[0]


class Stubborn(Wrapped):
    """A network that says the same of every picture."""

    def forward(self, images: Images, seeds: Sequence[int] | None = None) -> tuple[Tensor, ...]:
        return tuple(0 * stage + 0.5 for stage in super().forward(images, seeds))


def test_a_constant_answer_is_robust_and_reported_as_what_it_is(tmp_path: Path) -> None:
    def stubborn() -> PoseModel:
        return Stubborn(load_model(NETWORK), name="stubborn")

    study = shortened(strong(PEOPLE, [NETWORK], epsilons=[8], quick=True, attacks=["IGSM-U-10"]))
    study = replace(study, victims={"stubborn": stubborn}, exposures={})
    run = run_study(study, tmp_path / "run", device=torch.device("cpu"))
    assert read_rows(run)["joints"].n_unique() == 1
    red = {finding.check: finding.said for finding in flagged(check_run(run))["stubborn"]}
    assert "robust by construction" in red["answers that ignore the picture"]
