"""Training three heads on one encoder: activities, parts and joints of drawn people.

Joints are learned as by any network of maps (`Trainer`), with the two losses of its recipe; the
siblings by cross-entropy beside it, all three from every image.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Int, UInt8
from torch import Tensor

from robustpose.data import DATASETS
from robustpose.data.parts import MIRRORED, PartMap, PartMask, crop_with_parts, part_map
from robustpose.data.people import Split
from robustpose.data.rendered import ACTIVITIES, PARTS, RenderedPeople, rendered_people
from robustpose.geometry import affine_to_cells
from robustpose.metrics.tasks import (
    accuracy_tally,
    overlap_tally,
    overlaps,
    pck_tally,
    percent,
)
from robustpose.models.model import PoseModel
from robustpose.models.tasks import NAME, TaskModel, load_tasks, three_heads
from robustpose.scoring import errors
from robustpose.seeds import seed_of
from robustpose.training.augmentation import (
    TrainingBatch,
    View,
    drawn_view,
    recoloured,
    seen,
)
from robustpose.training.loop import Trainer, quieten
from robustpose.training.pools import Pool, part_masks, pool_of
from robustpose.training.recipe import Recipe
from robustpose.training.runs import Listener, Result, complete

PEOPLE = 20_000
"""How many people are drawn; each is then seen several times, never twice alike."""

ACTIVITY_WEIGHT = 1.0
PARTS_WEIGHT = 5.0
"""Of their losses beside that of the pose.

The gradients that reach the encoder are then of one size (`docs/design/tasks.md`): the loss of
parts is a mean over cells, nearly all of which are easy.
"""


@dataclass(frozen=True, kw_only=True)
class TaskTraining:
    """What `robustpose train-tasks` is told; `people` are of the training split."""

    out: Path
    cache: Path
    recipe: Recipe
    people: int = PEOPLE
    command: str = ""


def task_recipe(*, images: int, batch_size: int, rate: float, seed: int) -> Recipe:
    """Return how the heads are trained: as networks of maps are, but upright.

    Standing people who are turned lie, and what they do must stay what it is.
    """
    return Recipe(images=images, batch_size=batch_size, rate=rate, rotation=0.0, seed=seed)


@dataclass(frozen=True, eq=False)
class TaskPool:
    """Crops of drawn people, what each of them does, and their part masks."""

    crops: Pool
    activities: Int[np.ndarray, "n"]
    masks: UInt8[np.ndarray, "n side side"]


class TaskTrainer(Trainer):
    """A trainer of the three heads together."""

    def __init__(
        self, model: TaskModel, recipe: Recipe, people: TaskPool, *, device: torch.device
    ) -> None:
        super().__init__(model, recipe, [people.crops], [1.0], device=device)
        self.people = people
        self.stride = model.stride

    def batch(self, step: int) -> TrainingBatch:
        """Make the batch of a step, with the labels `activity` and `parts`."""
        return task_batch(self.people, self.recipe, self.model.size[0], self.stride, step)

    def loss(self, stages: Sequence[Tensor], batch: TrainingBatch) -> Tensor:
        """Return the loss of the pose, and those of its siblings with their weights."""
        activities, parts, maps = stages
        return (
            super().loss([maps], batch)
            + ACTIVITY_WEIGHT * F.cross_entropy(activities, batch.labels["activity"])
            + PARTS_WEIGHT * F.cross_entropy(parts, batch.labels["parts"])
        )


def task_batch(
    people: TaskPool, recipe: Recipe, canvas: int, stride: int, step: int
) -> TrainingBatch:
    """Make the batch of a step: the same for the same seed and step, on every run.

    A mirrored person's left and right swap, in joints and parts.
    """
    random = np.random.RandomState(seed_of("tasks", recipe.seed, step) % 2**32)
    count, size = recipe.batch_size, (canvas // stride, canvas // stride)
    chosen = random.randint(len(people.crops), size=count)
    images = np.empty((count, canvas, canvas, 3), np.uint8)
    joints = np.empty((count, len(people.crops.skeleton), 2), np.float32)
    weight = np.empty(joints.shape[:2], np.float32)
    parts = np.empty((count, *size), np.int64)
    for row, index in enumerate(chosen.tolist()):
        view = drawn_view(people.crops, recipe, canvas, random)
        images[row], joints[row], weight[row] = seen(people.crops, index, view, canvas)
        parts[row] = seen_parts(people.masks[index], view, size, stride)
    return TrainingBatch(
        recoloured(images, recipe.colour, random),
        torch.from_numpy(joints),
        torch.from_numpy(weight),
        {
            "activity": torch.from_numpy(people.activities[chosen]),
            "parts": torch.from_numpy(parts),
        },
    )


def seen_parts(mask: PartMask, view: View, size: tuple[int, int], stride: int) -> PartMap:
    """Return the label map of a stored mask as it is seen in a view."""
    labels = part_map(mask, affine_to_cells(view.affine, stride), size)
    return np.asarray(MIRRORED[labels] if view.mirrored else labels)


def run_task_training(
    run: TaskTraining,
    *,
    device: torch.device,
    listener: Listener,
    rank: int = 0,
    score_every: int = 1000,
    held_out: int = 200,
) -> Path:
    """Train the heads on drawn people, score them and write `out/tasks-compact.safetensors`.

    Returns the path. The rest is as in `complete`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.recipe.seed)
        model = three_heads(activities=len(ACTIVITIES), parts=len(PARTS))
    quieten(model)
    people, test = rendered_people("train")[: run.people], rendered_people("test")

    def scores(model: PoseModel, limit: int | None) -> dict[str, float]:
        assert isinstance(model, TaskModel)
        return task_scores(model, test.limited(limit))

    result = Result(
        path=run.out / f"{NAME}.safetensors",
        card=lambda found: _card(run, people, found),
        load=load_tasks,
        scores=scores,
    )
    pool = task_pool(people, canvas=model.size[0], cache=run.cache, says=listener.says)
    return complete(
        TaskTrainer(model, run.recipe, pool, device=device),
        result,
        listener=listener,
        rank=rank,
        score_every=score_every,
        held_out=held_out,
    )


def task_pool(
    people: Split, *, canvas: int, cache: Path, says: Callable[[str], None] = lambda _: None
) -> TaskPool:
    """Cut drawn people out, with their masks, and keep both in `cache` (`pool_of`)."""
    assert isinstance(people.people, RenderedPeople)
    return TaskPool(
        pool_of(people, canvas=canvas, cache=cache, report=says),
        people.people.activities(),
        part_masks(people, canvas=canvas, cache=cache, report=says),
    )


@torch.no_grad()
def task_scores(model: TaskModel, people: Split, *, batch_size: int = 50) -> dict[str, float]:
    """Return accuracy, mean intersection over union and PCK on clean pictures, in percent."""
    device = next(model.parameters()).device
    correct, both, either, error = (list[np.ndarray]() for _ in range(4))
    for start in range(0, len(people), batch_size):
        some = people[start : start + batch_size]
        batch = crop_with_parts(some, model.size, stride=model.stride)
        activities, parts, maps = model(batch.images.to(device))
        correct.append((activities.argmax(dim=1).cpu() == batch.labels["activity"]).numpy())
        error.append(errors(model.decode([maps]), batch))
        answer, truth = parts.argmax(dim=1).cpu().numpy(), batch.labels["parts"].numpy()
        intersection, union = overlaps(answer, truth, parts.shape[1])
        both.append(intersection)
        either.append(union)
    tallies = {
        "accuracy": accuracy_tally(np.concatenate(correct)),
        "mIoU": overlap_tally(np.concatenate(both), np.concatenate(either)),
        "PCK": pck_tally(np.concatenate(error), people.threshold),
    }
    return {f"{name} {people.name}": percent(tally) for name, tally in tallies.items()}


def _card(run: TaskTraining, people: Split, scores: Mapping[str, float]) -> dict[str, Any]:
    entry = {
        "name": people.name,
        "people": len(people),
        "share": 1.0,
        "digest": people.digest,
        "licence": DATASETS["rendered"].licence,
    }
    return {
        "data": [entry],
        "weights": {"activity": ACTIVITY_WEIGHT, "parts": PARTS_WEIGHT, "pose": 1.0},
        "recipe": asdict(run.recipe),
        "command": run.command,
        "torch": torch.__version__,
        "scores": {name: round(score, 2) for name, score in scores.items()},
    }
