"""A study on COCO's people, from files to the page: scored as COCO scores them."""

import math
import re
from pathlib import Path

import polars as pl
import pytest
import torch

from robustpose.attacks.iterated import fgsm, igsm
from robustpose.conditions import Attacked, Clean
from robustpose.data import load_people
from robustpose.models.model import PoseModel
from robustpose.models.simple_baseline import resdec
from robustpose.report.page import write_report
from robustpose.skeletons import COCO17
from robustpose.studies.rows import read_rows, read_study
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study

SIZE = (64, 64)
EPS = 8 / 255


def network() -> PoseModel:
    """Build a tiny network of COCO's joints; the same weights each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return resdec("resdec", depth=18, width=8, features=16, size=SIZE, skeleton=COCO17)


@pytest.fixture(scope="module")
def coco_run(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run of a study on the small sample."""
    name = f"coco:{samples / 'coco-tiny'}"
    training = load_people(name, split="train")
    study = Study(
        name="coco",
        people=load_people(name).limited(12),
        canvas=SIZE,
        victims={"resdec": network},
        conditions={
            "clean": Clean(),
            "one": Attacked(name="FGSM-U", attack=fgsm(eps=EPS)),
            "two": Attacked(name="IGSM-T-2", attack=igsm(eps=EPS, steps=2), targeted=True),
        },
        preparation=training,  # too few of the judged have all joints to ask for
        training=training,
        keep=1,
    )
    return run_study(study, tmp_path_factory.mktemp("coco"), device=torch.device("cpu"))


def test_the_scores_are_mean_oks_of_the_rows(coco_run: Path) -> None:
    write_report(coco_run)
    sigmas = read_study(coco_run)["people"]["sigmas"]
    assert tuple(sigmas) == COCO17.oks_sigmas
    table = pl.read_csv(coco_run / "tables" / "scores.csv")
    assert set(table["measure"]) == {"mean OKS"}
    rows = read_rows(coco_run)
    for name, column, error in (
        ("clean", "score", "error"),
        ("FGSM-U", "score", "error"),
        ("IGSM-T-2", "target", "target_error"),
    ):
        people = []
        for errors in rows.filter(condition=name)[error].to_list():
            credits = [
                math.exp(-(e**2) / (8 * sigma**2))
                for e, sigma in zip(errors, sigmas, strict=True)
                if e is not None
            ]
            people.append(sum(credits) / len(credits))
        found = table.filter(attack=name)[column][0]
        assert found == pytest.approx(100 * sum(people) / len(people), abs=6e-4)
        assert found > 0


def test_the_report_says_so_and_names_no_other_score(coco_run: Path) -> None:
    page = re.sub(r"<script>.*?</script>", "", write_report(coco_run).read_text(), flags=re.DOTALL)
    text = re.sub(r"data:image[^\"]+", "", page)
    assert "PCK" not in text.replace("theirs is PCKh of MPII", "")
    for said in ("clean mean OKS", "relative mean OKS", "target mean OKS"):
        assert said in text
    assert "within 0.16 of the root of the person&#39;s area" in text
    assert "the mean pose of 57 people of coco/coco-tiny/train" in text
    guess = read_study(coco_run)["guess"]
    assert f"the pose of a random one of them scores {guess['other_pose']:.1f} %" in text
