"""What simple defences leave of a score, against attacks that know them or do not.

Run: `OMP_NUM_THREADS=1 python benchmarks/defenses.py lsp:FOLDER`. PCK in percent of the first 32
people of the test split, network `resdec-matched`, IGSM-U-10 at 8/255, images rounded to 8 bits.
*Unaware*: images made on the network alone. *Aware*: made through the defence, whose random draws
the attacker knows. *8 draws*: of a random defence the attacker knows all but the draws, and takes
the mean gradient over eight of his own. The last lines differentiate JPEG by the identity, not by
`smooth_jpeg`.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from robustpose.attacks.goals import Untargeted
from robustpose.attacks.gradients import Averaged
from robustpose.attacks.iterated import Iterated, igsm
from robustpose.attacks.levels import rounded
from robustpose.data import load_people
from robustpose.data.crops import crop
from robustpose.defenses import JPEG, defended, load_defended
from robustpose.defenses.quantisation import straight_through
from robustpose.models import load_model
from robustpose.models.model import PoseModel
from robustpose.poses import Images, PoseBatch
from robustpose.scoring import pck

NETWORK = "resdec-matched"
PEOPLE = 32
DEFENSES = (
    "",
    "+mirror",
    "+gaussian:1",
    "+gaussian:2",
    "+median:3",
    "+median:5",
    "+jpeg:75",
    "+jpeg:25",
    "+bits:5",
    "+bits:3",
    "+resize:0.9",
    "+mirror+jpeg:75",
)
ATTACK = igsm(eps=8 / 255)
AVERAGED = replace(ATTACK, gradient=Averaged(draws=8))


@dataclass(frozen=True, kw_only=True)
class ByIdentity(JPEG):
    """JPEG whose gradient goes on to the pictures unchanged."""

    @property
    def name(self) -> str:
        """`jpeg:QUALITY by the identity`."""
        return f"{super().name} by the identity"

    def change(self, pictures: Images, seeds: Sequence[int]) -> Images:
        """Return the pictures as they are read again."""
        return straight_through(super().change(pictures, seeds), pictures)


def main() -> None:
    """Print a line for each defence."""
    people = load_people(sys.argv[1]).limited(PEOPLE)
    network = load_model(NETWORK).asked(people.skeleton)
    batch = crop(people, network)
    unaware = perturbed(network, batch, ATTACK)
    models = [
        *(load_defended(NETWORK + name).asked(people.skeleton) for name in DEFENSES),
        *(defended(network, ByIdentity(quality=quality)) for quality in (75, 25)),
    ]
    print(f"{'':40s}{'clean':>8s}{'unaware':>9s}{'aware':>8s}{'8 draws':>9s}")
    for model in models:
        images = [batch.images, unaware, perturbed(model, batch, ATTACK)]
        if model.random:
            images.append(perturbed(model, batch, AVERAGED))
        scores = [pck(model.predict(each, batch.seeds), batch) for each in images]
        widths = (8, 9, 8, 9)
        line = "".join(f"{score:{width}.1f}" for score, width in zip(scores, widths, strict=False))
        print(f"{model.name:40s}{line}", flush=True)


def perturbed(model: PoseModel, batch: PoseBatch, attack: Iterated) -> Images:
    """Return the images of an attack, rounded to 8 bits inside the ball."""
    loss = Untargeted().loss(model, batch)
    return rounded(attack(loss, batch.images, batch.seeds), batch.images, attack.ball)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
