"""Which victims see which images, and when what conditions prepare is made."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch
from polars.testing import assert_series_equal

import robustpose.studies.runner as runner
from robustpose.attacks.iterated import igsm
from robustpose.conditions import Attacked, Clean
from robustpose.errors import UsageError
from robustpose.studies.rows import read_rows, read_study
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study

CPU = torch.device("cpu")
ATTACK = {"clean": Clean(), "igsm": Attacked(name="IGSM-U-2", attack=igsm(eps=4 / 255, steps=2))}
EVERYBODY = {"deeppose": ("deeppose", "resdec"), "resdec": ("deeppose", "resdec")}


def test_each_perturbation_is_made_once_and_shown_to_all(
    tiny_study: Callable[..., Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tiny_study(conditions=ATTACK, exposures={"igsm": EVERYBODY})
    made = []
    perturb = Attacked.perturb

    def counted(self: Attacked, *args: object) -> object:
        made.append(args)
        return perturb(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Attacked, "perturb", counted)
    run_study(study, tmp_path / "run", device=CPU)
    rows = read_rows(tmp_path / "run").filter(condition="IGSM-U-2")
    assert len(made) == 2 * study.batches
    assert len(rows) == 4 * len(study.people)
    assert set(rows.group_by("victim", "made_on").len()["len"]) == {len(study.people)}
    # One image, two victims: the same perturbation, other answers.
    own, other = (
        rows.filter(made_on="deeppose", victim=victim).sort("person")
        for victim in ("deeppose", "resdec")
    )
    assert_series_equal(own["perturbation_l2"], other["perturbation_l2"], check_exact=True)
    assert own["joints"].to_list() != other["joints"].to_list()


def test_white_box_rows_do_not_depend_on_who_else_sees_the_images(
    tiny_study: Callable[..., Study], tmp_path: Path
) -> None:
    columns = ["victim", "person", "joints", "error", "perturbation_linf"]
    found = []
    for name, exposures in (("alone", {}), ("all", {"igsm": EVERYBODY})):
        study = tiny_study(conditions=ATTACK, exposures=exposures)
        rows = read_rows(run_study(study, tmp_path / name, device=CPU))
        white_box = rows.filter(pl.col("made_on") == pl.col("victim"))
        found.append(white_box.select(columns).sort("victim", "person"))
    assert found[0].equals(found[1])


def test_nothing_is_prepared_before_it_is_needed(
    tiny_study: Callable[..., Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targeted = Attacked(name="IGSM-T-2", attack=igsm(eps=4 / 255, steps=2), targeted=True)
    study = tiny_study(conditions={"clean": Clean(), "targeted": targeted})
    out = tmp_path / "run"

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runner._Runner, "make", dies)
        with pytest.raises(KeyboardInterrupt):
            run_study(study, out, device=CPU)
    assert not (out / "artefacts").exists()
    run_study(study, out, device=CPU)
    named = {entry["file"] for entry in read_study(out)["artefacts"]}
    assert named == {path.name for path in (out / "artefacts").iterdir()}
    assert {entry["condition"] for entry in read_study(out)["artefacts"]} == {"targeted"}


@pytest.mark.parametrize(
    ("exposures", "said"),
    [
        ({"igsm": {"deeppose": ("nobody",)}}, "nobody"),
        ({"igsm": {"stranger": ("deeppose",)}}, "stranger"),
        ({"missing": EVERYBODY}, "missing"),
    ],
)
def test_exposures_name_networks_and_conditions_of_the_study(
    tiny_study: Callable[..., Study], exposures: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        tiny_study(conditions=ATTACK, exposures=exposures)
