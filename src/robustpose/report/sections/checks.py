"""What speaks against the figures: findings of the checks, the worst first."""

from collections.abc import Sequence

import polars as pl

from robustpose.report.runs import Run
from robustpose.report.sections.section import Point, Section
from robustpose.studies.checks import Finding, Severity

SCHEMA = pl.Schema(
    {
        "check": pl.String,
        "network": pl.String,
        "severity": pl.String,
        "attack": pl.String,
        "eps255": pl.Float64,
        "figure": pl.Float64,
        "figure_low": pl.Float64,
        "figure_high": pl.Float64,
        "unit": pl.String,
        "said": pl.String,
        "settled_by": pl.String,
    }
)


def checks(run: Run) -> Section | None:
    """Return what the checks found; None if no network has all its clean rows."""
    if not run.findings:
        return None
    return Section(
        "checks",
        "Checks",
        [
            "An attack that works badly looks like a network that is robust. Each check compares "
            "rows of this run that cannot both be right if the attacks are as strong as they can "
            "be (after Carlini et al. 2019 and AutoAttack). A network with a red finding is marked "
            "† wherever it stands: what is left of it here is not to be read as robustness."
        ],
        points=_points(run.findings),
        notes=[*_passed(run.findings), *_unchecked(run.findings)],
        files={"checks": check_table(run.findings)},
    )


def check_table(findings: Sequence[Finding]) -> pl.DataFrame:
    """Return one line a finding; epsilon in 0-255 units, missing is null."""
    lines = [
        {
            "check": each.check,
            "network": each.network,
            "severity": each.severity.value,
            "attack": each.attack,
            "eps255": each.eps255,
            **dict(zip(("figure", "figure_low", "figure_high"), each.figure or (), strict=False)),
            "unit": each.unit or None,
            "said": each.said or None,
            "settled_by": each.settled_by or None,
        }
        for each in findings
    ]
    table = pl.DataFrame(lines, schema=SCHEMA, orient="row")
    return table.with_columns(pl.col(pl.Float64).fill_nan(None))


def _points(findings: Sequence[Finding]) -> list[Point]:
    """Return what is red, then what is amber: one point a check, its networks together."""
    points = []
    for severity in (Severity.RED, Severity.AMBER):
        for name in _names(findings):
            found = [each for each in findings if (each.check, each.severity) == (name, severity)]
            if found:
                points.append(_point(found))
    return points


def _point(found: Sequence[Finding]) -> Point:
    first = max(found, key=lambda each: each.figure.value if each.figure else 0.0)
    others = [_named(each) for each in found if each is not first]
    likewise = f" Likewise: {', '.join(others)}." if others else ""
    text = f"{_named(first)}: {first.said}{likewise}"
    return Point(
        first.check.capitalize(),
        first.severity.value,
        text,
        f"Would settle it: {first.settled_by}.",
    )


def _named(finding: Finding) -> str:
    """Return the network, and in brackets what was measured and where."""
    parts = []
    if finding.figure is not None:
        value, low, high = finding.figure
        spread = f", {low:.1f} to {high:.1f}" if low <= high else ""
        parts.append(f"{value:.1f} {finding.unit}{spread}".replace(" percent", " %"))
    if finding.eps255 is not None:
        parts.append(f"ε = {finding.eps255:g}")
    return f"{finding.network} ({'; '.join(parts)})" if parts else finding.network


def _passed(findings: Sequence[Finding]) -> list[str]:
    """Return one line: the checks that no network has failed, and some have passed."""
    clear = []
    for name in _names(findings):
        own = {each.severity for each in findings if each.check == name}
        if Severity.PASSED in own and not own & {Severity.RED, Severity.AMBER}:
            clear.append(name)
    return [f"Not found, where there are rows to tell: {'; '.join(clear)}."] if clear else []


def _unchecked(findings: Sequence[Finding]) -> list[str]:
    """Return one line: what could not be checked of any network, and the rows that it needs."""
    lacking = {}
    for name in _names(findings):
        own = [each for each in findings if each.check == name]
        if all(each.severity is Severity.UNCHECKED for each in own):
            lacking[name] = own[0].settled_by
    said = "; ".join(f"{name} (needs {needs})" for name, needs in lacking.items())
    return [f"Not checked, for want of rows: {said}."] if said else []


def _names(findings: Sequence[Finding]) -> list[str]:
    return list(dict.fromkeys(each.check for each in findings))
