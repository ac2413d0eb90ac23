"""Networks that mask their gradients on purpose: do checks see it, does the ensemble break them?

    OMP_NUM_THREADS=1 python benchmarks/traps.py lsp:FOLDER RUN [NETWORK] [TRAP ...]

Each trap is put around one bundled network, which is then evaluated by the attacks of `robustpose
run strong --quick` at 2/255, rounded to 8 bits. `exact` is what the best of the members leaves that
follow the network's own gradient; `ensemble` is pose_auto_attack; `beside` is its score less that
against the network without a trap. Scores are PCK in percent, of the first 16 people. RUN is the
folder of the run, which goes on where it stopped.
"""

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor

import robustpose as rp
from robustpose.models.model import PoseModel
from robustpose.models.wrapping import Wrapped
from robustpose.poses import Images
from robustpose.protocols.strong import strong
from robustpose.studies.checks import Severity, check_run
from robustpose.studies.checks.case import Case, cases_of
from robustpose.studies.runner import run_study

NETWORK = "hourglass2-matched"
PEOPLE = 16
EPSILON = 2
FREE = "no trap"
Change = Callable[[Tensor], Tensor]


def same(values: Tensor) -> Tensor:
    """Change nothing."""
    return values


def sixteen_levels(images: Images) -> Images:
    """Round to sixteen levels."""
    return (15 * images).round() / 15


def counted_levels(images: Images) -> Images:
    """Count how many of sixteen levels are passed: comparisons have no gradient at all."""
    levels = torch.linspace(0, 1, 17, device=images.device)[1:]
    return torch.stack([images >= level for level in levels]).float().mean(dim=0)


def eight_bits_in_numpy(images: Images) -> Images:
    """Leave PyTorch for 8 bits."""
    array = (255 * images).round().detach().cpu().numpy().astype(np.uint8)
    return torch.from_numpy(array).to(images).div(255)


def jpeg_by_opencv(images: Images) -> Images:
    """Write and read JPEG files of quality 75."""
    found = []
    for image in images.detach().cpu():
        pixels = (255 * image).round().byte().permute(1, 2, 0).numpy()
        _, written = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 75])
        found.append(torch.from_numpy(cv2.imdecode(written, cv2.IMREAD_COLOR)).permute(2, 0, 1))
    return torch.stack(found).to(images).div(255)


def rectified_pixels(images: Images) -> Images:
    """Normalise and rectify raw pixels, as a batch norm with a ReLU would: dark ones are lost."""
    return F.relu((images - 0.2) / 0.25) * 0.25 + 0.2


def shattered(images: Images) -> Images:
    """Add a wave too small to be seen and too steep to be followed."""
    return images + 1e-3 * torch.sin(1e5 * images)


def noisy(images: Images) -> Images:
    """Add noise of 8/255 that no seed settles."""
    return images + 8 / 255 * torch.randn_like(images)


def noisy_and_rounded(images: Images) -> Images:
    """Add such noise, and round to sixteen levels."""
    return sixteen_levels(noisy(images))


def random_size(images: Images) -> Images:
    """Shrink to a random size, and pad (Xie et al., ICLR 2018)."""
    side = images.shape[-1]
    size = random.randint(side * 7 // 8, side)
    left, top = random.randint(0, side - size), random.randint(0, side - size)
    shrunk = F.interpolate(images, size=size, mode="bilinear")
    return F.pad(shrunk, (left, side - size - left, top, side - size - top))


def random_size_by_opencv(images: Images) -> Images:
    """Do the same to pictures of 8 bits, out of PyTorch."""
    side = images.shape[-1]
    size = random.randint(side * 7 // 8, side)
    left, top = random.randint(0, side - size), random.randint(0, side - size)
    found = torch.zeros(images.shape, dtype=torch.uint8)
    for place, image in enumerate(images.detach().cpu()):
        pixels = (255 * image).round().byte().permute(1, 2, 0).numpy()
        shrunk = torch.from_numpy(cv2.resize(pixels, (size, size))).permute(2, 0, 1)
        found[place, :, top : top + size, left : left + size] = shrunk
    return found.to(images).div(255)


@torch.no_grad()
def without_gradients(values: Tensor) -> Tensor:
    """Hide from autograd."""
    return values * 1.0


def saturated(maps: Tensor) -> Tensor:
    """Scale maps by a thousand before a sigmoid."""
    return torch.sigmoid(1e3 * (maps - maps.amax(dim=(2, 3), keepdim=True).detach()))


def own_sigmoid(maps: Tensor) -> Tensor:
    """Do the same with a sigmoid of one's own."""
    return 1 / (1 + torch.exp(-1e3 * (maps - maps.amax(dim=(2, 3), keepdim=True).detach())))


class _Muted(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:
        return values.clone()

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return torch.zeros_like(gradient)


def muted(values: Tensor) -> Tensor:
    """Answer every gradient with zeros."""
    found: Tensor = _Muted.apply(values)  # type: ignore[no-untyped-call]
    return found


def constant(maps: Tensor) -> Tensor:
    """Say the same of every picture."""
    one = torch.zeros_like(maps[:1])
    one[:, :, one.shape[2] // 2, one.shape[3] // 2] = 1
    return one + 0 * maps


TRAPS: Mapping[str, tuple[Change, Change]] = {
    FREE: (same, same),
    "sixteen levels by rounding": (sixteen_levels, same),
    "sixteen levels by comparisons": (counted_levels, same),
    "8 bits in NumPy": (eight_bits_in_numpy, same),
    "JPEG by OpenCV": (jpeg_by_opencv, same),
    "normalised, rectified pixels": (rectified_pixels, same),
    "shattered gradients": (shattered, same),
    "noise": (noisy, same),
    "noise and sixteen levels": (noisy_and_rounded, same),
    "random size": (random_size, same),
    "random size by OpenCV": (random_size_by_opencv, same),
    "no_grad before the network": (without_gradients, same),
    "no_grad behind it": (same, without_gradients),
    "zeros for a gradient before": (muted, same),
    "zeros for a gradient behind": (same, muted),
    "scale 1,000 before a sigmoid": (same, saturated),
    "the same, a sigmoid of its own": (same, own_sigmoid),
    "a constant answer": (same, constant),
}
"""What is done to pictures before the network, and to its outputs behind it."""


class Trapped(Wrapped):
    """A network between two changes."""

    def __init__(self, model: PoseModel, *, name: str, before: Change, behind: Change) -> None:
        super().__init__(model, name=name)
        self.before, self.behind = before, behind

    def forward(self, images: Images, seeds: Sequence[int] | None = None) -> tuple[Tensor, ...]:
        """Return the network's outputs of changed pictures, changed."""
        return tuple(self.behind(stage) for stage in super().forward(self.before(images), seeds))


def trapped(network: str, name: str) -> PoseModel:
    """Load a network in a trap."""
    before, behind = TRAPS[name]
    return Trapped(rp.load_model(network).frozen(), name=name, before=before, behind=behind)


def line(case: Case, reds: Sequence[str], free: Case) -> str:
    """Return what a case says, for the table."""

    def left(of: Case, wanted: Callable[[str], bool]) -> float:
        found = [seen for seen in of.seen if seen.eps255 == EPSILON and wanted(seen.name)]
        return min(map(of.left, found))

    ensemble = partial(left, wanted=lambda name: name.startswith("pose-auto"))
    exact = left(case, lambda name: name.startswith("APGD") and "BPDA" not in name)
    beside = ensemble(case) - ensemble(free)
    figures = f"{case.score(case.clean):7.1f}{exact:7.1f}{ensemble(case):9.1f}{beside:+8.1f}"
    return f"{case.network:<32}{figures}   {'; '.join(reds) or 'no red finding'}"


def main() -> None:
    """Print a line for each trap."""
    people, run, *rest = sys.argv[1:]
    network = rest[0] if rest else NETWORK
    chosen = [FREE, *(rest[1:] or [name for name in TRAPS if name != FREE])]
    study = strong(
        rp.load_people(people),
        [network],
        epsilons=[EPSILON],
        quick=True,
        limit=PEOPLE,
        precision="bfloat16",
    )
    kept = {
        label: each
        for label, each in study.conditions.items()
        if not each.name.startswith(("PGD", "IGSM-U-100", "APGD-LO-40", "smallest"))
    }
    loaders = {name: partial(trapped, network, name) for name in chosen}
    study = replace(study, victims=loaders, conditions=kept, exposures={}, keep=0)
    run_study(study, Path(run), device=torch.device("cpu"))
    findings = check_run(Path(run))
    cases = cases_of(Path(run))
    print(f"{network}, eps {EPSILON}/255, {len(study.people)} people")
    print(f"{'trap':<32}{'clean':>7}{'exact':>7}{'ensemble':>9}{'beside':>8}   red findings")
    for case in cases:
        own = [each for each in findings if each.network == case.network]
        reds = [each.check for each in own if each.severity is Severity.RED]
        print(line(case, reds, cases[0]), flush=True)
    rows = pl.read_parquet(Path(run) / "rows" / "*.parquet", columns=["victim", "gradients"])
    print(f"gradients in all: {rows['gradients'].sum():,}")


if __name__ == "__main__":
    main()
