"""How fast universal perturbations come to work: the score by the number of passes.

Run: `OMP_NUM_THREADS=1 python benchmarks/universal_passes.py lsp:FOLDER [NETWORK ...]`.
Perturbations of 16/255 are fitted on 200 training people in mini-batches of 16 and judged on 32
test people: the PCK that is left, in percent of the clean one, after 1 to 10 passes. With 32 people
a difference of ten is nothing. The matched regressor is clean no better than a guess: look at its
loss.
"""

import sys
from dataclasses import replace

import numpy as np
import torch

import robustpose as rp
from robustpose.attacks.universal import UniversalAscent, apply, metzen, shafahi
from robustpose.conditions import Noise
from robustpose.data.people import Split
from robustpose.models.model import PoseModel
from robustpose.poses import Images, PoseBatch

EPS = 16 / 255
FITTED, JUDGED, BATCH = 200, 32, 16
SHOWN = (1, 2, 5, 10)
NETWORKS = ("hourglass2-matched", "deeppose-matched", "deeppose-best-compact")
METHODS: dict[str, UniversalAscent] = {
    "Metzen, eps / 200": metzen(eps=EPS),
    "Metzen, eps / 5": metzen(eps=EPS, step_size=EPS / 5),
    "Shafahi, eps / 10": shafahi(eps=EPS),
    "Shafahi, eps / 5": shafahi(eps=EPS, step_size=EPS / 5),
    "the same, clip 2": shafahi(eps=EPS, step_size=EPS / 5, clip=2.0),
    "the same, no clip": shafahi(eps=EPS, step_size=EPS / 5, clip=None),
}


def some(people: Split, count: int) -> PoseBatch:
    """Cut out people from all over a split."""
    places = np.linspace(0, len(people) - 1, count).astype(int)
    return rp.crop(replace(people, people=[people[int(place)] for place in places]), (128, 128))


def left(model: PoseModel, images: Images, people: PoseBatch) -> str:
    """Return the PCK in percent of the clean one, and how many times the clean loss there is."""
    loss = rp.Untargeted().loss(model, people)
    with torch.no_grad():
        times = loss(images).mean() / loss(people.images).mean()
    clean = rp.pck(model.predict(people.images), people)
    return f"{100 * rp.pck(model.predict(images), people) / clean:5.1f} ({times:4.2f})"


def passes(
    method: UniversalAscent, model: PoseModel, fitted: PoseBatch, judged: PoseBatch
) -> list[str]:
    """Fit, and return what is left after some of the passes."""
    state = method.start(fitted.images)
    found = []
    for number in range(1, max(SHOWN) + 1):
        order = np.random.RandomState(number).permutation(FITTED)
        for start in range(0, FITTED, BATCH):
            people = fitted.take(order[start : start + BATCH].tolist())
            state = method.step(state, rp.Untargeted().loss(model, people), people.images)
        if number in SHOWN:
            images = apply(judged.images, method.perturbation(state))
            found.append(left(model, images, judged))
    return found


def main() -> None:
    """Print a table a network."""
    training, test = (rp.load_people(sys.argv[1], split=split) for split in ("train", "test"))
    fitted, judged = some(training, FITTED), some(test, JUDGED)
    print(f"PCK left in percent of clean (loss in multiples of clean), {JUDGED} unseen people")
    for name in sys.argv[2:] or NETWORKS:
        model = rp.load_model(name).frozen().asked(test.skeleton).channels_last()
        model.precision = torch.bfloat16
        print(f"\n{name}, clean PCK {rp.pck(model.predict(judged.images), judged):.1f}")
        noise = Noise(ball=rp.Linf(EPS)).perturb(judged, None, None, 0).images
        print(f"{'noise':20}", left(model, noise, judged))
        loss = rp.Untargeted().loss(model, judged)
        for label, attack in (("FGSM-U", rp.fgsm(eps=EPS)), ("IGSM-U-10", rp.igsm(eps=EPS))):
            images = attack(loss, judged.images, judged.seeds)
            print(f"{label:20}", left(model, images, judged))
        print(f"{'passes':20}", " ".join(f"{number:12}" for number in SHOWN))
        for label, method in METHODS.items():
            print(f"{label:20}", " ".join(passes(method, model, fitted, judged)), flush=True)


if __name__ == "__main__":
    main()
