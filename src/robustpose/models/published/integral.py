"""Published integral regression: MMPose's IPR and DSNT on a ResNet."""

import re

from robustpose.errors import UsageError
from robustpose.models.integral import integral
from robustpose.models.published.deeppose import MMPOSE
from robustpose.models.published.formats import (
    Format,
    Reading,
    Shapes,
    Size,
    renamed,
    skeleton_of,
)
from robustpose.models.published.hrnet import ORDERS, convolution, map_layer
from robustpose.models.published.resdec import encoder_shape
from robustpose.models.simple_baseline import Deconvolution

STRIDE = 32
"""Pixels of the picture a cell of the encoder's features."""
MOST = 5
"""After so many deconvolutions, maps are as large as the picture."""
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
    layers = deconvolutions(shapes, head)
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
    )
    rules = [(r"^encoder\.", "backbone."), (r"^(?=deconv_layers\.|final_layer\.)", head)]
    order = [ORDERS[joints]] if joints in ORDERS else []
    return Reading(model, renamed(model.network, rules), (PLAIN, *order))


def deconvolutions(shapes: Shapes, head: str) -> list[Deconvolution]:
    """Return the deconvolutions of a head, each of which BatchNorm and ReLU follow."""
    layers = shapes.count(re.escape(head) + r"deconv_layers\.(\d+)\.")
    if layers > 3 * MOST:
        raise UsageError(f"it has {layers} layers of deconvolution: expected at most {3 * MOST}")
    found = [convolution(shapes, f"{head}deconv_layers.{i}.") for i in range(0, layers, 3)]
    return [Deconvolution(features, kernel) for _, features, kernel, _ in found]


def agreed(own: Size, asked: Size | None) -> Size:
    """Return the input size that a file is made for; raise `UsageError` if another is asked for."""
    if asked not in (None, own):
        raise UsageError(f"its input is {own[0]} x {own[1]} (height x width), found size={asked}")
    return own


HEAD = r"(?:deconv_layers\.\d+|final_layer)\.\w+"

FORMATS = (
    Format(
        name="open-mmlab/mmpose, ResNet with IntegralRegressionHead or DSNTHead",
        family="integral",
        source="https://github.com/open-mmlab/mmpose",
        licence="Apache-2.0",
        keys=re.compile(rf"{MMPOSE}|head\.(?:simplebaseline_head\.)?{HEAD}|head\.linspace_[xy]"),
        spare=re.compile(r"data_preprocessor\.\w+|head\.linspace_[xy]"),
        read=_read,
    ),
)
