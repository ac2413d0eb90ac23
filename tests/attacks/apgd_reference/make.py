"""Record the losses that the published APGD meets on its way, step by step.

Needs a checkout of fra31/auto-attack (a392200). From the top of
this repository:

    python -m tests.attacks.apgd_reference.make CHECKOUT
"""

import importlib
import json
import sys
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .scene import CASES, RECORD, Case, logits, origins, starts, truth

NORMS = {"linf": "Linf", "l2": "L2", "l1": "L1"}


def losses(published: Any, case: Case) -> list[list[float]]:
    """Return the loss of everybody at the start and after each step."""
    met = []

    def watched(images: Tensor) -> Tensor:
        found = logits(images)
        met.append(F.cross_entropy(found.detach(), truth(), reduction="none").tolist())
        return found

    attack = published(
        watched, n_iter=case.steps, norm=NORMS[case.ball.norm], eps=case.ball.eps, device="cpu"
    )
    attack.init_hyperparam(origins())
    attack.attack_single_run(origins(), truth(), x_init=starts(case))
    return [[round(value, 6) for value in each] for each in met]


def main() -> None:
    """Write the record."""
    torch.set_num_threads(1)
    sys.path.insert(0, sys.argv[1])
    published = importlib.import_module("autoattack.autopgd_base").APGDAttack
    record = {case.name: losses(published, case) for case in CASES}
    RECORD.write_text(json.dumps(record, separators=(",", ":")).replace("]],", "]],\n") + "\n")


if __name__ == "__main__":
    main()
