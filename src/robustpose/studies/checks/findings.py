"""What a check says."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from robustpose.metrics.intervals import Interval


class Severity(StrEnum):
    """How much a finding matters; red: the network's scores must not be read as robustness."""

    RED = "red"
    AMBER = "amber"
    PASSED = "passed"
    UNCHECKED = "not checked"


class Finding(NamedTuple):
    """What a check says of a network.

    `said` tells in words what was found and what it may mean, `settled_by` which run would settle
    it. `figure` is what was judged, `unit` its unit ("points" are differences of two scores, paired
    over people; without an interval where people are too few); `attack` and `eps255` (0-255 units)
    are where it was worst.
    """

    check: str
    network: str
    severity: Severity
    said: str
    settled_by: str = ""
    attack: str | None = None
    eps255: float | None = None
    figure: Interval | None = None
    unit: str = ""


def flagged(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return the red findings of each network that has any."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.severity is Severity.RED:
            found.setdefault(finding.network, []).append(finding)
    return found
