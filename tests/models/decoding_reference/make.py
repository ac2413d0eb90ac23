"""Record where published code finds joints on seeded maps, and what it makes of mirrored outputs.

Needs checkouts of leoxiaobin/deep-high-resolution-net.pytorch (6f69e46) and open-mmlab/mmpose
(759b39c, version 1.3.2) in folders REPOSITORY@OWNER. From the top of this repository:

    python -m tests.models.decoding_reference.make CHECKOUTS
"""

import gzip
import importlib
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch

from .maps import CASES, RECORD, Case, maps

PAIRS = [(1, 2), (3, 4)]
PLACES = [0, 2, 1, 4, 3]
"""The mirror image of five joints, in the authors' words and in MMPose's."""


def places(checkouts: Path, case: Case) -> dict[str, Any]:
    """Return cells (n, k, 2) by the name of the package's decoding."""
    found = {"QuarterOffset": authors(checkouts, case)}
    codecs = checkouts / "mmpose@open-mmlab/mmpose/codecs"
    package("mmpose_codecs", codecs)
    package("mmpose_codecs.utils", codecs / "utils")
    largest = importlib.import_module("mmpose_codecs.utils.post_processing").get_heatmap_maximum
    refine = importlib.import_module("mmpose_codecs.utils.refinement")
    for name, function, settings in (
        ("MMPoseQuarterOffset", refine.refine_keypoints, ()),
        ("Dark", refine.refine_keypoints_dark, (case.kernel,)),
        ("DarkUDP", refine.refine_keypoints_dark_udp, (case.kernel,)),
    ):
        cells = []
        for person in maps(case).numpy():
            peaks, _ = largest(person.copy())
            cells.append(function(peaks[None], person.copy(), *settings)[0])
        found[name] = cells
    return {name: np.stack(cells).astype(float).round(6).tolist() for name, cells in found.items()}


def authors(checkouts: Path, case: Case) -> Any:
    """Return cells as HRNet's authors find them: its map back to the photograph leaves them."""
    root = checkouts / "deep-high-resolution-net.pytorch@leoxiaobin/lib"
    package("utils", root / "utils")
    package("core", root / "core")
    inference = importlib.import_module("core.inference")
    inference.transform_preds = lambda cells, *_: cells
    config = SimpleNamespace(TEST=SimpleNamespace(POST_PROCESS=True))
    each = [None] * case.people
    return inference.get_final_preds(config, maps(case).numpy(), each, each)[0]


def mirrored(checkouts: Path) -> dict[str, Any]:
    """Return averages of an output and of that for the mirrored picture, 8 pixels wide."""
    root = checkouts / "mmpose@open-mmlab/mmpose/models/utils"
    package("mmpose_tta", root)
    tta = importlib.import_module("mmpose_tta.tta")
    transforms = importlib.import_module("utils.transforms")

    def output(*shape: int) -> torch.Tensor:
        numbers = torch.arange(2.0 * int(np.prod(shape)))
        return numbers.sin().view(2, *shape)

    own, other = output(1, 5, 2, 4)
    back = torch.from_numpy(transforms.flip_back(other.numpy().copy(), PAIRS).copy())
    moved = tta.flip_heatmaps(other.clone(), PLACES, shift_heatmap=True)
    still = tta.flip_heatmaps(other.clone(), PLACES, shift_heatmap=False)
    assert torch.equal(back, still)
    places, from_mirror = output(1, 5, 2)
    from_mirror = tta.flip_coordinates(from_mirror.clone(), PLACES, True, (8, 8))
    four, four_from_mirror = output(1, 5, 4)
    four_from_mirror = tta.flip_coordinates(four_from_mirror.clone(), PLACES, True, (8, 8))
    for each in (four, four_from_mirror):
        each[..., 2:] = each[..., 2:].sigmoid()
    bins, bins_from_mirror = output(1, 5, 32)
    turned = tta.flip_vectors(bins_from_mirror[..., :16], bins_from_mirror[..., 16:], PLACES)
    return {
        "shifted maps": ((own + moved) * 0.5).tolist(),
        "maps": ((own + still) * 0.5).tolist(),
        "coordinates": ((places + from_mirror) * 0.5).tolist(),
        "coordinates and deviations": ((four + four_from_mirror) * 0.5).tolist(),
        "bins": ((bins + torch.cat(turned, dim=-1)) * 0.5).tolist(),
    }


def package(name: str, folder: Path) -> None:
    """Make a package whose modules can be imported while its own `__init__` is not run."""
    made = ModuleType(name)
    made.__path__ = [str(folder)]
    sys.modules[name] = made


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    content = {
        "places": {name: places(folder, case) for name, case in CASES.items()},
        "mirrored": mirrored(folder),
    }
    text = json.dumps(content, separators=(",", ":"))
    RECORD.write_bytes(gzip.compress(text.encode(), mtime=0))
