"""What attacks cost: forward passes a step, and memory by the number of people.

Run: `OMP_NUM_THREADS=1 python benchmarks/attack_cost.py`. For each bundled network, untrained, the
operations (multiply-adds of convolutions and matrices, counted by torch) and the time of one
attack step in forward passes, restarts and the passes without gradient included; then the memory
that `run_study` adds for 16 and for 64 drawn people.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from robustpose.attacks.goals import Untargeted
from robustpose.attacks.iterated import Iterated, igsm, pgd
from robustpose.conditions import Attacked, Clean, Condition
from robustpose.data.crops import crop
from robustpose.data.rendered import rendered_people
from robustpose.models import ZOO, build_model
from robustpose.models.deeppose import deeppose
from robustpose.models.model import PoseModel
from robustpose.poses import Images, PerImage, PoseBatch
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study

ATTACKS = {
    "IGSM, 10 steps": igsm(eps=8 / 255, steps=10),
    "PGD, 10 steps x 3 restarts": pgd(eps=8 / 255, steps=10, restarts=3),
}
REPEATS = 5


class Unleafed:
    """A loss whose network sees no leaf: the counter of operations cannot bear one."""

    def __init__(self, model: PoseModel, batch: PoseBatch) -> None:
        self.loss = Untargeted().loss(model, batch)

    def __call__(self, images: Images) -> PerImage:
        return self.loss(images + 0)

    def take(self, index: torch.Tensor) -> "Unleafed":
        raise NotImplementedError


def operations(work: Callable[[], object]) -> int:
    """Return the operations of one call."""
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of one call, the median of several."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def cost(model: PoseModel, attack: Iterated, batch: PoseBatch) -> tuple[float, float]:
    """Return operations and time of one step, in forward passes without gradient."""
    loss = Unleafed(model, batch)
    steps = attack.steps * attack.restarts

    def forward() -> None:
        with torch.no_grad():
            model(batch.images)

    def whole() -> None:
        attack(loss, batch.images, batch.seeds)

    forward()
    return (
        operations(whole) / steps / operations(forward),
        seconds(whole) / steps / seconds(forward),
    )


def tiny_network() -> PoseModel:
    """Build a network that needs little memory itself."""
    return deeppose("tiny", depth=18, width=8, size=(64, 64))


def peak() -> float:
    """Return the most memory this process had, in MiB (Linux)."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


def grown(people: int) -> float:
    """Return by how many MiB the peak of this process grows while it runs a study."""
    conditions: dict[str, Condition] = {
        "clean": Clean(),
        "igsm": Attacked(name="IGSM-U-3", attack=igsm(eps=8 / 255, steps=3)),
        "targeted": Attacked(name="IGSM-T-3", attack=igsm(eps=8 / 255, steps=3), targeted=True),
    }

    def run(count: int) -> None:
        study = Study(
            name="memory",
            people=rendered_people("test", count=count, pixels=64),
            canvas=(64, 64),
            victims={"tiny": partial(tiny_network)},
            conditions=conditions,
            batch_size=4,
            keep=0,
        )
        with tempfile.TemporaryDirectory() as folder:
            run_study(study, Path(folder) / "run", device=torch.device("cpu"))

    run(8)  # libraries and textures
    before = peak()
    run(people)
    return peak() - before


def main() -> None:
    """Print all figures, or for `memory PEOPLE` the one of this process."""
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["memory"]:
        print(f"{grown(int(sys.argv[2])):.1f}")
        return
    batch = crop(rendered_people("test", count=4, pixels=160), (128, 128))
    print("one attack step in forward passes: operations, CPU time (4 people, one thread)")
    for name in [name for name, entry in ZOO.items() if entry.bundled]:
        model = build_model(name).frozen()
        for title, attack in ATTACKS.items():
            counted, timed = cost(model, attack, batch)
            print(f"{name:24}{title:28}{counted:6.3f}{timed:7.2f}", flush=True)
    print("peak memory that run_study adds to the process (a peak is its own process's)")
    for people in (16, 64):
        command = [sys.executable, __file__, "memory", str(people)]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(f"{people:4} people: {found.strip()} MiB")


if __name__ == "__main__":
    main()
