"""The paper's numbers give the verdicts that they imply, and other numbers give others."""

from collections.abc import Callable, Mapping
from importlib import resources

import polars as pl
import pytest

from robustpose.report.claims import CLAIMS, PublishedEvidence, published_evidence
from robustpose.report.claims.verdicts import Outcome, Part, Verdict

SUPPORTED, CONTRADICTED, UNDECIDED = Outcome

EXPECTED = {
    "C1": SUPPORTED,
    "C2": CONTRADICTED,  # 8-SHG keeps more than DLCM under IGSM-U-10
    "C3": SUPPORTED,
    "C4": SUPPORTED,
    "C5": SUPPORTED,
    "C6": CONTRADICTED,  # 2-SHG keeps 7.0 % after 100 iterations
    "C7": SUPPORTED,
    "C8": SUPPORTED,
    "C9": SUPPORTED,
    "C10": SUPPORTED,
    "C11": SUPPORTED,
    "C12": UNDECIDED,  # no number on segmentation, on plausibility, on defences
    "C13": UNDECIDED,
    "C14": UNDECIDED,
    "C15": UNDECIDED,
}


def _table(name: str) -> pl.DataFrame:
    path = resources.files("robustpose.report") / f"jain2019_{name}.csv"
    return pl.read_csv(path.read_bytes())


FIGURES = _table("figures")
UNIVERSAL = _table("table1_universal_transfer")
JOINTS = _table("table2_joints")


def _verdict(number: str, evidence: PublishedEvidence) -> Verdict:
    (claim,) = (claim for claim in CLAIMS if claim.number == number)
    return claim.published(evidence)


def _part(verdict: Verdict, words: str) -> Part:
    (part,) = (part for part in verdict.parts if words in part.statement)
    return part


def _set(table: pl.DataFrame, value: pl.Expr, column: str, **where: str) -> pl.DataFrame:
    """Return the table with other numbers in some of its rows."""
    chosen = pl.all_horizontal(pl.col(name) == wanted for name, wanted in where.items())
    return table.with_columns(pl.when(chosen).then(value).otherwise(pl.col(column)).alias(column))


def _figures(value: pl.Expr, **where: str) -> PublishedEvidence:
    return published_evidence(figures=_set(FIGURES, value, "value_percent", **where))


def _renamed(names: Mapping[str, str], **where: str) -> PublishedEvidence:
    """Return the figures with the curves of networks exchanged."""
    chosen = pl.all_horizontal(
        pl.lit(True), *(pl.col(name) == wanted for name, wanted in where.items())
    )
    renamed = pl.when(chosen).then(pl.col("model").replace(names)).otherwise(pl.col("model"))
    return published_evidence(figures=FIGURES.with_columns(renamed.alias("model")))


def _swapped(one: str, other: str, **where: str) -> PublishedEvidence:
    return _renamed({one: other, other: one}, **where)


VALUE = pl.col("value_percent")


@pytest.mark.parametrize(("number", "outcome"), EXPECTED.items())
def test_the_papers_numbers_give_the_verdicts_that_they_imply(
    number: str, outcome: Outcome
) -> None:
    assert _verdict(number, published_evidence()).outcome is outcome


def test_every_claim_is_judged_in_both_forms() -> None:
    assert [claim.number for claim in CLAIMS] == list(EXPECTED)
    evidence = published_evidence()
    for claim in CLAIMS:
        for form in (claim.published, claim.corrected):
            for part in form(evidence).parts:
                assert part.statement
                assert part.reason
                assert part.outcome is UNDECIDED or part.effect is not None


def _universal(**others: float) -> PublishedEvidence:
    """Return Table 1 with other numbers for a network's own perturbation."""
    column = "relative_pckh_percent"
    table = UNIVERSAL
    for name, value in others.items():
        table = _set(table, pl.lit(value), column, victim=name, made_on=name)
    return published_evidence(universal=table)


def _joints(**means: float) -> PublishedEvidence:
    """Return Table 2 with other numbers for a joint of all networks."""
    table = JOINTS
    for joint, value in means.items():
        table = _set(table, pl.lit(value), "value_percent", joint=joint, attack="IGSM-U-10")
    return published_evidence(joints=table)


def _foreign(value: float) -> PublishedEvidence:
    foreign = pl.col("victim") != pl.col("made_on")
    column = pl.when(foreign).then(value).otherwise(pl.col("relative_pckh_percent"))
    return published_evidence(
        universal=UNIVERSAL.with_columns(column.alias("relative_pckh_percent"))
    )


def _all_exchanged() -> PublishedEvidence:
    names = {"2-SHG": "2-SHG-ALL", "8-SHG": "8-SHG-ALL"}
    return _renamed({**names, **{theirs: own for own, theirs in names.items()}})


FLIPPED: dict[str, tuple[str, Callable[[], PublishedEvidence], Outcome]] = {
    "the regressor exchanged with a heatmap network": (
        "C1",
        lambda: _swapped("DeepPose", "8-SHG"),
        CONTRADICTED,
    ),
    "the regressor strongest against single steps alone": (
        "C1",
        lambda: _figures(VALUE + 50, model="DeepPose", attack="FGSM-U"),
        CONTRADICTED,
    ),
    "DLCM ahead under the iterated attack too": (
        "C2",
        lambda: _figures(VALUE + 5, model="DLCM", attack="IGSM-U-10"),
        SUPPORTED,
    ),
    "eight stacks exchanged with two": ("C3", lambda: _swapped("8-SHG", "2-SHG"), CONTRADICTED),
    "attacks on all stages exchanged with those on the last": ("C4", _all_exchanged, CONTRADICTED),
    "attacks on all stages weaker on one network": (
        "C4",
        lambda: _figures(VALUE + 20, model="8-SHG-ALL", attack="IGSM-U-10"),
        CONTRADICTED,
    ),
    "a single step that leaves a third": (
        "C5",
        lambda: _figures(VALUE / 2, attack="FGSM-U"),
        CONTRADICTED,
    ),
    "ten steps as weak as one": (
        "C5",
        lambda: _figures(pl.lit(60.0), attack="IGSM-U-10"),
        CONTRADICTED,
    ),
    "two stacks lose as much as the others": (
        "C6",
        lambda: _figures(pl.lit(3.0), model="2-SHG", attack="IGSM-U-100"),
        SUPPORTED,
    ),
    "targets reached before poses are lost": (
        "C7",
        lambda: _figures(pl.lit(99.0), attack="IGSM-T-20"),
        CONTRADICTED,
    ),
    "pre-training exchanged with none": (
        "C8",
        lambda: _swapped("ResDec-Pre", "ResDec-NoPre"),
        CONTRADICTED,
    ),
    "DLCM far better than a pre-trained ResDec": (
        "C8",
        lambda: _figures(VALUE + 20, model="DLCM", attack="IGSM-U-10"),
        CONTRADICTED,
    ),
    "universal perturbations that leave half": (
        "C9",
        lambda: _universal(**dict.fromkeys(("8-SHG", "Attn-HG", "DLCM", "2-SHG", "DeepPose"), 50)),
        CONTRADICTED,
    ),
    "foreign perturbations that leave nearly all": ("C10", lambda: _foreign(90), CONTRADICTED),
    "wrists lost before knees": ("C11", lambda: _joints(wrist=1.0), CONTRADICTED),
    "necks lost first": ("C11", lambda: _joints(neck=0.0), CONTRADICTED),
}


@pytest.mark.parametrize("change", FLIPPED)
def test_other_numbers_give_another_verdict(change: str) -> None:
    number, evidence, outcome = FLIPPED[change]
    assert EXPECTED[number] is not outcome
    assert _verdict(number, evidence()).outcome is outcome


def test_dlcm_is_contradicted_by_the_iterated_attack_alone() -> None:
    found = _verdict("C2", published_evidence())
    iterated = _part(found, "IGSM-U-10 DLCM")
    assert iterated.outcome is CONTRADICTED
    assert "8-SHG" in iterated.found
    single = _part(found, "FGSM-U DLCM")
    assert single.outcome is SUPPORTED
    assert "at ε 0.5, 1, 16, 32" in single.found
    assert _part(found, "IGSM-T-20 DLCM").outcome is SUPPORTED


def test_chained_predictions_are_judged_besides() -> None:
    part = _part(_verdict("C2", published_evidence()), "IGSM-U-10 chained")
    assert part.outcome is SUPPORTED
    other = _part(_verdict("C2", _swapped("Chained", "2-SHG")), "IGSM-U-10 chained")
    assert other.outcome is CONTRADICTED
    assert "2-SHG" in other.found


def test_two_stacks_are_named_as_those_that_keep_over_5_percent() -> None:
    found = _verdict("C6", published_evidence())
    assert found.parts[0].outcome is SUPPORTED
    assert found.deciding.found == "asked for: below 5; not so for 2-SHG (7.0)"
    assert found.effect is not None
    assert found.effect.estimate.value == pytest.approx(7.0)


def test_100_iterations_as_weak_as_10_contradict_the_main_part() -> None:
    found = _verdict("C6", _figures(pl.lit(12.0), attack="IGSM-U-100"))
    assert found.parts[0].outcome is CONTRADICTED


def test_means_of_table_1_are_those_of_the_paper() -> None:
    # Its column "Vulner.": 63.58, 61.95, 63.53, 65.45, 78.14 and 69.24 are left.
    effect = _verdict("C10", published_evidence()).effect
    assert effect is not None
    left = (63.58 + 61.95 + 63.53 + 65.45 + 78.14 + 69.24) / 6
    assert effect.estimate.value == pytest.approx(100 - left, abs=0.01)


def test_figure_2d_goes_before_the_misprinted_bars_of_2f() -> None:
    target = published_evidence().target("2-SHG", "IGSM-T-20", 8)
    assert target is not None
    assert target.value == 66.3


def test_the_regressor_of_the_paper_is_no_match() -> None:
    (claim,) = (claim for claim in CLAIMS if claim.number == "C1")
    found = claim.corrected(published_evidence())
    assert found.outcome is UNDECIDED
    assert "clean score of Chained and DeepPose is 81.8 and 54.2" in found.parts[0].found


def test_a_network_with_an_activation_first_is_not_compared_when_corrected() -> None:
    (claim,) = (claim for claim in CLAIMS if claim.number == "C3")
    found = claim.corrected(published_evidence())
    assert found.outcome is UNDECIDED
    assert "part of the gradient of 2-SHG is zero" in found.parts[0].found


@pytest.mark.parametrize(
    ("number", "figures"),
    [
        ("C1", FIGURES.filter(pl.col("model") != "DeepPose")),
        ("C2", FIGURES.filter(pl.col("model") != "DLCM", pl.col("model") != "Chained")),
        ("C3", FIGURES.filter(pl.col("model") != "8-SHG")),
        ("C4", FIGURES.filter(~pl.col("model").str.ends_with("-ALL"))),
        ("C5", FIGURES.filter(pl.col("attack") != "FGSM-U")),
        ("C6", FIGURES.filter(pl.col("attack") != "IGSM-U-100")),
        ("C7", FIGURES.filter(pl.col("attack") != "IGSM-T-20")),
        ("C8", FIGURES.filter(pl.col("model") != "ResDec-NoPre")),
        ("C9", FIGURES.filter(pl.col("attack") != "IGSM-U-10")),
    ],
)
def test_without_its_numbers_a_claim_is_not_decidable(number: str, figures: pl.DataFrame) -> None:
    assert _verdict(number, published_evidence(figures=figures)).outcome is UNDECIDED


def test_without_table_1_or_2_their_claims_are_not_decidable() -> None:
    evidence = published_evidence(universal=UNIVERSAL.clear(), joints=JOINTS.clear())
    for number in ("C9", "C10", "C11"):
        found = _verdict(number, evidence)
        assert found.outcome is UNDECIDED
        assert "not among the figures and tables" in found.parts[0].found
