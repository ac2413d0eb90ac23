"""Pre-training: it learns, goes on where it was killed, and is done once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from robustpose.data.rendered import ACTIVITIES, rendered_people
from robustpose.errors import UsageError
from robustpose.models.checkpoints import read_checkpoint
from robustpose.models.model import PoseModel
from robustpose.skeletons import LSP14
from robustpose.training.backbones import encoder_of, read_backbone, take_encoder
from robustpose.training.loop import Progress
from robustpose.training.pools import Pool, pool_of
from robustpose.training.pretext import (
    Activities,
    Pretext,
    accuracy,
    activity_batch,
    pretext_recipe,
    pretrain,
)
from robustpose.training.recipe import Recipe

CPU = torch.device("cpu")
RECIPE = Recipe(images=12, batch_size=2, rotation=0.0)


class Stopped(Exception):
    """What stops a run in these tests."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the tests share their crops."""
    return tmp_path_factory.mktemp("crops")


@pytest.fixture
def coloured() -> Activities:
    """Return pictures of three activities, each lit in a colour of its own, on noise."""
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = random.integers(0, 90, (60, 80, 80, 3), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[20:60, 20:60, label] += 120
    pool = Pool(images, np.zeros((60, 14, 2)), np.ones((60, 14), bool), LSP14)
    return Activities(pool, labels)


def pretrained(model: PoseModel, folder: Path, cache: Path, **options: object) -> Path:
    given = {"recipe": RECIPE, "held_out": 4, **options}
    return pretrain(model, given.pop("recipe"), folder, cache=cache, device=CPU, **given)  # type: ignore[arg-type]


def test_labels_are_what_the_renderer_drew() -> None:
    for split in ("train", "test"):
        people = rendered_people(split, pixels=16)[5:45:2].people
        expected = [person.labels["activity"] for person in people]
        assert people.activities().tolist() == expected  # type: ignore[attr-defined]
        assert len(set(expected)) > 6


def test_batches_are_reproducible_and_keep_images_with_their_labels(coloured: Activities) -> None:
    batch = activity_batch(coloured, RECIPE, 64, 3)
    again = activity_batch(coloured, RECIPE, 64, 3)
    assert torch.equal(batch.images, again.images)
    assert torch.equal(batch.labels, again.labels)
    assert not torch.equal(batch.images, activity_batch(coloured, RECIPE, 64, 4).images)
    seeded = activity_batch(coloured, replace(RECIPE, seed=1), 64, 3)
    assert not torch.equal(batch.images, seeded.images)
    large = activity_batch(coloured, replace(RECIPE, batch_size=40, colour=0.0), 64, 0)
    lit = large.images[:, :, 22:42, 22:42].mean(dim=(2, 3)).argmax(dim=1)
    assert torch.equal(lit, large.labels)
    assert set(large.labels.tolist()) == {0, 1, 2}


def test_the_classifier_learns(tiny: Callable[[str], PoseModel], coloured: Activities) -> None:
    recipe = replace(RECIPE, images=16 * 30, batch_size=16, rate=3e-3)
    pretext = Pretext(tiny("deeppose"), recipe, device=CPU)
    losses: list[float] = []
    pretext.run(coloured, lambda progress: losses.append(progress.loss))
    assert losses[0] == pytest.approx(np.log(len(ACTIVITIES)), abs=1)
    assert sum(losses[-5:]) / 5 < 0.4
    fresh = activity_batch(coloured, replace(recipe, batch_size=60), 64, 1000)
    with torch.no_grad():
        (logits,) = pretext.classifier.eval()(fresh.images)
    assert (logits.argmax(dim=1) == fresh.labels).float().mean() > 0.8


def test_drawn_people_are_told_apart_better_than_by_chance(
    tiny: Callable[[str], PoseModel], cache: Path
) -> None:
    # Twelve people whom it sees often: nothing is said here about others.
    people = rendered_people("train", count=12, pixels=80)
    labels = people.people.activities()  # type: ignore[attr-defined]
    pool = pool_of(people, canvas=64, cache=cache)
    recipe = replace(RECIPE, images=12 * 25, batch_size=12, rate=3e-3, scale=1.0, colour=0.0)
    pretext = Pretext(tiny("deeppose"), recipe, device=CPU)
    pretext.run(Activities(pool, labels))
    assert accuracy(pretext.classifier, people) > 50
    assert pretext.classifier.training


def test_a_killed_pre_training_ends_with_the_same_weights(
    tiny: Callable[[str], PoseModel], cache: Path, tmp_path: Path
) -> None:
    quiet = pretrained(tiny("deeppose"), tmp_path / "quiet", cache)

    def die(progress: Progress) -> None:
        if progress.step == 3:
            raise Stopped

    killed = tmp_path / "killed"
    with pytest.raises(Stopped):
        pretrained(tiny("deeppose"), killed, cache, listen=die, save_every=2)
    assert [path.name for path in killed.iterdir()] == ["pretext.pt"]
    steps: list[int] = []
    resumed = pretrained(
        tiny("deeppose"), killed, cache, listen=lambda progress: steps.append(progress.step)
    )
    assert steps == list(range(3, 7))
    assert [path.name for path in killed.iterdir()] == ["pretext.safetensors"]
    expected = read_checkpoint(quiet).weights
    for name, tensor in read_checkpoint(resumed).weights.items():
        assert torch.equal(tensor, expected[name]), name


def test_a_finished_pre_training_is_used_and_not_made_again(
    tiny: Callable[[str], PoseModel], cache: Path, tmp_path: Path
) -> None:
    model, before = tiny("deeppose"), tiny("deeppose").state_dict()
    path = pretrained(model, tmp_path, cache)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not model.network.encoder.conv1.weight.grad
    for rank in (0, 1):
        again = pretrained(
            tiny("deeppose"), tmp_path, cache, rank=rank, listen=lambda _: pytest.fail("trained")
        )
        assert again == path
    with pytest.raises(UsageError, match=r"images 12 \(now 24\).*choose another --out"):
        pretrained(tiny("deeppose"), tmp_path, cache, recipe=replace(RECIPE, images=24))
    with pytest.raises(UsageError, match="start"):
        pretrained(tiny("deeppose", 1), tmp_path, cache)


def test_the_encoder_arrives_in_any_network_that_has_the_same(
    tiny: Callable[[str], PoseModel], cache: Path, tmp_path: Path
) -> None:
    path = pretrained(tiny("deeppose"), tmp_path, cache)
    stored = read_checkpoint(path)
    for name in ("deeppose", "resdec"):
        model = tiny(name)
        take_encoder(model, read_backbone(path, source="pretext").weights)
        moved = (encoder_of(model).conv1.weight - encoder_of(tiny(name)).conv1.weight).norm()
        assert moved > 1e-3
        assert torch.equal(
            encoder_of(model).conv1.weight, stored.weights["encoder.conv1.weight"].float()
        )
    assert stored.card["held out"]["people"] == 4


def test_nobody_of_the_pretext_is_in_a_split_for_poses(
    tiny: Callable[[str], PoseModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def watch(people, **_):
        drawn.extend(person.id for person in people)
        raise Stopped

    monkeypatch.setattr("robustpose.training.pretext.pool_of", watch)
    with pytest.raises(Stopped):
        pretrained(tiny("deeppose"), tmp_path, tmp_path)
    assert len(drawn) == 12
    assert drawn[0] == "rendered/v1/train/1000000"
    assert len(rendered_people("train")) == 1_000_000


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut short"])
def test_a_broken_state_is_refused(
    content: bytes, tiny: Callable[[str], PoseModel], cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "pretext.pt").write_bytes(content)
    with pytest.raises(UsageError, match=r"pretext\.pt is broken"):
        pretrained(tiny("deeppose"), tmp_path, cache)


def test_networks_without_an_encoder_are_refused(
    tiny: Callable[[str], PoseModel], cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="takes no backbone"):
        pretrained(tiny("hourglass"), tmp_path, cache)
    assert list(tmp_path.iterdir()) == []


def test_the_recipe_turns_nobody() -> None:
    recipe = pretext_recipe(images=1000, seed=3)
    assert (recipe.images, recipe.seed, recipe.rotation) == (1000, 3, 0.0)
    assert pretext_recipe().images == 50_000
