"""Answers that never look at the picture: what a score is worth without them is chance."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from robustpose.conditions import Artefact, Clean
from robustpose.data.parts import crop_with_parts
from robustpose.data.people import Split
from robustpose.data.rendered import PARTS
from robustpose.metrics.floors import mean_pose
from robustpose.metrics.tasks import best_constant_map, commonest
from robustpose.poses import Pose

AT_ONCE = 50
"""How many people are drawn at a time."""


@dataclass(frozen=True)
class Constant(Clean):
    """Clean photographs at which nobody looks: everybody gets the same answer."""

    name: str = "constant"
    description = (
        "One answer for everybody that never looks at the photograph: the commonest activity, the "
        "best label map, the mean pose of training people."
    )
    cost = 0


@dataclass(frozen=True, eq=False)
class ConstantAnswers:
    """The same answer to everybody: an activity, a label map, a pose in canvas pixels."""

    activity: Int[Tensor, ""]
    parts: Int[Tensor, "rows columns"]
    joints: Float[Tensor, "k 2"]

    def answer(self, task: str, count: int) -> Tensor | Pose:
        """Return the answer to a task, `count` times."""
        if task == "pose":
            joints = self.joints.expand(count, -1, -1)
            return Pose(joints, torch.zeros(joints.shape[:2]))
        label: Tensor = getattr(self, task)
        return label.expand(count, *label.shape)


def constant_answers(people: Split, canvas: tuple[int, int], *, stride: int) -> Artefact:
    """Return what `ConstantAnswers` holds, measured on drawn people of whom no score is taken."""
    activities, joints, labelled = [], [], []
    seen = np.zeros((len(PARTS), canvas[0] // stride, canvas[1] // stride))
    for start in range(0, len(people), AT_ONCE):
        batch = crop_with_parts(people[start : start + AT_ONCE], canvas, stride=stride)
        activities.append(batch.labels["activity"].numpy())
        joints.append(batch.joints.numpy())
        labelled.append(batch.labelled.numpy())
        maps = batch.labels["parts"].numpy()
        seen += [(maps == part).sum(axis=0) for part in range(len(PARTS))]
    pose = mean_pose(np.concatenate(joints), np.concatenate(labelled))
    return {
        "activity": torch.tensor(commonest(np.concatenate(activities))),
        "parts": torch.from_numpy(best_constant_map(seen / len(people))),
        "joints": torch.from_numpy(pose).float(),
    }
