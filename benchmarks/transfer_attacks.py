"""Which steps and gradients make images that fool another network, at the same ten gradients.

    OMP_NUM_THREADS=1 python benchmarks/transfer_attacks.py lsp:FOLDER

Images are made on one network, by its training loss, in an L-inf ball of 8/255, rounded to 8 bits,
and shown to both. Figures are the PCK that is left, in percent of the clean one, of test people
from all over the set. Several hundred joints: differences of less than 4 are nothing.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

import robustpose as rp
from robustpose.attacks.attack import Attack
from robustpose.attacks.gradients import Averaged
from robustpose.attacks.input_transformations import DiverseInput, TranslationInvariant
from robustpose.attacks.levels import finished
from robustpose.attacks.momentum import mi_fgsm, ni_fgsm
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch

EPS = 8 / 255
PEOPLE = 48
NETWORKS = ("resdec-matched", "hourglass2-matched")
BEHIND = "+resize:0.9"
DI = DiverseInput()
IGSM, MI = rp.igsm(eps=EPS), mi_fgsm(eps=EPS)
ATTACKS: Mapping[str, Attack] = {
    "IGSM-10, steps of eps/3": IGSM,
    "IGSM-10, steps of eps/10": rp.igsm(eps=EPS, step_size=EPS / 10),
    "MI": MI,
    "NI": ni_fgsm(eps=EPS),
    "DI": replace(IGSM, gradient=DI),
    "TI, 5 pixels": replace(IGSM, gradient=TranslationInvariant(size=5)),
    "TI, 7 pixels": replace(IGSM, gradient=TranslationInvariant(size=7)),
    "MI, DI": replace(MI, gradient=DI),
    "MI, DI, always": replace(MI, gradient=replace(DI, probability=1.0)),
    "MI, TI": replace(MI, gradient=TranslationInvariant()),
    "MI, DI, TI": replace(MI, gradient=TranslationInvariant(gradient=DI)),
}
BROUGHT_BACK: Mapping[str, Attack] = {
    "copies, answers brought back": replace(IGSM, gradient=Averaged(draws=1)),
    "MI, the same": replace(MI, gradient=Averaged(draws=1)),
}
"""On the network behind `resize:0.9`, drawn anew at each step."""


def loaded(name: str) -> PoseModel:
    """Load a network, fast."""
    model = rp.load_defended(name).frozen().channels_last()
    model.precision = torch.bfloat16
    return model


def some(name: str) -> PoseBatch:
    """Cut out test people from all over the set."""
    people = rp.load_people(name)
    places = np.linspace(0, len(people) - 1, PEOPLE).astype(int)
    return rp.crop(replace(people, people=[people[int(place)] for place in places]), (128, 128))


def left(attack: Attack, source: PoseModel, victims: list[PoseModel], batch: PoseBatch) -> str:
    """Return how much each victim's PCK is of the clean one."""
    loss = rp.Untargeted().loss(source, batch)
    images = attack(loss, batch.images, batch.seeds)
    shown, _ = finished(images, batch.images, attack.ball, rounding=True, valid_range=True)
    scores = []
    for victim in victims:
        clean, attacked = (
            rp.pck(victim.predict(each, batch.seeds), batch) for each in (batch.images, shown)
        )
        scores.append(100 * attacked / clean)
    return "".join(f"{score:10.1f}" for score in scores)


def main() -> None:
    """Print a table each way."""
    torch.set_num_threads(1)
    batch = some(sys.argv[1])
    models = {name: loaded(name) for name in NETWORKS}
    for source, target in (NETWORKS, NETWORKS[::-1]):
        print(f"made on {source}, shown to it and to {target}; {PEOPLE} people")
        both = [models[source], models[target]]
        for name, attack in ATTACKS.items():
            print(f"  {name:32}{left(attack, both[0], both, batch)}", flush=True)
        behind = loaded(source + BEHIND)
        for name, attack in BROUGHT_BACK.items():
            print(f"  {name:32}{left(attack, behind, both, batch)}", flush=True)


if __name__ == "__main__":
    main()
