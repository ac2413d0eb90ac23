"""What a study writes: complete rows, images that can be saved, answers that can be repeated."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
import torch

from robustpose.attacks.goals import Untargeted
from robustpose.attacks.levels import rounded
from robustpose.data.crops import crop
from robustpose.errors import UsageError
from robustpose.geometry import transformed
from robustpose.models.model import PoseModel
from robustpose.seeds import seed_of
from robustpose.skeletons import LSP14, Skeleton
from robustpose.studies.rows import PERSON, ROW, read_people, read_rows, read_study, sample_path
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study

Make = Callable[..., Study]


def victim(study: Study, name: str) -> PoseModel:
    return study.victims[name]().frozen()


def test_every_person_victim_and_condition_has_one_row(
    rows: pl.DataFrame, tiny_study: Make
) -> None:
    study = tiny_study()
    assert rows.schema == ROW
    assert len(rows) == len(study.people) * len(study.victims) * len(study.conditions)
    assert rows.select("person", "victim", "condition").is_unique().all()
    assert set(rows["person"]) == {person.id for person in study.people}


def test_parts_are_named_and_nothing_else_lies_beside_them(
    finished: Path, rows: pl.DataFrame
) -> None:
    parts = read_study(finished)["parts"]
    assert sorted(path.name for path in (finished / "rows").iterdir()) == sorted(
        f"{part}.parquet" for part in parts
    )
    assert set(rows["part"]) == set(parts)


def test_the_study_says_what_kind_of_network_each_is(finished: Path) -> None:
    victims = read_study(finished)["victims"]
    # Tiny networks are none of the zoo: their own name stands for their family.
    assert victims["resdec"]["family"] == victims["resdec"]["model"] == "resdec"
    assert victims["resdec"]["stages"] == 1
    assert victims["resdec"]["backbone"] == "ResNet-18, 8 channels, stride 16"
    assert victims["deeppose"]["backbone"] == "ResNet-18, 8 channels, stride 32"


def test_clean_rows_are_what_the_network_says(rows: pl.DataFrame, tiny_study: Make) -> None:
    study = tiny_study()
    for name in study.victims:
        model = victim(study, name)
        for index in range(study.batches):
            batch = crop(study.batch_people(index), study.canvas)
            pose = model.predict(batch.images)
            own = rows.filter(condition="clean", victim=name)
            for row, person in enumerate(batch.ids):
                (found,) = own.filter(person=person)["joints"].to_list()
                np.testing.assert_array_equal(np.float32(found), pose.joints[row].numpy())


def test_attacked_rows_can_be_repeated(rows: pl.DataFrame, tiny_study: Make) -> None:
    study = tiny_study()
    condition = study.conditions["igsm"]
    model = victim(study, "resdec")
    batch = crop(study.batch_people(0), study.canvas)
    seeds = [seed_of("noise", 0, "IGSM-U-3", person) for person in batch.ids]
    images = condition.attack(Untargeted().loss(model, batch), batch.images, seeds)
    pose = model.predict(rounded(images, batch.images, condition.ball))
    for row, person in enumerate(batch.ids):
        own = rows.filter(condition="IGSM-U-3", victim="resdec", person=person)
        np.testing.assert_array_equal(np.float32(own["joints"][0].to_list()), pose.joints[row])


def test_errors_are_distances_over_the_reference_length(rows: pl.DataFrame, finished: Path) -> None:
    people = {row["person"]: row for row in read_people(finished).to_dicts()}
    for row in rows.to_dicts():
        truth = people[row["person"]]
        for said, true, error in zip(row["joints"], truth["joints"], row["error"], strict=True):
            if true is None or truth["size"] is None:
                assert error is None
            else:
                expected = np.hypot(said[0] - true[0], said[1] - true[1]) / truth["size"]
                assert error == pytest.approx(expected, rel=1e-4)


def test_people_are_described_without_their_missing_values(
    finished: Path, tiny_study: Make
) -> None:
    study, people = tiny_study(), read_people(finished)
    assert people.schema == PERSON
    assert people["person"].to_list() == [person.id for person in study.people]
    assert people["joints"][1].to_list()[3] is None
    assert people["labelled"][1].to_list().count(False) == 1
    assert people["size"].to_list()[2] is None
    person = study.people[0]
    affine = study.people.affine(person, study.canvas)
    np.testing.assert_allclose(
        people["joints"][0].to_list(), transformed(person.joints, affine), rtol=1e-5
    )


def test_perturbations_stay_in_their_ball_and_reach_out(rows: pl.DataFrame) -> None:
    attacked = rows.filter(pl.col("eps").is_not_null())
    for row in attacked.to_dicts():
        size = row[f"perturbation_{row['norm']}"]
        assert 0.3 * row["eps"] < size <= row["eps"] + 1e-6
    clean = rows.filter(condition="clean")
    for column in ("eps", "norm", "goal", "steps", "made_on", "perturbation_linf", "zero_gradient"):
        assert clean[column].null_count() == len(clean)


def test_only_balls_too_small_for_a_level_stay_in_floating_point(rows: pl.DataFrame) -> None:
    assert rows.filter(~pl.col("rounded"))["condition"].unique().to_list() == ["FGSM-U"]
    levels = rows.filter(condition="IGSM-U-3")["perturbation_linf"] * 255
    assert (levels - levels.round()).abs().max() < 1e-3


def test_only_targeted_rows_have_targets(rows: pl.DataFrame) -> None:
    targeted = rows.filter(goal="targeted")
    assert set(targeted["condition"]) == {"IGSM-T-2"}
    assert targeted["target"].null_count() == 0
    assert rows.filter(goal="untargeted")["target"].null_count() == len(
        rows.filter(goal="untargeted")
    )


def test_rows_say_who_was_attacked_and_what_it_cost(rows: pl.DataFrame) -> None:
    white_box = rows.filter(condition="IGSM-U-3")
    assert (white_box["made_on"] == white_box["victim"]).all()
    assert set(rows.filter(condition="IGSM-U-2")["made_on"]) == {"resdec"}
    spent = {
        name: (found["gradients"].unique().to_list(), found["queries"].unique().to_list())
        for (name,), found in rows.group_by("condition")
    }
    assert spent["IGSM-U-3"] == ([3], [0])
    assert spent["PGD-U-2"] == ([4], [2])
    assert spent["IGSM-T-2"] == ([2], [1])
    assert spent["clean"] == ([0], [0])


def test_pictures_are_kept_without_loss(finished: Path, tiny_study: Make) -> None:
    study = tiny_study()
    batch = crop(study.batch_people(0), study.canvas)
    person = study.people[0].id

    def kept(condition: str, made_on: str | None) -> np.ndarray:
        cells = json.loads((finished / "study.json").read_text())["cells"]
        (part,) = (
            cell["part"]
            for cell in cells
            if (cell["condition"], cell["made_on"], cell["batch"]) == (condition, made_on, 0)
        )
        assert len(list((finished / "samples" / part).glob("*.png"))) == 1  # keep=1
        return cv2.imread(str(sample_path(finished, part, person)))

    pixels = cv2.cvtColor(kept("clean", None), cv2.COLOR_BGR2RGB)
    expected = (batch.images[0] * 255).round().permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(pixels, expected)
    change = np.abs(kept("igsm", "resdec").astype(int) - kept("clean", None).astype(int))
    assert 1 <= change.max() <= 4


def test_a_configuration_is_complete_json(finished: Path, tiny_study: Make) -> None:
    content = json.loads((finished / "study.json").read_text())
    assert content["command"] == "a test"
    assert len(content["parts"]) == len(set(content["parts"])) == len(list(tiny_study().cells()))
    assert {"torch", "numpy"} <= set(content["libraries"])
    assert content["people"]["count"] == 5
    assert not list(finished.rglob("*partial*"))


def test_batches_do_not_share_noise(rows: pl.DataFrame) -> None:
    assert rows.filter(condition="PGD-U-2", victim="resdec")["perturbation_l2"].n_unique() == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda study: {"precision": "float16"}, "precision is float32 or bfloat16"),
        (lambda study: {"conditions": {"igsm": study.conditions["igsm"]}}, "condition clean"),
        (lambda study: {"victims": {}}, "at least one network"),
        (lambda study: {"people": study.people[:0]}, "no people"),
        (lambda study: {"batch_size": 0}, "batch_size|batch size"),
        (lambda study: {"batch_size": -1}, "batch_size|batch size"),
    ],
    ids=["precision", "no clean", "no victims", "nobody", "batches of 0", "batches of -1"],
)
def test_senseless_studies_are_refused(
    tiny_study: Make, change: Callable[[Study], dict[str, object]], message: str
) -> None:
    changes = change(tiny_study())
    with pytest.raises(UsageError, match=message):
        tiny_study(**changes)


def test_joints_that_a_network_does_not_know_are_not_scored(
    tiny_study: Make, tmp_path: Path
) -> None:
    study = tiny_study()
    joints = ("tail", *LSP14.joints[1:])
    limbs = tuple(limb for limb in LSP14.limbs if "right_ankle" not in limb)
    people = replace(study.people, skeleton=Skeleton("tailed-14", joints, limbs))
    out = run_study(tiny_study(people=people), tmp_path / "run", device=torch.device("cpu"))
    rows = read_rows(out)
    for column in ("error", "target_error"):
        known = rows.drop_nulls(column)[column].to_list()
        assert known
        assert all(values[0] is None for values in known)
        assert any(value is not None for values in known for value in values[1:])
    assert all(pose[0] is None and pose[1] is not None for pose in rows["joints"].to_list())
    assert read_study(out)["people"]["scored"] == [False] + [True] * 13


def test_people_without_a_known_joint_are_refused(tiny_study: Make, tmp_path: Path) -> None:
    study = tiny_study()
    joints = tuple(f"point {i}" for i in range(14))
    people = replace(study.people, skeleton=Skeleton("points", joints, ()))
    with pytest.raises(UsageError, match="none of those of points"):
        run_study(tiny_study(people=people), tmp_path / "run", device=torch.device("cpu"))
