"""The study's rule for targets: somebody else's pose that has no joint right."""

import pytest
import torch
from torch import Tensor

from robustpose.attacks.targets import choose_targets
from robustpose.errors import UsageError
from robustpose.poses import Pose, PoseBatch
from robustpose.skeletons import LSP14


def people_at(joints: Tensor, *, size: float = 10.0, threshold: float = 0.5) -> PoseBatch:
    count = len(joints)
    return PoseBatch(
        ids=tuple(f"somebody/{i}" for i in range(count)),
        images=torch.zeros(count, 3, 8, 8),
        joints=joints,
        labelled=torch.ones(joints.shape[:2], dtype=torch.bool),
        size=torch.full((count,), size),
        threshold=threshold,
        skeleton=LSP14,
        to_photo=torch.eye(2, 3).expand(count, 2, 3),
    )


def all_at(x: float) -> Tensor:
    return torch.full((14, 2), x)


def said(joints: Tensor) -> Pose:
    return Pose(joints, torch.ones(joints.shape[:2]))


def common(target: Tensor, clean: Tensor, radius: float = 5.0) -> Tensor:
    return ((target - clean).norm(dim=2) <= radius).sum(dim=1)


def test_no_joint_of_a_target_is_right_where_such_a_pose_exists() -> None:
    random = torch.Generator().manual_seed(0)
    joints = torch.rand(30, 14, 2, generator=random) * 60
    batch, clean = people_at(joints), joints + torch.randn(30, 14, 2, generator=random)
    candidates = torch.cat([joints, torch.rand(200, 14, 2, generator=random) * 60])
    target = choose_targets(said(clean), batch, candidates, seed=0)
    reachable = torch.stack([common(candidates, pose[None]).min() for pose in clean])
    assert (reachable == 0).all()
    assert (common(target, clean) == 0).all()


def test_otherwise_the_pose_with_the_fewest_joints_in_common() -> None:
    near, nearer = all_at(0.0), all_at(0.0)
    near[0], nearer[:2] = 50, 50  # 13 and 12 joints of the answer (0, 0) in common
    batch = people_at(all_at(90.0)[None])
    candidates = torch.stack([near, nearer, near])
    target = choose_targets(said(torch.zeros(1, 14, 2)), batch, candidates, seed=0)
    assert torch.equal(target[0], nearer)


def test_the_boundary_counts_as_right() -> None:
    at_the_radius = all_at(0.0) + torch.tensor([5.0, 0])
    beyond = all_at(0.0) + torch.tensor([5.01, 0])
    batch = people_at(all_at(90.0)[None])
    for seed in range(5):
        target = choose_targets(
            said(torch.zeros(1, 14, 2)), batch, torch.stack([at_the_radius, beyond]), seed=seed
        )
        assert torch.equal(target[0], beyond)


def test_nobody_is_pulled_to_their_own_pose() -> None:
    joints = torch.stack([all_at(0.0), all_at(40.0)])
    clean = torch.stack([all_at(80.0), all_at(80.0)])  # both poses have no joint in common
    for seed in range(10):
        target = choose_targets(said(clean), people_at(joints), joints, seed=seed)
        assert torch.equal(target, joints.flip(0))


def test_the_draw_belongs_to_person_and_seed() -> None:
    random = torch.Generator().manual_seed(1)
    candidates = torch.rand(50, 14, 2, generator=random) * 60
    batch = people_at(candidates[:8])
    clean = torch.full((8, 14, 2), 200.0)

    def chosen(seed: int, people: list[int]) -> Tensor:
        return choose_targets(said(clean[people]), batch.take(people), candidates, seed=seed)

    everybody = list(range(8))
    assert torch.equal(chosen(0, everybody), chosen(0, everybody))
    assert not torch.equal(chosen(0, everybody), chosen(1, everybody))
    order = [5, 0, 7]
    assert torch.equal(chosen(0, order), chosen(0, everybody)[order])


def test_one_candidate_is_too_few() -> None:
    with pytest.raises(UsageError, match="at least two people"):
        choose_targets(
            said(torch.zeros(1, 14, 2)),
            people_at(torch.zeros(1, 14, 2)),
            torch.zeros(1, 14, 2),
            seed=0,
        )
