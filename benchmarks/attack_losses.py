"""Which loss takes most of a network's score, at the same number of gradients.

Run: `OMP_NUM_THREADS=1 python benchmarks/attack_losses.py lsp:FOLDER [NETWORK ...]`.
Each loss is raised in the same steps (signs, the best image kept, from the clean image) on the
same test people; judged after rounding to 8 bits: the PCK that is left, in percent of the clean
one. A few people: differences of less than 5 are nothing.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import torch

import robustpose as rp
from robustpose.attacks.goals import Aim, Displaced, Untargeted, joint_losses
from robustpose.attacks.iterated import Iterated
from robustpose.attacks.targets import choose_targets
from robustpose.conditions.attacked import complete_poses
from robustpose.data import load_people
from robustpose.data.people import Split
from robustpose.models import load_model
from robustpose.models.model import PoseModel
from robustpose.poses import Joints, PoseBatch
from robustpose.studies.levels import finished

CANVAS = (128, 128)
NETWORKS = ("hourglass2-matched", "resdec-matched", "deeppose-best-compact", "simcc-matched")
AIMS: Mapping[str, Aim] = {
    "training loss": Untargeted(),
    "training loss, all stages": Untargeted(all_stages=True),
    "PCK margin": Displaced(by=joint_losses.pck_margin, sparing=False),
    "PCK margin, sparing": Displaced(by=joint_losses.pck_margin),
    "cross-entropy": Displaced(by=joint_losses.cross_entropy, sparing=False),
    "cross-entropy, sparing": Displaced(by=joint_losses.cross_entropy),
    "log-odds, sparing": Displaced(by=joint_losses.log_odds),
    "soft-argmax, sparing": Displaced(by=joint_losses.soft_argmax_distance),
    "OKS, sparing": Displaced(by=joint_losses.oks),
    "CosPGD": Displaced(by=joint_losses.cos_pgd, sparing=False),
    "CosPGD, sparing": Displaced(by=joint_losses.cos_pgd),
}
TARGETED: Mapping[str, Aim] = {
    "targeted, training loss": Untargeted(),
    "targeted, cross-entropy": Displaced(by=joint_losses.cross_entropy),
    "targeted, PCK margin": Displaced(by=joint_losses.pck_margin),
}


def some(people: Split, count: int) -> PoseBatch:
    """Cut out people from all over a split."""
    places = np.linspace(0, len(people) - 1, count).astype(int)
    return rp.crop(replace(people, people=[people[int(place)] for place in places]), CANVAS)


def left(model: PoseModel, batch: PoseBatch, aim: Aim, eps: float, steps: int, poses: Joints | None) -> float:
    """Attack, and return the PCK."""
    goal = aim
    if poses is not None:
        clean = model.predict(batch.images, batch.seeds)
        goal = aim.towards(choose_targets(clean, batch, poses, seed=0))
    ball = rp.Linf(eps / 255)
    attack = Iterated(ball=ball, steps=steps, step_size=SHARE * ball.eps, keep_best=True)
    images = attack(goal.loss(model, batch), batch.images, batch.seeds)
    images, _ = finished(images, batch.images, ball, rounding=True, valid_range=True)
    return rp.pck(model.predict(images, batch.seeds), batch)

SHARE = 1 / 4
def main() -> None:
    ap = argparse.ArgumentParser()
    ap.add_argument("people"); ap.add_argument("networks", nargs="*", default=NETWORKS)
    ap.add_argument("--count", type=int, default=8); ap.add_argument("--steps", type=int, default=20)
    ap.add_argument("--eps", type=float, nargs="*", default=[1, 2]); ap.add_argument("--only", default="")
    a = ap.parse_args()
    people = load_people(a.people)
    batch = some(people, a.count)
    poses = complete_poses(people[:200], CANVAS)
    for name in a.networks:
        model = load_model(name).frozen().channels_last()
        model.asked(people.skeleton)
        model.precision = torch.bfloat16
        clean = rp.pck(model.predict(batch.images, batch.seeds), batch)
        print(f"{name}, clean {clean:.1f}, {int(batch.scored.sum())} joints", flush=True)
        for label, aim in {**AIMS, **TARGETED}.items():
            if a.only not in label: continue
            start = time.perf_counter()
            found = [left(model, batch, aim, eps, a.steps, poses if label in TARGETED else None) for eps in a.eps]
            took = (time.perf_counter() - start) / (len(a.eps) * a.steps * len(batch))
            print(f"  {label:26s}" + "".join(f"{each:8.1f}" for each in found) + f"   {1000*took:.1f} ms a gradient", flush=True)


if __name__ == "__main__":
    main()
