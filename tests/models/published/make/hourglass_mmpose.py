"""Record what MMPose's hourglasses put out.

Needs a checkout of open-mmlab/mmpose (759b39c) in a folder mmpose@open-mmlab; nothing of OpenMMLab
is installed. From the top of this repository:

    python -m tests.models.published.make.hourglass_mmpose CHECKOUTS
"""

import importlib
import sys
from pathlib import Path

from ..recording import record
from .hrnet import MMPOSE, Estimator, as_mmpose, stand_in

PUBLISHED = (256, 256, 384, 384, 384, 512), (2, 2, 2, 2, 2, 4)


def main(checkouts: Path) -> None:
    """The stem puts out 256 channels whatever is asked for, so the finest level has as many."""
    stand_in(checkouts)
    backbone = importlib.import_module("mmpose.models.backbones.hourglass")
    head = importlib.import_module("mmpose.models.heads.heatmap_heads.cpm_head")
    for stacks, (channels, blocks), depth, features, joints, kernel, size, called in (
        (1, PUBLISHED, 5, 256, 16, 1, (128, 128), "head"),
        (2, ((256, 24, 32), (1, 3, 2)), 2, 40, 17, 3, (64, 48), "head"),
        (3, ((256, 16, 8), (1, 1, 1)), 1, 16, 16, 1, (64, 64), "keypoint_head"),
    ):
        body = backbone.HourglassNet(depth, stacks, channels, blocks, features)
        final = {"kernel_size": kernel, "padding": kernel // 2}
        record(
            f"hourglass-mmpose-{stacks}-{joints}",
            network=Estimator(
                body, head.CPMHead(features, joints, stacks, final_layer=final), called=called
            ),
            source=MMPOSE,
            family="hourglass",
            size=size,
            prepare=as_mmpose,
            outputs=list,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
