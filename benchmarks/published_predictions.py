"""What published predictions of MPII's validation people score here, beside what is said of them.

Run: `python benchmarks/published_predictions.py FOLDER`, with the files of `PUBLISHED` in it, each
`git show COMMIT:PATH` of its repository, and Tompson's `detections_our_format.mat`. Figures are
PCKh@0.5 in percent as bearpaw's evaluator prints them: left and right joints together, and the mean
of the 14 scored joints, each alike; behind the line PCKh@0.5 and @0.1 of all joints together.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from robustpose.data.mpii import mpii_truth
from robustpose.predictions import FIRST_PIXEL, read_predictions, score

JOINTS = ("head_top", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")


class Published(NamedTuple):
    """A file of predictions, where it is, and what its authors' evaluator says of it."""

    file: str
    source: str
    said_in: str
    figures: tuple[float, ...]


PUBLISHED = (
    Published(
        "pred_multiscale_250.h5",
        "bearpaw/PyraNet 3827305:pretrained/pred_multiscale_250.h5",
        "README of the repository",
        (97.41, 96.16, 91.10, 86.88, 90.05, 86.00, 83.89, 90.27),
    ),
    Published(
        "valid-ours.h5",
        "anewell/pose-hg-demo 2e2e5c4:preds/valid-ours.h5 (hourglass, 8 stacks)",
        "princeton-vl/pose-hg-demo, issue 1",
        (95.94, 94.68, 88.53, 83.38, 87.48, 83.09, 79.05, 87.56),
    ),
    Published(
        "bearpaw-hg_s2_b1.mat",
        "anibali/eval-mpii-pose 50a71c3:preds/reference/bearpaw-hg_s2_b1.mat (hourglass, 2 stacks)",
        "README of bearpaw/pytorch-pose, hg_s2_b1 (last)",
        (95.80, 94.57, 88.12, 83.31, 86.24, 80.88, 77.44, 86.76),
    ),
    Published(
        "bearpaw-hg_s8_b1.mat",
        "anibali/eval-mpii-pose 50a71c3:preds/reference/bearpaw-hg_s8_b1.mat (hourglass, 8 stacks)",
        "README of bearpaw/pytorch-pose, hg_s8_b1 (last)",
        (96.79, 95.19, 90.08, 85.32, 87.48, 84.26, 80.73, 88.64),
    ),
)


def figures(path: Path, truth: Path, first_pixel: int) -> tuple[float, ...]:
    """Return the eight figures of a file, and PCKh@0.5 and @0.1 of all joints together."""
    people = mpii_truth(truth)
    found = score(read_predictions(path, people, first_pixel=first_pixel), people)
    pairs = (found.by_pair[name] for name in JOINTS)
    (mean,) = (value for name, value in found.further.items() if name.startswith("mean of"))
    return (*pairs, mean, found.pck, found.further["PCK@0.1"])


def comparison(published: Published, folder: Path) -> str:
    """Return a table: the published figures, and those here from either first pixel."""
    path = folder / published.file
    usual = FIRST_PIXEL[path.suffix]
    lines = [
        f"{published.source}; figures: {published.said_in}",
        _line("", [*JOINTS, "mean", "| all", "@0.1"]),
        _line("published", _written(published.figures)),
    ]
    for first in (usual, 1 - usual):
        name = f"here, first pixel {first}{' (default)' if first == usual else ''}"
        ours = _written(figures(path, folder / "detections_our_format.mat", first))
        lines.append(_line(name, [*ours[:8], f"| {ours[8]}", ours[9]]))
    return "\n".join(lines)


def main() -> None:
    """Print a table for each file."""
    folder = Path(sys.argv[1])
    print("\n\n".join(comparison(published, folder) for published in PUBLISHED))


def _written(values: tuple[float, ...]) -> list[str]:
    return [f"{value:.2f}" for value in values]


def _line(name: str, cells: Sequence[str]) -> str:
    return f"  {name:30s}" + "".join(f"{cell:>9s}" for cell in cells)


if __name__ == "__main__":
    main()
