"""Published SimpleBaselines: Microsoft's (with HRNet's authors' copy of it) and MMPose's."""

import re

from robustpose.models.model import IMAGENET, Normalisation
from robustpose.models.published import mmpose
from robustpose.models.published.formats import (
    Format,
    Reading,
    Shapes,
    Size,
    assumed_size,
    renamed,
    skeleton_of,
)
from robustpose.models.published.layers import (
    MAP_HEAD,
    RESNET,
    bottleneck_style,
    deconvolutions_of,
    encoder_shape,
    map_layer,
)
from robustpose.models.simple_baseline import resdec

IMAGENET_ON_BGR = Normalisation(IMAGENET.mean[::-1], IMAGENET.std[::-1], bgr=True)
"""What OpenCV reads, blue first, less and divided by the statistics of red, green and blue.

Microsoft's loader never converts colours, and that of HRNet's authors does so for HRNet alone:
COLOR_RGB is false in their settings of every ResNet. Blue is thus normalised as if it were red.
"""
SIZES = {
    14: ((256, 256),),
    16: ((256, 256), (384, 384)),
    17: ((256, 192), (384, 288)),
}
"""Published heights and widths of the input by number of joints; the first is assumed."""


def _read_microsoft(shapes: Shapes, size: Size | None) -> Reading:
    reading = _read(shapes, size, body="", head="", normalisation=IMAGENET_ON_BGR)
    sizes = [] if size else [assumed_size(SIZES[len(reading.model.skeleton)])]
    return reading._replace(assumed=(*sizes, *bottleneck_style(shapes, "")))


def _read_mmpose(shapes: Shapes, size: Size | None) -> Reading:
    head = f"{mmpose.head_of(shapes)}."
    reading = _read(shapes, size, body="backbone.", head=head, normalisation=mmpose.PIXELS)
    joints = len(reading.model.skeleton)
    told = mmpose.assumed(joints, size, SIZES[joints])
    return reading._replace(assumed=(*told, *bottleneck_style(shapes, "backbone.")))


def _read(
    shapes: Shapes, size: Size | None, *, body: str, head: str, normalisation: Normalisation
) -> Reading:
    """Build the network of a file; the names of its encoder and its head have these prefixes.

    All publishers place cell i of a map at pixel 4 i, in their targets as in their answers.
    """
    depth, width = encoder_shape(shapes, body)
    joints, _, final_kernel = map_layer(shapes, f"{head}final_layer.")
    skeleton = skeleton_of(joints)
    canvas = size or SIZES[joints][0]
    model = resdec(
        "resdec",
        depth=depth,
        width=width,
        deconvolutions=deconvolutions_of(shapes, head),
        bias=f"{head}deconv_layers.0.bias" in shapes,
        final_kernel=final_kernel,
        size=canvas,
        sigma=canvas[0] / 128,  # 2 cells at 256 rows, 3 at 384
        origin=0,
        skeleton=skeleton,
        normalisation=normalisation,
    )
    rules = [(r"^encoder\.", body), (r"^(?=deconv_layers\.|final_layer\.)", head)]
    return Reading(model, renamed(model.network, rules))


FORMATS = (
    Format(
        name="microsoft/human-pose-estimation.pytorch (and leoxiaobin's copy)",
        family="resdec",
        source="https://github.com/microsoft/human-pose-estimation.pytorch",
        licence="MIT",
        keys=re.compile(rf"{RESNET}|{MAP_HEAD}"),
        read=_read_microsoft,
    ),
    Format(
        name="open-mmlab/mmpose, ResNet",
        family="resdec",
        source=mmpose.SOURCE,
        licence=mmpose.LICENCE,
        keys=re.compile(rf"{mmpose.ENCODER}|{mmpose.HEAD}\.{MAP_HEAD}"),
        spare=re.compile(mmpose.COLOURS),
        read=_read_mmpose,
    ),
)
