"""How far COCO's ten figures lie from those of pycocotools, on generated and on shaken real people.

Run: `python -m benchmarks.coco_parity [SAMPLES]` from the top of the repository; SAMPLES is a
folder that holds `annotations/person_keypoints_*.json`, of which no photograph is read.
Differences are in percent; figures that one of both does not have count as infinitely far.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from robustpose.metrics.average_precision import average_precision
from tests.metrics.crowds import Content, crowded, detections, found_at, official

Case = tuple[Content, list[Content]]


def generated(levels: int, count: int = 42) -> Iterator[Case]:
    """Yield people and detections whose scores have so many levels: few of them tie often."""
    for seed in range(count):
        draw = np.random.default_rng([seed, levels])
        annotations = crowded(draw)
        yield annotations, detections(draw, annotations, levels=levels)


def shaken(path: Path, count: int = 8) -> Iterator[Case]:
    """Yield annotated people and poses near theirs."""
    annotations = json.loads(path.read_text())
    for seed in range(count):
        draw = np.random.default_rng(seed)
        yield (
            annotations,
            [
                found_at(draw, person, off=draw.choice([0.02, 0.08, 0.2]), score=draw.random())
                for person in annotations["annotations"]
            ],
        )


def difference(annotations: Content, results: list[Content]) -> float:
    """Return the largest difference of one of the ten figures."""
    found = np.array(average_precision(annotations, results))
    expected = official(annotations, results)
    if (np.isnan(found) != np.isnan(expected)).any():
        return float("inf")
    return float(np.nanmax(np.abs(found - expected)))


def line(title: str, cases: Iterator[Case]) -> str:
    """Return how far the worst of some cases is off."""
    differences = [difference(*case) for case in cases]
    return f"{title:45s} {len(differences):3d} sets, largest difference {max(differences):.1e}"


def main() -> None:
    """Print a line for each kind of people."""
    for levels, ties in ((1000, "few"), (3, "many")):
        print(line(f"generated, {ties} equal scores", generated(levels)))
    for folder in sys.argv[1:]:
        for path in sorted(Path(folder).glob("annotations/person_keypoints_*.json")):
            print(line(f"{path.stem}, shaken", shaken(path)))


if __name__ == "__main__":
    main()
