"""Which loss takes most of a network's score at the same number of gradients, and which add to it.

Run: `OMP_NUM_THREADS=1 python benchmarks/attack_losses.py lsp:FOLDER [NETWORK ...] [--eps 1 2]`.
Each loss is raised in 20 equal steps on the same 16 test people, the best image kept, and judged
after rounding to 8 bits: the PCK that is left. Then the losses are ordered: the strongest first,
after it the one that takes most from the people's worst images so far, and so on. With 16 people
(about 210 joints) a difference of 3 is nothing.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

import robustpose as rp
from robustpose.attacks.goals import Aim, Displaced, Untargeted, joint_losses
from robustpose.attacks.iterated import Iterated
from robustpose.attacks.levels import finished
from robustpose.conditions import Artefact, Attacked
from robustpose.conditions.attacked import complete_poses
from robustpose.data import load_people
from robustpose.data.people import Split
from robustpose.models import load_model
from robustpose.models.model import PoseModel
from robustpose.poses import Images, PoseBatch
from robustpose.scoring import errors

CANVAS = (128, 128)
COUNT, STEPS, SHARE = 16, 20, 1 / 4
NETWORKS = ("hourglass2-matched", "resdec-matched", "deeppose-best-compact", "simcc-matched")
UNTARGETED: Mapping[str, Aim] = {
    "training loss": Untargeted(),
    "training loss, all stages": Untargeted(all_stages=True),
    "PCK margin, not sparing": Displaced(by=joint_losses.pck_margin, sparing=False),
    "PCK margin": Displaced(by=joint_losses.pck_margin),
    "cross-entropy, not sparing": Displaced(by=joint_losses.cross_entropy, sparing=False),
    "cross-entropy": Displaced(by=joint_losses.cross_entropy),
    "log-odds": Displaced(by=joint_losses.log_odds),
    "log-odds, all stages": Displaced(by=joint_losses.log_odds, all_stages=True),
    "soft-argmax": Displaced(by=joint_losses.soft_argmax_distance),
    "OKS": Displaced(by=joint_losses.oks),
    "CosPGD, not sparing": Displaced(by=joint_losses.cos_pgd, sparing=False),
    "CosPGD": Displaced(by=joint_losses.cos_pgd),
}
TARGETED: Mapping[str, Aim] = {
    "targeted training loss": Untargeted(),
    "targeted cross-entropy": Displaced(by=joint_losses.cross_entropy),
    "targeted PCK margin": Displaced(by=joint_losses.pck_margin),
}


def some(people: Split, count: int) -> Split:
    """Return people from all over a split."""
    places = np.linspace(0, len(people) - 1, count).astype(int)
    return replace(people, people=[people[int(place)] for place in places], annotations=None)


def conditions(eps: float, *, stages: int) -> Mapping[str, Attacked]:
    """Return the attacks that are compared; one stage is all stages."""
    ball = rp.Linf(eps / 255)
    attack = Iterated(ball=ball, steps=STEPS, step_size=SHARE * ball.eps, keep_best=True)
    aims = [(name, aim, name in TARGETED) for name, aim in {**UNTARGETED, **TARGETED}.items()]
    return {
        name: Attacked(name=name, attack=attack, by=aim, targeted=targeted)
        for name, aim, targeted in aims
        if stages > 1 or "all stages" not in name
    }


def right(
    condition: Attacked, model: PoseModel, batch: PoseBatch, artefact: Artefact
) -> Float[np.ndarray, "n"]:
    """Attack, and return how many joints of each person are right."""
    found = condition.perturb(batch, model, artefact, 0)
    images, _ = finished(
        found.images, batch.images, condition.ball, rounding=True, valid_range=True
    )
    return left(model, images, batch)


def left(model: PoseModel, images: Images, batch: PoseBatch) -> Float[np.ndarray, "n"]:
    """Return how many joints of each person are right."""
    found = errors(model.predict(images, batch.seeds), batch)
    return np.asarray((found <= batch.threshold).sum(axis=1))


def ordered(
    found: Mapping[str, Float[np.ndarray, "n"]], clean: Float[np.ndarray, "n"]
) -> list[str]:
    """Return losses and how many joints are left with each of them and those before it."""
    worst, lines, others = clean, [], dict(found)
    while others:
        name = min(others, key=lambda each: np.minimum(worst, others[each]).sum())
        after = np.minimum(worst, others.pop(name))
        if after.sum() == worst.sum():
            break
        worst = after
        lines.append(f"{name} {worst.sum():.0f}")
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("people")
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--eps", type=float, nargs="+", default=[1, 2])
    settings = parser.parse_args()
    people = load_people(settings.people)
    batch = rp.crop(some(people, COUNT), CANVAS)
    poses = {"poses": complete_poses(some(people, 64), CANVAS)}
    joints = int(batch.scored.sum())
    for eps in settings.eps:
        for network in settings.networks:
            model = load_model(network).frozen().channels_last().asked(people.skeleton)
            model.precision = torch.bfloat16
            clean = left(model, batch.images, batch)
            print(f"{network}, eps {eps:g}, clean {100 * clean.sum() / joints:.1f}", flush=True)
            found = {}
            for name, condition in conditions(eps, stages=len(model.codecs)).items():
                start = time.perf_counter()
                found[name] = right(condition, model, batch, poses)
                spent = (time.perf_counter() - start) / (STEPS * COUNT)
                score = 100 * found[name].sum() / joints
                print(f"  {name:28s}{score:6.1f}   {1000 * spent:4.0f} ms a step", flush=True)
            print(f"  of {joints} joints: {', then '.join(ordered(found, clean))}", flush=True)


if __name__ == "__main__":
    main()
