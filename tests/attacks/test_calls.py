"""`attack`: the one call, and what it says about bad input."""

from typing import Any

import pytest
import torch
from torch import Tensor

from robustpose.attacks.balls import L2
from robustpose.attacks.calls import attack
from robustpose.attacks.goals import Untargeted
from robustpose.attacks.iterated import igsm, pgd
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch


def loss_of(model: PoseModel, images: Tensor, joints: Tensor) -> Tensor:
    with torch.no_grad():
        return model.losses(model(images), joints, torch.ones(joints.shape[:2]))[-1]


def test_the_plain_call_is_igsm_in_eight_levels(network: PoseModel, batch: PoseBatch) -> None:
    result = attack(network, batch.images, batch.joints)
    expected = igsm(eps=8 / 255)(Untargeted().loss(network, batch), batch.images, batch.seeds)
    assert torch.equal(result, expected)


def test_with_a_target_the_loss_against_it_falls(network: PoseModel, batch: PoseBatch) -> None:
    target = batch.joints.flip(0)
    result = attack(network, batch.images, batch.joints, target=target, eps=2 / 255, steps=5)
    before, after = (loss_of(network, images, target) for images in (batch.images, result))
    assert (after < before).all()


def test_any_algorithm_serves_and_its_noise_follows_the_seed(
    networks: dict[str, PoseModel], batch: PoseBatch
) -> None:
    algorithm = pgd(eps=0.5, steps=1, ball=L2)
    one, same, other = (
        attack(networks["resdec"], batch.images, batch.joints, algorithm=algorithm, seed=seed)
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert (L2(0.5).distance(one, batch.images) <= 0.5 + 1e-5).all()


@pytest.mark.parametrize("absurd", [float("nan"), float("inf"), 1e9])
def test_joints_without_label_are_not_read(
    network: PoseModel, batch: PoseBatch, absurd: float
) -> None:
    labelled = torch.ones(batch.labelled.shape, dtype=torch.bool)
    labelled[:, 3] = False
    joints = batch.joints.clone()
    joints[:, 3] = absurd
    results = [
        attack(network, batch.images, given, labelled=labelled, steps=2)
        for given in (batch.joints, joints)
    ]
    assert torch.equal(*results)
    assert not torch.equal(results[0], attack(network, batch.images, batch.joints, steps=2))


def nan(tensor: Tensor) -> Tensor:
    changed = tensor.clone()
    changed[0, 0, 0] = torch.nan
    return changed


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "8-bit images": ({"images": lambda b: b.images * 255}, "divide 8-bit images by 255"),
    "normalised images": ({"images": lambda b: b.images - 0.5}, "do not normalise"),
    "NaN images": ({"images": lambda b: nan(b.images)}, r"in \[0, 1\]"),
    "one image": ({"images": lambda b: b.images[0]}, r"\(n, 3, h, w\)"),
    "grey images": ({"images": lambda b: b.images[:, :1]}, r"\(n, 3, h, w\)"),
    "joints of other people": ({"joints": lambda b: b.joints[:2]}, "expected joints"),
    "16 joints": ({"joints": lambda b: torch.zeros(4, 16, 2)}, "expected joints"),
    "NaN joints": ({"joints": lambda b: nan(b.joints)}, "labelled="),
    "labelled of another shape": (
        {"labelled": lambda b: torch.ones(4, dtype=torch.bool)},
        "expected labelled",
    ),
    "target of another shape": ({"target": lambda b: b.joints[:, :5]}, "expected target"),
    "NaN target": ({"target": lambda b: nan(b.joints)}, "finite"),
    "negative eps": ({"eps": lambda b: -8 / 255}, "eps is a radius"),
    "no steps": ({"steps": lambda b: 0}, "at least 1 step"),
}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(("changes", "message"), REFUSALS.values(), ids=REFUSALS)
def test_bad_input_is_refused_with_what_was_expected(
    networks: dict[str, PoseModel], batch: PoseBatch, changes: dict[str, Any], message: str
) -> None:
    good = {"images": batch.images, "joints": batch.joints}
    given = {**good, **{name: change(batch) for name, change in changes.items()}}
    with pytest.raises(UsageError, match=message):
        attack(networks["deeppose"], **given)
