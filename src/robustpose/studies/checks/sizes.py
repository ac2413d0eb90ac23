"""Checks of what an attack of a size must do: more than noise, and in a large ball everything."""

from robustpose.metrics.intervals import Interval
from robustpose.studies.checks.case import Case, Seen
from robustpose.studies.checks.comparisons import NOISE
from robustpose.studies.checks.findings import Finding, Severity

LARGE, NEARLY_LARGE = 16.0, 8.0
"""Epsilons in 0-255 units. At 16 pictures can be faded and overdrawn so far that no network is
expected to keep more than a guess; from 8 on it is remarkable."""
MOST_KEPT = 0.5
"""Share of the clean score that trained robustness may keep at 8: segmenters fine-tuned for it keep
half (Croce, Singh and Hein, ECCV 2024: 37.0 of 75.2)."""
SMALLEST_FOR_NOISE = 4.0
"""Below, in 0-255 units, a robust network may lose as little to an attack as to noise."""
CLOSE = 0.5
"""Share of what the attack takes that noise of its size takes too, from which it is said."""


def large_epsilon(case: Case) -> Finding:
    """Look for a score that survives a ball in which everything should be lost."""
    name = "a large epsilon leaves something"
    made = [each for each in _attacks(case) if (each.eps255 or 0) >= NEARLY_LARGE]
    sizes = {each.eps255 or 0.0 for each in made}
    if not sizes:
        settled_by = f"an untargeted attack at epsilon {LARGE:g} or more"
        return Finding(name, case.network, Severity.UNCHECKED, "", settled_by)
    size = max(sizes)
    strongest = case.strongest([each for each in made if each.eps255 == size])
    assert strongest is not None
    left, clean = case.left(strongest), case.score(case.clean)
    excess = case.excess(strongest.error, case.guess)
    severity = Severity.PASSED
    if excess.value > NOISE and not excess.low <= 0:
        telling = case.enough and (size >= LARGE or left > MOST_KEPT * clean)
        severity = Severity.RED if telling else Severity.AMBER
    said = (
        f"The strongest attack at ε = {size:g}, {strongest.name}, leaves {left:.1f} % where one "
        f"constant pose for everybody scores {case.floor:.1f} % and clean pictures {clean:.1f} %. "
        "In so large a ball an attack that works takes everything; this one may be stuck."
    )
    return Finding(
        name,
        case.network,
        severity,
        "" if severity is Severity.PASSED else said,
        "" if severity is Severity.PASSED else "more steps, another loss, and epsilons up to 64",
        strongest.name,
        size,
        excess,
        "points",
    )


def noise(case: Case) -> Finding:
    """Look for an attack that takes hardly more than noise of its size."""
    name = "noise comes close"
    pairs = [
        (strongest, each)
        for each in case.seen
        if each.made_on is None and (each.eps255 or 0) >= SMALLEST_FOR_NOISE
        if (strongest := case.strongest([one for one in _attacks(case) if one.ball == each.ball]))
    ]
    if not pairs:
        settled_by = f"noise beside an attack at epsilon {SMALLEST_FOR_NOISE:g} or more"
        return Finding(name, case.network, Severity.UNCHECKED, "", settled_by)
    attack, drawn = max(pairs, key=lambda pair: pair[0].eps255 or 0.0)
    gain = case.excess(drawn.error, attack.error)
    severity = _noise_severity(case, attack, drawn, gain)
    said = (
        f"Random noise of the same size leaves {case.left(drawn):.1f} %, the strongest attack, "
        f"{attack.name}, {case.left(attack):.1f} %. An attack that finds no better direction than "
        "chance has no gradient to follow."
    )
    return Finding(
        name,
        case.network,
        severity,
        "" if severity is Severity.PASSED else said,
        "" if severity is Severity.PASSED else "an attack without gradients at the same epsilon",
        attack.name,
        attack.eps255,
        gain,
        "points",
    )


def _noise_severity(case: Case, attack: Seen, drawn: Seen, gain: Interval) -> Severity:
    if case.left(attack) <= case.floor:
        return Severity.PASSED
    if gain.value <= NOISE:
        return Severity.RED if case.enough else Severity.AMBER
    clean = case.score(case.clean)
    taken, by_noise = clean - case.left(attack), clean - case.left(drawn)
    return Severity.AMBER if by_noise > CLOSE * taken else Severity.PASSED


def _attacks(case: Case) -> list[Seen]:
    """Return the attacks made on this very network, picture by picture, in a box."""
    return [
        each
        for each in case.seen
        if each.untargeted and each.norm == "linf" and (each.by_gradient or each.without_gradient)
    ]
