"""The page as a reader gets it, in a browser too where Debian's Chromium is installed."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from robustpose.report.page import write_report

from .conftest import NETWORKS, write_run

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, epsilons=(0.5, 1, 8), keep=1)
    return write_report(folder, title="A <title> & more")


def _without_scripts(text: str) -> str:
    return re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)


def test_everything_is_written(report: Path) -> None:
    folder = report.parent
    assert report == folder / "report.html"
    assert {path.name for path in (folder / "tables").iterdir()} == {
        "scores.csv",
        "checks.csv",
        "smallest.csv",
        "joints.csv",
        "conditions.csv",
        "error_kinds.csv",
        "confidence.csv",
        "plausibility.csv",
        "above_guess.csv",
        "kinds_by_joint.csv",
        "limbs.csv",
        "targets.csv",
    }
    names = {"relative_score", "target_score", "published", "joints", "error_kinds", "smallest"}
    found = {path.name for path in (folder / "figures").iterdir()}
    assert found == {f"{name}.{kind}" for name in names for kind in ("svg", "png")}
    assert pl.read_csv(folder / "tables" / "scores.csv")["network"].n_unique() == len(NETWORKS)


def test_the_title_is_escaped(report: Path) -> None:
    assert "<h1>A &lt;title&gt; &amp; more</h1>" in report.read_text()


def test_nothing_is_loaded_from_elsewhere(report: Path) -> None:
    text = report.read_text()
    outside = _without_scripts(text)
    assert not re.search(r"""\b(?:src|href|srcset|action|data)\s*=\s*["'](?!data:|#)""", outside)
    assert not re.search(r"url\(|@import", outside)
    assert "<link" not in outside
    assert not re.search(r"<script[^>]+src", text)


def test_the_charts_share_one_copy_of_vega(report: Path) -> None:
    text = report.read_text()
    assert text.count('class="spec"') == 5
    assert len(text) < 4_000_000


def test_every_image_and_table_is_described(report: Path) -> None:
    text = _without_scripts(report.read_text())
    images = re.findall(r"<img[^>]*>", text)
    assert len(images) >= 4 + 1 + 4 + 6 + 6
    assert all(re.search(r'alt="[^"]+"', image) for image in images)
    headers = re.findall(r"<th\b[^>]*>", text)
    assert headers
    assert all("scope=" in header for header in headers)


def test_the_numbers_of_the_page_are_those_of_the_table(report: Path) -> None:
    table = pl.read_csv(report.parent / "tables" / "scores.csv")
    row = table.filter(network="2-SHG", attack="IGSM-U-10", eps255=8).row(0, named=True)
    cell = (
        f"<td>{row['relative']:.1f}<small>{row['relative_low']:.1f} to {row['relative_high']:.1f}"
    )
    assert cell in re.sub(r"\s*\n\s*", "", report.read_text())


def test_zero_gradients_are_reported(report: Path) -> None:
    assert "2-SHG 4.0 %" in report.read_text()


def test_missing_cells_are_named_and_their_numbers_are_not_given(tmp_path: Path) -> None:
    without = [("IGSM-U-10 @ 8", "DeepPose", 0), ("IGSM-U-10 @ 8", "DeepPose", 1)]
    folder = write_run(tmp_path, epsilons=(1, 8), keep=0, without=without)
    text = re.sub(r"\s+", " ", write_report(folder).read_text())
    assert "IGSM-U-10 on DeepPose: not shown" in text
    assert "<li>IGSM-U-10 @ 8 on DeepPose: batches 0, 1</li>" in text
    assert "2 of 38 cells have no rows yet" in text
    tables = text[text.index('id="numbers"') : text.index('id="joints"')]
    assert tables.count('<th scope="rowgroup"') == 8


def test_a_run_without_attacks_still_has_a_page(tmp_path: Path) -> None:
    text = write_report(write_run(tmp_path, attacks=(), keep=1)).read_text()
    assert "nothing to conclude yet" in text
    assert "clean PCK" in text


def test_people_scored_by_oks_have_a_page_that_says_so(tmp_path: Path) -> None:
    folder = write_run(tmp_path, epsilons=(1, 8), keep=1, sigmas=[0.08] * 14)
    text = re.sub(r"data:image[^\"]+", "", _without_scripts(write_report(folder).read_text()))
    assert "PCK" not in text.replace("theirs is PCKh of MPII", "")
    for said in ("clean mean OKS", "relative mean OKS", "target mean OKS", "Mean OKS, COCO"):
        assert said in text
    assert "within 0.2 of the torso" in text  # a yes or no: kinds of error, wrong joints
    for path in (folder / "figures").glob("*.svg"):
        assert "PCK" not in path.read_text()
    for name in ("relative_score", "target_score", "joints"):
        assert "mean OKS" in (folder / "figures" / f"{name}.svg").read_text()


def test_the_report_needs_no_torch() -> None:
    code = "import sys, robustpose.report.page; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip("no /usr/bin/chromium: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield launched
        launched.close()


def test_a_browser_draws_the_charts_and_asks_for_nothing(browser: Any, report: Path) -> None:
    page = browser.new_page()
    requests: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda said: problems.append(said.text) if said.type != "log" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(report.as_uri())
    page.wait_for_selector("#chart-published svg .mark-line path", state="attached")
    # A curve and a dotted guess for each network in each of two panels, and of one.
    for mark in (".mark-line path", ".mark-rule.role-mark line"):
        assert page.locator(f"#chart-relative_score svg {mark}").count() == 2 * len(NETWORKS)
    for mark in (".mark-area path", ".mark-rule.role-mark line"):
        assert page.locator(f"#chart-target_score svg {mark}").count() == len(NETWORKS)
    assert not page.locator("#figure-relative_score img.static").is_visible()
    assert [url for url in requests if not url.startswith(("data:", report.as_uri()))] == []
    assert problems == []
    page.close()


def test_clicking_the_legend_singles_a_network_out(browser: Any, report: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    lines = page.locator("#chart-relative_score svg .mark-line path")
    lines.first.wait_for(state="attached")
    page.locator("#chart-relative_score .role-legend-label text", has_text="2-SHG").click()
    page.wait_for_timeout(200)
    shown = [line.get_attribute("opacity") for line in lines.all()]
    assert sorted(shown, key=str).count("0.15") == 2 * (len(NETWORKS) - 1)
    page.close()


def test_without_scripts_and_in_print_the_pictures_stand_in(browser: Any, report: Path) -> None:
    bare = browser.new_context(java_script_enabled=False).new_page()
    bare.goto(report.as_uri())
    assert bare.locator("#figure-relative_score img.static").is_visible()
    page = browser.new_page()
    page.goto(report.as_uri())
    page.emulate_media(media="print")
    assert page.locator("#figure-relative_score img.static").is_visible()
    assert not page.locator("#chart-relative_score").is_visible()
    bare.close()
    page.close()
