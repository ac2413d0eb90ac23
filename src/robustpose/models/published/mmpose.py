"""What all files of MMPose share, whatever network they are of."""

from collections.abc import Sequence

from robustpose.models.codecs import HeatmapCodec
from robustpose.models.model import Normalisation
from robustpose.models.published.formats import Shapes, Size, assumed_size
from robustpose.models.published.layers import RESNET

SOURCE = "https://github.com/open-mmlab/mmpose"
LICENCE = "Apache-2.0"
PIXELS = Normalisation((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), scale=255.0)
"""ImageNet's statistics of pixels from 0 to 255, red first (its settings say bgr_to_rgb)."""
HEAD = r"(?:keypoint_)?head"
"""Matches what a file calls its head: before version 1, that was keypoint_head."""
COLOURS = r"data_preprocessor\.(?:mean|std)"
"""Matches the names of the pixel statistics that some files keep beside weights."""
ENCODER = rf"backbone\.{RESNET}|{COLOURS}"
"""Matches the names of a ResNet's tensors."""
ORDERS = {
    14: "14 joints are taken for those of LSP, not of CrowdPose or AI Challenger",
    17: "17 joints are taken for those of COCO, not of PoseTrack",
}
"""Joints that other data sets have as many of; MMPose publishes networks of theirs too."""


def head_of(shapes: Shapes) -> str:
    """Return what a file calls its head."""
    return "keypoint_head" if any(name.startswith("keypoint_head.") for name in shapes) else "head"


def map_codec(size: Size, stride: int) -> HeatmapCodec:
    """Return how joints are placed: cell i at pixel 4 i, Gaussians two cells wide at 256 rows.

    The authors of SimpleBaseline and of HRNet place them so too.
    """
    return HeatmapCodec(size, stride=stride, sigma=size[0] / 128, origin=0.0)


def assumed(joints: int, size: Size | None, sizes: Sequence[Size] = ()) -> list[str]:
    """Return in words what weights cannot tell: input size and order of joints.

    `size` is what the user asked for, `sizes` are those published; none if the file tells it.
    """
    told = size is not None or not sizes
    order = [ORDERS[joints]] if joints in ORDERS else []
    return [*([] if told else [assumed_size(sizes)]), *order]
