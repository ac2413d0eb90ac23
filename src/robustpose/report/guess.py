"""The constant pose that scores are held against: one answer for everybody, without a photograph.

It is the mean pose of the training people where the study has some (`study.json` holds it), else of
the people judged, which flatters it slightly.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from robustpose.metrics.floors import constant_pose_errors, mean_pose
from robustpose.report.runs import Condition, Run


class Guess(NamedTuple):
    """The constant pose, whose mean it is in words, and what another person's pose scores.

    `pose` is in canvas pixels, NaN for joints that nobody has. `other_pose` is the score in percent
    of the pose of a random one of the same people; None without training people.
    """

    pose: Float[np.ndarray, "k 2"]
    origin: str
    other_pose: float | None


def guess_of(run: Run) -> Guess:
    """Return the constant pose of a run."""
    entry = run.study.get("guess")
    if entry is None:
        pose, origin = mean_pose(run.truth, run.labelled), "the mean of these very people's poses"
        return Guess(pose, f"{origin}, for want of training people", None)
    first = "the first " if entry["people"] < entry["available"] else ""
    return Guess(
        pose=np.array([point or (np.nan, np.nan) for point in entry["pose"]], dtype=float),
        origin=f"the mean pose of {first}{entry['people']:,} people of {entry['split']}",
        other_pose=entry["other_pose"],
    )


def guess_errors(run: Run) -> Float[np.ndarray, "n k"]:
    """Return the errors of the constant pose, as `Run.errors` returns those of a network."""
    return constant_pose_errors(guess_of(run).pose, run.truth, run.scored, run.size)


def guess_errors_to_target(
    run: Run, network: str, condition: Condition
) -> Float[np.ndarray, "n k"]:
    """Return the errors of the constant pose to the poses that a targeted attack asks for."""
    targets = run.points(network, condition, "target")
    asked = ~np.isnan(run.errors(network, condition, column="target_error"))
    return constant_pose_errors(guess_of(run).pose, targets, asked, run.size)
