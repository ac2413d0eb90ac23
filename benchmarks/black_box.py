"""What attackers without gradients leave of a score, by the number of queries.

Run: `OMP_NUM_THREADS=1 python benchmarks/black_box.py lsp:FOLDER NETWORK QUERIES`. PCK in percent
of clean on eight people from all over the test split, eps 8/255, images rounded to 8 bits, the
network in bfloat16. *Training loss*: the attacker sees the value of the loss that the network was
trained with. *Answer*: he sees predicted joints, of which he knows how far they are from the truth.
Noise is of the same size, every value up or down by eps: the best of as many images. With eight
people a difference of ten is nothing.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

import robustpose as rp
from robustpose.attacks.attack import Outcome
from robustpose.attacks.balls import Linf
from robustpose.attacks.evolution import NES
from robustpose.attacks.goals import Goal, Judged, Untargeted
from robustpose.attacks.iterated import Iterated, igsm
from robustpose.attacks.levels import rounded
from robustpose.attacks.losses import Loss
from robustpose.attacks.random_search import Square
from robustpose.attacks.sign_hunter import SignHunter
from robustpose.data.people import Split
from robustpose.models.model import PoseModel
from robustpose.poses import Images, PoseBatch
from robustpose.seeds import seed_of

BALL = Linf(8 / 255)
PEOPLE = 8
SAMPLES = 10


@dataclass(frozen=True)
class BestNoise:
    """The best of so many images, of which every value is up or down by eps."""

    queries: int

    @torch.no_grad()
    def outcome(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Outcome:
        """Return the image of the highest loss, for each person."""
        best, reached = images, torch.full((len(images),), -torch.inf)
        for query in range(self.queries):
            drawn = BALL.sample(torch.full_like(images, 0.5), [seed_of(query, s) for s in seeds])
            tried = BALL.project(images + BALL.eps * (drawn - 0.5).sign(), images)
            value = loss(tried)
            better = value > reached
            best = torch.where(better.view(-1, 1, 1, 1), tried, best)
            reached = torch.where(better, value, reached)
        return Outcome(best, None, gradients=0, queries=self.queries)


def nes(queries: int) -> Iterated:
    """Return signed steps along estimated gradients, which take so many queries or a few less."""
    return Iterated(
        ball=BALL,
        steps=queries // (SAMPLES + 1),
        step_size=BALL.eps / 4,
        keep_best=True,
        gradient=NES(samples=SAMPLES, sigma=4 / 255, tile=8),
    )


Make = Callable[[int], BestNoise | Iterated | Square | SignHunter]
METHODS: Mapping[str, tuple[Make, Goal]] = {
    "noise, answer": (BestNoise, Judged()),
    "Square, training loss": (lambda queries: Square(ball=BALL, queries=queries), Untargeted()),
    "NES, training loss": (nes, Untargeted()),
    "Square, answer": (lambda queries: Square(ball=BALL, queries=queries), Judged()),
    "SignHunter, answer": (lambda queries: SignHunter(ball=BALL, queries=queries), Judged()),
}


def some(people: Split, count: int) -> PoseBatch:
    """Cut out people from all over a split."""
    places = np.linspace(0, len(people) - 1, count).astype(int)
    return rp.crop(replace(people, people=[people[int(place)] for place in places]), (128, 128))


def left(model: PoseModel, images: Images, people: PoseBatch) -> float:
    """Return the PCK of images rounded inside the ball, in percent of the clean one."""
    clean = rp.pck(model.predict(people.images), people)
    return 100 * rp.pck(model.predict(rounded(images, people.images, BALL)), people) / clean


def main() -> None:
    """Print a table for one network and one number of queries."""
    torch.set_num_threads(1)
    people = some(rp.load_people(sys.argv[1], split="test"), PEOPLE)
    name, queries = sys.argv[2], int(sys.argv[3])
    model = rp.load_model(name).frozen().asked(people.skeleton).channels_last()
    model.precision = torch.bfloat16
    white_box = igsm(eps=BALL.eps)(Untargeted().loss(model, people), people.images, people.seeds)
    print(
        f"{name}, {queries} queries; clean PCK {rp.pck(model.predict(people.images), people):.1f}; "
        f"ten gradients (IGSM-U-10) leave {left(model, white_box, people):.1f} %"
    )
    print(f"{'':24}{'asked':>8}{'PCK left':>10}{'CPU s':>8}")
    for title, (make, goal) in METHODS.items():
        start = time.process_time()
        outcome = make(queries).outcome(goal.loss(model, people), people.images, people.seeds)
        seconds = time.process_time() - start
        share = left(model, outcome.images, people)
        print(f"{title:24}{outcome.queries:8}{share:10.1f}{seconds:8.0f}", flush=True)


if __name__ == "__main__":
    main()
