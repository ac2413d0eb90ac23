"""People whose data set leaves joints out and cuts them out in its own way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from robustpose.conditions import Clean
from robustpose.data.people import PUBLISHED
from robustpose.report.runs import open_run
from robustpose.studies.rows import read_rows, read_study
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study

Make = Callable[..., Study]


def clean_study(tiny_study: Make) -> Study:
    study = tiny_study(conditions={"clean": Clean()})
    return replace(study, people=study.people[:2])


def test_unscored_joints_have_no_error_and_the_report_says_so(
    tiny_study: Make, tmp_path: Path
) -> None:
    study = clean_study(tiny_study)
    people = replace(study.people, unscored=("neck",), cropping=PUBLISHED)
    run_study(replace(study, people=people), tmp_path, device=torch.device("cpu"))
    neck = people.skeleton.index("neck")
    for error in read_rows(tmp_path)["error"].to_list():
        assert error[neck] is None
        assert None not in error[:2]
    described = read_study(tmp_path)["people"]
    assert described["unscored"] == ["neck"]
    assert described["cropping"] == {"alignment": "index", "smoothed": False}
    run = open_run(tmp_path)
    assert (run.unscored, run.unknown) == (["neck"], [])
    assert not run.scored[:, neck].any()


def test_rows_of_other_crops_are_other_parts(tiny_study: Make, tmp_path: Path) -> None:
    ours = clean_study(tiny_study)
    theirs = replace(ours, people=replace(ours.people, cropping=PUBLISHED))
    parts = []
    for name, study in (("ours", ours), ("theirs", theirs)):
        run_study(study, tmp_path / name, device=torch.device("cpu"))
        parts.append(set(read_study(tmp_path / name)["parts"]))
    assert not parts[0] & parts[1]
