"""The section of the page, and the table beside it."""

import re
from pathlib import Path

import polars as pl
import pytest

from robustpose.report.page import write_report

from .made_run import Shown, made_run, victim


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    shares = {Shown("<net>", "clean"): 0.8, Shown("<net>", "FGSM-U", 8): 0.7}
    shares |= {Shown("<net>", "IGSM-U-10", 8): 0.05, Shown("<net>", "IGSM-U-100", 8): 0.0}
    run = made_run(folder, {"<net>": victim("resdec", "resdec")}, shares)
    return write_report(run.folder)


def _section(page: Path) -> str:
    text = page.read_text()
    return text[text.index('<section id="claims"') : text.index('<section id="gallery"')]


def test_every_claim_has_its_three_verdicts(page: Path) -> None:
    section = _section(page)
    assert len(re.findall(r'<details class="claim" id="claim-C\d+">', section)) == 15
    assert (
        len(re.findall(r'<span class="outcome (supported|contradicted|undecided)">', section)) == 45
    )
    assert '<a href="#claims">' in page.read_text()


def test_the_numbers_of_the_section_are_those_of_the_table(page: Path) -> None:
    table = pl.read_csv(page.parent / "tables" / "claims.csv")
    assert len(table) == 15
    weak = table.filter(claim="C5").row(0, named=True)
    ends = f"{weak['effect']:.1f} [{weak['effect_low']:.1f}, {weak['effect_high']:.1f}] %"
    assert f"<small>{ends}</small>" in _section(page)
    assert weak["as_published"] == "supported"


def test_names_are_escaped(page: Path) -> None:
    assert "&lt;net&gt;" in _section(page)
    assert "<net>" not in _section(page)


def test_another_study_has_no_such_section(page: Path, tmp_path: Path) -> None:
    shares = {Shown("net", "clean"): 0.8}
    run = made_run(tmp_path, {"net": victim("resdec", "resdec")}, shares)
    path = run.folder / "study.json"
    path.write_text(path.read_text().replace("jain2019-made", "another"))
    write_report(run.folder)
    assert 'id="claims"' not in (run.folder / "report.html").read_text()
    assert not (run.folder / "tables" / "claims.csv").exists()
