"""Pre-training without a download: an encoder learns to tell the activities of drawn people apart.

A task with labels that are no joints, as ImageNet is for the networks of the literature. Nobody
among its people is in a split of `rendered`, so that no pose is learned or judged on them later.
"""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from robustpose.data.crops import batches
from robustpose.data.people import Split
from robustpose.data.rendered import ACTIVITIES, COUNTS, RenderedPeople, rendered_people
from robustpose.errors import UsageError
from robustpose.models.checkpoints import read_checkpoint, save_checkpoint
from robustpose.models.model import PoseModel
from robustpose.models.resnet import ResNet
from robustpose.poses import Images
from robustpose.seeds import seed_of
from robustpose.training.augmentation import prefetched, recoloured, turned
from robustpose.training.backbones import encoder_of
from robustpose.training.loop import Progress, supports_bfloat16, weights_of, write_state
from robustpose.training.pools import MARGIN, Pool, pool_of
from robustpose.training.recipe import Recipe

PEOPLE = 20_000
"""How many people are drawn at most; each is then seen several times, never twice alike."""

HELD_OUT = 1000
"""How many people of the test split are classified in the end."""


def pretext_recipe(*, images: int = 50_000, seed: int = 0) -> Recipe:
    """Return how an encoder is pre-trained: `images` augmented images, batches of 64.

    Images are scaled, mirrored and recoloured as for poses but not turned: standing people who
    are turned lie.
    """
    return Recipe(images=images, batch_size=64, rate=1e-3, rotation=0.0, seed=seed)


@dataclass(frozen=True, eq=False)
class Activities:
    """Crops of people, and what each of them does (an index into `ACTIVITIES`)."""

    pool: Pool
    labels: Int[np.ndarray, "n"]


class ActivityBatch(NamedTuple):
    """Images on the model's canvas, and what is done in each."""

    images: Images
    labels: Int[Tensor, "n"]


class ActivityClassifier(nn.Module):
    """An encoder, the mean of its features over the picture, and one linear layer."""

    def __init__(self, encoder: ResNet) -> None:
        super().__init__()
        self.encoder = encoder
        self.fc = nn.Linear(encoder.channels, len(ACTIVITIES))

    def forward(self, pictures: Float[Tensor, "n 3 h w"]) -> tuple[Float[Tensor, "n activities"]]:
        return (self.fc(self.encoder(pictures).mean(dim=(2, 3))),)


class Pretext:
    """The state of a pre-training: a classifier on a copy of a model's encoder, optimiser, step.

    Weight, scale and colour follow `recipe`; the rate warms up over a twentieth of the steps and
    falls like a cosine.
    """

    def __init__(self, model: PoseModel, recipe: Recipe, *, device: torch.device) -> None:
        self.recipe = recipe
        self.device = device
        self.classifier = _classifier(model, recipe.seed)
        self.start = weights_of(self.classifier)
        self.classifier.to(device).channels_last().train().requires_grad_(True)
        if supports_bfloat16(device):
            self.classifier.precision = torch.bfloat16
        self.optimiser = torch.optim.AdamW(
            self.classifier.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay
        )
        self.step = 0

    def run(self, people: Activities, listen: Callable[[Progress], None] = lambda _: None) -> None:
        """Train from the present step to the last."""
        canvas = self.classifier.size[0]

        def batch(step: int) -> ActivityBatch:
            return activity_batch(people, self.recipe, canvas, step)

        for images, labels in prefetched(batch, range(self.step, self.recipe.steps)):
            loss = self._train_on(images.to(self.device), labels.to(self.device))
            self.step += 1
            listen(Progress(self.step, self.recipe.steps, loss))

    def settings(self) -> dict[str, Any]:
        """Return what decides on the result, as JSON knows it."""
        names = ("images", "batch_size", "rate", "weight_decay", "scale", "colour", "seed")
        return {
            "start": self.start,
            "size": list(self.classifier.size),
            "people": _people(self.recipe, self.classifier).digest,
            **{name: getattr(self.recipe, name) for name in names},
        }

    def state(self) -> dict[str, Any]:
        """Return what a later `restore` needs."""
        return {
            "settings": self.settings(),
            "step": self.step,
            "model": self.classifier.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue where the pre-training that `state` came from stood."""
        check_settings(state["settings"], self.settings())
        self.step = state["step"]
        self.classifier.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])

    def _train_on(self, images: Images, labels: Int[Tensor, "n"]) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate * _share_of_rate(self.step, self.recipe.steps)
        self.optimiser.zero_grad(set_to_none=True)
        (logits,) = self.classifier(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.classifier.parameters(), 1.0)
        self.optimiser.step()
        return loss.item()


def pretrain(
    model: PoseModel,
    recipe: Recipe,
    folder: Path,
    *,
    cache: Path,
    device: torch.device,
    rank: int = 0,
    says: Callable[[str], None] = lambda _: None,
    listen: Callable[[Progress], None] = lambda _: None,
    save_every: int = 250,
    held_out: int = HELD_OUT,
) -> Path:
    """Pre-train the encoder of a model and return the file with it, `folder/pretext.safetensors`.

    The model itself stays as it is. A finished file is not made again; a run that was killed goes
    on from `folder/pretext.pt`. Of several processes only that of `rank` 0 works, the others wait
    for its file. Raises `UsageError` for a model without an encoder, and for files in the
    folder that are of other settings.
    """
    path, begun = folder / "pretext.safetensors", folder / "pretext.pt"
    pretext = Pretext(model, recipe, device=device)
    while rank > 0 and not path.exists():
        time.sleep(1)
    if path.exists():
        check_settings(read_checkpoint(path).card.get("settings", {}), pretext.settings())
        return path
    if begun.exists():
        _resume(pretext, begun)
    says(f"pre-training the encoder on {recipe.images:,} images of what drawn people do")
    folder.mkdir(parents=True, exist_ok=True)

    def keep_and_listen(progress: Progress) -> None:
        listen(progress)
        if progress.step % save_every == 0 or progress.step == progress.steps:
            write_state(pretext.state(), begun)

    pretext.run(_activities(pretext, cache, says), keep_and_listen)
    card = _card(pretext, held_out)
    says(
        f"of {held_out:,} people whom it never saw, the pre-trained encoder tells what "
        f"{card['accuracy']:.1f} % do (chance: {card['chance']:.1f} %)"
    )
    save_checkpoint(pretext.classifier, card, path)
    begun.unlink()
    return path


def activity_batch(people: Activities, recipe: Recipe, canvas: int, step: int) -> ActivityBatch:
    """Make the batch of a step: the same for the same seed and step, on every run."""
    random = np.random.RandomState(seed_of("pretext", recipe.seed, step) % 2**32)
    chosen = random.randint(len(people.pool), size=recipe.batch_size)
    images = np.stack(
        [turned(people.pool, index, recipe, canvas, random)[0] for index in chosen.tolist()]
    )
    return ActivityBatch(
        recoloured(images, recipe.colour, random), torch.from_numpy(people.labels[chosen])
    )


@torch.no_grad()
def accuracy(classifier: PoseModel, people: Split, *, batch_size: int = 50) -> float:
    """Return of how many people in percent the classifier tells the activity."""
    device = next(classifier.parameters()).device
    training = classifier.training
    classifier.eval()
    right = 0
    for batch in batches(people, classifier.size, batch_size):
        (logits,) = classifier(batch.images.to(device))
        right += int((logits.argmax(dim=1).cpu() == batch.labels["activity"]).sum())
    classifier.train(training)
    return 100 * right / len(people)


def check_settings(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise `UsageError` if what was begun in the folder is another pre-training."""
    changed = [name for name in now if before.get(name) != now[name]]
    if changed:
        named = ", ".join(f"{name} {before.get(name)} (now {now[name]})" for name in changed)
        raise UsageError(
            f"the pre-training in the folder had other settings: {named}; give the same ones, or "
            "choose another --out"
        )


def _classifier(model: PoseModel, seed: int) -> PoseModel:
    """Return a classifier on a copy of the encoder, which sees pictures as the model does."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ActivityClassifier(copy.deepcopy(encoder_of(model)))
    return PoseModel(
        network,
        name="pretext",
        size=model.size,
        codecs=(),
        skeleton=model.skeleton,
        normalisation=model.normalisation,
    )


def _people(recipe: Recipe, classifier: PoseModel) -> Split:
    """Return the people to learn from: those that follow the last one of the training split."""
    first, pixels = COUNTS["train"], round(MARGIN * classifier.size[0])
    count = first + min(recipe.images, PEOPLE)
    people = rendered_people("train", count=count, pixels=pixels)[first:]
    return replace(people, name="rendered/pretext")


def _activities(pretext: Pretext, cache: Path, says: Callable[[str], None]) -> Activities:
    people = _people(pretext.recipe, pretext.classifier)
    assert isinstance(people.people, RenderedPeople)
    pool = pool_of(people, canvas=pretext.classifier.size[0], cache=cache, report=says)
    return Activities(pool, people.people.activities())


def _card(pretext: Pretext, held_out: int) -> dict[str, Any]:
    recipe, classifier = pretext.recipe, pretext.classifier
    people = _people(recipe, classifier)
    pixels = round(MARGIN * classifier.size[0])
    test = rendered_people("test", count=held_out, pixels=pixels)
    return {
        "pretext": "activities of drawn people",
        "images": recipe.images,
        "people": len(people),
        "seed": recipe.seed,
        "accuracy": round(accuracy(classifier, test), 2),
        "chance": round(100 / len(ACTIVITIES), 2),
        "held out": {"name": test.name, "people": held_out, "digest": test.digest},
        "settings": pretext.settings(),
        "torch": torch.__version__,
    }


def _share_of_rate(step: int, steps: int) -> float:
    warm_up = min(1.0, (step + 1) / max(1.0, steps / 20))
    return warm_up * (1 + math.cos(math.pi * step / steps)) / 2


def _resume(pretext: Pretext, path: Path) -> None:
    try:
        pretext.restore(torch.load(path, map_location=pretext.device, weights_only=True))
    except UsageError:
        raise
    except (RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as error:
        raise UsageError(
            f"{path} is broken or of another network: choose another --out, or delete it"
        ) from error
