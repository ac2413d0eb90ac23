"""Ensembles: the worst image of each person, nobody attacked in vain, all costs counted."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from robustpose.attacks.apgd import APGD
from robustpose.attacks.attack import Outcome
from robustpose.attacks.balls import Linf
from robustpose.attacks.goals import Displaced
from robustpose.attacks.goals.joint_losses import log_odds, pck_margin
from robustpose.attacks.gradients import Averaged
from robustpose.attacks.iterated import Iterated, fgsm
from robustpose.attacks.levels import rounded
from robustpose.attacks.losses import Loss
from robustpose.attacks.stand_ins import stand_ins
from robustpose.conditions import Attacked, Ensemble, Perturbed, Preparation, pose_auto_attack
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.models.wrapping import Wrapped
from robustpose.poses import Images, PoseBatch
from robustpose.scoring import errors
from robustpose.studies.digests import digest_of
from robustpose.studies.provenance import described

EPS = 8 / 255


@dataclass(frozen=True)
class Shift:
    """An attack that brightens everybody, and notes whom."""

    ball: Linf
    by: float
    steps: int = 1
    cost: int = 3
    description: str = "A shift"
    seen: list[int] = field(default_factory=list)

    def outcome(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Outcome:
        self.seen.append(len(images))
        moved = (images + self.by).clamp(0, 1)
        return Outcome(moved, torch.full((len(images),), 0.25), gradients=3, queries=2)

    def __call__(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Images:
        return self.outcome(loss, images, seeds).images


def harm(model: PoseModel, images: Tensor, batch: PoseBatch) -> list[tuple[int, float]]:
    """Return for each person minus how many joints are right, and the mean error."""
    found = errors(model.predict(images, batch.seeds), batch)
    right = (found <= batch.threshold).sum(axis=1)
    return list(zip((-right).tolist(), np.nanmean(found, axis=1).tolist(), strict=True))


def some_members() -> tuple[Attacked, ...]:
    attack = Iterated(ball=Linf(EPS), steps=3, step_size=EPS / 2, keep_best=True)
    return (
        Attacked(name="one", attack=fgsm(eps=EPS)),
        Attacked(name="two", attack=attack, by=Displaced(by=log_odds)),
        Attacked(name="three", attack=attack, by=Displaced(by=pck_margin, sparing=False)),
    )


def test_everybody_has_the_worst_image(network: PoseModel, batch: PoseBatch) -> None:
    batch = replace(batch, threshold=1.0)
    found = Ensemble(name="all", members=some_members()).perturb(batch, network, None, 0)
    shown = harm(network, found.images, batch)
    single = {"clean": harm(network, batch.images, batch)}
    for member in some_members():
        images = member.perturb(batch, network, None, 0).images
        single[member.name] = harm(network, rounded(images, batch.images, Linf(EPS)), batch)
    assert found.members is not None
    for person, who in enumerate(found.members):
        assert shown[person] == single[who][person]
        worst = max(each[person] for each in single.values())
        # Who has no joint left is not attacked again: errors may be larger elsewhere.
        assert shown[person][0] == worst[0]
        assert shown[person] == worst or shown[person][0] == 0
    assert torch.equal(found.images, rounded(found.images, batch.images, Linf(EPS)))


def test_who_is_lost_is_not_attacked_again(
    networks: dict[str, PoseModel], batch: PoseBatch
) -> None:
    model = networks["deeppose"]
    said = model.predict(batch.images).joints
    lost = torch.tensor([False, True, False, True])
    people = replace(
        batch, joints=torch.where(lost[:, None, None], said + 900, said), threshold=100.0
    )
    attacks = [Shift(Linf(EPS), EPS), Shift(Linf(EPS), -EPS)]
    members = tuple(Attacked(name=f"{at}", attack=each) for at, each in enumerate(attacks))
    found = Ensemble(name="all", members=members).perturb(people, model, None, 0)
    assert [each.seen for each in attacks] == [[2], [2]]
    assert found.gradients == [6, 0, 6, 0]
    assert found.queries == [7, 1, 7, 1]  # the clean image is judged, and each member's
    assert found.members is not None
    assert found.members[1] == found.members[3] == "clean"
    assert torch.equal(found.images[lost], batch.images[lost])
    assert found.zero_gradient is not None
    assert found.zero_gradient[~lost].eq(0.25).all()
    assert found.zero_gradient[lost].isnan().all()


def test_harmless_attacks_leave_the_clean_image(network: PoseModel, batch: PoseBatch) -> None:
    member = Attacked(name="none", attack=Shift(Linf(EPS), 0.0))
    found = Ensemble(name="all", members=(member,)).perturb(batch, network, None, 0)
    assert found.members == ["clean"] * len(batch)
    assert torch.equal(found.images, batch.images)


def test_similarity_is_lowered_where_people_are_scored_by_it(
    networks: dict[str, PoseModel], batch: PoseBatch
) -> None:
    model, sigmas = networks["resdec"], (0.5,) * 14
    people = replace(batch, sigmas=sigmas)
    found = Ensemble(name="all", members=some_members()).perturb(people, model, None, 0)

    def similarity(images: Tensor) -> Tensor:
        offset = model.predict(images).joints - batch.joints
        error = torch.linalg.vector_norm(offset, dim=2) / batch.size[:, None]
        return torch.exp(-error.square() / (8 * 0.25)).mean(dim=1)

    single = [
        similarity(rounded(member.perturb(people, model, None, 0).images, batch.images, Linf(EPS)))
        for member in some_members()
    ]
    torch.testing.assert_close(
        similarity(found.images),
        torch.stack([similarity(batch.images), *single]).amin(dim=0),
    )


def test_members_share_a_ball() -> None:
    other = Attacked(name="other", attack=fgsm(eps=EPS / 2))
    with pytest.raises(UsageError, match="one and the same ball"):
        Ensemble(name="all", members=(*some_members(), other))
    with pytest.raises(UsageError, match="at least one attack"):
        Ensemble(name="all", members=())


@pytest.mark.parametrize("quick", [True, False])
def test_pose_auto_attack_is_named_and_has_one_setting(quick: bool) -> None:
    ensemble = pose_auto_attack(Linf(EPS), quick=quick)
    assert ensemble.name == "pose-auto-attack-v1" + "-quick" * quick
    assert len({member.name for member in ensemble.members}) == len(ensemble.members)
    assert ensemble.cost == sum(member.cost for member in ensemble.members)
    assert any(member.targeted for member in ensemble.members)
    costs = [member.cost for member in ensemble.members]
    assert costs == sorted(costs)
    assert pose_auto_attack(Linf(EPS)).cost > pose_auto_attack(Linf(EPS), quick=True).cost
    again, other = (pose_auto_attack(Linf(each), quick=quick) for each in (EPS, EPS / 2))
    assert digest_of(described(ensemble)) == digest_of(described(again))
    assert digest_of(described(ensemble)) != digest_of(described(other))


def test_pose_auto_attack_is_prepared_and_runs(
    network: PoseModel, batch: PoseBatch, people: Split, tmp_path: Path
) -> None:
    ensemble = pose_auto_attack(Linf(EPS), quick=True)
    short = tuple(
        replace(member, attack=replace(member.attack, **cut(member))) for member in ensemble.members
    )
    small = replace(ensemble, members=short)
    state = tmp_path / "state"
    artefact = small.prepare(
        Preparation(people=people, canvas=(64, 64), model=network, seed=0, state=state)
    )
    people_here = replace(batch, threshold=1.0)
    found = small.perturb(people_here, network, artefact, 0)
    assert isinstance(found, Perturbed)
    assert harm(network, found.images, people_here) >= harm(network, batch.images, people_here)
    assert found.targets is None


def cut(member: Attacked) -> dict[str, int]:
    """Return what makes a member short."""
    return {"queries": 3} if hasattr(member.attack, "queries") else {"steps": 2}


def test_a_batch_alone_is_enough(network: PoseModel, batch: PoseBatch) -> None:
    targeted = replace(some_members()[0], name="towards", targeted=True)
    ensemble = Ensemble(name="all", members=(*some_members(), targeted))
    found = ensemble(network, batch)
    levels = 255 * found.images
    torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)
    assert (found.images - batch.images).abs().max() <= EPS + 1e-6
    assert found.members is not None
    assert set(found.members) <= {"clean", "one", "two", "three", "towards"}


class Drawing(torch.nn.Module):
    """A network behind noise that no seed settles."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        stages: tuple[Tensor, ...] = self.network(pictures + 0.1 * torch.randn_like(pictures))
        return stages


def test_random_networks_meet_more_members(
    networks: dict[str, PoseModel], batch: PoseBatch
) -> None:
    averaged = pose_auto_attack(Linf(EPS), quick=True).where_random
    assert all(isinstance(each.attack.gradient, Averaged) for each in averaged)  # type: ignore[attr-defined]
    seen: list[int] = []
    more = Attacked(name="more", attack=Shift(Linf(EPS), EPS, seen=seen))
    ensemble = Ensemble(name="all", members=some_members()[:1], where_random=(more,))
    model = networks["resdec"]
    ensemble(model, batch)
    assert seen == []
    network, model.network = model.network, Drawing(model.network)
    try:
        found = ensemble(model, replace(batch, threshold=9.0))
    finally:
        model.network = network
    assert seen == [len(batch)]
    assert found.members is not None


def test_nobody_wins_by_a_lucky_draw(networks: dict[str, PoseModel], batch: PoseBatch) -> None:
    nothing = tuple(
        Attacked(name=f"nothing {number}", attack=Shift(Linf(EPS), 0.0)) for number in range(3)
    )
    model = networks["resdec"]
    network, model.network = model.network, Drawing(model.network)
    try:
        found = Ensemble(name="all", members=nothing)(model, replace(batch, threshold=1.0))
    finally:
        model.network = network
    assert found.members == ["clean"] * len(batch)


class Rounded(Wrapped):
    """A network of sixty levels a colour: its gradient is zero."""

    def forward(self, images: Images, seeds: Sequence[int] | None = None) -> tuple[Tensor, ...]:
        return super().forward((60 * images).round() / 60, seeds)


def test_networks_that_mask_their_gradient_meet_more_members(
    networks: dict[str, PoseModel], batch: PoseBatch
) -> None:
    batch = replace(batch, threshold=1.0)
    attack = APGD(ball=Linf(EPS), steps=3, random_start=False)
    own = Attacked(name="own", attack=attack, by=Displaced())
    around = replace(own, name="around", attack=replace(attack, gradient=stand_ins))
    seen: list[int] = []
    more = Attacked(name="more", attack=Shift(Linf(EPS), EPS, seen=seen))
    ensemble = Ensemble(name="all", members=(own, around), where_masked=(more,))
    ensemble(networks["resdec"], batch)
    honest = list(seen)
    rounded = Rounded(networks["resdec"], name="rounded").frozen()
    found = ensemble(rounded, batch)
    assert found.members is not None
    assert honest == []
    assert set(found.members) <= {"clean", "around", "more"}
    assert ensemble.further(rounded, batch, found.members) == (more,)
    assert ensemble.further(rounded, batch, ["own", "own", "around"]) == ()
    assert [each.name for each in pose_auto_attack(Linf(EPS)).where_masked] == [
        "APGD-BPDA-300",
        "APGD-PCK-BPDA-300",
        "APGD-COS-BPDA-300",
        "APGD-T-BPDA-300",
    ]
