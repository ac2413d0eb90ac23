"""An entry of the leaderboard: one network on one track, made from the rows of a run."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from robustpose.errors import UsageError
from robustpose.metrics.intervals import Interval
from robustpose.metrics.robustness import score_interval
from robustpose.protocols.tracks import ATTACK, Track, check_terms, track_of
from robustpose.report.guess import guess_errors
from robustpose.report.runs import Condition, Run, open_run
from robustpose.report.tables import counts_of
from robustpose.studies.checks import Finding, Severity
from robustpose.studies.digests import digest_of
from robustpose.studies.rows import slug

FORMAT = "robustpose leaderboard entry 1"
BUDGETS = ("standard", "quick")

Entry = dict[str, Any]


def entries_of(
    run: Path,
    *,
    network: str | None = None,
    track: str | None = None,
    reason: str | None = None,
) -> list[Entry]:
    """Return an entry for each network of a run that met the attack of the leaderboard.

    Or for the `network` named. `reason` says why a network with red findings is entered all the
    same. Raises `UsageError` for a run that does not keep to its track, lacks rows,
    or has a network with red findings and no reason.
    """
    opened = open_run(run)
    terms = track_of(opened.study, track)
    check_terms(terms, opened.study, opened.people)
    chosen = _chosen(opened, network)
    return [_entry(opened, terms, name, reason) for name in chosen]


def entry_path(entry: Entry, folder: Path) -> Path:
    """Return where an entry belongs: `folder/TRACK/NETWORK.json`, or `NETWORK-quick.json`."""
    budget = entry["attack"]["budget"]
    name = slug(entry["network"]) + ("" if budget == BUDGETS[0] else f"-{budget}")
    return folder / str(entry["track"]) / f"{name}.json"


def _chosen(run: Run, network: str | None) -> list[str]:
    victims = list(run.study["victims"])
    if network is not None and network not in victims:
        raise UsageError(f"expected a network of the run ({', '.join(victims)}), found {network}")
    met = [name for name in victims if any(run.asked(name, each) for each in _attacks(run))]
    if not met:
        found = ", ".join(dict.fromkeys(each.name for each in run.conditions))
        raise UsageError(
            f"expected rows of {ATTACK}, which scores on the leaderboard are from; the run has "
            f"{found}: make it with robustpose run strong"
        )
    if network is not None and network not in met:
        raise UsageError(f"{network} did not meet {ATTACK} in this run; {', '.join(met)} did")
    return met if network is None else [network]


def _attacks(run: Run) -> list[Condition]:
    return [each for each in run.conditions if each.name.startswith(ATTACK)]


def _entry(run: Run, track: Track, network: str, reason: str | None) -> Entry:
    conditions = _by_epsilon(run, track, network)
    red = [each for each in run.findings if _red(each, network)]
    if red and not (reason or "").strip():
        said = " ".join(f"{each.check}: {each.said}" for each in red)
        raise UsageError(
            f"checks of {network} are red. {said} Settle them, or enter it all the same with "
            '--reason "...", which stands in the entry'
        )
    counts, victim = counts_of(run), run.study["victims"][network]
    attack = _attack(run, list(conditions.values()))
    return {
        "format": FORMAT,
        "track": track.name,
        "network": network,
        "checkpoint": victim["checkpoint"],
        "model": {key: victim.get(key) for key in ("model", "family", "summary", "parameters")},
        "defenses": victim.get("defenses") or [],
        "people": {
            "name": run.study["people"]["name"],
            "count": len(run.people),
            "truth": track.truth,
        },
        "ball": {"norm": track.norm, "valid_range": True, "eight_bit": True},
        "canvas": run.study["canvas"],
        "measure": run.measure,
        "attack": attack,
        "clean": _figures(score_interval(run.errors(network), run.rule, counts)),
        "robust": {
            f"{epsilon:g}": _figures(score_interval(run.errors(network, each), run.rule, counts))
            for epsilon, each in conditions.items()
        },
        "guess": _known(score_interval(guess_errors(run), run.rule, counts).value),
        "checks": [_checked(each) for each in run.findings if each.network == network],
        "reason": reason.strip() if red and reason else None,
        "provenance": {
            key: run.study.get(key)
            for key in ("name", "version", "command", "created", "seed", "precision")
        }
        | {key: run.study.get(key) for key in ("arithmetic", "machine", "libraries")},
    }


def _by_epsilon(run: Run, track: Track, network: str) -> dict[float, Condition]:
    """Return the condition of each epsilon, those of the track and any more.

    Raises `UsageError` if one of the track's is missing or has not all its rows, and for another
    norm.
    """
    attacks = [each for each in _attacks(run) if run.asked(network, each)]
    names = list(dict.fromkeys(each.name for each in attacks))
    if len(names) > 1:
        raise UsageError(f"expected one attack of the leaderboard, found {', '.join(names)}")
    if other := [each for each in attacks if each.norm != track.norm]:
        raise UsageError(
            f"the track {track.name} is of {track.norm} balls, found {other[0].norm} in "
            f"{other[0].label}"
        )
    found = {each.eps255: each for each in attacks if each.eps255 is not None}
    for epsilon in track.epsilons:
        if epsilon not in found:
            has = ", ".join(f"{each:g}" for each in sorted(found))
            raise UsageError(
                f"the track {track.name} ranks at epsilon "
                f"{', '.join(f'{each:g}' for each in track.epsilons)}; {network} has rows of "
                f"{ATTACK} at {has}"
            )
    for each in found.values():
        if not (run.complete(network) and run.complete(network, each)):
            raise UsageError(
                f"{network} has not all its rows under {each.label}: run the study again to go on"
            )
    return dict(sorted(found.items()))


def _attack(run: Run, conditions: Sequence[Condition]) -> dict[str, Any]:
    """Return name, budget and digest of the attack; the same whatever the ball."""
    labels = {each.label for each in conditions}
    entries = [each for each in run.study["conditions"] if each["label"] in labels]
    settings = [each.get("settings") or {} for each in entries]
    digests = {each.get("digest") or digest_of(_without_ball(each)) for each in settings}
    if len(digests) > 1:
        raise UsageError(
            f"expected one attack in all balls, found {len(digests)} kinds of settings"
        )
    name = conditions[0].name
    budget = settings[0].get("budget") or next(
        (each for each in BUDGETS if name.endswith(each)), BUDGETS[0]
    )
    return {"name": ATTACK, "budget": budget, "digest": digests.pop()}


def _without_ball(settings: Any) -> Any:
    if isinstance(settings, Mapping):
        kept = settings.keys() - {"ball", "eps", "step_size"}
        return {key: _without_ball(settings[key]) for key in sorted(kept)}
    if isinstance(settings, list):
        return [_without_ball(each) for each in settings]
    return settings


def _red(finding: Finding, network: str) -> bool:
    return finding.network == network and finding.severity is Severity.RED


def _checked(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "severity": finding.severity.value,
        "figure": None if finding.figure is None else _known(finding.figure.value),
        "unit": finding.unit or None,
        "said": finding.said or None,
    }


def _figures(interval: Interval) -> dict[str, float | None]:
    names = ("score", "low", "high")
    return {name: _known(value) for name, value in zip(names, interval, strict=True)}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
