"""APGD beside its published code: the same loss, start and number of steps.

    OMP_NUM_THREADS=1 python benchmarks/apgd_parity.py AUTO_ATTACK

AUTO_ATTACK is a checkout of github.com/fra31/auto-attack. The losses are the cross-entropy of a
small fixed classifier, and the training losses of bundled networks on drawn people. A run is one
start, drawn from the ball, for all images. Figures are by how much the loss rises over its clean
value, the mean over images and runs, and by how much ours rises further (percent of the published;
the mean, its standard error, and the ends that differ most).
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustpose.attacks.apgd import APGD
from robustpose.attacks.balls import L1, L2, Linf
from robustpose.attacks.goals import Untargeted
from robustpose.attacks.losses import Loss
from robustpose.data.crops import crop
from robustpose.data.rendered import rendered_people
from robustpose.models import load_model
from robustpose.poses import Images, PerImage

NETWORKS = ("hourglass2-compact", "deeppose-best-compact")
NORMS = {"linf": "Linf", "l2": "L2", "l1": "L1"}


@dataclass(frozen=True)
class CrossEntropy:
    """The loss of a classifier with random weights against what it says of the clean images."""

    network: nn.Module
    truth: Tensor

    def __call__(self, images: Images) -> PerImage:
        """Return the loss of each image."""
        return F.cross_entropy(self.network(images), self.truth, reduction="none")

    def take(self, index: Tensor) -> "CrossEntropy":
        """Return the loss of some images."""
        return CrossEntropy(self.network, self.truth[index])


def classified(images: Images) -> CrossEntropy:
    """Build a classifier of ten classes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(
            *(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), last := nn.Linear(32 * 8 * 8, 10)),
        ).requires_grad_(requires_grad=False)
        last.weight *= 10
    return CrossEntropy(network, network(images).argmax(dim=1))


def published(
    attack: Callable[..., object], loss: Loss, images: Images, mine: APGD, start: Images
) -> Images:
    """Return the best images of the published attack.

    The cross-entropy of two made-up classes with logits 0 and log(exp(loss) - 1) is the loss.
    """

    def predict(shown: Images) -> Tensor:
        value = loss(shown).double()
        return torch.stack([torch.zeros_like(value), value.expm1().log()], dim=1)

    norm, eps = NORMS[mine.ball.norm], mine.ball.eps
    theirs = attack(predict, n_iter=mine.steps, norm=norm, eps=eps, device="cpu")
    theirs.init_hyperparam(images)  # type: ignore[attr-defined]
    first = torch.zeros(len(images), dtype=torch.long)
    found: Images = theirs.attack_single_run(images, first, x_init=start)[0]  # type: ignore[attr-defined]
    return found


def drawn(ball: Linf | L2 | L1, images: Images, run: int) -> Images:
    """Draw starts: anywhere in the ball, in L1 as the published code does, with few values."""
    if isinstance(ball, L1):
        noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(run))
        return ball.project(images + noise, images)
    return ball.sample(images, [1000 * run + place for place in range(len(images))])


def compare(
    title: str, attack: Callable[..., object], loss: Loss, images: Images, mine: APGD, runs: int
) -> None:
    """Print a line."""
    rises = []
    for run in range(runs):
        start = drawn(mine.ball, images, run)
        both = (
            mine.outcome(loss, images, range(len(images)), start=start).images,
            published(attack, loss, images, mine, start),
        )
        with torch.no_grad():
            rises.append(torch.stack([loss(found) - loss(images) for found in both]))
    ours, theirs = torch.cat(rises, dim=1).double()
    lead = 100 * (ours / theirs - 1)
    error = lead.std() / len(lead) ** 0.5
    print(
        f"{title:22}{mine.ball.norm:5}{mine.ball.eps:8.4g}{mine.steps:6}{len(lead):6}"
        f"{ours.mean():11.5g}{theirs.mean():11.5g}{lead.mean():9.2f} % ({error:.2f})"
        f"{lead.min():9.2f}{lead.max():9.2f}",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    sys.path.insert(0, sys.argv[1])
    published_attack = import_module("autoattack.autopgd_base").APGDAttack

    print(
        f"{'loss':22}{'norm':5}{'eps':>8}{'steps':>6}{'ends':>6}{'APGD':>11}{'published':>11}"
        f"{'lead (s.e.)':>18}{'least':>9}{'most':>9}"
    )
    images = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    for ball in (Linf(8 / 255), L2(0.5), L2(3.0), L1(12.0)):
        mine = APGD(ball=ball, steps=100)
        compare("classifier", published_attack, classified(images), images, mine, 5)
    batch = crop(rendered_people("test", count=3, pixels=160), (128, 128))
    for name in NETWORKS:
        model = load_model(name).frozen().channels_last()
        loss = Untargeted().loss(model, batch)
        for ball in (Linf(2 / 255), L2(1.0), L1(60.0)):
            compare(name, published_attack, loss, batch.images, APGD(ball=ball, steps=20), 10)


if __name__ == "__main__":
    main()
