"""What becomes of a claim: an outcome for each thing that it says, and one for the whole."""

from collections.abc import Sequence
from enum import StrEnum
from math import isnan
from typing import NamedTuple

from robustpose.metrics.estimates import Estimate


class Outcome(StrEnum):
    """What the numbers say of a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "not decidable here"


class Effect(NamedTuple):
    """The size of what was found, and what it is the size of, beginning with its unit."""

    estimate: Estimate
    what: str

    @property
    def short(self) -> str:
        """The number with its interval and unit."""
        return f"{shown(self.estimate)} {self.what.partition(' ')[0]}"

    def __str__(self) -> str:
        return f"{shown(self.estimate)} {self.what}"


class Part(NamedTuple):
    """One thing that a claim says, how large it is, and what else was found."""

    statement: str
    outcome: Outcome
    found: str
    effect: Effect | None = None

    @property
    def reason(self) -> str:
        """Effect and findings in words."""
        return "; ".join(str(each) for each in (self.effect, self.found) if each)


class Verdict(NamedTuple):
    """What was found on everything that a claim says; the main thing comes first."""

    parts: tuple[Part, ...]

    @property
    def outcome(self) -> Outcome:
        """Contradicted if any part is; else what the main part is.

        A part that cannot be decided here takes nothing away from the main one.
        """
        outcomes = [part.outcome for part in self.parts]
        return Outcome.CONTRADICTED if Outcome.CONTRADICTED in outcomes else outcomes[0]

    @property
    def deciding(self) -> Part:
        """The first part that has the outcome of the whole."""
        return next(part for part in self.parts if part.outcome is self.outcome)

    @property
    def effect(self) -> Effect | None:
        """The effect of the deciding part."""
        return self.deciding.effect

    @property
    def reason(self) -> str:
        """What was found, part by part."""
        return " ".join(f"{part.statement}: {part.outcome}; {part.reason}." for part in self.parts)


def shown(estimate: Estimate) -> str:
    """Return a value with one decimal, and its interval if it has one."""
    low, high = estimate.interval[1:]
    ends = "" if isnan(low) else f" [{low:.1f}, {high:.1f}]"
    return f"{estimate.value:.1f}{ends}"


def verdict(parts: Sequence[Part]) -> Verdict:
    """Return the verdict on parts, of which there must be one."""
    if not parts:
        raise ValueError("expected at least one part")
    return Verdict(tuple(parts))


def undecided(statement: str, why: str, effect: Effect | None = None) -> Part:
    """Return a part that cannot be decided here."""
    return Part(statement, Outcome.UNDECIDED, why, effect)
