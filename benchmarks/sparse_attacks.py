"""What attacks in sparse balls depend on: the start in L1, the length of a step in L0.

    OMP_NUM_THREADS=1 python benchmarks/sparse_attacks.py

Bundled compact networks, drawn people, the training loss: by how much it rises over its clean value
(mean over people), and the PCK that is left, in percent of the clean one, of images rounded to
8 bits. Twenty steps each.
"""

import torch

import robustpose as rp
from robustpose.attacks.apgd import APGD
from robustpose.attacks.attack import Attack
from robustpose.attacks.balls import L0, L1
from robustpose.attacks.iterated import Iterated
from robustpose.attacks.levels import finished
from robustpose.attacks.losses import Loss
from robustpose.data.rendered import rendered_people
from robustpose.models.model import PoseModel
from robustpose.poses import Images, PoseBatch

NETWORKS = ("deeppose-best-compact", "hourglass2-compact")
PEOPLE, STEPS = 8, 20


def show(title: str, images: Images, attack: Attack, model: PoseModel, batch: PoseBatch) -> None:
    """Print a line."""
    loss: Loss = rp.Untargeted().loss(model, batch)
    shown, _ = finished(images, batch.images, attack.ball, rounding=True, valid_range=True)
    with torch.no_grad():
        rise = (loss(shown) - loss(batch.images)).mean()
    clean, left = (
        rp.pck(model.predict(each, batch.seeds), batch) for each in (batch.images, shown)
    )
    changed = (shown != batch.images).any(dim=1).float().mean()
    line = f"  {title:34}{rise:10.3g}{100 * left / clean:10.1f}{100 * changed:10.1f} % of pixels"
    print(line, flush=True)


def main() -> None:
    """Print a table a network."""
    torch.set_num_threads(1)
    batch = rp.crop(rendered_people("test", count=PEOPLE, pixels=160), (128, 128))
    noise = torch.randn(batch.images.shape, generator=torch.Generator().manual_seed(0))
    sum_, pixels = L1(60.0), L0(100)
    starts = {
        "uniform in the ball": sum_.sample(batch.images, batch.seeds),
        "Gaussian noise, projected": sum_.project(batch.images + noise, batch.images),
        "the clean image": batch.images,
    }
    for name in NETWORKS:
        model = rp.load_model(name).frozen().channels_last()
        model.precision = torch.bfloat16
        loss = rp.Untargeted().loss(model, batch)
        print(name)
        for title, start in starts.items():
            apgd = APGD(ball=sum_, steps=STEPS)
            found = apgd.outcome(loss, batch.images, batch.seeds, start=start).images
            show(f"L1 60, from {title}", found, apgd, model, batch)
        for size in (0.2, 0.5, 1.0, 2.0):
            steps = Iterated(ball=pixels, steps=STEPS, step_size=size, keep_best=True)
            found = steps(loss, batch.images, batch.seeds)
            show(f"L0 100, steps of {size}", found, steps, model, batch)


if __name__ == "__main__":
    main()
