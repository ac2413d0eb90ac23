"""How best to spend gradients on a network that draws: few draws a step, or many, and by whom.

    OMP_NUM_THREADS=1 python benchmarks/averaged_gradients.py lsp:FOLDER

PCK in percent that attacks on log-odds leave of the first 16 people at 2/255, in 8-bit levels, if
the network sees pictures of a random size: the mean of 16 answers. Each attack spends about 200
gradients a person.
"""

import sys
from dataclasses import replace

import torch
from traps import Trapped, random_size, same

import robustpose as rp
from robustpose.attacks.attack import Attack
from robustpose.attacks.goals.joint_losses import log_odds
from robustpose.attacks.gradients import Averaged, exact
from robustpose.attacks.levels import finished
from robustpose.attacks.momentum import Momentum
from robustpose.models.model import PoseModel
from robustpose.poses import Images, PoseBatch

NETWORK, PEOPLE, BALL, ANSWERS = "hourglass2-matched", 16, rp.Linf(2 / 255), 16
SHARES = ((20, 10), (100, 2), (200, 1))
"""Steps, and draws of each."""


def score(model: PoseModel, images: Images, batch: PoseBatch) -> float:
    """Return the mean score over answers."""
    found = (model.predict(images, batch.seeds) for _ in range(ANSWERS))
    return sum(float(rp.pck(each, batch)) for each in found) / ANSWERS


def left(model: PoseModel, batch: PoseBatch, attack: Attack) -> float:
    """Return the score under attack."""
    loss = rp.Displaced(by=log_odds).loss(model, batch)
    images = attack(loss, batch.images, seeds=batch.seeds)
    images, _ = finished(images, batch.images, BALL, rounding=True, valid_range=True)
    return score(model, images, batch)


def attacks(steps: int, draws: int) -> dict[str, Attack]:
    """Return the optimisers with so many steps."""
    averaged = Averaged(draws=draws, gradient=exact)
    momentum = Momentum(
        ball=BALL, steps=steps, step_size=0.2 * BALL.eps, decay=0.9, gradient=averaged
    )
    return {
        "APGD": rp.APGD(ball=BALL, steps=steps, gradient=averaged),
        "momentum": momentum,
        "momentum, falling": replace(momentum, falling=True),
    }


def main() -> None:
    """Print a table for each front."""
    people = rp.load_people(sys.argv[1])[:PEOPLE]
    batch = rp.crop(people, (128, 128))
    model = rp.load_model(NETWORK).frozen()
    model.precision = torch.bfloat16
    model = Trapped(model, name="a random size", before=random_size, behind=same)
    model.asked(people.skeleton)
    print(f"{NETWORK} behind a random size: clean {score(model, batch.images, batch):.1f}")
    print(f"{'steps':>7}{'draws':>7}" + "".join(f"{each:>20}" for each in attacks(1, 1)))
    for steps, draws in SHARES:
        print(f"{steps:7}{draws:7}", end="", flush=True)
        for attack in attacks(steps, draws).values():
            print(f"{left(model, batch, attack):20.1f}", end="", flush=True)
        print()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
