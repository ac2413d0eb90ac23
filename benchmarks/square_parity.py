"""Square beside its published code: the same losses, as many queries, several seeds.

    OMP_NUM_THREADS=1 python benchmarks/square_parity.py AUTO_ATTACK

AUTO_ATTACK is a checkout of github.com/fra31/auto-attack. Drawn people, bundled networks, the
training loss; and a loss of curved stripes that costs nothing, for many more queries. Figures are
by how much the loss rises over its clean value, the mean over people and seeds, and how far the
mean of another set of seeds may be (one standard error).
"""

import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

import torch
from torch import Tensor

from robustpose.attacks.balls import L2, Linf
from robustpose.attacks.goals import Untargeted
from robustpose.attacks.losses import Loss
from robustpose.attacks.random_search import Square
from robustpose.data.crops import crop
from robustpose.data.rendered import rendered_people
from robustpose.models import load_model
from robustpose.poses import Images, PerImage

NETWORKS = ("hourglass2-compact", "deeppose-best-compact")
BALLS: Mapping[str, Linf | L2] = {"L-inf 8/255": Linf(8 / 255), "L2 3": L2(3.0)}
PEOPLE = 3


@dataclass(frozen=True)
class Stripes:
    """How well an image shows waves of several widths, less their square: hills and ridges."""

    waves: Tensor

    def __call__(self, images: Images) -> PerImage:
        """Return the loss of each image."""
        seen = torch.einsum("nchw,fchw->nf", images - 0.5, self.waves)
        return (seen.abs() - 0.05 * seen**2).sum(dim=1)

    def take(self, index: Tensor) -> "Stripes":
        """Return the loss: it is everybody's."""
        return self


def stripes() -> Stripes:
    """Build 16 waves on a canvas of 32 pixels."""
    draw = torch.Generator().manual_seed(0)
    across = torch.arange(32.0)
    turn = 0.8 * torch.rand(16, 3, 2, generator=draw)
    phase = turn[..., :1, None] * across[:, None] + turn[..., 1:, None] * across
    return Stripes(torch.sin(phase) / 32)


def published(
    attack: Callable[..., object], loss: Loss, images: Images, ball: Linf | L2, queries: int
) -> Callable[[int], Images]:
    """Return the published attack as a function of the seed.

    Two made-up classes make its margin minus the loss, far from success.
    """

    def predict(shown: Images) -> Tensor:
        return torch.stack([1e4 - loss(shown).double(), torch.zeros(len(shown))], dim=1)

    def run(seed: int) -> Images:
        norm = {"linf": "Linf", "l2": "L2"}[ball.norm]
        square = attack(predict, norm=norm, eps=ball.eps, n_queries=queries - 1, loss="margin")
        square.init_hyperparam(images)  # type: ignore[attr-defined]
        torch.manual_seed(seed)
        right = torch.zeros(len(images), dtype=torch.long)
        found: Images = square.attack_single_run(images, right)[1]  # type: ignore[attr-defined]
        return found

    return run


def rise(loss: Loss, images: Images, found: Callable[[int], Images], seeds: int) -> str:
    """Return the mean rise over seeds, and its standard error."""
    with torch.no_grad():
        clean = loss(images)
        rises = [float((loss(found(seed)) - clean).mean()) for seed in range(seeds)]
    error = statistics.stdev(rises) / seeds**0.5
    return f"{statistics.mean(rises):10.4g} ({error:.1g})"


def compare(
    title: str, attack: Callable[..., object], loss: Loss, images: Images, queries: int, seeds: int
) -> None:
    """Print a line a ball."""
    for name, ball in BALLS.items():
        square = Square(ball=ball, queries=queries)

        def ours(seed: int, square: Square = square) -> Images:
            return square(loss, images, [1000 * seed + person for person in range(len(images))])

        theirs = published(attack, loss, images, ball, queries)
        figures = [rise(loss, images, found, seeds) for found in (ours, theirs)]
        line = f"{title:24}{name:14}{queries:8}{seeds:7}{figures[0]:>22}{figures[1]:>22}"
        print(line, flush=True)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    sys.path.insert(0, sys.argv[1])
    attack = import_module("autoattack.square").SquareAttack

    print(f"{'loss':24}{'ball':14}{'queries':>8}{'seeds':>7}{'Square':>22}{'published code':>22}")
    draw = torch.Generator().manual_seed(1)
    compare("waves", attack, stripes(), torch.rand(4, 3, 32, 32, generator=draw), 1000, 10)
    batch = crop(rendered_people("test", count=PEOPLE, pixels=160), (128, 128))
    for name in NETWORKS:
        model = load_model(name).frozen().channels_last()
        model.precision = torch.bfloat16
        loss = Untargeted().loss(model, batch)
        compare(name, attack, loss, batch.images, 100, 8)


if __name__ == "__main__":
    main()
