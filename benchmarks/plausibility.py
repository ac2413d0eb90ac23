"""How many poses are called implausible: annotated ones, and ones spoilt in a known way.

Run: `python benchmarks/plausibility.py valid.h5` (Newell's ground truth of MPII's validation
people). A half of them, drawn at random, is the population, the other half is judged, over 14
joints (without pelvis and thorax); only labelled joints are known. Prints percentages over 20 such
divisions.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from robustpose.data.mpii import mpii_truth
from robustpose.metrics.plausibility import implausibility, population
from robustpose.skeletons import LSP14, MPII16

DIVISIONS = 20


class People(NamedTuple):
    """Joints, which of them are labelled, head sizes, and the crop's corner and side."""

    joints: Float[np.ndarray, "n 14 2"]
    labelled: Bool[np.ndarray, "n 14"]
    head: Float[np.ndarray, "n"]
    corner: Float[np.ndarray, "n 2"]
    side: Float[np.ndarray, "n"]

    def take(self, index: np.ndarray) -> "People":
        """Return some of them."""
        return People(*(array[index] for array in self))


def read(path: Path) -> People:
    """Return everybody of a file of ground truth."""
    everybody = list(mpii_truth(path))
    chosen = [MPII16.index(joint) for joint in LSP14.joints]
    side = np.array([person.box.width for person in everybody])
    return People(
        joints=np.stack([person.joints[chosen] for person in everybody]),
        labelled=np.stack([person.labelled[chosen] for person in everybody]),
        head=np.array([person.size or np.nan for person in everybody]),
        corner=np.array([person.box.centre for person in everybody]) - side[:, None] / 2,
        side=side,
    )


def spoilt(people: People, draw: np.random.Generator) -> dict[str, People]:
    """Return people by what was done to their poses."""
    count = len(people.joints)
    anywhere = people.corner[:, None] + people.side[:, None, None] * draw.random((count, 14, 2))
    hips = np.arange(14)
    left, right = LSP14.index("left_hip"), LSP14.index("right_hip")
    hips[[left, right]] = right, left
    thrown = (draw.random((count, 14)) * people.labelled).argmax(axis=1)
    one = (np.arange(14) == thrown[:, None])[..., None]
    errors = draw.normal(0, 0.5, (count, 14, 2)) * people.head[:, None, None]
    return {
        "annotated poses": people,
        "with the hips exchanged": people._replace(
            joints=people.joints[:, hips], labelled=people.labelled[:, hips]
        ),
        "with one joint thrown anywhere in the crop": people._replace(
            joints=np.where(one, anywhere, people.joints)
        ),
        "with normal errors of half a head in every coordinate": people._replace(
            joints=people.joints + errors
        ),
        "joints drawn evenly over the crop": people._replace(joints=anywhere),
    }


def shares(people: People, seed: int) -> dict[str, float]:
    """Return the percentage of implausible poses by what was done to them, for one division."""
    draw = np.random.default_rng(seed)
    halves = np.array_split(draw.permutation(len(people.joints)), 2)
    known, judged = people.take(halves[0]), people.take(halves[1])
    ordinary = population(known.joints, known.labelled, LSP14)
    scores = {
        title: implausibility(some.joints, some.labelled, ordinary)
        for title, some in spoilt(judged, draw).items()
    }
    return {title: float(100 * np.mean(each > 1)) for title, each in scores.items()}


def main() -> None:
    """Print a line for each kind of poses."""
    people = read(Path(sys.argv[1]))
    divisions = [shares(people, seed) for seed in range(DIVISIONS)]
    print(f"{'':53s}  mean  least  most")
    for title in divisions[0]:
        values = [each[title] for each in divisions]
        print(f"{title:53s} {np.mean(values):5.1f} {min(values):6.1f} {max(values):5.1f}")


if __name__ == "__main__":
    main()
