"""How numbers become outcomes: over networks as they are, and between architectures.

Each decision is about numbers that should lie on one side of a limit. With a bootstrap the whole
interval has to; without one the value decides. What is said of architectures has to hold for their
trainings too: a bootstrap over people knows nothing of those.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from robustpose.metrics.estimates import Estimate, mean_of
from robustpose.report.claims.evidence import Evidence, Network
from robustpose.report.claims.verdicts import Effect, Outcome, Part, shown, undecided

FEWEST_TRAININGS = 3
"""The least for which all of one lying above all of the other is luck in one of 20 cases."""

LUCK = 0.05
"""How likely a difference between trainings may be by luck."""

NAMED = 4
"""So many are named; of more there is the number."""


@dataclass(frozen=True)
class Bound:
    """A limit, and the side of it on which numbers should lie: 1 above, -1 below."""

    limit: float
    side: int

    def inside(self, value: Estimate) -> Estimate:
        """Return how far a number lies on the right side."""
        return (value - self.limit) * self.side

    def __str__(self) -> str:
        return f"{'above' if self.side > 0 else 'below'} {self.limit:g}"


def above(limit: float) -> Bound:
    """Return the bound of numbers that should lie above a limit."""
    return Bound(limit, 1)


def below(limit: float) -> Bound:
    """Return the bound of numbers that should lie below a limit."""
    return Bound(limit, -1)


def on_average(
    values: Mapping[str, Estimate],
    bound: Bound,
    *,
    statement: str,
    what: str,
    lacking: str,
    of: str = "networks",
) -> Part:
    """Decide what should hold on average over the networks; single ones may differ.

    `values` is by network, or by what `of` says; `what` says what they are, `lacking` why there
    are none, where there are none.
    """
    if not values:
        return undecided(statement, lacking)
    mean = mean_of(list(values.values()))
    effect = Effect(mean, f"{what}, {_whose(values, of)}")
    outcome = _OUTCOMES[bound.inside(mean).direction]
    unsure = "the interval lies on both sides" if outcome is Outcome.UNDECIDED else ""
    found = "; ".join(each for each in (_asked(bound), unsure, _spanned(values)) if each)
    return Part(statement, outcome, found, effect)


def throughout(
    values: Mapping[str, Estimate],
    bound: Bound,
    *,
    statement: str,
    what: str,
    lacking: str,
    of: str = "networks",
) -> Part:
    """Decide what should hold on average and be reversed for none (see `on_average`)."""
    against = exceptions(values, bound)
    if not against:
        return on_average(values, bound, statement=statement, what=what, lacking=lacking, of=of)
    effect = Effect(mean_of(list(against.values())), f"{what}, {_whose(against, 'exceptions')}")
    exceptional = f"not so for {listed(_shown_each(against))}"
    found = "; ".join(each for each in (_asked(bound), exceptional) if each)
    return Part(statement, Outcome.CONTRADICTED, found, effect)


def exceptions(values: Mapping[str, Estimate], bound: Bound) -> dict[str, Estimate]:
    """Return the numbers that lie on the wrong side of a limit, beyond what chance does to one."""
    return {
        label: value
        for label, value in values.items()
        if bound.inside(value).direction_among(len(values)) < 0
    }


def listed(names: Iterable[str]) -> str:
    """Return names in words, at most `NAMED` of them."""
    some = list(names)
    more = len(some) - NAMED
    return ", ".join(some[:NAMED]) + (f" and {more} more" if more > 0 else "")


class Group(NamedTuple):
    """Numbers of the trainings that stand for one side of a comparison."""

    name: str
    values: Mapping[Network, Estimate]

    @property
    def mean(self) -> Estimate:
        """The mean over the trainings."""
        return mean_of(list(self.values.values()))


class Pair(NamedTuple):
    """Two groups, of which the first should lie above the other, or at most `margin` below it."""

    one: Group
    other: Group
    margin: float = 0.0

    @property
    def groups(self) -> tuple[Group, Group]:
        """Both groups."""
        return self.one, self.other

    @property
    def difference(self) -> Estimate:
        """The mean of the first less that of the other."""
        return self.one.mean - self.other.mean

    def __str__(self) -> str:
        one, other = (f"{group.name} {group.mean.value:.1f}" for group in self.groups)
        return f"{one} against {other}"


def by_architecture(
    networks: Iterable[Network], score: Callable[[Network], Estimate | None]
) -> list[Group]:
    """Return the scores of networks, one group an architecture; those without a score are left."""
    groups: dict[str, dict[Network, Estimate]] = {}
    for network in networks:
        value = score(network)
        if value is not None:
            groups.setdefault(network.architecture, {})[network] = value
    return [Group(_group_name(name, values), values) for name, values in groups.items()]


def every_pair(
    evidence: Evidence, pairs: Sequence[Pair], *, statement: str, what: str, lacking: str
) -> Part:
    """Decide whether in every pair the first group lies above the other.

    Where trainings are known, only pairs with enough of them are judged, and a difference counts if
    it stands out from those between trainings.
    """
    if not pairs:
        return undecided(statement, lacking)
    ways: dict[int, list[Pair]] = {-1: [], 0: [], 1: []}
    for pair in pairs:
        if enough_trainings(evidence, pair):
            ways[_direction(evidence, pair)].append(pair)
    for way, name in ((-1, _reversed), (0, _alike), (1, _nearest)):
        if ways[way]:
            unjudged = len(pairs) - sum(map(len, ways.values()))
            more = f"; {unjudged} more pairs have too few trainings" if unjudged else ""
            effect = _effect(ways[way], what)
            return Part(statement, _OUTCOMES[way], name(ways[way]) + more, effect)
    return undecided(statement, _few_trainings(pairs), _effect(pairs, what))


def enough_trainings(evidence: Evidence, pair: Pair) -> bool:
    """Tell whether there are `FEWEST_TRAININGS` seeds of each architecture, where that matters."""
    return not evidence.trainings_known or min(_trainings(pair)) >= FEWEST_TRAININGS


def often_trained(evidence: Evidence, networks: Sequence[Network]) -> list[Network]:
    """Return the networks whose architecture has enough trainings; all of them if none has."""
    seeds = _seeds(networks)
    often = [each for each in networks if len(seeds[each.architecture]) >= FEWEST_TRAININGS]
    return often if often and evidence.trainings_known else list(networks)


def luck(ones: Sequence[float], others: Sequence[float]) -> float:
    """Return how likely so high a mean of `ones` is if all are alike (Fisher's permutations)."""
    sums = [sum(some) for some in combinations([*ones, *others], len(ones))]
    return sum(each >= sum(ones) - 1e-9 for each in sums) / len(sums)


_OUTCOMES = {-1: Outcome.CONTRADICTED, 0: Outcome.UNDECIDED, 1: Outcome.SUPPORTED}


def _direction(evidence: Evidence, pair: Pair) -> int:
    sign = (pair.difference + pair.margin).direction
    if not evidence.trainings_known or not sign:
        return sign
    ones = [sign * (each.value + pair.margin) for each in pair.one.values.values()]
    others = [sign * each.value for each in pair.other.values.values()]
    return sign if luck(ones, others) <= LUCK else 0


def _trainings(pair: Pair) -> list[int]:
    """Return how many different seeds there are of each architecture of a pair."""
    seeds = _seeds([network for group in pair.groups for network in group.values])
    return [len(each) for each in seeds.values()]


def _seeds(networks: Iterable[Network]) -> dict[str, set[int | None]]:
    seeds: dict[str, set[int | None]] = {}
    for network in networks:
        seeds.setdefault(network.architecture, set()).add(network.seed)
    return seeds


def _few_trainings(pairs: Sequence[Pair]) -> str:
    fewest = max(min(_trainings(pair)) for pair in pairs)
    needed = f"{FEWEST_TRAININGS} trainings of each are needed (robustpose train --seed)"
    return f"{_nearest(pairs)}; {needed}, found {fewest}"


def _effect(pairs: Sequence[Pair], what: str) -> Effect:
    mean = mean_of([pair.difference for pair in pairs])
    if len(pairs) > 1:
        return Effect(mean, f"points of {what}, mean difference of {len(pairs)} pairs")
    return Effect(mean, f"points of {what}, {pairs[0].one.name} less {pairs[0].other.name}")


def _reversed(pairs: Sequence[Pair]) -> str:
    return f"not so for {listed(map(str, pairs))}"


def _alike(pairs: Sequence[Pair]) -> str:
    unsure = [pair for pair in pairs if not (pair.difference + pair.margin).direction]
    if unsure:
        return f"the interval does not decide {listed(map(str, unsure))}"
    return f"{listed(map(str, pairs))} differ by no more than trainings of one may by luck"


def _nearest(pairs: Sequence[Pair]) -> str:
    nearest = min(pairs, key=lambda pair: pair.difference.value)
    return f"closest are {nearest}" if len(pairs) > 1 else str(nearest)


def _group_name(architecture: str, values: Mapping[Network, Estimate]) -> str:
    if len(values) == 1:
        return next(iter(values)).label
    return f"{architecture} ({len(values)} trainings)"


def _asked(bound: Bound) -> str:
    return f"asked for: {bound}" if bound.limit else ""


def _spanned(values: Mapping[str, Estimate]) -> str:
    if len(values) == 1:
        return ""
    low, *_, high = sorted(values, key=lambda label: values[label].value)
    return f"from {values[low].value:.1f} ({low}) to {values[high].value:.1f} ({high})"


def _whose(values: Mapping[str, Estimate], of: str) -> str:
    return f"mean of {len(values)} {of}" if len(values) > 1 else next(iter(values))


def _shown_each(values: Mapping[str, Estimate]) -> list[str]:
    return [f"{label} ({shown(value)})" for label, value in values.items()]
