"""Sections of the page for the experiments of a study; each is there if the run has its rows."""

import polars as pl

from robustpose.report.runs import Run
from robustpose.report.sections.checks import checks
from robustpose.report.sections.defenses import defenses
from robustpose.report.sections.iterations import iterations
from robustpose.report.sections.joints import joints
from robustpose.report.sections.section import Section
from robustpose.report.sections.smallest import smallest
from robustpose.report.sections.tasks import tasks
from robustpose.report.sections.transfer import transfer
from robustpose.report.sections.universal import universal

__all__ = ["Section", "sections"]


def sections(run: Run, scores: pl.DataFrame, by_joint: pl.DataFrame) -> list[Section]:
    """Return the sections that a run has: the checks, then in the order of the paper.

    `scores` and `by_joint` are its tables (`report.tables`).
    """
    found = (
        checks(run),
        smallest(run),
        joints(run, by_joint),
        iterations(run, scores),
        tasks(run),
        universal(run, scores),
        transfer(run),
        defenses(run),
    )
    return [section for section in found if section is not None]
