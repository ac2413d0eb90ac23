"""Training three heads: targets stay on what they mark, and a killed run ends like a quiet one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from robustpose.data.rendered import COUNTS, PARTS, rendered_people
from robustpose.errors import UsageError
from robustpose.models.tasks import NAME, TaskModel, load_tasks, three_heads
from robustpose.skeletons import LSP14
from robustpose.training.loop import Progress, Trainer, train
from robustpose.training.pools import Pool, part_masks
from robustpose.training.recipe import Recipe
from robustpose.training.runs import Listener
from robustpose.training.tasks import (
    ACTIVITY_WEIGHT,
    PARTS_WEIGHT,
    TaskPool,
    TaskTrainer,
    TaskTraining,
    run_task_training,
    task_batch,
    task_pool,
    task_recipe,
    task_scores,
)

CPU = torch.device("cpu")
RECIPE = Recipe(images=24, batch_size=4, warm_up=2, cross_entropy=0.5, rotation=0.0)
RIGHT_ANKLE, LEFT_ANKLE = 0, 5
RIGHT_LEG, LEFT_LEG = PARTS.index("right_lower_leg"), PARTS.index("left_lower_leg")


class Stopped(Exception):
    """What stops a run in these tests."""


@pytest.fixture(scope="module")
def squares() -> TaskPool:
    """Return pictures of 80 px with a red square on the right ankle and a green one on the left."""
    random = np.random.default_rng(0)
    joints = random.uniform(30, 50, (6, 14, 2))
    images = np.zeros((6, 80, 80, 3), np.uint8)
    masks = np.zeros((6, 80, 80), np.uint8)
    for person in range(6):
        top = random.integers(25, 40)
        for joint, part, channel, left in (
            (RIGHT_ANKLE, RIGHT_LEG, 0, 20),
            (LEFT_ANKLE, LEFT_LEG, 1, 44),
        ):
            images[person, top : top + 16, left : left + 16, channel] = 250
            masks[person, top : top + 16, left : left + 16] = part
            joints[person, joint] = left + 7.5, top + 7.5
    crops = Pool(images, joints, np.ones((6, 14), bool), LSP14)
    return TaskPool(crops, np.arange(6) % 3, masks)


def heads() -> TaskModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return three_heads(
            "tiny", activities=12, parts=len(PARTS), width=8, features=16, size=(64, 64)
        )


def trainer(people: TaskPool, recipe: Recipe = RECIPE) -> TaskTrainer:
    return TaskTrainer(heads(), recipe, people, device=CPU)


def test_the_same_step_is_the_same_batch(squares: TaskPool) -> None:
    def batch(step: int, seed: int = 0) -> torch.Tensor:
        return task_batch(squares, replace(RECIPE, seed=seed), 64, 4, step).images

    assert torch.equal(batch(3), batch(3))
    assert not torch.equal(batch(3), batch(4))
    assert not torch.equal(batch(3), batch(3, seed=1))


def test_joints_and_parts_stay_together_also_in_a_mirror(squares: TaskPool) -> None:
    recipe = replace(RECIPE, batch_size=40, colour=0.0, rotation=15.0)
    batch = task_batch(squares, recipe, 64, 4, 0)
    mirrored = 0
    for image, joints, parts in zip(batch.images, batch.joints, batch.labels["parts"], strict=True):
        for joint, part in ((RIGHT_ANKLE, RIGHT_LEG), (LEFT_ANKLE, LEFT_LEG)):
            column, row = ((joints[joint] - 1.5) / 4).round().long().tolist()
            assert parts[row, column] == part
        seen = F.avg_pool2d(image, 4)
        red = (seen[0] > 0.8) & (seen[1] < 0.1)
        (label,) = set(parts[red].tolist())
        # The red leg is the right one, which a mirror makes a left one.
        mirrored += label == LEFT_LEG
        assert label in (LEFT_LEG, RIGHT_LEG)
    assert 0 < mirrored < 40


def test_activities_stay_with_their_pictures(squares: TaskPool) -> None:
    lit = replace(
        squares.crops,
        images=squares.crops.images + squares.activities[:, None, None, None].astype(np.uint8),
    )
    recipe = replace(RECIPE, batch_size=30, colour=0.0, scale=1.0)
    batch = task_batch(replace(squares, crops=lit), recipe, 64, 4, 0)
    shown = (batch.images[:, 2, 32, 32] * 255).round().long()
    assert torch.equal(batch.labels["activity"], shown)
    assert set(shown.tolist()) == {0, 1, 2}


def test_the_loss_is_that_of_the_pose_and_those_of_its_siblings(squares: TaskPool) -> None:
    found = trainer(squares)
    batch = found.batch(0)
    activities, parts, maps = found.model(batch.images)
    expected = (
        Trainer.loss(found, [maps], batch)
        + ACTIVITY_WEIGHT * F.cross_entropy(activities, batch.labels["activity"])
        + PARTS_WEIGHT * F.cross_entropy(parts, batch.labels["parts"])
    )
    loss = found.loss([activities, parts, maps], batch)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    network = found.model.network
    for layer in (network.activity, network.parts.final_layer, network.pose.final_layer):
        assert layer.weight.grad.abs().sum() > 0


def test_the_heads_learn(squares: TaskPool) -> None:
    recipe = replace(
        RECIPE, images=16 * 40, batch_size=16, rate=1e-2, colour=0.0, scale=1.0, cross_entropy=1.0
    )
    found = trainer(squares, recipe)
    losses: list[float] = []
    found.run(lambda progress: losses.append(progress.loss))
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])
    batch = found.batch(1000)
    with torch.no_grad():
        _, parts, _ = found.model(batch.images)
    legs = batch.labels["parts"] > 0
    assert (parts.argmax(dim=1) == batch.labels["parts"])[legs].float().mean() > 0.6


@pytest.mark.parametrize("stop", [2, 3])
def test_an_interrupted_run_ends_with_the_same_weights(
    stop: int, squares: TaskPool, tmp_path: Path
) -> None:
    quiet = trainer(squares)
    quiet.run()

    def die(progress: Progress) -> None:
        if progress.step == stop + 1:
            raise Stopped

    with pytest.raises(Stopped):
        train(trainer(squares), tmp_path, listen=die, save_every=stop)
    steps: list[int] = []
    resumed = trainer(squares)
    train(resumed, tmp_path, listen=lambda progress: steps.append(progress.step))
    assert steps == list(range(stop + 1, 7))
    expected = quiet.averaged.state_dict()
    for key, value in resumed.averaged.state_dict().items():
        assert torch.equal(value, expected[key]), key


def test_masks_are_cut_once_and_lie_on_their_people(tmp_path: Path) -> None:
    people = rendered_people("train")[:5]
    said: list[str] = []
    pools = [task_pool(people, canvas=64, cache=tmp_path, says=said.append) for _ in range(2)]
    assert len(said) == 2  # pictures and masks, once each
    assert len(list(tmp_path.iterdir())) == 2
    pool = pools[1]
    assert pool.masks.shape == (5, 80, 80) == pool.crops.images.shape[:3]
    assert np.array_equal(pools[0].masks, pool.masks)
    assert pool.activities.tolist() == [person.labels["activity"] for person in people]
    # Whoever is not hidden stands where the mask says; the neck joins head and torso.
    neck = LSP14.index("neck")
    for person, mask, joints in zip(people, pool.masks, pool.crops.joints, strict=True):
        if person.visible[neck]:
            column, row = joints[neck].round().astype(int)
            assert mask[row - 2 : row + 3, column - 2 : column + 3].any()
    photo = type("Photo", (), {"name": "x", "read": lambda self: None})()
    photographed = replace(people, people=(replace(people[0], photo=photo),))
    with pytest.raises(UsageError, match="only drawn people"):
        part_masks(photographed, canvas=64, cache=tmp_path / "other")


def test_a_run_writes_the_three_heads_with_their_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COUNTS, "test", 3)
    heard: list[dict[str, float]] = []
    run = TaskTraining(
        out=tmp_path / "run",
        cache=tmp_path / "cache",
        recipe=task_recipe(images=4, batch_size=2, rate=1e-3, seed=3),
        people=3,
        command="robustpose train-tasks",
    )
    path = run_task_training(run, device=CPU, listener=Listener(scored=heard.append))
    assert path == tmp_path / "run" / f"{NAME}.safetensors"
    model = load_tasks(path)
    card = model.card
    scores = task_scores(model, rendered_people("test"))
    assert set(scores) == {f"{name} rendered/test" for name in ("accuracy", "mIoU", "PCK")}
    assert card["scores"] == {name: round(score, 2) for name, score in scores.items()}
    assert heard == [scores]
    assert card["recipe"]["seed"] == 3
    assert card["recipe"]["rotation"] == 0
    assert card["seen"] == 4
    assert card["data"][0]["people"] == 3
    again = run_task_training(
        run, device=CPU, listener=Listener(stepped=lambda _: pytest.fail("trained"))
    )
    assert again == path
