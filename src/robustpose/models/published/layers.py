"""What the shapes of single layers tell: channels, kernels, depth and width of a ResNet."""

import re
from collections.abc import Sequence

from robustpose.errors import UsageError
from robustpose.models.published.formats import Shapes
from robustpose.models.resnet import LAYERS
from robustpose.models.simple_baseline import Deconvolution

RESNET = r"(?:conv1|bn1|layer[1-4]\.\d+\.(?:(?:conv|bn)[123]|downsample\.[01]))\.\w+"
"""Matches the names of a ResNet's tensors, which all publishers took over from torchvision."""
MAP_HEAD = r"(?:deconv_layers\.\d+|final_layer)\.\w+"
"""Matches the names of a head of deconvolutions, as in SimpleBaseline."""
CAFFE = (
    "the stride of a bottleneck is taken to be in its 3 x 3 convolution; weights of the style "
    '"caffe", which has it in the first 1 x 1, look the same and would give wrong maps'
)
MOST_DECONVOLUTIONS = 5
"""After so many deconvolutions, maps are as large as the picture."""


def convolution(shapes: Shapes, prefix: str) -> Sequence[int]:
    """Return output channels, input channels, rows and columns of a layer's weights.

    Raises `UsageError` if there is none or it is no convolution.
    """
    shape = shapes[f"{prefix}weight"]
    if len(shape) != 4 or min(shape) < 1:
        raise UsageError(f"{prefix}weight has shape {shape}: expected that of a convolution")
    return shape


def map_layer(shapes: Shapes, prefix: str) -> tuple[int, int, int]:
    """Return joints, features and kernel size of the layer that puts out maps.

    Raises `UsageError` for a kernel that no publisher has.
    """
    joints, features, kernel, _ = convolution(shapes, prefix)
    if kernel not in (1, 3):
        raise UsageError(f"{prefix}weight has a kernel of {kernel} cells: expected 1 or 3")
    return joints, features, kernel


def outputs(shapes: Shapes, name: str) -> int:
    """Return how many numbers a linear layer puts out; raise `UsageError` if it is none."""
    shape = shapes[name]
    if len(shape) != 2 or min(shape) < 1:
        raise UsageError(f"{name} has shape {shape}: expected that of a linear layer")
    return shape[0]


def deconvolutions_of(shapes: Shapes, head: str) -> list[Deconvolution]:
    """Read the deconvolutions off a head; each is followed by its BatchNorm and ReLU.

    Raises `UsageError` for more than any map could have.
    """
    layers = shapes.count(re.escape(head) + r"deconv_layers\.(\d+)\.")
    places = range(0, layers, 3)
    if len(places) > MOST_DECONVOLUTIONS:
        raise UsageError(
            f"it has {len(places)} deconvolutions: expected at most {MOST_DECONVOLUTIONS}"
        )
    kernels = [convolution(shapes, f"{head}deconv_layers.{place}.") for place in places]
    return [Deconvolution(features, kernel) for _, features, kernel, _ in kernels]


def encoder_shape(shapes: Shapes, prefix: str) -> tuple[int, int]:
    """Return depth and width of the ResNet whose tensors have names with a prefix.

    Raises `UsageError` if no ResNet has so many blocks.
    """
    bottlenecks = _has_bottlenecks(shapes, prefix)
    blocks = tuple(
        shapes.count(re.escape(prefix) + rf"layer{stage}\.(\d+)\.") for stage in (1, 2, 3, 4)
    )
    width = convolution(shapes, f"{prefix}layer1.0.conv1.")[0]
    for depth, expected in LAYERS.items():
        if blocks == expected and bottlenecks == (depth >= 50):
            return depth, width
    raise UsageError(
        f"its encoder has {', '.join(map(str, blocks))} blocks a stage: expected those of a "
        f"ResNet of depth {', '.join(map(str, LAYERS))}"
    )


def bottleneck_style(shapes: Shapes, prefix: str) -> list[str]:
    """Return what is assumed of a ResNet's bottlenecks; nothing if it has none."""
    return [CAFFE] if _has_bottlenecks(shapes, prefix) else []


def _has_bottlenecks(shapes: Shapes, prefix: str) -> bool:
    return f"{prefix}layer1.0.conv3.weight" in shapes
