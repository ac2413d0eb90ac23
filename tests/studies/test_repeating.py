"""A network that draws numbers of its own is told from one that repeats itself."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from robustpose.conditions import Clean
from robustpose.data.crops import crop
from robustpose.defenses import JPEG, ResizeAndPad, defended
from robustpose.models.model import PoseModel
from robustpose.models.repeating import repeat_difference
from robustpose.seeds import REPEATABLE
from robustpose.studies.rows import read_study
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study


class Drawing(nn.Module):
    """A network behind noise that no seed settles."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        stages: tuple[Tensor, ...] = self.network(pictures + 0.01 * torch.randn_like(pictures))
        return stages


@pytest.fixture
def model(tiny_module: ModuleType) -> PoseModel:
    network: PoseModel = tiny_module.network("resdec").frozen()
    return network


def test_noise_that_no_seed_settles_is_seen(model: PoseModel, tiny_module: ModuleType) -> None:
    batch = crop(tiny_module.some_people(), tiny_module.SIZE)
    assert repeat_difference(model, batch) == 0
    # What seeds settle repeats itself.
    assert repeat_difference(defended(model, ResizeAndPad(least=0.8)), batch) == 0
    model.network = Drawing(model.network)
    state = torch.get_rng_state()
    assert repeat_difference(model, batch) > REPEATABLE
    assert torch.equal(state, torch.get_rng_state())


def test_a_run_says_it_of_every_network(
    tiny_study: Callable[..., Study], model: PoseModel, tmp_path: Path
) -> None:
    study = tiny_study(
        victims={
            "plain": lambda: model,
            "plain+jpeg:75": partial(defended, model, JPEG(quality=75)),
            "plain+resize:0.8": partial(defended, model, ResizeAndPad(least=0.8)),
        },
        conditions={"clean": Clean()},
    )
    study = replace(study, people=study.people.limited(2))
    run_study(study, tmp_path, device=torch.device("cpu"))
    found = read_study(tmp_path)["victims"]
    keys = ("random", "repeat_difference", "differentiable", "defenses")
    said = {name: [entry[key] for key in keys] for name, entry in found.items()}
    assert said == {
        "plain": [False, 0.0, True, []],
        "plain+jpeg:75": [False, 0.0, False, ["jpeg:75"]],
        "plain+resize:0.8": [True, 0.0, True, ["resize:0.8"]],
    }
