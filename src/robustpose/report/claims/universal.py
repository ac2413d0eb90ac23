"""Claims about universal perturbations: C9 and C10."""

from collections.abc import Callable, Sequence

from robustpose.metrics.estimates import Estimate, mean_of
from robustpose.report.claims.decisions import (
    Group,
    Pair,
    above,
    below,
    every_pair,
    often_trained,
    on_average,
    throughout,
)
from robustpose.report.claims.evidence import Evidence, Network
from robustpose.report.claims.measures import UNIVERSAL_EPS, scored, uncorrected
from robustpose.report.claims.names import ALL_STAGES, HOURGLASSES, IGSM_U_10, NOISE, UAP, UNIVERSAL
from robustpose.report.claims.selections import unmasked, whole
from robustpose.report.claims.verdicts import Part, Verdict, undecided, verdict

AS_STRONG = 5.0
"""Points of relative score within which attacks count as equally strong: the paper says so of means
of 9.9 and 8 %, while of its single networks one leaves up to 8 points more than the other."""

TRANSFERS = 30.0
"""What a foreign perturbation takes at least: the lower end of the paper's 30 to 40 %."""

DISTANT = frozenset({"deeppose", "chained"})
"""Families that the paper finds hard to reach from others."""

Foreign = Callable[[Network, Network], bool]


def as_strong(evidence: Evidence) -> Verdict:
    """C9: one perturbation for all images leaves no more than those made for each."""
    strong = on_average(
        _more_left(whole(evidence), evidence.relative),
        below(AS_STRONG),
        statement=f"{UAP} leaves hardly more than {IGSM_U_10}",
        what=f"points of relative score, {UAP} less {IGSM_U_10}, ε = {UNIVERSAL_EPS:g}",
        lacking=evidence.missing(UNIVERSAL),
    )
    look = "no number says so; the report shows the perturbations"
    return verdict([strong, undecided("Perturbations look like bodies", look)])


def as_strong_corrected(evidence: Evidence) -> Verdict:
    """C9 corrected: above chance, and set against random noise of the same size."""
    networks = unmasked(evidence)
    made = scored(networks, lambda victim: evidence.relative(victim.label, UAP, UNIVERSAL_EPS))
    lacking = uncorrected(evidence, networks, UAP) if made else evidence.missing(UNIVERSAL)
    strong = on_average(
        _more_left(networks, evidence.kept),
        below(AS_STRONG),
        statement=f"{UAP} leaves hardly more than {IGSM_U_10}",
        what=f"points of score kept above a constant pose, {UAP} less {IGSM_U_10}, "
        f"ε = {UNIVERSAL_EPS:g}",
        lacking=lacking,
    )
    noise = _noise(evidence, networks)
    beyond = throughout(
        {label: noise[label] - made[label] for label in made if label in noise},
        above(0),
        statement=f"{UAP} leaves less than random noise of the same size",
        what=f"points of relative score, {NOISE} less {UAP}, ε = {UNIVERSAL_EPS:g}",
        lacking=f"{NOISE}: {evidence.missing(UNIVERSAL)}",
    )
    return verdict([strong, beyond])


def transfers(evidence: Evidence) -> Verdict:
    """C10: foreign perturbations harm, most between relatives, least the distant networks."""
    left = _left(evidence, whole(evidence), _other_architecture)
    harm = on_average(
        {victim.label: 100 - value for victim, value in left.items()},
        above(TRANSFERS),
        statement=f"Foreign perturbations take at least {TRANSFERS:g} % of the score",
        what=f"% of the score, foreign {UAP}, ε = {UNIVERSAL_EPS:g}",
        lacking=evidence.missing(UNIVERSAL),
    )
    return verdict([harm, *_kinship(evidence, _other_architecture)])


def transfers_corrected(evidence: Evidence) -> Verdict:
    """C10 corrected: beyond random noise, without sources that share the victim's backbone."""
    left = _left(evidence, whole(evidence), _other_backbone)
    noise = _noise(evidence, list(left))
    harm = on_average(
        {
            victim.label: noise[victim.label] - left[victim]
            for victim in left
            if victim.label in noise
        },
        above(TRANSFERS),
        statement=f"Foreign perturbations take {TRANSFERS:g} points more than random noise",
        what=f"points of relative score, {NOISE} less foreign {UAP}, ε = {UNIVERSAL_EPS:g}",
        lacking=f"{NOISE} or foreign {UAP}: {evidence.missing(UNIVERSAL)}",
    )
    return verdict([harm, *_kinship(evidence, _other_backbone)])


def _kinship(evidence: Evidence, foreign: Foreign) -> list[Part]:
    """Decide what transfer owes to architectures."""
    relatives = often_trained(evidence, whole(evidence, HOURGLASSES))
    distant = often_trained(evidence, whole(evidence, DISTANT))
    near = _left(evidence, relatives, lambda v, s: foreign(v, s) and s.family in HOURGLASSES)
    far = _left(evidence, relatives, lambda v, s: foreign(v, s) and s.family not in HOURGLASSES)
    what = f"relative score, foreign {UAP}, ε = {UNIVERSAL_EPS:g}"
    lacking = evidence.missing(UNIVERSAL)
    both = [victim for victim in near if victim in far]
    between = Pair(
        Group("other sources", {victim: far[victim] for victim in both}),
        Group("hourglass sources", {victim: near[victim] for victim in both}),
    )
    towards = Pair(
        _named(_left(evidence, distant, foreign)), _named(_left(evidence, relatives, foreign))
    )
    return [
        every_pair(
            evidence,
            [pair] if all(group.values for group in pair.groups) else [],
            statement=statement,
            what=what,
            lacking=lacking,
        )
        for pair, statement in (
            (between, "Hourglasses are harmed most by perturbations of other hourglasses"),
            (towards, "DeepPose and chained predictions are harmed less than hourglasses"),
        )
    ]


def _left(
    evidence: Evidence, victims: Sequence[Network], foreign: Foreign
) -> dict[Network, Estimate]:
    """Return the mean of what foreign perturbations leave of each victim."""
    left = {}
    for victim in victims:
        found = [
            evidence.relative(victim.label, attack, UNIVERSAL_EPS, made_on=source.label)
            for source in whole(evidence)
            if foreign(victim, source)
            for attack in (UAP, UAP + ALL_STAGES)
        ]
        known = [each for each in found if each is not None]
        if known:
            left[victim] = mean_of(known)
    return left


def _named(left: dict[Network, Estimate]) -> Group:
    return Group(" and ".join(dict.fromkeys(victim.model for victim in left)), left)


def _other_architecture(victim: Network, source: Network) -> bool:
    """Tell whether a source is foreign: another training of one architecture is not."""
    return source.architecture != victim.architecture


def _other_backbone(victim: Network, source: Network) -> bool:
    shared = victim.backbone is not None and victim.backbone == source.backbone
    return _other_architecture(victim, source) and not shared


def _more_left(
    networks: Sequence[Network], left: Callable[[str, str, float], Estimate | None]
) -> dict[str, Estimate]:
    universal = scored(networks, lambda network: left(network.label, UAP, UNIVERSAL_EPS))
    own = scored(networks, lambda network: left(network.label, IGSM_U_10, UNIVERSAL_EPS))
    return {label: universal[label] - own[label] for label in universal if label in own}


def _noise(evidence: Evidence, networks: Sequence[Network]) -> dict[str, Estimate]:
    return scored(networks, lambda network: evidence.relative(network.label, NOISE, UNIVERSAL_EPS))
