"""A training run from names to a checkpoint: what `robustpose train` does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from robustpose.data import DATASETS, load_people
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.models import build_model, load_model
from robustpose.models.checkpoints import load_weights, read_checkpoint, save_checkpoint
from robustpose.models.model import PoseModel
from robustpose.scoring import evaluate
from robustpose.training.backbones import read_backbone, take_encoder, weights_path
from robustpose.training.loop import Progress, Trainer, quieten, train
from robustpose.training.pools import pool_of
from robustpose.training.pretext import pretext_recipe, pretrain
from robustpose.training.recipe import Recipe

PRETEXT = "pretext"
"""The backbone that is not read but made: an encoder pre-trained on drawn people."""


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """What is trained on what.

    `data` are names as `load_people` takes them; `shares` says how often each is drawn from
    (equally by default). `backbone` says which weights the encoder starts with: "pretext"
    (pre-trained here on `pretext_images` images of drawn people), a file (a ResNet of
    torchvision or a checkpoint of this package), or a network of the zoo with bundled weights.
    `start` names a checkpoint, or such a network, whose weights it all starts with. `keep` are
    percentages of the images after which a checkpoint is kept besides the last.
    """

    network: str
    data: tuple[str, ...]
    out: Path
    cache: Path
    recipe: Recipe
    shares: tuple[float, ...] = ()
    backbone: str | None = None
    pretext_images: int = 50_000
    start: str | None = None
    keep: tuple[int, ...] = ()
    command: str = ""


@dataclass(frozen=True)
class Listener:
    """What a run tells while it goes on."""

    says: Callable[[str], None] = lambda _: None
    stepped: Callable[[Progress], None] = lambda _: None
    scored: Callable[[Mapping[str, float]], None] = lambda _: None


@dataclass(frozen=True, kw_only=True)
class Result:
    """Where a trained network goes, and what its card says of it.

    `card` makes the card of scores, `load` reads the file as anybody will, `scores` scores a
    network on the first so many people of each test split (None: on all), in percent. `kept` says
    at which steps a checkpoint is kept besides the last, each with its percentage of the images.
    """

    path: Path
    card: Callable[[Mapping[str, float]], Mapping[str, object]]
    load: Callable[[Path], PoseModel]
    scores: Callable[[PoseModel, int | None], Mapping[str, float]]
    kept: Mapping[int, int] = field(default_factory=dict)


def run_training(
    run: TrainingRun,
    *,
    device: torch.device,
    listener: Listener,
    rank: int = 0,
    score_every: int = 1000,
    held_out: int = 200,
) -> Path:
    """Train, score on the test splits and write `out/NETWORK.safetensors`; returns its path.

    The rest is as in `complete`. Raises `UsageError` for names or files that do not fit.
    """
    model = build_model(run.network, seed=run.recipe.seed)
    people = [load_people(name, split="train") for name in run.data]
    tests = {split.name: split for split in (load_people(name, split="test") for name in run.data)}
    shares = _shares(run)
    kept = _kept(run)
    if run.start is None:
        quieten(model)
    origin = _first_weights(model, run, device=device, listener=listener, rank=rank)
    pools = [
        pool_of(split, canvas=model.size[0], cache=run.cache, report=listener.says)
        for split in people
    ]
    used = [len(pool) for pool in pools]
    result = Result(
        path=run.out / f"{run.network}.safetensors",
        card=lambda scores: _card(run, people, used, shares, origin, scores),
        load=lambda path: load_model(run.network, checkpoint=path),
        scores=lambda model, limit: _scores(model, tests, limit),
        kept=kept,
    )
    trainer = Trainer(model, run.recipe, pools, shares, device=device)
    return complete(
        trainer, result, listener=listener, rank=rank, score_every=score_every, held_out=held_out
    )


def complete(
    trainer: Trainer,
    result: Result,
    *,
    listener: Listener,
    rank: int = 0,
    score_every: int = 1000,
    held_out: int = 200,
) -> Path:
    """Train to the end, score the result and write its file; returns the path.

    The folder of the file keeps the state of the training. Every `score_every` steps the first
    `held_out` people of each test split are scored, for the eye alone: nothing is chosen by it. Of
    several processes only that of `rank` 0 scores and writes.
    """

    def save(path: Path, scores: Mapping[str, float]) -> None:
        seen = min(trainer.step * trainer.recipe.batch_size, trainer.recipe.images)
        save_checkpoint(trainer.averaged, {**result.card(scores), "seen": seen}, path)

    def stepped(progress: Progress) -> None:
        listener.stepped(progress)
        if rank == 0 and progress.step in result.kept:
            percent = result.kept[progress.step]
            save(result.path.with_name(f"{result.path.stem}-at-{percent}.safetensors"), {})
        if rank == 0 and progress.step % score_every == 0 and progress.step < progress.steps:
            listener.scored(_scored(result, trainer.averaged, held_out))

    train(trainer, result.path.parent, listen=stepped)
    if rank > 0:
        return result.path
    listener.says("scoring on the whole test splits")
    # The scores are of the file, in half precision, as whoever loads it will find them.
    save(result.path, {})
    scores = _scored(result, result.load(result.path).to(trainer.device), None)
    listener.scored(scores)
    save(result.path, scores)
    return result.path


def _first_weights(
    model: PoseModel, run: TrainingRun, *, device: torch.device, listener: Listener, rank: int
) -> dict[str, object]:
    """Fill a model with the weights that the run begins with; returns the card's words on them.

    None stands for random weights. In cards of version 0.1.0, `encoder` is the source's name alone.
    """
    if run.start is not None and run.backbone is not None:
        raise UsageError("start sets all weights, backbone those of the encoder: give one of them")
    if run.start is not None:
        stored = read_checkpoint(weights_path(run.start))
        load_weights(model, stored.weights, run.start)
        listener.says(f"all weights come from {run.start}")
        return {"encoder": None, "start": dict(stored.card)}
    if run.backbone is None:
        return {"encoder": None, "start": None}
    if run.backbone == PRETEXT:
        path = _pretrained(model, run, device=device, listener=listener, rank=rank)
    else:
        path = weights_path(run.backbone)
    backbone = read_backbone(path, source=run.backbone)
    taken = take_encoder(model, backbone.weights, source=run.backbone)
    listener.says(f"{taken} tensors of the encoder come from {run.backbone}")
    return {"encoder": backbone.record, "start": None}


def _pretrained(
    model: PoseModel, run: TrainingRun, *, device: torch.device, listener: Listener, rank: int
) -> Path:
    return pretrain(
        model,
        pretext_recipe(images=run.pretext_images, seed=run.recipe.seed),
        run.out,
        cache=run.cache,
        device=device,
        rank=rank,
        says=listener.says,
        listen=listener.stepped,
    )


def _shares(run: TrainingRun) -> list[float]:
    shares = run.shares or (1.0,) * len(run.data)
    if len(shares) != len(run.data) or min(shares) <= 0:
        raise UsageError(
            f"expected one share above 0 for each of the {len(run.data)} data sets, found "
            f"{' '.join(map(str, shares))}"
        )
    return [share / sum(shares) for share in shares]


def _kept(run: TrainingRun) -> dict[int, int]:
    """Return at which steps a checkpoint is kept, each with its percentage."""
    if not all(0 < percent < 100 for percent in run.keep):
        raise UsageError(
            f"keep expects percentages between 0 and 100, found {' '.join(map(str, run.keep))}"
        )
    return {max(1, round(run.recipe.steps * percent / 100)): percent for percent in run.keep}


def _scored(result: Result, model: PoseModel, limit: int | None) -> Mapping[str, float]:
    """Return the scores of a network, which is left in the mode that it was in."""
    training = model.training
    model.eval()
    scores = result.scores(model, limit)
    model.train(training)
    return scores


def _scores(model: PoseModel, tests: Mapping[str, Split], limit: int | None) -> dict[str, float]:
    return {
        f"PCK {name}": evaluate(model, split.limited(limit)).pck for name, split in tests.items()
    }


def _card(
    run: TrainingRun,
    people: Sequence[Split],
    used: Sequence[int],
    shares: Sequence[float],
    origin: Mapping[str, object],
    scores: Mapping[str, float],
) -> dict[str, object]:
    return {
        "data": [
            {
                "name": split.name,
                "people": count,
                "share": share,
                "digest": split.digest,
                "licence": DATASETS[name.partition(":")[0]].licence,
            }
            for name, split, count, share in zip(run.data, people, used, shares, strict=True)
        ],
        **origin,
        "recipe": asdict(run.recipe),
        "command": run.command,
        "torch": torch.__version__,
        "scores": {name: round(score, 2) for name, score in scores.items()},
    }
