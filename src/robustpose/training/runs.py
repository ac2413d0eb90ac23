"""A training run from names to a checkpoint: what `robustpose train` does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from robustpose.data import DATASETS, load_people
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.models import build_model, bundled_path, load_model
from robustpose.models.checkpoints import (
    Checkpoint,
    load_weights,
    read_checkpoint,
    save_checkpoint,
)
from robustpose.models.model import PoseModel
from robustpose.scoring import evaluate
from robustpose.training.loop import Progress, Trainer, train
from robustpose.training.pools import pool_of
from robustpose.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """What is trained on what.

    `data` are names as `load_people` takes them; `shares` says how often each is drawn from
    (equally by default). `encoder` names a checkpoint, or a network of the zoo with bundled
    weights, whose encoder the network starts with; `start` one whose weights it all starts with.
    """

    network: str
    data: tuple[str, ...]
    out: Path
    cache: Path
    recipe: Recipe
    shares: tuple[float, ...] = ()
    encoder: str | None = None
    start: str | None = None
    command: str = ""


@dataclass(frozen=True)
class Listener:
    """What a run tells while it goes on."""

    says: Callable[[str], None] = lambda _: None
    stepped: Callable[[Progress], None] = lambda _: None
    scored: Callable[[Mapping[str, float]], None] = lambda _: None


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

    Every `score_every` steps the first `held_out` people of each test split are scored, for the
    eye alone: nothing is chosen by it. Of several processes only that of `rank` 0 scores and
    writes. Raises `UsageError` for names or files that do not fit.
    """
    model = build_model(run.network, seed=run.recipe.seed)
    if run.encoder is not None:
        copied = take_encoder(model, _checkpoint(run.encoder).weights)
        listener.says(f"{copied} tensors of the encoder come from {run.encoder}")
    if run.start is not None:
        load_weights(model, _checkpoint(run.start).weights, run.start)
        listener.says(f"all weights come from {run.start}")
    people = [load_people(name, split="train") for name in run.data]
    tests = {split.name: split for split in (load_people(name, split="test") for name in run.data)}
    pools = [
        pool_of(split, canvas=model.size[0], cache=run.cache, report=listener.says)
        for split in people
    ]
    shares = _shares(run)
    trainer = Trainer(model, run.recipe, pools, shares, device=device)

    def stepped(progress: Progress) -> None:
        listener.stepped(progress)
        if rank == 0 and progress.step % score_every == 0 and progress.step < progress.steps:
            listener.scored(_scores(trainer.averaged, tests, held_out))

    train(trainer, run.out, listen=stepped)
    path = run.out / f"{run.network}.safetensors"
    if rank > 0:
        return path
    listener.says("scoring on the whole test splits")
    used = [len(pool) for pool in pools]
    # The scores are of the file, in half precision, as whoever loads it will find them.
    save_checkpoint(trainer.averaged, _card(run, people, used, shares, {}), path)
    result = load_model(run.network, checkpoint=path).to(device)
    scores = _scores(result, tests, None)
    listener.scored(scores)
    save_checkpoint(trainer.averaged, _card(run, people, used, shares, scores), path)
    return path


def take_encoder(model: PoseModel, weights: Mapping[str, Tensor]) -> int:
    """Copy every tensor of an encoder into a model of the same encoder; returns how many.

    Raises `UsageError` if there is none or one does not fit.
    """
    own = {name: t for name, t in model.network.state_dict().items() if name.startswith("encoder.")}
    given = {name: t for name, t in weights.items() if name.startswith("encoder.")}
    unfit = [name for name in own if name not in given or own[name].shape != given[name].shape]
    if not own or unfit:
        raise UsageError(
            f"the encoder does not fit {model.name}: "
            + (f"{len(unfit)} tensors, first {unfit[0]}" if unfit else "it has none")
        )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(given[name])
    return len(own)


def _checkpoint(source: str) -> Checkpoint:
    path = Path(source)
    return read_checkpoint(path if path.exists() else bundled_path(source))


def _shares(run: TrainingRun) -> list[float]:
    shares = run.shares or (1.0,) * len(run.data)
    if len(shares) != len(run.data) or min(shares) <= 0:
        raise UsageError(
            f"expected one share above 0 for each of the {len(run.data)} data sets, found "
            f"{' '.join(map(str, shares))}"
        )
    return [share / sum(shares) for share in shares]


def _scores(model: PoseModel, tests: Mapping[str, Split], limit: int | None) -> dict[str, float]:
    training = model.training
    model.eval()
    scores = {name: evaluate(model, split.limited(limit)).pck for name, split in tests.items()}
    model.train(training)
    return scores


def _card(
    run: TrainingRun,
    people: Sequence[Split],
    used: Sequence[int],
    shares: Sequence[float],
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
        "encoder": run.encoder,
        "start": None if run.start is None else dict(_checkpoint(run.start).card),
        "recipe": asdict(run.recipe),
        "command": run.command,
        "torch": torch.__version__,
        "scores": {f"PCK {name}": round(score, 2) for name, score in scores.items()},
    }
