"""A study of seconds. `python tiny_study.py OUT [PAUSE]` runs it, PAUSE seconds between cells."""

import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from robustpose.attacks.balls import L2
from robustpose.attacks.iterated import fgsm, igsm, pgd
from robustpose.conditions import Attacked, Clean, Condition
from robustpose.data.people import Split
from robustpose.data.rendered import rendered_people
from robustpose.models.deeppose import deeppose
from robustpose.models.model import PoseModel
from robustpose.models.simple_baseline import resdec
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study

SIZE = (48, 48)


def network(name: str, seed: int = 0) -> PoseModel:
    """Build a tiny network; the same weights for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "deeppose":
            return deeppose(name, depth=18, width=8, size=SIZE)
        return resdec(name, depth=18, width=8, features=16, size=SIZE, stem_pool=False)


def some_people(count: int = 5) -> Split:
    """Return drawn people; person 1 lacks a label and person 2 a reference length."""
    people = rendered_people("test", count=count, pixels=48)
    some = list(people)
    some[1] = replace(some[1], labelled=np.arange(14) != 3)
    some[2] = replace(some[2], size=None)
    return replace(people, people=tuple(some))


def conditions() -> Mapping[str, Condition]:
    """Return one condition of every kind."""
    return {
        "clean": Clean(),
        "small": Attacked(name="FGSM-U", attack=fgsm(eps=0.5 / 255)),
        "igsm": Attacked(name="IGSM-U-3", attack=igsm(eps=4 / 255, steps=3)),
        "l2": Attacked(name="PGD-U-2", attack=pgd(eps=0.9, steps=2, restarts=2, ball=L2)),
        "targeted": Attacked(name="IGSM-T-2", attack=igsm(eps=4 / 255, steps=2), targeted=True),
        "transfer": Attacked(name="IGSM-U-2", attack=igsm(eps=2 / 255, steps=2)),
    }


def tiny_study(**changes: Any) -> Study:
    """Return the study, with other settings if wanted."""
    settings: dict[str, Any] = {
        "name": "tiny",
        "people": some_people(),
        "canvas": SIZE,
        "victims": {name: partial(network, name) for name in ("deeppose", "resdec")},
        "conditions": conditions(),
        "batch_size": 2,
        "keep": 1,
    }
    settings |= changes
    transfer = {"deeppose": ("resdec",), "resdec": ("resdec",)}
    exposures = {"transfer": transfer} if "transfer" in settings["conditions"] else {}
    return Study(**{"exposures": exposures, **settings})


def main() -> None:
    """Run the study in the folder of the command line."""
    torch.set_num_threads(1)
    out, pause = Path(sys.argv[1]), float((*sys.argv, "0")[2])
    run_study(tiny_study(), out, device=torch.device("cpu"), listen=lambda _: time.sleep(pause))


if __name__ == "__main__":
    main()
