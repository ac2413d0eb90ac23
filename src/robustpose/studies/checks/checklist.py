"""Every check, and all of them on a run."""

from collections.abc import Callable
from pathlib import Path

from robustpose.studies.checks.case import Case, cases_of
from robustpose.studies.checks.comparisons import (
    around_gradient,
    converged,
    gradient_free,
    more_epsilon,
    more_steps,
    one_step,
    transfer,
)
from robustpose.studies.checks.findings import Finding
from robustpose.studies.checks.nature import (
    attacked_through,
    constant_output,
    random_answers,
    zero_gradients,
)
from robustpose.studies.checks.sizes import large_epsilon, noise

CHECKS: tuple[Callable[[Case], Finding | None], ...] = (
    constant_output,
    zero_gradients,
    random_answers,
    attacked_through,
    gradient_free,
    around_gradient,
    transfer,
    one_step,
    large_epsilon,
    noise,
    more_epsilon,
    more_steps,
    converged,
)
"""Each says one thing of a network, or nothing where it does not apply."""


def check_run(run: Path) -> list[Finding]:
    """Return what every check says of every network of a run that has its clean rows.

    Raises `UsageError` for a folder that is no run or has no rows.
    """
    found = (check(case) for case in cases_of(run) for check in CHECKS)
    return [finding for finding in found if finding is not None]
