"""Training a network: seeded, resumable, on one device or several processes."""

import hashlib
import math
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from robustpose.errors import UsageError
from robustpose.models.codecs import MapCodec
from robustpose.models.model import PoseModel
from robustpose.training.augmentation import TrainingBatch, prefetched, training_batch
from robustpose.training.pools import Pool
from robustpose.training.recipe import Recipe, Schedule

SHARPNESS = 10.0
"""Maps are multiplied by it before the soft-max of the cross-entropy.

A bump of height 1 is then about what both losses ask for, and a network that goes over from one to
the other has nothing to learn anew.
"""
PIN = 0.005
"""Share of the squared error beside the cross-entropy, which alone does not care where zero is."""
GRADIENT_NORM = 5.0
"""Longer gradients are shortened to this."""


@dataclass(frozen=True)
class Progress:
    """What a listener hears after a step, counted from 1."""

    step: int
    steps: int
    loss: float


class Trainer:
    """The state of one training run: network, average of its weights, optimiser, step.

    `pools` and `shares` say what it learns from. In several processes (started by `torchrun`)
    each takes its part of every batch, so the images of a step are the same on any number.
    """

    def __init__(
        self,
        model: PoseModel,
        recipe: Recipe,
        pools: Sequence[Pool],
        shares: Sequence[float],
        *,
        device: torch.device,
    ) -> None:
        self.recipe = recipe
        self.pools = pools
        self.shares = shares
        self.device = device
        self.model = model.to(device).channels_last().train()
        self.model.requires_grad_(True)
        if supports_bfloat16(device):
            self.model.precision = torch.bfloat16
        self.maps = [codec for codec in model.codecs if isinstance(codec, MapCodec)]
        self.schedule = Schedule.of(recipe, maps=bool(self.maps))
        averaging = get_ema_multi_avg_fn(recipe.averaging)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.model, multi_avg_fn=averaging, use_buffers=True)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay
        )
        self.step = 0
        self.start = weights_of(model)

    @property
    def averaged(self) -> PoseModel:
        """The network with averaged weights, which is the result."""
        module = self.average.module
        assert isinstance(module, PoseModel)
        return module

    def run(self, listen: Callable[[Progress], None] = lambda _: None) -> None:
        """Train from the present step to the last."""
        forward = self._distributed()
        steps = self.recipe.steps
        for batch in prefetched(self.batch, range(self.step, steps)):
            loss = self._train_on(_part(batch, self.device), forward)
            self.step += 1
            self.average.update_parameters(self.model)
            listen(Progress(self.step, steps, loss))

    def batch(self, step: int) -> TrainingBatch:
        """Make the batch of a step, the whole of it."""
        canvas = self.model.size[0]
        return training_batch(self.pools, self.shares, self.recipe, canvas, step)

    def state(self) -> dict[str, Any]:
        """Return what a later `restore` needs."""
        return {
            "settings": self._settings(),
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue where the run that `state` came from stood.

        Raises `UsageError` if that run had another recipe or other data.
        """
        before, now = state["settings"], self._settings()
        changed = [name for name in now if before.get(name) != now[name]]
        if changed:
            named = ", ".join(f"{name} {before.get(name)} (now {now[name]})" for name in changed)
            raise UsageError(
                f"the run that was begun had other settings: {named}; give the same ones, or "
                "choose another --out"
            )
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])

    def _settings(self) -> dict[str, Any]:
        return {
            "network": self.model.name,
            "start": self.start,
            **asdict(self.recipe),
            "shares": list(self.shares),
            "people": [pool.digest for pool in self.pools],
        }

    def _train_on(self, batch: TrainingBatch, forward: nn.Module) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.step)
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.loss(forward(batch.images), batch)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_NORM)
        self.optimiser.step()
        return loss.item()

    def loss(self, stages: Sequence[Tensor], batch: TrainingBatch) -> Tensor:
        """Return the loss of a batch, summed over stages.

        Squared errors are summed over the cells of a map, so that they are as large as the
        cross-entropy before them: what the optimiser remembers of its gradients stays true.
        """
        if not self.maps:
            losses = self.model.losses(stages, batch.joints, batch.weight)
            return torch.stack([loss.mean() for loss in losses]).sum()
        total = torch.zeros((), device=self.device)
        for codec, stage in zip(self.maps, stages, strict=True):
            target = codec.encode(batch.joints)
            squared = codec.loss(stage, target, batch.weight).mean() * math.prod(codec.map_size)
            if self.schedule.on_cross_entropy(self.step):
                found = codec.cross_entropy(SHARPNESS * stage, target, batch.weight).mean()
                total = total + found + PIN * squared
            else:
                total = total + squared
        return total

    def _distributed(self) -> nn.Module:
        if not torch.distributed.is_initialized():
            return self.model
        devices = [self.device] if self.device.type != "cpu" else None
        distributed: nn.Module = DistributedDataParallel(self.model, device_ids=devices)
        return distributed


def quieten(model: PoseModel) -> None:
    """Shrink the layers that put out maps: `SHARPNESS` times an ordinary start is a firm guess.

    For a network that begins afresh; others put out no maps and stay as they are.
    """
    if not any(isinstance(codec, MapCodec) for codec in model.codecs):
        return
    with torch.no_grad():
        for layer in model.network.output_layers():  # type: ignore[operator]
            layer.weight.div_(SHARPNESS)
            layer.bias.zero_()


def train(
    trainer: Trainer,
    folder: Path,
    *,
    listen: Callable[[Progress], None] = lambda _: None,
    save_every: int = 250,
) -> None:
    """Run a trainer to the end, keeping its state in `folder/state.pt` so that it can resume.

    The state is saved every so many steps, and when the run is interrupted. Raises `UsageError`
    if the folder holds the state of a network that does not fit.
    """
    path = folder / "state.pt"
    folder.mkdir(parents=True, exist_ok=True)
    if path.exists():
        try:
            trainer.restore(torch.load(path, map_location=trainer.device, weights_only=True))
        except UsageError:
            raise
        except (RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as error:
            raise UsageError(
                f"{path} is broken or holds the state of another network: choose another --out, "
                "or delete it"
            ) from error

    with _interrupts_between_steps() as interrupted:

        def save_and_listen(progress: Progress) -> None:
            listen(progress)
            last = progress.step == progress.steps
            if last or interrupted.is_set() or progress.step % save_every == 0:
                _save(trainer, path)
            if interrupted.is_set():
                raise KeyboardInterrupt

        trainer.run(save_and_listen)


@contextmanager
def _interrupts_between_steps() -> Iterator[threading.Event]:
    """Turn Ctrl-C into an event: a state saved within a step would not be that of any step."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    before = signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def processes() -> Iterator[int]:
    """Join the other processes that `torchrun` started, if it did; yields this one's rank."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield 0
        return
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    torch.distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield torch.distributed.get_rank()
    finally:
        torch.distributed.destroy_process_group()


def _save(trainer: Trainer, path: Path) -> None:
    if torch.distributed.is_initialized() and torch.distributed.get_rank() != 0:
        return
    write_state(trainer.state(), path)


def write_state(state: dict[str, Any], path: Path) -> None:
    """Write the state of a training; the file appears whole or not at all."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def _part(batch: TrainingBatch, device: torch.device) -> TrainingBatch:
    """Return this process's part of a batch, on its device."""
    own = slice(None)
    if torch.distributed.is_initialized():
        own = slice(torch.distributed.get_rank(), None, torch.distributed.get_world_size())
    return TrainingBatch(
        batch.images[own].to(device),
        batch.joints[own].to(device),
        batch.weight[own].to(device),
        {name: label[own].to(device) for name, label in batch.labels.items()},
    )


def weights_of(model: PoseModel) -> str:
    """Return a digest of all weights: with it a run knows what it started from."""
    digest = hashlib.blake2b(digest_size=12)
    for tensor in model.network.state_dict().values():
        digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def supports_bfloat16(device: torch.device) -> bool:
    """Tell whether a device computes in bfloat16 itself."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and "avx512_bf16" in _cpu_flags()


def _cpu_flags() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""
