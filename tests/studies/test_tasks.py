"""The study of sibling tasks: whole rows, repeatable answers, chance from rows, resuming."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

import robustpose.studies.tasks as studies
from robustpose.attacks.goals import Mislabelled, Untargeted
from robustpose.attacks.iterated import fgsm, igsm
from robustpose.attacks.levels import rounded
from robustpose.conditions import Attacked, Clean
from robustpose.data.parts import crop_with_parts
from robustpose.data.rendered import rendered_people
from robustpose.errors import UsageError
from robustpose.metrics.tasks import overlaps
from robustpose.models.tasks import LabelModel, TaskModel, three_heads
from robustpose.seeds import seed_of
from robustpose.studies.constant import Constant, constant_answers
from robustpose.studies.rows import ROW, TASK_ROW, read_task_rows, read_tasks
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study
from robustpose.studies.tasks import TaskStudy, run_task_study

CPU = torch.device("cpu")
SIZE = (64, 64)
ORDER = ["condition", "victim", "eps", "person"]
FAST = Attacked(name="FGSM-U", attack=fgsm(eps=0.5 / 255))
STEPS = Attacked(name="IGSM-U-3", attack=igsm(eps=4 / 255, steps=3))


def heads() -> TaskModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = three_heads("tiny", activities=12, parts=11, width=8, features=16, size=SIZE)
    model.frozen()
    return model


def study(**changes: Any) -> TaskStudy:
    settings: dict[str, Any] = {
        "name": "tiny-tasks",
        "people": rendered_people("test", pixels=64)[:3],
        "training": rendered_people("train", pixels=64)[:6],
        "model": heads,
        "conditions": {"clean": Clean(), "constant": Constant(), "fast": FAST, "steps": STEPS},
        "batch_size": 2,
    }
    return TaskStudy(**{**settings, **changes})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_task_study(study(), tmp_path_factory.mktemp("tasks") / "run", device=CPU)


@pytest.fixture(scope="module")
def rows(finished: Path) -> pl.DataFrame:
    return read_task_rows(finished).sort(ORDER)


def test_every_person_head_and_condition_has_one_row(finished: Path, rows: pl.DataFrame) -> None:
    assert rows.schema == TASK_ROW
    assert len(rows) == 3 * 3 * 4
    assert rows.select("person", "victim", "condition").is_unique().all()
    assert set(rows["victim"]) == {"activity", "parts", "pose"}
    parts = sorted(path.stem for path in (finished / "task_rows").iterdir())
    described = read_tasks(finished)
    assert described is not None
    assert sorted(described["parts"]) == parts
    assert len(parts) == 2 * 3 * 4
    for row in rows.to_dicts():
        attacked = row["condition"] in (FAST.name, STEPS.name)
        assert row["made_on"] == (row["victim"] if attacked else None)
        assert (row["correct"] is not None) == (row["victim"] == "activity")
        assert (row["union"] is not None) == (row["victim"] == "parts")
        assert (row["error"] is not None) == (row["victim"] == "pose")


def test_poses_have_the_row_that_they_have_in_any_study(tmp_path: Path, rows: pl.DataFrame) -> None:
    conditions = {"clean": Clean(), "steps": STEPS}
    ordinary = Study(
        name="tiny-tasks",
        people=study().people,
        canvas=SIZE,
        victims={"pose": heads},
        conditions=conditions,
        batch_size=2,
        keep=0,
    )
    run_study(ordinary, tmp_path / "run", device=CPU)
    expected = pl.read_parquet(tmp_path / "run" / "rows" / "*.parquet").sort(ORDER)
    own = rows.filter(victim="pose").filter(pl.col("condition").is_in(["clean", STEPS.name]))
    assert_frame_equal(own.select(*ROW).drop("part"), expected.drop("part"), check_exact=True)


@pytest.mark.parametrize("task", ["activity", "parts"])
def test_attacked_rows_can_be_repeated(task: str, rows: pl.DataFrame) -> None:
    head = heads().heads[task]
    assert isinstance(head, LabelModel)
    for start in (0, 2):
        batch = crop_with_parts(study().people[start : start + 2], SIZE, stride=4)
        seeds = [seed_of("noise", 0, STEPS.name, person) for person in batch.ids]
        images = STEPS.attack(Mislabelled().loss(head, batch), batch.images, seeds)
        answer = head.predict(rounded(images, batch.images, STEPS.ball)).numpy()
        truth = batch.labels[task].numpy()
        for place, person in enumerate(batch.ids):
            (row,) = rows.filter(condition=STEPS.name, victim=task, person=person).to_dicts()
            if task == "activity":
                assert row["correct"] == (answer[place] == truth[place])
            else:
                both, either = overlaps(answer[place : place + 1], truth[place : place + 1], 11)
                assert row["intersection"] == both[0].tolist()
                assert row["union"] == either[0].tolist()
            assert row["rounded"]
            assert row["perturbation_linf"] == pytest.approx(4 / 255, abs=1e-6)
            assert row["gradients"] == 3
    small = rows.filter(condition=FAST.name)
    assert not small["rounded"].any()
    assert small["perturbation_linf"].max() <= 0.5 / 255 + 1e-6  # type: ignore[operator]


def test_chance_is_the_score_of_what_training_people_are(rows: pl.DataFrame) -> None:
    training, people = study().training, study().people
    seen = crop_with_parts(training, SIZE, stride=4)
    batch = crop_with_parts(people, SIZE, stride=4)
    common = np.bincount(seen.labels["activity"]).argmax()
    own = rows.filter(condition="constant")
    found = own.filter(victim="activity")["correct"].to_list()
    assert found == (batch.labels["activity"].numpy() == common).tolist()
    pose = seen.joints.mean(dim=0)
    expected = (batch.joints - pose).norm(dim=2) / batch.size[:, None]
    errors = np.array(own.filter(victim="pose")["error"].to_list())
    np.testing.assert_allclose(errors, expected, rtol=1e-4)
    constants = constant_answers(training, SIZE, stride=4)
    answer = constants["parts"].expand(3, -1, -1).numpy()
    both, either = overlaps(answer, batch.labels["parts"].numpy(), 11)
    parts = own.filter(victim="parts")
    assert parts["intersection"].to_list() == both.tolist()
    assert parts["union"].to_list() == either.tolist()


def test_a_killed_run_goes_on_and_a_finished_one_makes_nothing(
    tmp_path: Path, rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    make, made = studies._Maker.make, []

    def die_at(count: int) -> Callable[..., None]:
        def making(self: Any, cell: Any) -> None:
            if len(made) == count:
                raise Killed
            made.append(cell)
            make(self, cell)

        return making

    monkeypatch.setattr(studies._Maker, "make", die_at(7))
    with pytest.raises(Killed):
        run_task_study(study(), tmp_path / "run", device=CPU)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.parquet")}
    assert len(before) == 7
    made.clear()
    monkeypatch.setattr(studies._Maker, "make", die_at(100))
    heard: list[tuple[int, int]] = []
    listen = lambda advance: heard.append((advance.done, advance.total))  # noqa: E731
    run_task_study(study(), tmp_path / "run", device=CPU, listen=listen)
    assert len(made) == 24 - 7
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert heard[-1][0] == heard[-1][1] == 3 * 3 * (1 + 1 + 3)
    assert_frame_equal(read_task_rows(tmp_path / "run").sort(ORDER), rows, check_exact=True)
    monkeypatch.setattr(studies._Maker, "make", lambda *_: pytest.fail("made a cell again"))
    run_task_study(study(), tmp_path / "run", device=CPU)


def test_other_weights_people_and_seeds_have_other_parts(tmp_path: Path) -> None:
    def parts(**changes: Any) -> list[str]:
        maker = studies._Maker(study(**changes), tmp_path, CPU)
        return [maker.part(cell) for cell in maker.study.cells()]

    plain = parts()
    assert len(set(plain)) == len(plain)
    more = parts(people=rendered_people("test", pixels=64)[:5])
    assert set(plain[: 3 * 4]) <= set(more)  # the first batch is the same
    other = partial(three_heads, "tiny", activities=12, parts=11, width=8, features=16, size=SIZE)
    assert not set(plain) & set(parts(model=other))
    assert not set(plain) & set(parts(seed=1))
    # Only what never looks depends on the training people.
    assert len(set(plain) & set(parts(training=study().training[:4]))) == len(plain) - 2 * 3


def test_the_folder_of_a_run_may_hold_both(finished: Path) -> None:
    ordinary = Study(
        name="tiny",
        people=study().people,
        canvas=SIZE,
        victims={"pose": heads},
        conditions={"clean": Clean()},
    )
    run_study(ordinary, finished, device=CPU)
    run_task_study(study(), finished, device=CPU)
    assert {path.name for path in finished.iterdir()} >= {"rows", "task_rows", "tasks.json"}


def test_nobody_and_empty_batches_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no people"):
        study(people=study().people[:0])
    with pytest.raises(UsageError, match="batch size of at least 1"):
        study(batch_size=0)
    with pytest.raises(UsageError, match="expected rows in"):
        read_task_rows(tmp_path)
    assert read_tasks(tmp_path) is None


def test_attacks_raise_the_loss_of_their_own_head_more_than_chance_would() -> None:
    model = heads()
    batch = crop_with_parts(study().people, SIZE, stride=4)
    for head in model.heads.values():
        goal = Mislabelled() if isinstance(head, LabelModel) else Untargeted()
        loss = goal.loss(head, batch)
        attacked = STEPS.raised(loss, batch, 0).images
        noise = torch.rand(batch.images.shape, generator=torch.Generator().manual_seed(0))
        random = (batch.images + 4 / 255 * (noise * 2 - 1).sign()).clamp(0, 1)
        with torch.no_grad():
            gained, by_noise = (loss(images) - loss(batch.images) for images in (attacked, random))
        assert (gained > by_noise).all()
