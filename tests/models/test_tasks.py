"""Three heads on one encoder: they share it, and each is a model of its own."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from robustpose.attacks.goals import Mislabelled, Untargeted
from robustpose.attacks.iterated import fgsm, igsm
from robustpose.data.parts import crop_with_parts
from robustpose.data.people import Split
from robustpose.data.rendered import ACTIVITIES, PARTS
from robustpose.errors import UsageError
from robustpose.models import build_model, bundled_path
from robustpose.models.checkpoints import save_checkpoint
from robustpose.models.model import PoseModel
from robustpose.models.tasks import NAME, LabelModel, TaskModel, load_tasks, three_heads
from robustpose.poses import PoseBatch
from robustpose.scoring import pck


def heads(size: int = 64) -> TaskModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = three_heads(
            "tiny",
            activities=len(ACTIVITIES),
            parts=len(PARTS),
            width=8,
            features=16,
            size=(size, size),
        )
    model.frozen()
    return model


@pytest.fixture(scope="module")
def model() -> TaskModel:
    return heads()


@pytest.fixture(scope="module")
def labelled(people: Split) -> PoseBatch:
    return crop_with_parts(people, (64, 64), stride=4)


def answers(model: TaskModel, images: torch.Tensor) -> list[torch.Tensor]:
    with torch.no_grad():
        return [*model(images)]


def test_heads_answer_for_pictures_cells_and_joints(model: TaskModel, labelled: PoseBatch) -> None:
    activities, parts, maps = answers(model, labelled.images)
    assert activities.shape == (4, 12)
    assert parts.shape == (4, 11, 16, 16)
    assert maps.shape == (4, 14, 16, 16)
    assert model.stride == 4
    assert model.heads["activity"].predict(labelled.images).tolist() == (
        activities.argmax(dim=1).tolist()
    )
    assert torch.equal(model.heads["parts"].predict(labelled.images), parts.argmax(dim=1))


def test_a_change_in_the_encoder_changes_all_heads(labelled: PoseBatch) -> None:
    changed, before = heads(), answers(heads(), labelled.images)
    with torch.no_grad():
        changed.network.encoder.conv1.weight.mul_(1.1)
    after = answers(changed, labelled.images)
    assert all((one - other).abs().max() > 1e-4 for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("place", range(3))
def test_a_change_in_a_head_changes_that_head_alone(place: int, labelled: PoseBatch) -> None:
    changed, before = heads(), answers(heads(), labelled.images)
    layer = [
        changed.network.activity,
        changed.network.parts.final_layer,
        changed.network.pose.final_layer,
    ][place]
    with torch.no_grad():
        layer.bias.add_(1.0)
    same = [
        torch.equal(*pair) for pair in zip(before, answers(changed, labelled.images), strict=True)
    ]
    assert same == [other != place for other in range(3)]


def test_the_pose_head_is_a_pose_model_like_any_other(
    model: TaskModel, labelled: PoseBatch
) -> None:
    assert isinstance(model, PoseModel)
    assert model.heads["pose"] is model
    pose = model.predict(labelled.images, labelled.seeds)
    assert 0 <= pck(pose, labelled) <= 100
    (loss,) = model.losses(model(labelled.images), labelled.joints, labelled.weight)
    maps = model(labelled.images)[-1]
    expected = (maps - model.codecs[-1].encode(labelled.joints)).square().mean(dim=(1, 2, 3))
    torch.testing.assert_close(loss, expected)
    every = Untargeted(all_stages=True).loss(model, labelled)(labelled.images)
    torch.testing.assert_close(every, expected)


def test_encoder_and_maps_are_those_of_the_compact_network() -> None:
    torch.manual_seed(0)
    own = three_heads(activities=12, parts=11)
    other = build_model("resdec-compact")
    shapes = {name: value.shape for name, value in other.network.state_dict().items()}
    found = {
        name.removeprefix("pose."): value.shape
        for name, value in own.network.state_dict().items()
        if name.startswith(("encoder.", "pose."))
    }
    assert found == shapes
    assert own.codecs == other.codecs
    assert own.normalisation == other.normalisation


@pytest.mark.parametrize("task", ["activity", "parts"])
def test_losses_of_labels_are_sums_of_cross_entropies(
    task: str, model: TaskModel, labelled: PoseBatch
) -> None:
    head = model.heads[task]
    assert isinstance(head, LabelModel)
    loss = Mislabelled().loss(head, labelled)
    with torch.no_grad():
        logits = head(labelled.images)
        expected = [
            F.cross_entropy(logits[i : i + 1], labelled.labels[task][i : i + 1], reduction="sum")
            for i in range(4)
        ]
        torch.testing.assert_close(loss(labelled.images), torch.stack(expected))
        some = loss.take(torch.tensor([2, 0]))
        torch.testing.assert_close(some(labelled.images[[2, 0]]), loss(labelled.images)[[2, 0]])


@pytest.mark.parametrize("task", ["activity", "parts", "pose"])
@pytest.mark.parametrize("attack", [fgsm(eps=0.5 / 255), igsm(eps=2 / 255, steps=4)])
def test_attacks_raise_the_loss_of_the_head_that_they_are_made_on(
    task: str, attack: igsm, model: TaskModel, labelled: PoseBatch
) -> None:
    head = model.heads[task]
    goal = Mislabelled() if isinstance(head, LabelModel) else Untargeted()
    loss = goal.loss(head, labelled)
    attacked = attack(loss, labelled.images, labelled.seeds)
    with torch.no_grad():
        assert (loss(attacked) > loss(labelled.images)).all()
    assert (attack.ball.distance(attacked, labelled.images) <= attack.ball.eps + 1e-6).all()
    alone = attack(loss.take(torch.tensor([1])), labelled.images[1:2], labelled.seeds[1:2])
    assert (alone - attacked[1:2]).abs().mean() < 0.1 * attack.ball.eps


def test_people_without_labels_are_refused(model: TaskModel, batch: PoseBatch) -> None:
    head = model.heads["parts"]
    assert isinstance(head, LabelModel)
    with pytest.raises(UsageError, match="label parts, found activity"):
        Mislabelled().loss(head, batch)


def test_a_file_tells_how_many_activities_and_parts_there_are(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = three_heads(activities=3, parts=5)
    path = tmp_path / "heads.safetensors"
    save_checkpoint(model, {"seen": 7}, path)
    loaded = load_tasks(path)
    assert loaded.card == {"seen": 7}
    assert not loaded.training
    assert [head.shape[1] for head in loaded(torch.zeros(1, 3, 128, 128))] == [3, 5, 14]
    weight = model.network.encoder.conv1.weight
    assert torch.equal(loaded.network.encoder.conv1.weight, weight.half().float())


def test_files_of_other_networks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "resdec.safetensors"
    save_checkpoint(build_model("resdec-compact"), {}, path)
    with pytest.raises(UsageError, match="holds resdec-compact, expected tasks-compact"):
        load_tasks(path)
    with pytest.raises(UsageError, match="found no file"):
        load_tasks(tmp_path / "nothing.safetensors")


def test_the_bundled_heads_have_learned_all_three_tasks() -> None:
    card = load_tasks().card
    assert "robustpose train-tasks" in card["command"]
    assert [entry["name"] for entry in card["data"]] == ["rendered/train"]
    assert card["seen"] == card["recipe"]["images"]
    scores = card["scores"]
    assert scores["accuracy rendered/test"] > 2 * 100 / len(ACTIVITIES)
    assert scores["mIoU rendered/test"] > 25
    assert scores["PCK rendered/test"] > 35
    assert bundled_path(NAME).stat().st_size < 12 * 2**20
