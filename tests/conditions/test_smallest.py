"""The search for the smallest perturbation, on a network of which it is known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
import torch
from torch import Tensor, nn

from robustpose.attacks.balls import Linf
from robustpose.attacks.iterated import igsm
from robustpose.conditions import Attacked, Clean, Noise, Smallest
from robustpose.data.crops import crop
from robustpose.data.rendered import rendered_people
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.models.simple_baseline import resdec
from robustpose.poses import Pose, PoseBatch
from robustpose.report.page import write_report
from robustpose.report.runs import open_run
from robustpose.report.sections.smallest import search_table
from robustpose.studies.checks import check_run
from robustpose.studies.rows import read_rows, read_study
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study

SIZE = (48, 48)
BREAKING = (0.3, 0.9, 1.0, 3.2, 9.0, 100.0)
"""Where each person's joints are lost, in 0-255 units."""


class Brittle(PoseModel):
    """Knows everybody's joints until a picture changes by more than what breaks the person.

    `fragile` joints break earlier, at half of that.
    """

    def __init__(self, batch: PoseBatch, fragile: Sequence[int] = ()) -> None:
        super().__init__(
            nn.Identity(), name="brittle", size=SIZE, codecs=(), skeleton=batch.skeleton
        )
        self.batch = batch
        self.fragile = list(fragile)
        self.asked = 0

    def predict(self, images: Tensor, seeds: Sequence[int] | None = None) -> Pose:
        assert seeds is not None
        self.asked += len(images)
        joints = torch.empty(len(images), *self.batch.joints.shape[1:])
        for place, (image, seed) in enumerate(zip(images, seeds, strict=True)):
            person = self.batch.seeds.index(seed)
            change = 255 * float((image - self.batch.images[person]).abs().max()) + 1e-3
            joints[place] = self.batch.joints[person]
            joints[place, self.fragile] += 1e3 * (change > BREAKING[person] / 2)
            joints[place] += 1e3 * (change > BREAKING[person])
        return Pose(joints, torch.ones(joints.shape[:2]))


@dataclass(frozen=True)
class Brighter(Noise):
    """Every value moves by epsilon, into the range: what breaks a network by size alone."""


def brighter(ball: Linf) -> Noise:
    return Brighter(ball=ball)


@pytest.fixture
def batch() -> PoseBatch:
    return crop(rendered_people("test", count=len(BREAKING), pixels=48), SIZE)


def found(batch: PoseBatch, model: Brittle, **settings: object) -> list[float]:
    search = Smallest(name="smallest", made=brighter, **settings)  # type: ignore[arg-type]
    perturbed = search.perturb(batch, model, None, 0)
    assert perturbed.sizes is not None
    change = (perturbed.images - batch.images).abs().flatten(1).amax(dim=1)
    for size, most in zip(perturbed.sizes.tolist(), change.tolist(), strict=True):
        assert most <= min(size, search.largest) + 1e-6
    return [255 * size for size in perturbed.sizes.tolist()]


def test_each_person_meets_what_is_just_enough(batch: PoseBatch) -> None:
    sizes = found(batch, Brittle(batch), rounds=8)
    ratio = (32 * 16) ** (1 / 2**8)
    assert 0.3 <= sizes[0] <= 0.3 * ratio * 1.01
    assert 0.9 <= sizes[1] <= 0.9 * ratio * 1.01
    assert sizes[2:5] == pytest.approx([1, 4, 9])  # levels
    assert math.isinf(sizes[5])


def test_without_rounding_sizes_lie_between_levels(batch: PoseBatch) -> None:
    sizes = found(batch, Brittle(batch), rounds=8, rounding=False)
    assert 3.2 <= sizes[3] <= 3.2 * (32 * 16) ** (1 / 2**8) * 1.01


def test_one_joint_is_lost_before_half_of_them(batch: PoseBatch) -> None:
    wrist = batch.skeleton.index("left_wrist")
    batch = replace(batch, labelled=torch.ones_like(batch.labelled))
    model = Brittle(batch, fragile=[wrist])
    half, one = found(batch, model, rounds=8), found(batch, model, rounds=8, joint="left_wrist")
    assert half[4] == pytest.approx(9)
    assert one[4] == pytest.approx(5)
    with pytest.raises(UsageError, match="tail"):
        found(batch, model, joint="tail")


def test_who_has_nothing_right_loses_nothing(batch: PoseBatch) -> None:
    wrong = replace(batch, joints=batch.joints + 500)
    model = Brittle(batch)
    assert found(wrong, model) == [0.0] * len(batch)
    assert model.asked == len(batch)


def test_images_found_before_spare_attacks(batch: PoseBatch) -> None:
    """A projected image is as good here, so that only sizes that are too small are attacked."""
    calls: list[float] = []

    def counted(ball: Linf) -> Noise:
        calls.append(ball.eps)
        return brighter(ball)

    alone = batch.take([0])
    Smallest(name="smallest", made=counted, rounds=8).perturb(alone, Brittle(batch), None, 0)
    assert max(calls[1:]) < 0.3 / 255


@pytest.mark.parametrize("settings", [{"least": 1.0}, {"rounds": -1}])
def test_settings_that_cannot_be_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Smallest(name="smallest", made=brighter, **settings)  # type: ignore[arg-type]


def steps(ball: Linf) -> Attacked:
    return Attacked(name="IGSM-U-2", attack=igsm(eps=ball.eps, steps=2))


def test_rows_hold_everybodys_own_epsilon(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = resdec("tiny", depth=18, width=8, features=16, size=SIZE, stem_pool=False)
    people = rendered_people("test", count=4, pixels=48)
    study = Study(
        name="tiny",
        people=people,
        canvas=SIZE,
        victims={"tiny": lambda: model},
        conditions={
            "clean": Clean(),
            "smallest": Smallest(name="smallest", made=steps, rounds=3),
            **{f"IGSM-U-2 @ {eps}": steps(Linf(eps / 255)) for eps in (1, 2, 4)},
        },
        keep=1,
    )
    run_study(study, tmp_path, device=torch.device("cpu"))
    rows = read_rows(tmp_path).filter(condition="smallest")
    assert len(rows) == 4
    known = rows.filter(pl.col("eps") > 0)
    assert (known["perturbation_linf"] <= known["eps"] + 1e-6).all()
    entry = next(e for e in read_study(tmp_path)["conditions"] if e["label"] == "smallest")
    assert entry["eps"] is None
    # Nobody takes it for an attack of one size.
    assert "smallest" not in {each.attack for each in check_run(tmp_path)}
    assert write_report(tmp_path).is_file()
    table = search_table(open_run(tmp_path))
    sizes = [math.inf if size is None else size for size in rows["eps"] if size != 0]
    for line in table.to_dicts():
        kept = sum(255 * size > line["eps255"] + 1e-6 for size in sizes)
        assert line["people"] == pytest.approx(100 * kept / len(sizes))
