"""Published SimCC: MMPose's, on a ResNet with or without deconvolutions."""

import math
import re

from robustpose.errors import UsageError
from robustpose.models.published import mmpose
from robustpose.models.published.formats import (
    Format,
    Reading,
    Shapes,
    Size,
    renamed,
    skeleton_of,
)
from robustpose.models.published.integral import STRIDE, agreed
from robustpose.models.published.layers import (
    MAP_HEAD,
    bottleneck_style,
    deconvolutions_of,
    encoder_shape,
    map_layer,
)
from robustpose.models.simcc import simcc


def _read(shapes: Shapes, size: Size | None) -> Reading:
    """Build the network of a file; its two last layers tell size and bins. Bin 0 is at pixel 0."""
    depth, width = encoder_shape(shapes, "backbone.")
    head = "head.deconv_head." if "head.deconv_head.final_layer.weight" in shapes else "head."
    layers = deconvolutions_of(shapes, head)
    joints, _, kernel = map_layer(shapes, f"{head}final_layer.")
    own, ratio = _picture(shapes, STRIDE // 2 ** len(layers))
    model = simcc(
        "simcc",
        depth=depth,
        width=width,
        deconvolutions=layers,
        final_kernel=kernel,
        size=agreed(own, size),
        ratio=ratio,
        origin=0.0,
        skeleton=skeleton_of(joints),
        normalisation=mmpose.PIXELS,
    )
    rules = [
        (r"^maps\.encoder\.", "backbone."),
        (r"^maps\.", head),
        (r"^along_([xy])\.", r"head.mlp_head_\1."),
    ]
    assumed = (*mmpose.assumed(joints, size), *bottleneck_style(shapes, "backbone."))
    return Reading(model, renamed(model.network, rules), assumed)


def _picture(shapes: Shapes, stride: int) -> tuple[Size, float]:
    """Return height and width of the input, and bins a pixel, from the layers of the two axes."""
    x, y = shapes["head.mlp_head_x.weight"], shapes["head.mlp_head_y.weight"]
    if len(x) != 2 or len(y) != 2 or x[1] != y[1] or min(*x, *y) < 1:
        raise UsageError(f"its layers of bins have shapes {x} and {y}: expected as many cells in")
    # Bins of both axes are to each other as the rows of a map are to its columns.
    rows = max(1, round(math.sqrt(x[1] * y[0] / x[0])))
    columns = x[1] // rows
    return (rows * stride, columns * stride), y[0] / (rows * stride)


FORMATS = (
    Format(
        name="open-mmlab/mmpose, ResNet with SimCCHead",
        family="simcc",
        source=mmpose.SOURCE,
        licence=mmpose.LICENCE,
        keys=re.compile(
            rf"{mmpose.ENCODER}|head\.(?:deconv_head\.)?{MAP_HEAD}|head\.mlp_head_[xy]\.(?:weight|bias)"
        ),
        spare=re.compile(mmpose.COLOURS),
        read=_read,
    ),
)
