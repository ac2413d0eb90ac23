"""Checks that compare attacks of which one must be the stronger: if it is not, something masks.

After the checklist of Carlini et al., "On Evaluating Adversarial Robustness" (2019), section 4, and
the warnings of AutoAttack (Croce and Hein, ICML 2020). Attacks are compared within one ball, on the
same people, and only where the one that should be stronger leaves more than a constant pose scores:
below that, which of two leaves less says nothing.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, pairwise
from typing import Any, NamedTuple

from robustpose.metrics.intervals import Interval
from robustpose.studies.checks.case import Case, Seen
from robustpose.studies.checks.findings import Finding, Severity

NOISE = 1.0
"""Points of the score within which two attacks count as equally strong. On 64 people it is nine
joints; repeated runs in other arithmetic differ by as much."""


class Comparison(NamedTuple):
    """Two attacks, and what the one that should be stronger leaves more than the other."""

    stronger: Seen
    weaker: Seen
    excess: Interval


def one_step(case: Case) -> Finding:
    """Look for a single step that leaves less than the strongest iterated attack."""
    return _finding(
        case,
        "one step stronger than many",
        _against_strongest(case, _iterated(case), _single(case)),
        "a single step ({weaker}) leaves less than the strongest iterated attack, {stronger}. "
        "Iterations then climb a loss that has little to do with the score, or gradients vanish "
        "on the way.",
        "iterated attacks on another loss (a PCK margin), or one without gradients",
        needs="an attack of one step and an iterated one at the same epsilon",
    )


def more_epsilon(case: Case) -> Finding:
    """Look for an iterated attack that leaves more in a larger ball, which holds the smaller."""
    iterated = sorted(_iterated(case), key=lambda each: (each.name, each.norm or "", _eps(each)))
    rising = groupby(iterated, key=lambda each: (each.name, each.norm))
    pairs = [(larger, smaller) for _, own in rising for smaller, larger in pairwise(own)]
    return _finding(
        case,
        "more epsilon weaker",
        _compared(case, pairs),
        "{stronger} leaves more at this epsilon than at {weaker_eps:g}, whose ball lies within. "
        "Steps are then too large, or the attack is stuck where gradients vanish.",
        "the same attack with more and smaller steps, from several starts",
        needs="an iterated attack at two epsilons",
    )


def more_steps(case: Case) -> Finding:
    """Look for an attack that leaves more after more of the same steps."""
    pairs = ((longer, shorter) for shorter, longer in _same_but_longer(case))
    return _finding(
        case,
        "more steps weaker",
        _compared(case, pairs),
        "{stronger} leaves more than {weaker}, which takes fewer of the same steps. The loss that "
        "is climbed is then not the score's, or its gradients mislead.",
        "attacks that keep their best image, and a loss made for the score",
        needs="one attack with two numbers of steps",
    )


def converged(case: Case) -> Finding:
    """Look for an attack that still gains when its steps are doubled."""
    name = "not converged"
    pairs = [pair for pair in _same_but_longer(case) if _steps(pair[1]) >= 2 * _steps(pair[0])]
    if not pairs:
        settled_by = "one attack with N and with 2N steps or more"
        return Finding(name, case.network, Severity.UNCHECKED, "", settled_by)
    last: dict[Any, tuple[Seen, Seen]] = {}
    for shorter, longer in sorted(pairs, key=lambda pair: (_steps(pair[1]), _steps(pair[0]))):
        last[longer.ball] = (shorter, longer)
    gained = [
        (case.excess(shorter.error, longer.error), shorter, longer)
        for shorter, longer in last.values()
    ]
    gain, shorter, longer = max(gained, key=lambda each: each[0].value)
    doublings = math.log2(_steps(longer) / _steps(shorter))
    amber = gain.value / doublings > NOISE and not gain.low <= 0
    said = (
        f"from {_steps(shorter)} to {_steps(longer)} steps {longer.name} still takes "
        f"{gain.value:.1f} points more, {gain.value / doublings:.1f} with each doubling. What is "
        "left is an upper bound, and not where it ends."
    )
    return Finding(
        name,
        case.network,
        Severity.AMBER if amber else Severity.PASSED,
        _sentence(said) if amber else "",
        f"the same attack with {2 * _steps(longer)} steps or more" if amber else "",
        longer.name,
        longer.eps255,
        gain,
        "points",
    )


def gradient_free(case: Case) -> Finding:
    """Look for an attack without gradients that beats all that follow the network's own."""
    blind = [each for each in _untargeted(case) if each.without_gradient]
    return _finding(
        case,
        "stronger without gradients",
        _against_strongest(case, _by_own_gradient(case), blind),
        "{weaker}, which sees no gradient, leaves less than the strongest attack by gradients, "
        "{stronger}. Gradients are then masked.",
        "more queries without gradients, and gradients of a smooth stand-in (BPDA)",
        needs="an attack without gradients (Square) beside one with them",
    )


def around_gradient(case: Case) -> Finding:
    """Look for an attack around the network's own gradient that beats all that follow it."""
    around = [each for each in _by_gradient(case) if each.around]
    return _finding(
        case,
        "stronger around its gradient",
        _against_strongest(case, _by_own_gradient(case), around),
        "{weaker}, which puts smooth stand-ins in the place of what has no gradient to speak of, "
        "leaves less than the strongest attack along the network's own gradient, {stronger}. "
        "That gradient is then masked or misleads.",
        "every loss with gradients of stand-ins (BPDA), and more queries without gradients",
        needs="an attack with gradients of stand-ins beside one without (run strong)",
    )


def transfer(case: Case) -> Finding:
    """Look for images made on another network that beat all made on this one."""
    foreign = [each for each in _untargeted(case) if not each.own and each.made_on is not None]
    return _finding(
        case,
        "made on another network, yet stronger",
        _against_strongest(case, _by_gradient(case), foreign),
        "images of {weaker} made on {source} leave less than the strongest attack made on this "
        "network, {stronger}. Its own gradients are then masked, or its defence is attacked badly.",
        "attacks on this network with another loss or without gradients",
        needs="images made on another network beside its own at the same epsilon",
    )


def _untargeted(case: Case) -> list[Seen]:
    return [each for each in case.seen if each.untargeted and each.eps255 is not None]


def _by_gradient(case: Case) -> list[Seen]:
    return [each for each in _untargeted(case) if each.by_gradient]


def _by_own_gradient(case: Case) -> list[Seen]:
    return [each for each in _by_gradient(case) if each.by_own_gradient]


def _iterated(case: Case) -> list[Seen]:
    return [each for each in _by_gradient(case) if (each.steps or 0) > 1]


def _single(case: Case) -> list[Seen]:
    return [each for each in _by_gradient(case) if each.steps == 1]


def _against_strongest(
    case: Case, stronger: Iterable[Seen], weaker: Iterable[Seen]
) -> list[Comparison]:
    """Compare the strongest of those that should be stronger with each other one in its ball."""
    best: dict[Any, Seen] = {}
    for each in stronger:
        known = best.get(each.ball)
        best[each.ball] = each if known is None or case.left(each) < case.left(known) else known
    return _compared(case, ((best[each.ball], each) for each in weaker if each.ball in best))


def _compared(case: Case, pairs: Iterable[tuple[Seen, Seen]]) -> list[Comparison]:
    return [
        Comparison(stronger, weaker, case.excess(stronger.error, weaker.error))
        for stronger, weaker in pairs
    ]


def _same_but_longer(case: Case) -> Iterator[tuple[Seen, Seen]]:
    """Yield pairs of attacks that differ in the number of steps alone, the shorter first.

    The size of a step stays the same, or falls as their number rises.
    """
    iterated = sorted(_iterated(case), key=_steps)
    for way in (_stepping, _reaching):
        families: dict[str, list[Seen]] = {}
        for each in iterated:
            families.setdefault(way(each), []).append(each)
        for own in families.values():
            yield from (
                (shorter, longer)
                for place, shorter in enumerate(own)
                for longer in own[place + 1 :]
                if _steps(longer) > _steps(shorter)
            )


def _stepping(seen: Seen) -> str:
    """Return all that identifies an attack but its name and its number of steps."""
    return _identity(seen, lambda attack: attack)


def _reaching(seen: Seen) -> str:
    """Return the same, with how far all steps reach in the place of their size."""

    def reach(attack: dict[str, Any]) -> dict[str, Any]:
        size = attack.pop("step_size", None)
        return attack | {"reach": size and round(size * _steps(seen), 6)}

    return _identity(seen, reach)


def _identity(seen: Seen, changed: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    attack = seen.settings.get("attack")
    if not isinstance(attack, dict):
        return f"{seen.name} {seen.ball}"
    bare = changed({key: value for key, value in attack.items() if key != "steps"})
    settings = {key: value for key, value in seen.settings.items() if key != "name"}
    return json.dumps([settings | {"attack": bare}, seen.ball], sort_keys=True)


def _finding(
    case: Case,
    name: str,
    compared: list[Comparison],
    said: str,
    settled_by: str,
    *,
    needs: str,
) -> Finding:
    """Return the worst of the comparisons; those where nothing is left to hide have passed."""
    if not compared:
        return Finding(name, case.network, Severity.UNCHECKED, "", needs)
    telling = [each for each in compared if case.left(each.stronger) > case.floor]
    if not telling:
        return Finding(name, case.network, Severity.PASSED, "")
    worst = max(
        telling, key=lambda each: (_severity(each.excess) is Severity.RED, each.excess.value)
    )
    severity = _severity(worst.excess)
    passed = severity is Severity.PASSED
    words = {
        "stronger": worst.stronger.name,
        "weaker": worst.weaker.name,
        "weaker_eps": _eps(worst.weaker),
        "source": worst.weaker.made_on,
    }
    return Finding(
        name,
        case.network,
        severity,
        "" if passed else _sentence(said.format(**words)),
        "" if passed else settled_by,
        worst.stronger.name,
        worst.stronger.eps255,
        worst.excess,
        "points",
    )


def _severity(excess: Interval) -> Severity:
    """Return red for what people alone do not explain, amber where they may."""
    if not excess.value > NOISE:
        return Severity.PASSED
    return Severity.RED if excess.low > 0 else Severity.AMBER


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _eps(seen: Seen) -> float:
    return seen.eps255 or 0.0


def _steps(seen: Seen) -> int:
    return seen.steps or 0
