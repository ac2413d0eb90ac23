"""The page says what the checks found, and marks whom they speak against."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import polars as pl

from robustpose.report.page import write_report
from robustpose.report.runs import open_run
from robustpose.report.sections.checks import checks
from robustpose.studies.checks import CHECKS, Severity, check_run

WriteRun = Callable[..., Path]
NETWORKS = 3


def flagged_run(synthetic_run: WriteRun) -> Path:
    """Return a run of which one network draws random numbers."""
    folder = synthetic_run(attacks=("FGSM-U", "IGSM-U-10"), epsilons=(4, 8), further=("IGSM-U-20",))
    study = json.loads((folder / "study.json").read_text())
    study["victims"]["2-SHG"]["random"] = True
    (folder / "study.json").write_text(json.dumps(study))
    return folder


def test_a_red_finding_marks_the_network_wherever_it_stands(synthetic_run: WriteRun) -> None:
    html = write_report(flagged_run(synthetic_run)).read_text()
    mark = r'<a class="flag" href="#checks" title="[^"]*random answers">†</a>'
    facts, lead, caption = (
        html[html.index("<dt>Networks") :],
        html[html.index("<dt>2-SHG: ") :],
        html[html.index("<caption>2-SHG") :],
    )
    for text in (facts, lead, caption):
        assert re.search(f"2-SHG[^<]*{mark}", text[:400])
    curves = html[html.index('id="figure-relative_score"') :]
    assert re.search(f"2-SHG{mark}: not to be read", curves[: curves.index("</figcaption>")])
    assert not re.search(f"(DeepPose|Simple baseline){mark}", html)


def test_a_run_without_a_red_finding_has_no_mark(synthetic_run: WriteRun) -> None:
    folder = synthetic_run(attacks=("FGSM-U", "IGSM-U-10"), epsilons=(4, 8))
    assert all(each.severity is not Severity.RED for each in check_run(folder))
    html = write_report(folder).read_text()
    assert 'class="flag"' not in html
    assert "Not to be read as robustness" not in html


def test_the_section_puts_the_red_first_and_names_the_run_that_settles(
    synthetic_run: WriteRun,
) -> None:
    folder = flagged_run(synthetic_run)
    section = checks(open_run(folder))
    assert section is not None
    weights = [point.weight for point in section.points]
    assert weights[0] == "red"
    assert weights == sorted(weights, reverse=True)
    assert "Averaged" in section.points[0].aside
    zero = next(point for point in section.points if "exactly zero" in point.lead)
    assert zero.weight == "amber"
    assert zero.text.startswith("2-SHG (4.0 %")
    passed, unchecked = section.notes
    assert "one step stronger than many" in passed
    assert "stronger without gradients (needs" in unchecked


def test_the_table_has_every_finding(synthetic_run: WriteRun) -> None:
    folder = flagged_run(synthetic_run)
    write_report(folder)
    table = pl.read_csv(folder / "tables" / "checks.csv")
    assert len(table) == NETWORKS * (len(CHECKS) - 1)
    assert set(table.filter(severity="red")["network"]) == {"2-SHG"}


def test_of_a_run_without_clean_rows_nothing_is_said(synthetic_run: WriteRun) -> None:
    folder = synthetic_run(attacks=("IGSM-U-10",), epsilons=(8,), without=[("clean", None, 0)])
    assert checks(open_run(folder)) is None
