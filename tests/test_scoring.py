"""Scores straight from tensors."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from robustpose.data.crops import crop
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.poses import Pose, PoseBatch
from robustpose.scoring import errors, evaluate, pck
from robustpose.skeletons import LSP14


def batch_of(size: list[float], labelled: torch.Tensor) -> PoseBatch:
    count = len(size)
    return PoseBatch(
        ids=tuple(map(str, range(count))),
        images=torch.zeros(count, 3, 8, 8),
        joints=torch.zeros(count, 14, 2),
        labelled=labelled,
        size=torch.tensor(size, dtype=torch.float32),
        threshold=0.5,
        skeleton=LSP14,
        to_photo=torch.eye(2, 3).expand(count, 2, 3),
    )


def pose(*far: float) -> Pose:
    """Return people whose joints are all this far to the right of the truth."""
    joints = torch.zeros(len(far), 14, 2)
    joints[..., 0] = torch.tensor(far)[:, None]
    return Pose(joints, torch.ones(len(far), 14))


def test_joints_within_half_of_the_size_are_right() -> None:
    every = torch.ones(3, 14, dtype=torch.bool)
    assert pck(pose(5, 5.01, 0), batch_of([10, 10, 10], every)) == pytest.approx(200 / 3)


def test_joints_without_label_and_people_without_size_are_not_scored() -> None:
    labelled = torch.ones(3, 14, dtype=torch.bool)
    labelled[1, :7] = False
    found = pck(pose(0, 9, 9), batch_of([10, 10, 0], labelled))
    assert found == pytest.approx(100 * 14 / 21)
    assert math.isnan(pck(pose(0), batch_of([0], labelled[:1])))


def test_evaluate_is_the_pck_of_all_people_whatever_the_batches(
    network: PoseModel, people: Split
) -> None:
    batch = crop(people, network)
    expected = pck(network.predict(batch.images), batch)
    for batch_size in (1, 3, 4):
        scores = evaluate(network, people, batch_size=batch_size)
        assert scores.pck == pytest.approx(expected)
        assert scores.people == 4
        assert list(scores.by_joint) == list(LSP14.joints)
        assert np.mean(list(scores.by_joint.values())) == pytest.approx(expected)


def test_nobody_cannot_be_scored(networks: dict[str, PoseModel], people: Split) -> None:
    with pytest.raises(UsageError):
        evaluate(networks["deeppose"], people[:0])


def test_people_scored_by_oks_have_their_mean_beside_the_pck(
    people: Split, networks: dict[str, PoseModel]
) -> None:
    model = networks["resdec"]
    assert evaluate(model, people).oks is None
    similar = replace(people, sigmas=(0.1,) * 14)
    batch = crop(people, model)
    error = errors(model.predict(batch.images, batch.seeds), batch)
    each = [np.mean([math.exp(-(e**2) / 0.08) for e in row if e == e]) for row in error]
    found = evaluate(model, similar).oks
    assert found == pytest.approx(100 * np.mean(each), rel=1e-3)
