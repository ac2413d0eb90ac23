"""What stand-ins cost where nothing is masked, and what measuring a change brings behind JPEG.

    OMP_NUM_THREADS=1 python benchmarks/stand_in_gradients.py lsp:FOLDER

PCK in percent that twenty steps of APGD on log-odds leave of the first 32 people, in 8-bit levels:
along the exact gradient and along stand-ins; then of a network behind OpenCV's JPEG of quality 75,
through which gradients pass straight, by what is measured of it (stand-ins), or by a smooth copy of
JPEG, which knows what it is.
"""

import sys
from functools import partial

import torch
from traps import Trapped, jpeg_by_opencv, same

import robustpose as rp
from robustpose.attacks.goals.joint_losses import log_odds
from robustpose.attacks.gradients import GradientFn, exact
from robustpose.attacks.levels import finished
from robustpose.attacks.stand_ins import stand_ins
from robustpose.defenses.jpeg import smooth_jpeg
from robustpose.defenses.quantisation import straight_through
from robustpose.models.model import PoseModel
from robustpose.poses import Images, PoseBatch

PEOPLE, STEPS = 32, 20
BALLS = {"hourglass2-matched": 1.0, "resdec-matched": 1.0, "deeppose-best-compact": 0.5}
BEHIND_JPEG, JPEG_EPSILON, QUALITY = "resdec-matched", 2.0, 75


def left(model: PoseModel, batch: PoseBatch, eps255: float, gradient: GradientFn) -> float:
    """Return the score under attack."""
    ball = rp.Linf(eps255 / 255)
    attack = rp.APGD(ball=ball, steps=STEPS, gradient=gradient)
    loss = rp.Displaced(by=log_odds).loss(model, batch)
    images = attack(loss, batch.images, seeds=batch.seeds)
    images, _ = finished(images, batch.images, ball, rounding=True, valid_range=True)
    return float(rp.pck(model.predict(images, batch.seeds), batch))


def read_again(images: Images, smooth: Images) -> Images:
    """Return pictures after JPEG, with the gradient of `smooth`."""
    return straight_through(jpeg_by_opencv(images), smooth)


def frozen(network: str) -> PoseModel:
    """Load a network."""
    model = rp.load_model(network).frozen()
    model.precision = torch.bfloat16
    return model


def main() -> None:
    """Print both tables."""
    people = rp.load_people(sys.argv[1])[:PEOPLE]
    batch = rp.crop(people, (128, 128))
    print(f"{'':<24}{'eps':>5}{'clean':>8}{'exact':>8}{'stand-ins':>11}")
    for network, eps255 in BALLS.items():
        model = frozen(network).asked(people.skeleton)
        clean = float(rp.pck(model.predict(batch.images, batch.seeds), batch))
        ways = [left(model, batch, eps255, gradient) for gradient in (exact, stand_ins)]
        print(f"{network:<24}{eps255:>5g}{clean:8.1f}{ways[0]:8.1f}{ways[1]:11.1f}", flush=True)
    print(f"\n{BEHIND_JPEG} behind JPEG, eps {JPEG_EPSILON:g}")
    known = partial(smooth_jpeg, quality=QUALITY)
    fronts = {
        "no JPEG": (same, exact),
        "straight through": (lambda images: read_again(images, images), exact),
        "measured": (jpeg_by_opencv, stand_ins),
        "a smooth copy": (lambda images: read_again(images, known(images)), exact),
    }
    for name, (before, gradient) in fronts.items():
        model = Trapped(frozen(BEHIND_JPEG), name=name, before=before, behind=same)
        model.asked(people.skeleton)
        print(f"{name:<24}{left(model, batch, JPEG_EPSILON, gradient):8.1f}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
