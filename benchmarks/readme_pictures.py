"""Make the pictures of README.md from a run on rendered people, or from one of the study.

`python benchmarks/readme_pictures.py RUN`: the kept person whom the network sees best before the
attack; of a run on photographs its curves beside the published ones, or if it has universal
perturbations those alone, since no photograph may be shown; of a strong evaluation what the study's
attack leaves, and what the ensemble does.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
from safetensors.numpy import load_file

from robustpose.report.charts import curves, write_chart
from robustpose.report.overlays import (
    amplification,
    amplified,
    beside,
    captioned,
    draw_maps,
    draw_skeleton,
    enlarged,
)
from robustpose.report.perturbations import perturbation_picture
from robustpose.skeletons import LSP14
from robustpose.studies.rows import read_rows, read_study, sample_path

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
NETWORK, ATTACK, EPSILON = "hourglass2-compact", "IGSM-U-10", 4
SCALE = 2
STUDYS, ENSEMBLE = "IGSM-U-100", "pose-auto-attack-v1"


def before_after(run: Path) -> np.ndarray[Any, Any]:
    """Return photo with pose, perturbation, photo with pose after, heatmaps before and after."""
    threshold = read_study(run)["people"]["threshold"]
    rows = read_rows(run).filter(pl.col("victim") == NETWORK)
    right = pl.col("error").list.eval(pl.element() <= threshold).list.sum()
    clean = rows.filter(pl.col("condition") == "clean").with_columns(right=right)
    person = next(
        row
        for row in clean.sort("right", descending=True).iter_rows(named=True)
        if sample_path(run, row["part"], row["person"]).exists()
    )
    attacked = rows.filter(
        (pl.col("condition") == ATTACK)
        & ((pl.col("eps") * 255 - EPSILON).abs() < 1e-6)
        & (pl.col("person") == person["person"])
    ).row(0, named=True)
    shown = (person["part"], person["person"]), (attacked["part"], attacked["person"])
    image, perturbed = (_picture(sample_path(run, *each)) for each in shown)
    maps = [sample_path(run, *each, NETWORK) for each in shown]
    wrong = np.array(attacked["error"], dtype=float) > threshold
    factor = amplification(EPSILON)
    panels = {
        "before": draw_skeleton(image, np.array(person["joints"]), LSP14, scale=SCALE),
        f"perturbation x {factor}": enlarged(amplified(image, perturbed, factor=factor), SCALE),
        f"after, eps {EPSILON}/255": draw_skeleton(
            perturbed, np.array(attacked["joints"]), LSP14, scale=SCALE, wrong=wrong
        ),
        "heatmaps before": _maps(image, maps[0]),
        "heatmaps after": _maps(perturbed, maps[1]),
    }
    return beside([captioned(panel, text) for text, panel in panels.items()])


def universal(run: Path) -> np.ndarray[Any, Any]:
    """Return each network's universal perturbation of the largest epsilon, scaled to 0-255."""
    entries = [e for e in read_study(run)["artefacts"] if e["condition"].startswith("UAP @")]
    label = entries[-1]["condition"]
    panels = {
        entry["made_on"]: load_file(run / "artefacts" / entry["file"])["perturbation"]
        for entry in entries
        if entry["condition"] == label
    }
    return beside(
        [
            captioned(enlarged(perturbation_picture(each), SCALE), name)
            for name, each in panels.items()
        ]
    )


def strong(run: Path) -> None:
    """Write what two attacks leave of the clean score of each network, by epsilon."""
    scores = pl.read_csv(run / "tables" / "scores.csv")
    networks = scores["network"].unique(maintain_order=True).to_list()
    spec = curves(scores, "relative", networks, attacks=[STUDYS, ENSEMBLE], score="PCK")
    write_chart(spec, IMAGES / "strong")
    (IMAGES / "strong.svg").unlink()


def _picture(path: Path) -> np.ndarray[Any, Any]:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB))


def _maps(image: np.ndarray[Any, Any], path: Path) -> np.ndarray[Any, Any]:
    with np.load(path) as stored:
        return enlarged(draw_maps(image, stored["maps"]), SCALE)


if __name__ == "__main__":
    (run,) = map(Path, sys.argv[1:])
    IMAGES.mkdir(parents=True, exist_ok=True)
    study = read_study(run)
    if study["name"].startswith("strong"):
        strong(run)
    elif any(entry["condition"].startswith("UAP @") for entry in study.get("artefacts", ())):
        cv2.imwrite(str(IMAGES / "universal.png"), universal(run)[..., ::-1])
    elif not study["people"]["name"].startswith("rendered"):
        shutil.copy(run / "figures" / "published.png", IMAGES / "study.png")
    else:
        cv2.imwrite(str(IMAGES / "before_after.png"), before_after(run)[..., ::-1])
    print(f"wrote {IMAGES}")
