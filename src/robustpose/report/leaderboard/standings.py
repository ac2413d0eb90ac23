"""Entries read back, checked against their track, and ranked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from robustpose.errors import UsageError
from robustpose.json_records import read_json
from robustpose.protocols.tracks import ATTACK, TRACKS
from robustpose.report.leaderboard.entries import BUDGETS, FORMAT, Entry

KEYS: Mapping[str, tuple[type, str]] = {
    "network": (str, "text"),
    "checkpoint": (str, "text"),
    "measure": (str, "text"),
    "clean": (dict, "an object"),
    "robust": (dict, "an object"),
    "checks": (list, "a list"),
    "provenance/version": (str, "text"),
    "provenance/created": (str, "text"),
}
"""What else an entry must hold to be shown."""


class Standing(NamedTuple):
    """An entry with its rank at each epsilon of the track; None where it is not ranked.

    `red` names the checks that speak against it: such an entry is shown and ranked nowhere.
    """

    entry: Entry
    ranks: Mapping[float, int | None]
    red: tuple[str, ...]


class Board(NamedTuple):
    """The standings of one track under one budget of the attack, the most robust first."""

    track: str
    budget: str
    standings: Sequence[Standing]

    @property
    def epsilons(self) -> tuple[float, ...]:
        """Where networks are ranked."""
        return TRACKS[self.track].epsilons

    @property
    def further(self) -> tuple[float, ...]:
        """Further epsilons that some entry has."""
        found = {float(each) for one in self.standings for each in one.entry["robust"]}
        return tuple(sorted(found - set(self.epsilons)))


def read_entries(paths: Iterable[Path]) -> list[Entry]:
    """Return the entries in files, and in all JSON files of folders that are entries.

    Raises `UsageError` for a file that is none or does not keep to its track, for two entries of
    one network on one track, and if there is none.
    """
    found: dict[tuple[str, ...], Path] = {}
    entries = []
    for path in _files(paths):
        entry = read_json(path)
        _check(entry, path)
        key = (entry["track"], entry["attack"]["budget"], entry["network"])
        if key in found:
            raise UsageError(
                f"{found[key]} and {path} are entries of one network ({entry['network']}) on "
                f"{entry['track']}: remove one, or call it otherwise"
            )
        found[key] = path
        entries.append(entry)
    if not entries:
        raise UsageError(
            f"expected entries of the leaderboard in {', '.join(map(str, paths))}, found none: "
            "robustpose submit RUN writes them"
        )
    return entries


def standings(entries: Sequence[Entry]) -> list[Board]:
    """Return the boards that have entries, in the order of tracks and budgets."""
    boards = []
    for track in TRACKS:
        for budget in BUDGETS:
            own = [
                each
                for each in entries
                if (each["track"], each["attack"]["budget"]) == (track, budget)
            ]
            if own:
                boards.append(Board(track, budget, _ranked(own, TRACKS[track].epsilons)))
    return boards


def _ranked(entries: Sequence[Entry], epsilons: Sequence[float]) -> list[Standing]:
    clear = [each for each in entries if not _red(each)]
    found = [
        Standing(
            entry,
            {eps: None if _red(entry) else _rank(entry, clear, eps) for eps in epsilons},
            _red(entry),
        )
        for entry in entries
    ]
    return sorted(
        found,
        key=lambda each: (
            bool(each.red),
            -sum(robust(each.entry, epsilon) for epsilon in epsilons),
            each.entry["network"],
        ),
    )


def _rank(entry: Entry, others: Sequence[Entry], epsilon: float) -> int:
    """Return 1 plus the number of those with more left; equals share a rank."""
    own = robust(entry, epsilon)
    return 1 + sum(robust(other, epsilon) > own for other in others)


def robust(entry: Entry, epsilon: float) -> float:
    """Return the score of an entry at an epsilon of its track."""
    return float(entry["robust"][f"{epsilon:g}"]["score"])


def _red(entry: Entry) -> tuple[str, ...]:
    return tuple(each["check"] for each in entry["checks"] if each["severity"] == "red")


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.exists():
            raise UsageError(
                f"expected an entry or a folder of entries at {path}, found nothing there: "
                "robustpose submit RUN writes them"
            )
        if path.is_dir():
            yield from (each for each in sorted(path.rglob("*.json")) if _is_entry(each))
        else:
            yield path


def _is_entry(path: Path) -> bool:
    """Tell whether a file of a folder, which may hold anything, calls itself an entry."""
    try:
        content = read_json(path)
    except UsageError:
        return False
    return isinstance(content, dict) and "leaderboard entry" in str(content.get("format"))


def _check(entry: Any, path: Path) -> None:
    """Raise `UsageError` for what is no entry, or one that does not keep to its track."""
    if not isinstance(entry, dict) or entry.get("format") != FORMAT:
        found = entry.get("format") if isinstance(entry, dict) else None
        raise UsageError(f"{path}: expected the format {FORMAT!r}, found {found!r}")
    for where, expected, found in _terms(entry, path):
        if expected != found:
            raise UsageError(f"{path}: expected {where} {expected}, found {found}")
    for epsilon in TRACKS[entry["track"]].epsilons:
        _check_figures(entry["robust"].get(f"{epsilon:g}"), f"robust/{epsilon:g}", path)
    for where, figures in {"clean": entry["clean"], **entry["robust"]}.items():
        _check_figures(figures, where, path)
    if _red(entry) and not entry.get("reason"):
        raise UsageError(f"{path}: {_red(entry)[0]} is red, and no reason is given")


def _check_figures(figures: Any, where: str, path: Path) -> None:
    """Raise `UsageError` unless there are a score and the ends of its interval, in percent."""
    found = figures if isinstance(figures, dict) else {}
    ends = [found.get("low", 0), found.get("high", 0)]
    wanted = [found.get("score"), *(end for end in ends if end is not None)]
    if not all(isinstance(each, int | float) and 0 <= each <= 100 for each in wanted):
        raise UsageError(
            f"{path}: expected {where} to have score, low and high in percent, found {figures}"
        )


def _terms(entry: Entry, path: Path) -> Iterator[tuple[str, object, object]]:
    if entry.get("track") not in TRACKS:
        raise UsageError(
            f"{path}: expected a track ({', '.join(TRACKS)}), found {entry.get('track')}"
        )
    track = TRACKS[entry["track"]]
    yield "people/name", track.people, _at(entry, "people/name")
    yield "people/count", track.count, _at(entry, "people/count")
    yield "people/truth", track.truth, _at(entry, "people/truth")
    yield "canvas", list(track.canvas), entry.get("canvas")
    yield "ball/norm", track.norm, _at(entry, "ball/norm")
    yield "ball/valid_range", True, _at(entry, "ball/valid_range")
    yield "ball/eight_bit", True, _at(entry, "ball/eight_bit")
    yield "attack/name", ATTACK, _at(entry, "attack/name")
    if _at(entry, "attack/budget") not in BUDGETS:
        yield "attack/budget", " or ".join(BUDGETS), _at(entry, "attack/budget")
    for key, (kind, said) in KEYS.items():
        if not isinstance(_at(entry, key), kind):
            yield key, said, _at(entry, key)
    for each in entry["checks"]:
        if not isinstance(each, dict) or not {"check", "severity"} <= each.keys():
            yield "checks", "objects with check and severity", each


def _at(entry: Any, where: str) -> Any:
    """Return what lies at a path of keys; None if nothing does."""
    for key in where.split("/"):
        entry = entry.get(key) if isinstance(entry, dict) else None
    return entry
