"""Record what the study authors' PyraNet puts out.

Needs a checkout of Naman-ntc/Pytorch-Human-Pose-Estimation (11525c3) in a folder
REPOSITORY@OWNER. From the top of this repository:

    python -m tests.models.published.make.pyranet CHECKOUTS
"""

import sys
from pathlib import Path
from typing import NamedTuple

from ..recording import record
from .attention import SOURCE, as_coco, as_mpii, from_authors


class Arguments(NamedTuple):
    """What the published class takes, in its order; `resolution` is of its square pictures."""

    channels: int = 256
    stacks: int = 2
    modules: int = 2
    reductions: int = 4
    base_width: int = 6
    cardinality: int = 30
    joints: int = 16
    resolution: int = 256


# The first is the published configuration; the others are other depths, widths and data sets.
NETWORKS = {
    "pyranet-mpii": Arguments(),
    "pyranet-mpii-4x1": Arguments(48, 4, 1, 3, 9, 4, resolution=64),
    "pyranet-coco": Arguments(64, 1, 3, 2, 5, 7, 17, resolution=96),
    "pyranet-lsp": Arguments(32, 2, 1, 1, 4, 1, 14, resolution=32),
}


def main(checkouts: Path) -> None:
    """Record every network of the list."""
    published = from_authors(checkouts, "PyraNet")
    for name, arguments in NETWORKS.items():
        record(
            name,
            network=published.PyraNet(*arguments),
            source=SOURCE,
            family="pyranet",
            size=(arguments.resolution, arguments.resolution),
            prepare=as_coco if arguments.joints == 17 else as_mpii,
            outputs=list,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
