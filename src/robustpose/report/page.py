"""The page: one HTML file that shows a run and asks the network for nothing."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import vl_convert
from markupsafe import Markup

from robustpose.metrics.intervals import RESAMPLES
from robustpose.report.bodies import bodies
from robustpose.report.charts import beside_published, curves
from robustpose.report.claims import Judged, RunEvidence, judge_all, verdict_table
from robustpose.report.explanations import (
    confidence_table,
    floor_table,
    kind_table,
    plausibility_table,
    with_guess,
)
from robustpose.report.figures import Chart, drawn, svg_uri
from robustpose.report.findings import findings, main_condition
from robustpose.report.gallery import gallery
from robustpose.report.guess import guess_of
from robustpose.report.kind_chart import kind_bars
from robustpose.report.limb_table import limb_table
from robustpose.report.listings import named, score_tables, signs, whole_curves
from robustpose.report.marks import Marks
from robustpose.report.pages import environment
from robustpose.report.published import published_curves
from robustpose.report.runs import Condition, Run, open_run
from robustpose.report.sections import sections
from robustpose.report.tables import conditions, joint_scores, scores, write_tables
from robustpose.report.target_list import target_list
from robustpose.studies.rows import write_bytes

CLAIMED = "jain2019"
"""How the names of studies begin whose claims are judged."""


def write_report(run: Path, *, title: str | None = None) -> Path:
    """Write `report.html`, `tables/*.csv` and `figures/*` into the folder of a run.

    Returns the path of the page. Raises `UsageError` for a folder that is no run or has no rows.
    """
    opened = open_run(run)
    all_scores, all_joints = scores(opened), joint_scores(opened)
    explained = {
        "error_kinds": kind_table(opened),
        "confidence": confidence_table(opened),
        "plausibility": plausibility_table(opened),
        "above_guess": floor_table(opened),
        "limbs": limb_table(opened),
    }
    guessed = with_guess(all_scores, explained["above_guess"])
    experiments = sections(opened, guessed, all_joints)
    tables = {"scores": all_scores, "joints": all_joints, "conditions": conditions(opened)}
    for section in experiments:
        tables |= section.files
    if len(targets := target_list(opened)):
        tables["targets"] = targets
    judged = _judged(opened)
    if judged:
        tables["claims"] = verdict_table(judged)
    write_tables({**tables, **explained}, run / "tables")
    main = main_condition(opened)
    drawn = with_guess(whole_curves(opened, all_scores), explained["above_guess"])
    figures = [
        *_curves(opened, drawn),
        *_bodies(opened, all_joints, main),
        *_kinds(opened, explained["error_kinds"], main),
        *_published(opened, drawn),
    ]
    content = {
        "title": title or f"Robustness of pose estimators: {opened.study['name']}",
        "study": opened.study,
        "run": opened,
        "networks": _networks(opened),
        "main": main,
        "findings": findings(opened, all_scores, all_joints, main),
        "figures": {chart.name: chart for chart in figures},
        "tables": score_tables(opened, all_scores),
        "signs": signs(opened, explained, main) if main else [],
        "gallery": gallery(opened, main) if main else None,
        "sections": experiments,
        "judged": judged,
        "grouped": _grouped(opened),
        "undrawn": _undrawn(opened),
        "marked": Marks(opened.findings),
        "missing_cells": len(opened.missing),
        "incomplete": named(opened.missing),
        "provenance": _provenance(opened.study),
        "resamples": RESAMPLES,
        "bundle": _vega(),
    }
    page = run / "report.html"
    html = environment().get_template("report.html.j2").render(content)
    write_bytes(html.encode(), page)
    return page


def _curves(run: Run, table: pl.DataFrame) -> list[Chart]:
    charts = []
    score, origin = run.rule.name, guess_of(run).origin
    for goal, measure, stronger, dotted in (
        ("untargeted", "relative", "Lower", "which needs no network"),
        ("targeted", "target", "Higher", "held against the poses asked for, with no attack"),
    ):
        attacks = [n for n, c in run.swept.items() if c[0].goal == goal]
        shown = table.filter(pl.col("attack").is_in(attacks)).drop_nulls(measure)
        attacks = [attack for attack in attacks if attack in set(shown["attack"])]
        if not attacks:
            continue
        caption = (
            f"{measure.capitalize()} {score} against the size of the perturbation. {stronger} "
            f"means a stronger attack. Dotted: one constant pose for everybody ({origin}), "
            f"{dotted}."
        )
        spec = curves(shown, measure, run.networks, attacks=attacks, score=score)
        said, heading = _extremes(shown, measure), f"{goal.capitalize()} attacks"
        charts.append(drawn(run.folder, f"{measure}_score", heading, caption, said, spec))
    return charts


def _extremes(table: pl.DataFrame, measure: str) -> str:
    """Say in words, for readers who do not see the chart, where its curves begin and end."""
    parts = [
        f"{network} under {attack}: {curve[measure][0]:.1f} % at epsilon {curve['eps255'][0]:g}, "
        f"{curve[measure][-1]:.1f} % at {curve['eps255'][-1]:g}"
        for (network, attack), curve in table.sort("eps255").group_by(
            ["network", "attack"], maintain_order=True
        )
    ]
    return "Line chart. " + "; ".join(parts) + ". All numbers are in tables/scores.csv."


def _published(run: Run, table: pl.DataFrame) -> list[Chart]:
    theirs = set(published_curves()["attack"])
    attacks = [attack for attack in run.swept if attack in theirs & set(table["attack"])]
    if not attacks:
        return []
    caption = (
        "Thin grey: the networks of Jain et al. (2019), digitised from their figure 2. Networks, "
        "training data, people and score (theirs is PCKh of MPII, here "
        f"{run.measure}) differ, so only the shape and the order of magnitude can be compared. "
        "Dotted: one constant pose for everybody on the people of this run."
    )
    spec = beside_published(table, run.networks, attacks=attacks, score=run.rule.name)
    alt = "The curves of this run over thin grey curves of the published study."
    return [drawn(run.folder, "published", "Beside the published values", caption, alt, spec)]


def _bodies(run: Run, joints: pl.DataFrame, main: Condition | None) -> list[Chart]:
    if main is None:
        return []
    table = joints.filter(attack=main.name, eps255=main.eps255)
    networks = [network for network in run.networks if network in set(table["network"])]
    if not networks:
        return []
    svg = bodies(table, networks, run.skeleton, score=run.rule.name)
    path = run.folder / "figures" / "joints"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".svg").write_text(svg, encoding="utf-8")
    path.with_suffix(".png").write_bytes(vl_convert.svg_to_png(svg, scale=2))
    caption = (
        f"What {main.name} at ε = {main.eps255:g} leaves of each joint, left and right together."
    )
    alt = (
        f"A body for each network, joints coloured by relative {run.rule.name}; "
        "numbers in tables/joints.csv."
    )
    return [Chart("joints", "Joints", caption, alt, svg_uri(svg), None)]


def _kinds(run: Run, kinds: pl.DataFrame, main: Condition | None) -> list[Chart]:
    if main is None or not len(kinds.filter(attack=main.name, eps255=main.eps255)):
        return []
    caption = (
        f"Where the joints are on clean images and under {main.name} at ε = {main.eps255:g}: "
        f"right (within {run.radius}), near their place (jitter), at the same joint of the other "
        "side (inversion), at another joint (swap), or at none (miss). After Ronchi and Perona "
        "(2017)."
    )
    alt = "Stacked bars of kinds of error; numbers in tables/error_kinds.csv."
    bars, hint = kind_bars(kinds, main), "Point at a bar for its numbers."
    return [drawn(run.folder, "error_kinds", "Kinds of error", caption, alt, bars, hint=hint)]


def _judged(run: Run) -> list[Judged]:
    """Judge the claims of the study that a run repeats, if it does."""
    return judge_all(RunEvidence(run)) if run.study["name"].startswith(CLAIMED) else []


def _networks(run: Run) -> list[dict[str, str]]:
    return [
        {
            "name": name,
            "summary": victim.get("summary") or "",
            "checkpoint": str(victim.get("checkpoint") or "")[:12],
        }
        for name, victim in run.study["victims"].items()
    ]


def _undrawn(run: Run) -> list[str]:
    return [
        f"{attack} on {network}"
        for attack, wanted in run.swept.items()
        for network in run.networks
        if run.missing_for(network, wanted)
    ]


def _grouped(run: Run) -> list[list[Condition]]:
    groups: dict[str, list[Condition]] = {}
    for condition in run.conditions:
        groups.setdefault(f"{condition.name} {condition.norm}", []).append(condition)
    return list(groups.values())


def _provenance(study: dict[str, Any]) -> str:
    """Return `study.json` without the lists of cells, which only repeat names and digests."""
    kept = {key: content for key, content in study.items() if key not in ("cells", "parts")}
    return json.dumps(kept, indent=2, ensure_ascii=False)


@cache
def _vega() -> Markup:
    """Return Vega, Vega-Lite and Vega-Embed as one script, once for all charts of a page."""
    return Markup(
        vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace(
            "</script", "<\\/script"
        )
    )
