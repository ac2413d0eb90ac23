"""Claims about simple defences: smoothing (C14) and mirroring (C15).

As published, the attacker does not know of the defence; as corrected, the attacker does.
"""

from collections.abc import Collection, Iterable, Iterator

from robustpose.metrics.estimates import Estimate
from robustpose.report.claims.decisions import above, below, on_average, throughout
from robustpose.report.claims.evidence import Evidence
from robustpose.report.claims.measures import EPS, UNIVERSAL_EPS
from robustpose.report.claims.names import DEFENCES, IGSM_U_10, MIRROR, SMOOTHING, UAP
from robustpose.report.claims.selections import behind
from robustpose.report.claims.verdicts import Verdict, verdict

KINDS = ((IGSM_U_10, EPS), (UAP, UNIVERSAL_EPS))
"""Perturbations made for each image, and one for all."""

RECOVERED = 70.0
"""Relative score of mirrored perturbed images: the lower end of the paper's 70 to 75 %."""

AS_HARMFUL = 5.0
"""Points of relative score within which a mirrored perturbation is as harmful as before: as far
apart as attacks that the paper calls equally strong."""

NOT_FITTED = "no universal perturbation is fitted through a defence"


def smoothing_helps(evidence: Evidence) -> Verdict:
    """C14: smoothed images keep more of the score under both kinds of perturbation."""
    parts = [
        throughout(
            {
                label: after - before
                for label, after, before in _unaware(evidence, SMOOTHING, *kind)
            },
            above(0),
            statement=f"Smoothing gives back part of what {kind[0]} takes",
            what=f"points of relative score, smoothed less not, {kind[0]}, ε = {kind[1]:g}",
            of="smoothed networks",
            lacking=evidence.missing(DEFENCES),
        )
        for kind in KINDS
    ]
    return verdict(parts)


def smoothing_helps_corrected(evidence: Evidence) -> Verdict:
    """C14 corrected: the attacker knows, and what smoothing costs by itself counts."""
    parts = [
        throughout(
            _differences(_aware(evidence, SMOOTHING, *kind)),
            above(0),
            statement=f"Smoothing still helps when {kind[0]} is made through it",
            what=f"points of attacked score, smoothed less not, {kind[0]}, ε = {kind[1]:g}",
            of="smoothed networks",
            lacking=lacking,
        )
        for kind, lacking in zip(KINDS, (evidence.missing(DEFENCES), NOT_FITTED), strict=True)
    ]
    return verdict(parts)


def mirror_tells(evidence: Evidence) -> Verdict:
    """C15: mirrored, image-specific perturbations lose their force and universal ones do not."""
    (own, own_eps), (universal, universal_eps) = KINDS
    recovers = on_average(
        {label: after for label, after, _ in _unaware(evidence, {MIRROR}, own, own_eps)},
        above(RECOVERED),
        statement=f"Mirroring an image under {own} leaves at least {RECOVERED:g} % of the score",
        what=f"% relative score, {own} mirrored, ε = {own_eps:g}",
        lacking=evidence.missing(DEFENCES),
    )
    stays = on_average(
        _differences(_unaware(evidence, {MIRROR}, universal, universal_eps)),
        below(AS_HARMFUL),
        statement=f"Mirroring an image under {universal} gives back hardly anything",
        what=f"points of relative score, {universal} mirrored less not, ε = {universal_eps:g}",
        lacking=evidence.missing(DEFENCES),
    )
    return verdict([recovers, stays])


def mirror_tells_corrected(evidence: Evidence) -> Verdict:
    """C15 corrected: the attacker knows that images are mirrored."""
    own, eps = KINDS[0]
    part = on_average(
        {
            network.label: left
            for network in behind(evidence, {MIRROR})
            if (left := evidence.relative(network.label, own, eps)) is not None
        },
        above(RECOVERED),
        statement=f"{own} made through the mirror leaves at least {RECOVERED:g} % of the score",
        what=f"% relative score, {own} made through the mirror, ε = {eps:g}",
        lacking=f"attacks that know: {evidence.missing(DEFENCES)}",
    )
    return verdict([part])


def _differences(found: Iterable[tuple[str, Estimate, Estimate]]) -> dict[str, Estimate]:
    return {label: after - before for label, after, before in found}


def _unaware(
    evidence: Evidence, defences: Collection[str], attack: str, eps255: float
) -> Iterator[tuple[str, Estimate, Estimate]]:
    """Yield defended networks with their relative score and that of the network behind.

    The perturbation is made on the network behind.
    """
    for network in behind(evidence, defences):
        base = str(network.base)
        after = evidence.relative(network.label, attack, eps255, made_on=base)
        before = evidence.relative(base, attack, eps255)
        if after is not None and before is not None:
            yield network.label, after, before


def _aware(
    evidence: Evidence, defences: Collection[str], attack: str, eps255: float
) -> Iterator[tuple[str, Estimate, Estimate]]:
    """Yield defended networks with their attacked score and that of the network behind.

    Each perturbation is made on the network that it is shown to.
    """
    for network in behind(evidence, defences):
        after, before = (
            evidence.attacked(label, attack, eps255) for label in (network.label, str(network.base))
        )
        if after is not None and before is not None:
            yield network.label, after, before
