"""Checks of what a network is: without gradients, random, deaf to the picture, behind a defence."""

import numpy as np
from jaxtyping import Float

from robustpose.metrics.intervals import Interval
from robustpose.seeds import REPEATABLE
from robustpose.studies.checks.case import Case
from robustpose.studies.checks.findings import Finding, Severity

MASKED = 0.25
"""Share of image values without a gradient from which a network is red: an attack by signs that
leaves a quarter of the picture as it is has another, smaller ball. Unmasked networks have less than
0.0001; a median of nine pixels, which reads no more than some, 0.37; a rectifier on raw pixels
about a half."""
NOTABLE = 0.01
"""Share from which it is said: a hundredth of the picture hardly decides."""
CONSTANT = 0.1
"""Spread of the answers over that of the true poses from which a network is red: with a tenth of
people's variety its answers are one pose that trembles."""
NEARLY_CONSTANT = 0.3
"""Spread from which it is said: the weakest bundled regressor of coordinates has 0.56."""


def zero_gradients(case: Case) -> Finding:
    """Look for image values whose first gradient was exactly zero."""
    name = "gradients that are exactly zero"
    measured = [each for each in case.seen if each.own and each.zero_gradient is not None]
    if not measured:
        settled_by = "any attack by gradients, made on this network"
        return Finding(name, case.network, Severity.UNCHECKED, "", settled_by)
    worst = max(measured, key=lambda each: each.zero_gradient or 0.0)
    share = worst.zero_gradient or 0.0
    severity = _above(share, red=MASKED, amber=NOTABLE)
    said, settled_by = "", ""
    if severity is not Severity.PASSED:
        said = (
            f"{100 * share:.0f} % of the image values have no gradient at the first step of "
            f"{worst.name}. A signed step leaves them as they are, so the attack is weaker than "
            "its epsilon says, and the network may look more robust than it is."
        )
        settled_by = (
            "an attack without gradients at the same epsilon, or gradients of a smooth stand-in "
            "for what has none (BPDA)"
        )
    return Finding(
        name,
        case.network,
        severity,
        said,
        settled_by,
        worst.name,
        worst.eps255,
        Interval(100 * share, np.nan, np.nan),
        "percent",
    )


def random_answers(case: Case) -> Finding:
    """Look for a network that answers the same picture in different ways."""
    name = "random answers"
    difference = case.entry.get("repeat_difference")
    declared = case.entry.get("random")
    averaged = any(each.averaged for each in case.seen if each.by_gradient)
    if difference is None and not declared:
        settled_by = "the same study once more, with a robustpose that asks each network twice"
        return Finding(name, case.network, Severity.UNCHECKED, "", settled_by)
    if difference is not None and difference > REPEATABLE:
        return Finding(
            name,
            case.network,
            Severity.RED,
            "The same picture, asked twice with the same seeds, got different answers. A gradient "
            "is then that of another draw than the one that is judged, and no row can be repeated.",
            "a network whose draws are settled by seeds (PoseModel.random), and attacks whose "
            "gradients are averaged over draws (EOT)",
            figure=Interval(100 * difference, np.nan, np.nan),
            unit="percent",
        )
    if declared and not averaged:
        return Finding(
            name,
            case.network,
            Severity.RED,
            "The network, or its defence, draws random numbers, and no attack here averages its "
            "gradients over draws: what is left is not to be called robustness.",
            "attacks with the gradient Averaged(draws=...) (EOT), made on this network",
        )
    return Finding(name, case.network, Severity.PASSED, "")


def constant_output(case: Case) -> Finding:
    """Look for answers that do not depend on the picture: robust by construction, and useless."""
    name = "answers that ignore the picture"
    answers, people = _spread(case.poses), _spread(_known(case))
    if not people > 0 or len(case.clean) < 2:
        return Finding(name, case.network, Severity.UNCHECKED, "", "a run on several people")
    share = answers / people
    severity = Severity.PASSED
    if share < NEARLY_CONSTANT:
        severity = Severity.RED if share < CONSTANT else Severity.AMBER
    said = (
        f"The answers to different people vary by {100 * share:.0f} % of what people do: nearly "
        "one pose for everybody. It is robust by construction, for there is nothing to fool, and "
        "no winner: compare its clean score with that of a constant pose."
    )
    return Finding(
        name,
        case.network,
        severity,
        "" if severity is Severity.PASSED else said,
        "" if severity is Severity.PASSED else "none: train a network that looks at the picture",
        "clean",
        figure=Interval(100 * share, np.nan, np.nan),
        unit="percent",
    )


def attacked_through(case: Case) -> Finding | None:
    """Ask of a defended network whether anybody attacked it through its defence."""
    name = "not attacked through its defence"
    made = [each for each in case.seen if each.own and each.untargeted]
    if not case.defended:
        return None
    if not any(each.by_gradient or each.without_gradient for each in made):
        return Finding(
            name,
            case.network,
            Severity.RED,
            "No attack here was made through the defence. What it keeps against attackers who do "
            "not know of it is not to be called robustness.",
            "attacks made on the defended network by its name (NETWORK+DEFENCE)",
        )
    exact = case.entry.get("differentiable", True)
    if exact or any(each.without_gradient for each in made):
        return Finding(name, case.network, Severity.PASSED, "")
    return Finding(
        name,
        case.network,
        Severity.AMBER,
        "The defence has no gradient of its own, so attacks go through a stand-in; a better one "
        "may take more.",
        "an attack without gradients (Square) on the defended network",
    )


def _above(value: float, *, red: float, amber: float) -> Severity:
    if value > red:
        return Severity.RED
    return Severity.AMBER if value > amber else Severity.PASSED


def _known(case: Case) -> Float[np.ndarray, "n k 2"]:
    return np.where(case.truth.labelled[..., None], case.truth.joints, np.nan)


def _spread(poses: Float[np.ndarray, "n k 2"]) -> float:
    """Return how far poses lie from their mean, in pixels: the root over joints and axes."""
    known = ~np.isnan(poses)
    count = known.sum(axis=0)
    total = np.where(known, poses, 0).sum(axis=0)
    mean = total / np.maximum(count, 1)
    return float(np.sqrt(np.square(np.where(known, poses - mean, 0)).sum() / max(1, known.sum())))
