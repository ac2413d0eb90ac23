"""Published integral regression: MMPose's IPR and DSNT on a ResNet."""

import re

from robustpose.errors import UsageError
from robustpose.models.integral import integral
from robustpose.models.published import mmpose
from robustpose.models.published.formats import (
    Format,
    Reading,
    Shapes,
    Size,
    renamed,
    skeleton_of,
)
from robustpose.models.published.layers import (
    MAP_HEAD,
    bottleneck_style,
    deconvolutions_of,
    encoder_shape,
    map_layer,
)

STRIDE = 32
"""Pixels of the picture a cell of the encoder's features."""
PLAIN = (
    "maps are read with beta 1, as MMPose's IPR and DSNT do; for its debiased IPR, whose tensors "
    "are the same, replace the model's codec by one with beta 10"
)


def _read(shapes: Shapes, size: Size | None) -> Reading:
    """Build the network of a file, which keeps how many rows and columns its maps have.

    MMPose places cell i at pixel 4 i. Its loss of coordinates is half the squared error wherever
    that is below 1; its second loss, on the maps, is left out.
    """
    depth, width = encoder_shape(shapes, "backbone.")
    head = (
        "head.simplebaseline_head."
        if "head.simplebaseline_head.final_layer.weight" in shapes
        else "head."
    )
    layers = deconvolutions_of(shapes, head)
    joints, _, kernel = map_layer(shapes, f"{head}final_layer.")
    rows, columns = (max((1, *shapes[f"head.linspace_{axis}"])) for axis in "yx")
    stride = STRIDE // 2 ** len(layers)
    model = integral(
        "integral",
        depth=depth,
        width=width,
        deconvolutions=layers,
        final_kernel=kernel,
        size=agreed((rows * stride, columns * stride), size),
        power=2,
        origin=0.0,
        skeleton=skeleton_of(joints),
        normalisation=mmpose.PIXELS,
    )
    rules = [(r"^encoder\.", "backbone."), (r"^(?=deconv_layers\.|final_layer\.)", head)]
    assumed = (PLAIN, *mmpose.assumed(joints, size), *bottleneck_style(shapes, "backbone."))
    return Reading(model, renamed(model.network, rules), assumed)


def agreed(own: Size, asked: Size | None) -> Size:
    """Return the input size that a file is made for; raise `UsageError` if another is asked for."""
    if asked not in (None, own):
        raise UsageError(f"its input is {own[0]} x {own[1]} (height x width), found size={asked}")
    return own


FORMATS = (
    Format(
        name="open-mmlab/mmpose, ResNet with IntegralRegressionHead or DSNTHead",
        family="integral",
        source=mmpose.SOURCE,
        licence=mmpose.LICENCE,
        keys=re.compile(
            rf"{mmpose.ENCODER}|head\.(?:simplebaseline_head\.)?{MAP_HEAD}|head\.linspace_[xy]"
        ),
        spare=re.compile(rf"{mmpose.COLOURS}|head\.linspace_[xy]"),
        read=_read,
    ),
)
