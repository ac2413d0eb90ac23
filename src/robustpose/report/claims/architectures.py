"""Claims about architectures and pre-training: C1, C2, C3 and C8.

As published: the curves of the paper's figures, every network of one kind against every one of the
other. As corrected: only networks that differ in nothing else, above chance, at small epsilons.
"""

from collections.abc import Callable, Sequence

from robustpose.report.claims.decisions import Pair, by_architecture, enough_trainings, every_pair
from robustpose.report.claims.evidence import Evidence, Network
from robustpose.report.claims.fairness import fair_pairs
from robustpose.report.claims.measures import Score, corrected, curve, resistance, uncorrected
from robustpose.report.claims.names import (
    COORDINATES,
    FGSM_U,
    HEATMAPS,
    HOURGLASSES,
    IGSM_T_20,
    IGSM_U_10,
    REGRESSORS,
    WHITE_BOX,
)
from robustpose.report.claims.selections import whole
from robustpose.report.claims.verdicts import Part, Verdict, verdict

ATTACKS = (IGSM_U_10, FGSM_U, IGSM_T_20)
"""Figures 2b, 2a and 2d; what an iterated attack leaves says more than what one step does."""

ITERATED = (IGSM_U_10, IGSM_T_20)

NEARLY = 3.0
"""Points of relative PCK within which one network does nearly as well as another: as far apart as
the neighbours among the hourglasses of Figure 2b are at most."""

WITH_AND_WITHOUT = (
    "one network with and without a pre-trained encoder is needed (robustpose train --backbone)"
)

PRETRAINED = f"Under {IGSM_U_10} a pre-trained encoder keeps more than one from nothing"

Compare = Callable[..., Part]


def heatmaps_resist(evidence: Evidence) -> Verdict:
    """C1: each network of heatmaps keeps more than each regressor of coordinates."""
    return verdict(
        [
            _compared(
                evidence,
                whole(evidence, HEATMAPS),
                whole(evidence, COORDINATES),
                attack,
                statement=f"Under {attack} heatmaps keep more than coordinates",
                needed="a network of heatmaps and one that regresses coordinates",
            )
            for attack in ATTACKS
        ]
    )


def heatmaps_resist_matched(evidence: Evidence) -> Verdict:
    """C1 corrected: on one backbone, at equal clean scores; RLE is a regressor too."""
    return verdict(
        [
            _matched(
                evidence,
                whole(evidence, HEATMAPS),
                whole(evidence, REGRESSORS),
                attack,
                statement=f"Under {attack} heatmaps keep more than coordinates",
                needed="heatmaps and coordinates on one backbone",
                same_backbone=True,
            )
            for attack in ITERATED
        ]
    )


def structure_resists(evidence: Evidence) -> Verdict:
    """C2: DLCM keeps most of the hourglasses, chained predictions least of the heatmaps."""
    best = [_dlcm(evidence, _compared, attack) for attack in ATTACKS]
    return verdict(best + [_chained(evidence, _compared, attack) for attack in ATTACKS])


def structure_resists_matched(evidence: Evidence) -> Verdict:
    """C2 corrected: among networks that are equally good on clean images."""
    best = [_dlcm(evidence, _matched, attack) for attack in ITERATED]
    return verdict(best + [_chained(evidence, _matched, attack) for attack in ITERATED])


def stacks_resist(evidence: Evidence) -> Verdict:
    """C3: the deepest stack of hourglasses keeps more than others."""
    return verdict([_stacks(evidence, _compared, attack) for attack in ATTACKS])


def stacks_resist_matched(evidence: Evidence) -> Verdict:
    """C3 corrected: at equal clean scores, without masked gradients."""
    return verdict([_stacks(evidence, _matched, attack) for attack in ITERATED])


def pretraining_helps(evidence: Evidence) -> Verdict:
    """C8: a network with a pre-trained encoder keeps more, nearly as much as DLCM."""
    measure = curve(evidence, IGSM_U_10)
    helps = every_pair(
        evidence,
        _pretrained(evidence, measure.score),
        statement=PRETRAINED,
        what=measure.what,
        lacking=WITH_AND_WITHOUT,
    )
    return verdict([helps, _nearly_dlcm(evidence)])


def pretraining_helps_matched(evidence: Evidence) -> Verdict:
    """C8 corrected: at equal clean scores, so that the gain is not one in accuracy."""
    pairs = _pretrained(evidence, curve(evidence, IGSM_U_10).score)
    part = _among_fair(evidence, pairs, IGSM_U_10, statement=PRETRAINED, lacking=WITH_AND_WITHOUT)
    return verdict([part])


def _dlcm(evidence: Evidence, compare: Compare, attack: str) -> Part:
    dlcm = whole(evidence, {"dlcm"})
    return compare(
        evidence,
        dlcm,
        [network for network in whole(evidence, HOURGLASSES) if network not in dlcm],
        attack,
        statement=f"Under {attack} DLCM keeps more than every other hourglass",
        needed="a DLCM and another hourglass",
    )


def _chained(evidence: Evidence, compare: Compare, attack: str) -> Part:
    chained = whole(evidence, {"chained"})
    return compare(
        evidence,
        [network for network in whole(evidence, HEATMAPS) if network not in chained],
        chained,
        attack,
        statement=f"Under {attack} chained predictions keep least of the heatmaps",
        needed="a network of chained predictions and another of heatmaps",
    )


def _stacks(evidence: Evidence, compare: Compare, attack: str) -> Part:
    stacked = whole(evidence, {"hourglass"})
    most = max((network.stages for network in stacked), default=0)
    return compare(
        evidence,
        [network for network in stacked if network.stages == most],
        [network for network in stacked if network.stages < most],
        attack,
        statement=f"Under {attack} more stacks keep more",
        needed="hourglasses of different depth",
    )


def _nearly_dlcm(evidence: Evidence) -> Part:
    measure = curve(evidence, IGSM_U_10)
    simple = [network for network in whole(evidence, {"resdec"}) if network.pretrained]
    pairs = _pairs(simple, whole(evidence, {"dlcm"}), measure.score)
    return every_pair(
        evidence,
        [pair._replace(margin=NEARLY) for pair in pairs],
        statement=f"Under {IGSM_U_10} a pre-trained ResDec keeps nearly as much as DLCM",
        what=measure.what,
        lacking="a pre-trained ResDec and a DLCM are needed",
    )


def _pretrained(evidence: Evidence, score: Score) -> list[Pair]:
    """Return networks with a pre-trained encoder, each with the same network without."""
    groups = {next(iter(each.values)): each for each in by_architecture(whole(evidence), score)}
    return [
        Pair(groups[one], groups[other])
        for one in groups
        for other in groups
        if one.model == other.model and one.pretrained and not other.pretrained
    ]


def _compared(
    evidence: Evidence,
    ones: Sequence[Network],
    others: Sequence[Network],
    attack: str,
    *,
    statement: str,
    needed: str,
) -> Part:
    """Decide as the paper does whether each of the first keeps more than each of the others."""
    measure = curve(evidence, attack)
    pairs = _pairs(ones, others, measure.score)
    part = every_pair(
        evidence,
        pairs,
        statement=statement,
        what=measure.what,
        lacking=evidence.missing(WHITE_BOX) if ones and others else f"{needed} are needed",
    )
    return part._replace(found=part.found + _epsilons(evidence, pairs, attack))


def _matched(
    evidence: Evidence,
    ones: Sequence[Network],
    others: Sequence[Network],
    attack: str,
    *,
    statement: str,
    needed: str,
    same_backbone: bool = False,
) -> Part:
    """Decide the same among networks that differ in nothing else."""
    return _among_fair(
        evidence,
        _pairs(ones, others, curve(evidence, attack).score),
        attack,
        statement=statement,
        lacking=evidence.missing(WHITE_BOX) if ones and others else f"{needed} are needed",
        same_backbone=same_backbone,
    )


def _among_fair(
    evidence: Evidence,
    pairs: Sequence[Pair],
    attack: str,
    *,
    statement: str,
    lacking: str,
    same_backbone: bool = False,
) -> Part:
    measure = corrected(evidence, attack)
    fair = fair_pairs(evidence, pairs, same_backbone=same_backbone)
    rescored = [
        pair
        for each in fair.pairs
        for pair in _pairs(list(each.one.values), list(each.other.values), measure.score)
    ]
    if fair.pairs:
        lacking = uncorrected(evidence, [n for pair in fair.pairs for n in pair.one.values], attack)
    return every_pair(
        evidence,
        rescored,
        statement=statement,
        what=measure.what,
        lacking=fair.difference or lacking,
    )


def _pairs(ones: Sequence[Network], others: Sequence[Network], score: Score) -> list[Pair]:
    groups = by_architecture(others, score)
    return [Pair(one, other) for one in by_architecture(ones, score) for other in groups]


def _epsilons(evidence: Evidence, pairs: Sequence[Pair], attack: str) -> str:
    """Say at which epsilons the first of every pair is ahead, where that changes with epsilon."""
    often = [pair for pair in pairs if enough_trainings(evidence, pair)] or pairs
    epsilons = evidence.epsilons(attack)
    ahead = [
        eps for eps in epsilons if often and all(_ahead(evidence, p, attack, eps) for p in often)
    ]
    if len(ahead) in (0, len(epsilons)):
        return ""
    return f"; by the means so at ε {', '.join(f'{eps:g}' for eps in ahead)} alone"


def _ahead(evidence: Evidence, pair: Pair, attack: str, eps255: float) -> bool:
    score = resistance(evidence, attack, eps255).score
    (one,), (other,) = (by_architecture(group.values, score) for group in pair.groups)
    return one.mean.value > other.mean.value
