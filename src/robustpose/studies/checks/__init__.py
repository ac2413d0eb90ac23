"""Signs that an evaluation shows less of a weakness than there is, read from the rows of a run."""

from robustpose.studies.checks.checklist import CHECKS, check_run
from robustpose.studies.checks.findings import Finding, Severity, flagged

__all__ = ["CHECKS", "Finding", "Severity", "check_run", "flagged"]
