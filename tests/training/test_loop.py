"""Training: it learns, and an interrupted run ends where a quiet one does."""

import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.training.loop import Progress, Trainer, quieten, train, weights_of
from robustpose.training.pools import Pool
from robustpose.training.recipe import Recipe

CPU = torch.device("cpu")
RECIPE = Recipe(images=24, batch_size=4, warm_up=2, cross_entropy=0.5)


def trainer(model: PoseModel, pool: Pool, recipe: Recipe = RECIPE) -> Trainer:
    return Trainer(model, recipe, [pool], [1.0], device=CPU)


class Stopped(Exception):
    """What stops a run in these tests."""


@pytest.mark.parametrize("name", ["deeppose", "hourglass", "resdec"])
@pytest.mark.parametrize("stop", [2, 3, 5])
def test_an_interrupted_run_ends_with_the_same_weights(
    name: str, stop: int, tiny: Callable[[str], PoseModel], pool: Pool, tmp_path: Path
) -> None:
    quiet = trainer(tiny(name), pool)
    quiet.run()

    def die(progress: Progress) -> None:
        if progress.step == stop + 1:
            raise Stopped

    with pytest.raises(Stopped):
        train(trainer(tiny(name), pool), tmp_path, listen=die, save_every=stop)
    steps: list[int] = []
    resumed = trainer(tiny(name), pool)
    train(resumed, tmp_path, listen=lambda progress: steps.append(progress.step))
    assert steps == list(range(stop + 1, 7))
    expected = quiet.averaged.state_dict()
    for key, value in resumed.averaged.state_dict().items():
        assert torch.equal(value, expected[key]), key


def test_a_finished_run_trains_no_further(
    tiny: Callable[[str], PoseModel], pool: Pool, tmp_path: Path
) -> None:
    train(trainer(tiny("deeppose"), pool), tmp_path)
    train(trainer(tiny("deeppose"), pool), tmp_path, listen=lambda _: pytest.fail("trained"))
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_the_state_of_another_network_is_refused(
    tiny: Callable[[str], PoseModel], pool: Pool, tmp_path: Path
) -> None:
    train(trainer(tiny("deeppose"), pool), tmp_path)
    with pytest.raises(UsageError, match="network tiny-deeppose"):
        train(trainer(tiny("resdec"), pool), tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut short"])
def test_a_broken_state_is_refused(
    tiny: Callable[[str], PoseModel], pool: Pool, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(UsageError, match=r"state\.pt"):
        train(trainer(tiny("deeppose"), pool), tmp_path)


@pytest.mark.parametrize(("name", "rate"), [("deeppose", 3e-3), ("hourglass", 1e-2)])
def test_the_loss_falls_on_a_few_people(
    name: str, rate: float, tiny: Callable[[str], PoseModel], pool: Pool
) -> None:
    recipe = Recipe(
        images=6 * 60,
        batch_size=6,
        rate=rate,
        warm_up=5,
        rotation=0,
        scale=1.0,
        colour=0,
        cross_entropy=1.0,
    )
    losses: list[float] = []
    trainer(tiny(name), pool, recipe).run(lambda progress: losses.append(progress.loss))
    assert sum(losses[-5:]) < 0.75 * sum(losses[:5])


def test_the_average_follows_the_weights_slowly(
    tiny: Callable[[str], PoseModel], pool: Pool
) -> None:
    found = trainer(tiny("deeppose"), pool)
    found.run()
    start, average = tiny("deeppose").state_dict(), found.averaged.state_dict()
    weight = "network.fc.weight"
    moved = (found.model.state_dict()[weight] - start[weight]).norm()
    assert 0 < (average[weight] - start[weight]).norm() < moved


def test_losses_of_both_kinds_are_of_one_size(tiny: Callable[[str], PoseModel], pool: Pool) -> None:
    model = tiny("hourglass")
    quieten(model)
    found = trainer(model, pool)
    losses: list[float] = []
    found.run(lambda progress: losses.append(progress.loss))
    switch = found.schedule.switch
    assert 0 < switch < len(losses)
    cells = 16 * 16
    assert losses[0] < 2 * 1.5 * math.log(cells)  # two stacks that know nothing yet
    assert 0.1 < losses[switch] < losses[switch - 1]


def test_maps_start_out_quiet(tiny: Callable[[str], PoseModel]) -> None:
    loud, quiet = tiny("hourglass"), tiny("hourglass")
    quieten(quiet)
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ratio = quiet.eval()(images)[0].std() / loud.eval()(images)[0].std()
    assert 0.05 < ratio < 0.2
    regressor = tiny("deeppose")
    before = weights_of(regressor)
    quieten(regressor)
    assert weights_of(regressor) == before


@pytest.mark.skipif(
    not (torch.distributed.is_available() and torch.distributed.is_gloo_available()),
    reason="this build of torch has no gloo",
)
def test_two_processes_end_with_the_same_finite_weights(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = Path(__file__).with_name("two_processes.py")
    common = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
    }
    started = [
        subprocess.Popen(
            [sys.executable, str(script), str(tmp_path)],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    one, other = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert one["images"] == other["images"] == 2  # each saw half of every batch of four
    for key, value in one["parameters"].items():
        assert value.isfinite().all()
        assert torch.equal(value, other["parameters"][key]), key
    assert (tmp_path / "run" / "state.pt").exists()
