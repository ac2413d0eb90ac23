"""Every claim with its verdicts: for the page, and as a table."""

from collections.abc import Sequence
from math import isnan
from typing import NamedTuple

import polars as pl

from robustpose.metrics.intervals import FEWEST
from robustpose.report.claims.claims import CLAIMS, Claim, Judge
from robustpose.report.claims.evidence import Evidence
from robustpose.report.claims.published_evidence import published_evidence
from robustpose.report.claims.verdicts import Effect, Verdict, undecided, verdict

_EFFECT = ("effect", "effect_low", "effect_high")
_COLUMNS = pl.Schema(
    {
        "claim": pl.String,
        "sentence": pl.String,
        "as_published": pl.String,
        "as_corrected": pl.String,
        "paper_says": pl.String,
        **dict.fromkeys(_EFFECT, pl.Float64),
        "effect_of": pl.String,
        **{f"corrected_{name}": pl.Float64 for name in _EFFECT},
        "corrected_effect_of": pl.String,
        "basis": pl.String,
        "correction": pl.String,
        "reason": pl.String,
        "corrected_reason": pl.String,
        "paper_reason": pl.String,
    }
)


class Judged(NamedTuple):
    """A claim with the verdicts on it: here in both forms, and by the paper's own numbers."""

    claim: Claim
    published: Verdict
    corrected: Verdict
    paper: Verdict


def judge_all(evidence: Evidence, *, paper: Evidence | None = None) -> list[Judged]:
    """Judge every claim; `paper` are other numbers in the place of the paper's own."""
    theirs = paper or published_evidence()
    return [
        Judged(
            claim,
            published=judge(claim.published, evidence),
            corrected=judge(claim.corrected, evidence),
            paper=claim.published(theirs),
        )
        for claim in CLAIMS
    ]


def judge(form: Judge, evidence: Evidence) -> Verdict:
    """Judge one form of a claim; of a handful of people nothing is decided."""
    found = form(evidence)
    if evidence.people is None or evidence.people >= FEWEST:
        return found
    few = f"{evidence.people} people, an interval needs {FEWEST}"
    return verdict([undecided(part.statement, few, part.effect) for part in found.parts])


def verdict_table(judged: Sequence[Judged]) -> pl.DataFrame:
    """Return one line a claim.

    `as_published` and `as_corrected` are the verdicts on the evidence, `paper_says` that on the
    paper's own numbers in the form as published. `effect` is that of the deciding part with its
    95 % interval, `effect_of` says what it is; `basis` is where the paper shows the claim.
    """
    return pl.DataFrame([_line(each) for each in judged], schema=_COLUMNS, orient="row")


def _line(judged: Judged) -> dict[str, str | float | None]:
    return {
        "claim": judged.claim.number,
        "sentence": judged.claim.sentence,
        "as_published": str(judged.published.outcome),
        "as_corrected": str(judged.corrected.outcome),
        "paper_says": str(judged.paper.outcome),
        **_effect("effect", judged.published.effect),
        **_effect("corrected_effect", judged.corrected.effect),
        "basis": judged.claim.place,
        "correction": judged.claim.correction,
        "reason": judged.published.reason,
        "corrected_reason": judged.corrected.reason,
        "paper_reason": judged.paper.reason,
    }


def _effect(name: str, effect: Effect | None) -> dict[str, str | float | None]:
    if effect is None:
        return {}
    ends = zip(("", "_low", "_high"), effect.estimate.interval, strict=True)
    numbers = {f"{name}{end}": None if isnan(value) else value for end, value in ends}
    return {**numbers, f"{name}_of": effect.what}
