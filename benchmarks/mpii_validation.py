"""What published predictions and guesses score on MPII's validation people, from annotations alone.

Run: `python benchmarks/mpii_validation.py detections_our_format.mat valid.h5`, Tompson's file of
predictions and Newell's ground truth. Prints PCKh@0.5 in percent over the 14 scored joints.
"""

import sys
from pathlib import Path

import numpy as np

from robustpose.data.mpii import mpii_truth
from robustpose.metrics.floors import (
    Frames,
    constant_pose_errors,
    in_frames,
    mean_pose,
    other_pose_chances,
)
from robustpose.metrics.rules import Within, score_of
from robustpose.predictions import read_predictions, score


def guesses(truth: Path) -> dict[str, float]:
    """Return the scores of a constant pose and of another person's, on the standard crops."""
    people = mpii_truth(truth)
    everybody = list(people)
    centres = np.array([person.box.centre for person in everybody])
    sides = np.array([person.box.width for person in everybody])
    joints = in_frames(np.stack([person.joints for person in everybody]), Frames(centres, sides))
    size = np.array([person.size or 0.0 for person in everybody]) / sides
    counts = np.array([joint not in people.unscored for joint in people.skeleton.joints])
    scored = np.stack([person.labelled for person in everybody]) & counts
    rule = Within(people.threshold)
    constant = constant_pose_errors(mean_pose(joints, scored), joints, scored, size)
    chances = other_pose_chances(
        joints, scored, joints, scored, size, rule, itself=np.arange(len(everybody))
    )
    pairs = np.where(np.isnan(chances), 0.0, chances).sum(axis=0)
    donors = scored.sum(axis=0).astype(float)
    by_pair = (pairs * (donors - 1)).sum() / (donors * (donors - 1)).sum()
    return {
        "constant mean pose": score_of(rule.sums(constant)),
        "another person's pose, by joint": score_of(rule.gathered(chances)),
        "another person's pose, by pair of people": float(100 * by_pair),
    }


def main() -> None:
    """Print a line for each score."""
    predictions, newell = (Path(argument) for argument in sys.argv[1:])
    for truth in (predictions, newell):
        people = mpii_truth(truth)
        found = score(read_predictions(predictions, people), people)
        print(f"Tompson's predictions on the truth of {truth.name:27s} {found.pck:.2f}")
    for name, value in guesses(newell).items():
        print(f"{name:63s} {value:.2f}")


if __name__ == "__main__":
    main()
