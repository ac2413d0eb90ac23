"""What a guess would score: poses that need no photograph, made from the training people.

One constant pose for everybody (their mean) and the pose of a random one of them, both where they
lie on the canvas: the frame that networks see people in (`metrics.floors`).
"""

from collections.abc import Mapping
from math import ceil, isnan
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from robustpose.data.people import Named, Split
from robustpose.geometry import scale_of, transformed
from robustpose.metrics.floors import mean_pose, other_pose_chances
from robustpose.metrics.rules import rule_of, score_of
from robustpose.studies.digests import digest_of
from robustpose.studies.provenance import described
from robustpose.studies.study import Study

DRAWN = 1_000
"""So many training people, the first, where each would have to be drawn."""

COMPARED = 25_000
"""At most so many of their poses, evenly spread, stand for a random one: all but for COCO."""


class _Placed(NamedTuple):
    joints: Float[np.ndarray, "n k 2"]
    labelled: Bool[np.ndarray, "n k"]
    size: Float[np.ndarray, "n"]


def guess_entry(
    study: Study, known: Bool[np.ndarray, "k"], before: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """Return what `study.json` says of guesses; None for a study without training people.

    `known` says which joints all victims know. `before` is the entry of an earlier start, which
    stands if it was made from the same people in the same way. `pose` is the mean pose in canvas
    pixels, of the first `people` of the `available` ones of `split`; a joint that nobody has is
    null. `other_pose` is the score in percent of a random pose of `other_people` of them.
    """
    if study.training is None:
        return None
    people, training = study.people, study.training
    if isinstance(training.people, Named):
        training = training[:DRAWN]
    counted = known & [joint not in people.unscored for joint in people.skeleton.joints]
    rule = rule_of(people.threshold, people.sigmas)
    made_from = [
        [each.digest, each.ids, each.cropping.alignment.name] for each in (people, training)
    ]
    digest = digest_of([made_from, study.canvas, described(rule), counted.tolist()])
    if before is not None and before.get("digest") == digest:
        return dict(before)
    ours, theirs = _placed(people, study.canvas), _placed(training, study.canvas)
    some = slice(None, None, max(1, ceil(len(training) / COMPARED)))
    chances = other_pose_chances(
        theirs.joints[some],
        theirs.labelled[some],
        ours.joints,
        ours.labelled & counted,
        ours.size,
        rule,
    )
    other = score_of(rule.gathered(chances))
    pose = mean_pose(theirs.joints, theirs.labelled)
    return {
        "digest": digest,
        "split": training.name,
        "available": len(study.training),
        "people": len(training),
        "pose": [None if np.isnan(point).any() else point.tolist() for point in pose],
        "other_pose": None if isnan(other) else other,
        "other_people": len(theirs.joints[some]),
    }


def _placed(people: Split, canvas: tuple[int, int]) -> _Placed:
    """Return everybody's pose and reference length (0: none) on the canvas; reads no photograph."""
    count, joints, labelled, size = len(people.skeleton), [], [], []
    for person in people:
        affine = people.affine(person, canvas)
        joints.append(transformed(person.joints, affine))
        labelled.append(person.labelled)
        size.append((person.size or 0.0) * scale_of(affine))
    return _Placed(
        np.reshape(joints, (len(size), count, 2)).astype(float),
        np.reshape(labelled, (len(size), count)).astype(bool),
        np.array(size, dtype=float),
    )
