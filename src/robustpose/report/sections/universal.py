"""One perturbation for every photograph: what it does, what it looks like, what networks see."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from safetensors.numpy import load_file

from robustpose.metrics.robustness import relative_score
from robustpose.metrics.rules import score_of
from robustpose.report.figures import Picture
from robustpose.report.gallery import kept_poses, png_uri
from robustpose.report.listings import Value, value
from robustpose.report.perturbations import perturbation_picture
from robustpose.report.runs import Condition, Run
from robustpose.report.sections.section import PLAIN, Row, Section, Strip, Table, number

FITTED = re.compile(r"^UAP")
BESIDE = ("noise", "FGSM-U", "IGSM-U-10")
"""What universal perturbations are held against."""
SHOWN = 3
"""So many kept people are shown under each perturbation."""


def universal(run: Run, scores: pl.DataFrame) -> Section | None:
    """Return what universal perturbations do; None if the run has none. `scores` as tables have."""
    fitted = [name for name in run.attacks if FITTED.match(name)]
    if not fitted:
        return None
    epsilons = sorted({each.eps255 or 0.0 for name in fitted for each in run.attacks[name]})
    names = [name for name in (*BESIDE[:2], *fitted, *BESIDE[2:]) if name in run.attacks]
    tables = [_table(run, scores.filter(eps255=eps), names, eps) for eps in epsilons]
    tables.append(_fitted_table(run, fitted))
    largest = [run.attacks[name][-1] for name in fitted]
    return Section(
        "universal",
        "One perturbation for every photograph",
        [
            "A universal perturbation is fitted on training people and added to every photograph "
            "unchanged, so it can know nothing of the person it meets. UAP: the method of Metzen "
            "et al. (2017), as in the study; UAP-SGA: Shafahi et al. (2020); UAP-T: towards one "
            "and the same pose for everybody (target score). Noise of the same size is what "
            "nobody chose.",
        ],
        tables=[table for table in tables if table.rows],
        strips=[strip for condition in largest for strip in _strips(run, condition)],
        notes=[
            "Perturbations are scaled to 0-255 as in the paper's Figure 3: mid-grey is no change. "
            "Beside each, what the network sees in photographs that it was not fitted on.",
        ],
        files={"universal": scores.filter(pl.col("attack").is_in([*fitted, "noise"]))},
    )


def _table(run: Run, scores: pl.DataFrame, names: list[str], eps: float) -> Table:
    shown = [name for name in names if name in set(scores["attack"])]
    rows = [
        Row(network, [_value(scores.filter(network=network, attack=name)) for name in shown])
        for network in run.networks
        if network in set(scores["network"])
    ]
    about = f"relative {run.rule.name}, for targeted ones target {run.rule.name}, in percent"
    return Table(f"On people not fitted on, at ε = {eps:g}", about, "Network", shown, rows)


def _fitted_table(run: Run, fitted: Sequence[str]) -> Table:
    """Return what the perturbations do to people that they were fitted on."""
    conditions = [condition for name in fitted for condition in run.attacks[name]]
    rows = [
        Row(network, [_on_fitted(run, network, condition) for condition in conditions])
        for network in run.networks
    ]
    return Table(
        "On people fitted on",
        f"at most 256 of them; relative {run.rule.name}, for targeted ones target "
        f"{run.rule.name}, in percent",
        "Network",
        [f"{condition.name}, ε = {condition.eps255:g}" for condition in conditions],
        [row for row in rows if any(value != PLAIN for value in row.values)],
    )


def _on_fitted(run: Run, network: str, condition: Condition) -> Value:
    artefact = _artefact(run, network, condition)
    if artefact is None:
        return PLAIN
    clean, attacked = (artefact[f"fitted_{name}"].astype(float) for name in ("clean", "attacked"))
    clean[:, ~run.counted] = attacked[:, ~run.counted] = np.nan
    if condition.goal == "targeted":
        return number(score_of(run.rule.sums(attacked)))
    return number(relative_score(attacked, clean, run.rule))


def _artefact(run: Run, network: str, condition: Condition) -> dict[str, np.ndarray] | None:
    """Return what a condition prepared on a network; None if it is not there."""
    for entry in run.study.get("artefacts", ()):
        path = run.folder / "artefacts" / entry["file"]
        if (entry["condition"], entry["made_on"]) == (condition.label, network) and path.is_file():
            found: dict[str, np.ndarray] = load_file(path)
            return found
    return None


def _value(scores: pl.DataFrame) -> Value:
    rows = scores.to_dicts()
    if not rows:
        return PLAIN
    return value(rows[0], "target" if rows[0]["goal"] == "targeted" else "relative")


def _strips(run: Run, condition: Condition) -> Iterator[Strip]:
    """Yield each network's perturbation with kept people under it."""
    for network in run.networks:
        artefact = _artefact(run, network, condition)
        if artefact is None:
            continue
        perturbation = artefact["perturbation"].astype(float)
        picture = Picture(
            condition.name,
            f"The perturbation {condition.name} of {network}, scaled",
            png_uri(perturbation_picture(perturbation)),
        )
        poses = [
            Picture("", f"{person} under {condition.name}, with the pose that {network} sees", uri)
            for person, uri in kept_poses(run, network, condition, SHOWN)
        ]
        yield Strip(f"{network}, {condition.name} at ε = {condition.eps255:g}", [picture, *poses])
