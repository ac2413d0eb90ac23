"""One perturbation for every photograph: what it does, what it looks like, what networks see."""

import re
from collections.abc import Iterator

import numpy as np
import polars as pl
from safetensors.numpy import load_file

from robustpose.report.figures import Picture
from robustpose.report.gallery import kept_poses, png_uri
from robustpose.report.listings import Value, value
from robustpose.report.perturbations import perturbation_picture
from robustpose.report.runs import Condition, Run
from robustpose.report.sections.section import PLAIN, Row, Section, Strip, Table

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
    largest = [run.attacks[name][-1] for name in fitted]
    return Section(
        "universal",
        "One perturbation for every photograph",
        [
            "A universal perturbation is fitted on training people and added to every photograph "
            "unchanged, so it can know nothing of the person it meets. UAP: Metzen et al. (2017) "
            "as the study sets it; UAP-SGA: Shafahi et al. (2020); UAP-T: towards one and the "
            "same pose for everybody (target score). Noise of the same size is what nobody chose.",
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


def _value(scores: pl.DataFrame) -> Value:
    rows = scores.to_dicts()
    if not rows:
        return PLAIN
    return value(rows[0], "target" if rows[0]["goal"] == "targeted" else "relative")


def _strips(run: Run, condition: Condition) -> Iterator[Strip]:
    """Yield each network's perturbation with kept people under it."""
    for network in run.networks:
        entry = next(
            (
                each
                for each in run.study.get("artefacts", ())
                if (each["condition"], each["made_on"]) == (condition.label, network)
            ),
            None,
        )
        path = run.folder / "artefacts" / entry["file"] if entry else None
        if path is None or not path.is_file():
            continue
        perturbation = np.asarray(load_file(path)["perturbation"], dtype=np.float64)
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
