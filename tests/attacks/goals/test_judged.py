"""Goals on predicted joints: what they are worth, what stays unseen, and that attacks take them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from robustpose.attacks.balls import Linf
from robustpose.attacks.goals import Judged
from robustpose.attacks.goals.judged import dissimilarity, lost_joints
from robustpose.attacks.iterated import igsm
from robustpose.attacks.random_search import Square
from robustpose.conditions import Attacked
from robustpose.errors import UsageError
from robustpose.metrics.oks import oks
from robustpose.metrics.pck import pck_of_errors
from robustpose.models.model import PoseModel
from robustpose.poses import Pose, PoseBatch
from robustpose.scoring import errors
from robustpose.studies.provenance import described

SQUARE = Square(ball=Linf(16 / 255), queries=60)


@pytest.fixture
def eager(batch: PoseBatch) -> PoseBatch:
    """Return the people with large radii, so that an untrained network has joints to lose."""
    return replace(batch, threshold=1.0)


def test_lost_joints_are_counted_as_the_score_counts_them(
    network: PoseModel, eager: PoseBatch
) -> None:
    loss = Judged().loss(network, eager)(eager.images)
    found = errors(network.predict(eager.images), eager)
    right = torch.tensor(found <= eager.threshold).sum(dim=1)
    assert torch.equal(loss.floor(), (eager.scored.sum(dim=1) - right).float())
    share = 100 * (1 - loss.floor().sum() / eager.scored.sum())
    assert pck_of_errors(found, eager.threshold) == pytest.approx(float(share))


def test_dissimilarity_is_what_oks_lacks(network: PoseModel, batch: PoseBatch) -> None:
    sigmas = tuple(0.1 + 0.01 * joint for joint in range(len(batch.skeleton)))
    people = replace(batch, sigmas=sigmas, size=batch.size * 4)
    loss = Judged(by=dissimilarity).loss(network, people)(people.images)
    whole = oks(errors(network.predict(people.images), people), sigmas)
    counted = people.scored.sum(dim=1)
    torch.testing.assert_close(1 - loss / counted, torch.tensor(whole).float())


@pytest.mark.parametrize("by", [lost_joints, dissimilarity])
def test_farther_is_better_and_absurdly_far_is_no_more(by: Callable[[Tensor], Tensor]) -> None:
    distance = torch.tensor([[0.0, 0.5, 0.99, 1.01, 3.0, 1e6, torch.inf]])
    worth = by(distance)[0]
    assert (worth[1:5] > worth[:4]).all()
    assert worth[5] == worth[6] < 1.1


def test_a_distance_never_outweighs_a_joint() -> None:
    near, far = lost_joints(torch.tensor([[1.01, 0.9], [0.0, torch.inf]])).sum(dim=1).tolist()
    none, all_far = lost_joints(torch.tensor([[1.0] * 17, [0.0] * 16 + [1.001]])).sum(dim=1)
    assert near > 1 > far - 0.06
    assert none < all_far


def test_what_is_not_scored_does_not_count(network: PoseModel, batch: PoseBatch) -> None:
    some = replace(batch, labelled=batch.labelled.clone(), size=batch.size.clone())
    some.labelled[:, 3:] = False
    some.size[1] = 0
    loss = Judged().loss(network, some)
    assert loss.places.counts.sum() == 9
    assert loss(some.images)[1] == 0
    moved = replace(some, joints=torch.where(some.labelled[..., None], some.joints, torch.nan))
    assert torch.equal(Judged().loss(network, moved)(some.images), loss(some.images))


@pytest.mark.usefixtures("unchecked")
def test_only_joints_of_the_answer_are_seen(batch: PoseBatch) -> None:
    class Answers:
        """A model of which nothing but the answer can be had."""

        name, skeleton, answers = "answers", batch.skeleton, (True,) * len(batch.skeleton)

        def predict(self, images: Tensor, seeds: tuple[int, ...]) -> Pose:
            joints = batch.joints[: len(images)].clone()
            joints[0, 2] = torch.nan
            return Pose(joints, torch.full(joints.shape[:2], torch.nan))

    value = Judged().loss(Answers(), batch)(batch.images)  # type: ignore[arg-type]
    assert value.tolist() == pytest.approx([1.05, 0, 0, 0])


def test_square_takes_joints_away(network: PoseModel, eager: PoseBatch) -> None:
    loss = Judged().loss(network, eager)
    images = SQUARE(loss, eager.images, eager.seeds)
    assert (loss(images) >= loss(eager.images)).all()
    assert loss(images).sum() > loss(eager.images).sum()


def test_towards_another_pose(network: PoseModel, eager: PoseBatch) -> None:
    targets = eager.joints.roll(1, dims=0)
    loss = Judged().towards(targets).loss(network, eager)
    images = SQUARE(loss, eager.images, eager.seeds)
    assert loss(images).sum() > loss(eager.images).sum()
    other = Judged().loss(network, replace(eager, joints=targets))
    torch.testing.assert_close(loss(images), -other(images))


def test_some_of_the_people(network: PoseModel, batch: PoseBatch) -> None:
    chosen = [2, 0]
    taken = Judged().loss(network, batch).take(torch.tensor(chosen))
    fresh = Judged().loss(network, batch.take(chosen))
    assert torch.equal(taken(batch.images[chosen]), fresh(batch.images[chosen]))
    assert taken.seeded([5, 6]).places.seeds == (5, 6)


def test_a_gradient_is_refused_with_a_way_out(network: PoseModel, batch: PoseBatch) -> None:
    with pytest.raises(UsageError, match="no gradient: attack with Square"):
        igsm(eps=0.1)(Judged().loss(network, batch), batch.images, batch.seeds)


def test_rows_know_queries_and_no_gradients(network: PoseModel, eager: PoseBatch) -> None:
    condition = Attacked(name="Square", attack=SQUARE, by=Judged())
    made = condition.perturb(eager, network, None, seed=0)
    assert (made.gradients, made.queries, made.zero_gradient) == (0, 60, None)
    assert condition.description == (
        "60 queries of Square up the answer's lost joints, held against the true pose, from "
        "vertical stripes."
    )
    assert described(condition) != described(replace(condition, by=Judged(by=dissimilarity)))
