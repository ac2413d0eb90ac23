"""Pose against classification and segmentation: the paper's section 4.1.1, on one encoder."""

import polars as pl

from robustpose.report.figures import Chart, drawn
from robustpose.report.listings import USUAL_EPSILONS, value
from robustpose.report.runs import Run
from robustpose.report.sections.section import Row, Section, Table
from robustpose.report.tables import CLEAN
from robustpose.report.task_chart import task_curves
from robustpose.report.task_tables import (
    CHANCE,
    COMPARED,
    TaskRun,
    open_tasks,
    task_differences,
    task_scores,
)

HEADS = {"activity": "classify", "parts": "segment", "pose": "pose"}
MEASURES = {"relative": "of the clean score", "kept": "of what is above chance"}
MAIN = "IGSM-U-10"
STEPS_AT = 8.0
"""The epsilon at which numbers of steps are compared, in 0-255 units."""


def tasks(run: Run) -> Section | None:
    """Return what attacks leave of three heads on one encoder; None for a run without them."""
    heads = open_tasks(run.folder)
    if heads is None:
        return None
    scores, differences = task_scores(heads), task_differences(heads)
    attacked = scores.drop_nulls("eps255")
    tables = [_curve_table(heads, attacked, differences, each) for each in MEASURES]
    notes = [
        "The scores remain of different kinds: accuracy changes by the person, PCK by the joint, "
        "mIoU by the cell, each with a tolerance of its own. This is one training of one network."
    ]
    if heads.missing:
        notes.insert(0, f"Not complete, and left out: {'; '.join(heads.missing)}.")
    return Section(
        "tasks",
        "Pose against classification and segmentation",
        [
            "The study compares its curves with those of another paper, on other networks and "
            "data, and finds pose estimation more robust than segmentation. Here one network "
            "answers three questions about the same people: what they do, which part of the body "
            "is where, and where the joints are. One encoder, trained for all three at once; each "
            "head is attacked by its own training loss.",
            _chances(heads, scores),
        ],
        figures=[_figure(run, attacked)] if len(attacked) else [],
        tables=[each for each in (*tables, _step_table(heads, attacked)) if each.rows],
        notes=notes,
        files={"tasks": scores, "task_differences": differences},
    )


def _figure(run: Run, attacked: pl.DataFrame) -> Chart:
    return drawn(
        run.folder,
        "tasks",
        "What is left of three heads",
        "Left: in percent of the clean score. Right: of what the clean score has above chance, 0 "
        "where an answer that never looks at the picture would be as good.",
        "Curves of the three heads against epsilon; numbers in tables/tasks.csv.",
        task_curves(attacked, HEADS, MEASURES),
        hint="Point at a marker for its numbers.",
    )


def _chances(heads: TaskRun, scores: pl.DataFrame) -> str:
    said = []
    for task, score in heads.tasks.items():
        clean, chance = (_one(scores, task, condition) for condition in (CLEAN, CHANCE))
        said.append(f"{HEADS[task]}, {score} {clean} % (chance {chance} %)")
    return (
        f"{heads.people} people of {heads.study['people']['name']}. On clean pictures: "
        f"{'; '.join(said)}. Chance is the score of one answer for everybody: the commonest "
        "activity, the best label map, the mean pose of training people."
    )


def _one(scores: pl.DataFrame, task: str, attack: str) -> str:
    rows = scores.filter(task=task, attack=attack).to_dicts()
    return value(rows[0] if rows else {}, "value").value


def _curve_table(
    heads: TaskRun, attacked: pl.DataFrame, differences: pl.DataFrame, measure: str
) -> Table:
    """Return a measure of each head under one attack over the epsilons, and how heads differ."""
    made = attacked["attack"].unique(maintain_order=True).to_list()
    attack = MAIN if MAIN in made else next(iter(made), "")
    epsilons = attacked.filter(attack=attack)["eps255"].unique().sort().to_list()
    shown = [eps for eps in epsilons if eps in USUAL_EPSILONS] or epsilons[:4]

    def line(name: str, table: pl.DataFrame) -> Row:
        rows = {row["eps255"]: row for row in table.filter(attack=attack).to_dicts()}
        return Row(name, [value(rows.get(eps, {}), measure) for eps in shown])

    own = [line(HEADS[task], attacked.filter(task=task)) for task in heads.tasks]
    compared = [
        line(f"{HEADS[task]} less {HEADS[other]}", differences.filter(task=task, other=other))
        for task, other in COMPARED
    ]
    return Table(
        f"What {attack} leaves {MEASURES[measure]}",
        "in percent, differences in points, paired over people",
        "Head",
        [f"ε = {eps:g}" for eps in shown],
        [*own, *compared] if shown else [],
    )


def _step_table(heads: TaskRun, attacked: pl.DataFrame) -> Table:
    """Return what is left after few and after many steps, at one epsilon."""
    made = attacked.filter(eps255=STEPS_AT)
    steps = dict(made.sort("steps", maintain_order=True).select("attack", "steps").iter_rows())

    def line(task: str) -> Row:
        rows = {row["attack"]: row for row in made.filter(task=task).to_dicts()}
        return Row(HEADS[task], [value(rows.get(name, {}), "relative") for name in steps])

    return Table(
        f"Few and many steps at ε = {STEPS_AT:g}",
        "in percent of the clean score; IGSM-U-N and IGSM-U-10N take steps of one grey level, as "
        "many as the rule of segmentation says and ten times as many",
        "Head",
        [f"{name} ({count})" for name, count in steps.items()],
        [line(task) for task in heads.tasks] if len(steps) > 1 else [],
    )
