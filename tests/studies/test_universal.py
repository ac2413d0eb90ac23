"""Universal perturbations and noise as conditions of a study: rows, artefacts, who sees what."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.numpy import load_file

import robustpose.conditions.universal as universal
from robustpose.attacks.balls import Linf
from robustpose.attacks.universal import UniversalAscent, metzen
from robustpose.conditions import Clean, Noise, Universal
from robustpose.data.rendered import rendered_people
from robustpose.errors import UsageError
from robustpose.studies.rows import read_rows, read_study
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study

CPU = torch.device("cpu")
EPS = 8 / 255
METHOD = metzen(eps=EPS, step_size=EPS / 2)
CONDITIONS = {
    "clean": Clean(),
    "noise": Noise(ball=Linf(EPS)),
    "uap": Universal(method=METHOD, images=4, passes=2, batch_size=2),
    "uap-t": Universal(
        method=METHOD, name="UAP-T", images=4, passes=2, batch_size=2, targeted=True
    ),
}
BOTH = ("deeppose", "resdec")
COLUMNS = ["condition", "made_on", "victim", "person", "joints", "target"]


@pytest.fixture(scope="module")
def study(tiny_study: Callable[..., Study]) -> Study:
    training = rendered_people("train", count=6, pixels=48)
    return tiny_study(
        conditions=CONDITIONS, training=training, exposures={"uap": dict.fromkeys(BOTH, BOTH)}
    )


@pytest.fixture(scope="module")
def run(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_study(study, tmp_path_factory.mktemp("universal") / "run", device=CPU)


def test_everybody_sees_the_perturbation_of_a_network_and_noise_is_nobodys(run: Path) -> None:
    rows = read_rows(run)
    made = rows.group_by("condition").agg(pl.col("made_on").unique().sort(), pl.len().alias("rows"))
    found = {name: (made_on, count) for name, made_on, count in made.rows()}
    assert found["UAP"] == (["deeppose", "resdec"], 20)
    assert found["UAP-T"] == (["deeppose", "resdec"], 10)
    assert found["noise"] == ([None], 10)
    moved = rows.filter(pl.col("condition") != "clean")
    assert moved["perturbation_linf"].max() == pytest.approx(EPS, abs=1e-6)
    assert moved["rounded"].all()
    targets = rows.filter(condition="UAP-T").group_by("made_on").agg(pl.col("target").unique())
    assert targets["target"].list.len().to_list() == [1, 1]


def test_each_fit_is_kept_once_and_its_state_is_removed(run: Path) -> None:
    kept = {entry["file"]: entry for entry in read_study(run)["artefacts"]}
    assert kept.keys() == {path.name for path in (run / "artefacts").iterdir()}
    assert len(kept) == 4
    for name, entry in kept.items():
        found = load_file(run / "artefacts" / name)
        assert found["perturbation"].shape == (3, 48, 48)
        assert ("target" in found) is (entry["condition"] == "uap-t")


def test_a_run_killed_in_the_middle_of_a_fit_gives_the_same_rows(
    run: Path, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    take = UniversalAscent.step

    def step(self: UniversalAscent, *args: object) -> object:
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return take(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(universal, "SAVE_EVERY", 1)
    monkeypatch.setattr(UniversalAscent, "step", step)
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run_study(study, out, device=CPU)
    assert len(list((out / "artefacts").glob("*.state"))) == 1
    run_study(study, out, device=CPU)
    assert len(steps) == 4 * 4 + 1
    order = ["condition", "made_on", "victim", "person"]
    again, quiet = (read_rows(each).select(COLUMNS).sort(order) for each in (out, run))
    assert again.equals(quiet)


def test_a_study_without_people_to_train_on_is_refused_at_once(
    tiny_study: Callable[..., Study], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="name people to train on"):
        run_study(tiny_study(conditions=CONDITIONS), tmp_path / "run", device=CPU)
    assert not list(tmp_path.rglob("*.parquet"))
