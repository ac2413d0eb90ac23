"""What is compared: how much a network keeps, as the paper measures it and corrected."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from robustpose.metrics.estimates import Estimate, mean_of
from robustpose.report.claims.evidence import Evidence, Network
from robustpose.report.claims.names import WHITE_BOX, targeted

EPS = 8.0
"""The epsilon (0-255 units) of the paper's text, its Figures 2e and 2f and its Table 2."""

UNIVERSAL_EPS = 16.0
"""The epsilon of its Table 1, by its averages."""

LARGEST = 8.0
"""Corrected scores are means over the epsilons up to this one: above it perturbations are seen."""

Score = Callable[[Network], Estimate | None]


class Measure(NamedTuple):
    """A score of networks, and what it is."""

    score: Score
    what: str


def resistance(evidence: Evidence, attack: str, eps255: float = EPS) -> Measure:
    """Return what a network keeps: its relative score, or 100 less the target score."""

    def score(network: Network) -> Estimate | None:
        if not targeted(attack):
            return evidence.relative(network.label, attack, eps255)
        reached = evidence.target(network.label, attack, eps255)
        return None if reached is None else 100 - reached

    return Measure(score, f"{_name(attack)}, {attack}, ε = {eps255:g}")


def curve(evidence: Evidence, attack: str, *, epsilons: Sequence[float] | None = None) -> Measure:
    """Return the mean of `resistance` over the epsilons of an attack, or over others."""
    known = evidence.epsilons(attack) if epsilons is None else epsilons

    def score(network: Network) -> Estimate | None:
        return _mean([resistance(evidence, attack, eps).score(network) for eps in known])

    return Measure(score, f"{_name(attack)}, {attack}, {_range(known)}")


def corrected(
    evidence: Evidence, attack: str, *, epsilons: Sequence[float] | None = None
) -> Measure:
    """Return the same above a constant pose, for those epsilons that are at most `LARGEST`.

    A target starts near 0 by the rule that it is drawn by, and needs no correction.
    """
    known = evidence.epsilons(attack) if epsilons is None else epsilons
    small = [eps for eps in known if eps <= LARGEST]

    def score(network: Network) -> Estimate | None:
        if targeted(attack):
            return _mean([resistance(evidence, attack, eps).score(network) for eps in small])
        return _mean([evidence.kept(network.label, attack, eps) for eps in small])

    name = _name(attack) if targeted(attack) else "score kept above a constant pose"
    return Measure(score, f"{name}, {attack}, {_range(small)}")


def scored(networks: Sequence[Network], score: Score) -> dict[str, Estimate]:
    """Return the scores of those networks that have one, by label."""
    found = {network.label: score(network) for network in networks}
    return {label: value for label, value in found.items() if value is not None}


def uncorrected(evidence: Evidence, networks: Sequence[Network], attack: str) -> str:
    """Say why there is no corrected score of some networks."""
    if evidence.people and scored(networks, curve(evidence, attack).score):
        return "no clean score is clearly above that of a constant pose"
    return f"scores above a constant pose: {evidence.missing(WHITE_BOX)}"


def _name(attack: str) -> str:
    return "100 - target score" if targeted(attack) else "relative score"


def _range(epsilons: Sequence[float]) -> str:
    if len(epsilons) < 2:
        return f"ε = {epsilons[0]:g}" if epsilons else "no ε"
    return f"mean over {len(epsilons)} ε from {epsilons[0]:g} to {epsilons[-1]:g}"


def _mean(found: Sequence[Estimate | None]) -> Estimate | None:
    """Return the mean, if every number is there."""
    known = [each for each in found if each is not None]
    return mean_of(known) if known and len(known) == len(found) else None
