"""One of several processes that train a tiny network; writes OUT/RANK.pt."""

import sys
from pathlib import Path

import numpy as np
import torch

from robustpose.models.deeppose import deeppose
from robustpose.skeletons import LSP14
from robustpose.training.loop import Trainer, processes, train
from robustpose.training.pools import Pool
from robustpose.training.recipe import Recipe


def main() -> None:
    """Train three steps on noise."""
    torch.set_num_threads(1)
    out = Path(sys.argv[1])
    random = np.random.default_rng(0)
    pool = Pool(
        random.integers(0, 255, (4, 80, 80, 3), np.uint8),
        random.uniform(20, 60, (4, 14, 2)),
        np.ones((4, 14), bool),
        LSP14,
    )
    torch.manual_seed(0)
    model = deeppose("tiny", depth=18, width=8, size=(64, 64))
    seen: list[int] = []
    model.network.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    with processes() as rank:
        recipe = Recipe(images=12, batch_size=4)
        trainer = Trainer(model, recipe, [pool], [1.0], device=torch.device("cpu"))
        train(trainer, out / "run")
        parameters = {name: value.detach() for name, value in trainer.averaged.named_parameters()}
        torch.save({"parameters": parameters, "images": max(seen)}, out / f"{rank}.pt")


if __name__ == "__main__":
    main()
