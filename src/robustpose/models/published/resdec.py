"""Published SimpleBaselines: Microsoft's (with HRNet's authors' copy of it) and MMPose's."""

import re

from robustpose.errors import UsageError
from robustpose.models.model import IMAGENET, Normalisation
from robustpose.models.published.formats import (
    Format,
    Reading,
    Shapes,
    Size,
    renamed,
    skeleton_of,
)
from robustpose.models.published.hrnet import (
    ORDERS,
    assumed_size,
    convolution,
    map_layer,
    mmpose_head,
)
from robustpose.models.resnet import LAYERS
from robustpose.models.simple_baseline import Deconvolution, resdec

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
MOST = 5
"""After so many deconvolutions, maps are as large as the picture."""
CAFFE = (
    "the stride of a bottleneck is taken to be in its 3 x 3 convolution; weights of the style "
    '"caffe", which has it in the first 1 x 1, look the same and would give wrong maps'
)


def _read_microsoft(shapes: Shapes, size: Size | None) -> Reading:
    reading = _read(shapes, size, body="", head="", normalisation=IMAGENET_ON_BGR)
    return reading._replace(assumed=(*reading.assumed, *_style(shapes, "")))


def _style(shapes: Shapes, body: str) -> list[str]:
    """Return what is assumed of an encoder with bottlenecks."""
    return [CAFFE] if f"{body}layer1.0.conv3.weight" in shapes else []


def _read_mmpose(shapes: Shapes, size: Size | None) -> Reading:
    head = f"{mmpose_head(shapes)}."
    reading = _read(shapes, size, body="backbone.", head=head, normalisation=IMAGENET)
    order = ORDERS.get(len(reading.model.skeleton))
    assumed = (*reading.assumed, *_style(shapes, "backbone."), *([order] if order else []))
    return reading._replace(assumed=assumed)


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
        deconvolutions=_deconvolutions(shapes, head),
        bias=f"{head}deconv_layers.0.bias" in shapes,
        final_kernel=final_kernel,
        size=canvas,
        sigma=canvas[0] / 128,  # 2 cells at 256 rows, 3 at 384
        origin=0,
        skeleton=skeleton,
        normalisation=normalisation,
    )
    rules = [(r"^encoder\.", body), (r"^(?=deconv_layers\.|final_layer\.)", head)]
    assumed = () if size else (assumed_size(SIZES[joints]),)
    return Reading(model, renamed(model.network, rules), assumed)


def _deconvolutions(shapes: Shapes, head: str) -> list[Deconvolution]:
    """Read the deconvolutions off a head; each is followed by its BatchNorm and ReLU."""
    layers = shapes.count(re.escape(head) + r"deconv_layers\.(\d+)\.")
    places = range(0, layers, 3)
    if len(places) > MOST:
        raise UsageError(f"it has {len(places)} deconvolutions: expected at most {MOST}")
    kernels = [convolution(shapes, f"{head}deconv_layers.{place}.") for place in places]
    return [Deconvolution(features, kernel) for _, features, kernel, _ in kernels]


def encoder_shape(shapes: Shapes, prefix: str) -> tuple[int, int]:
    """Return depth and width of the ResNet whose tensors have names with a prefix.

    Raises `UsageError` if no ResNet has so many blocks.
    """
    bottlenecks = f"{prefix}layer1.0.conv3.weight" in shapes
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


_RESNET = r"(?:conv1|bn1|layer[1-4]\.\d+\.(?:(?:conv|bn)[123]|downsample\.[01]))\.\w+"
_HEAD = r"(?:deconv_layers\.\d+|final_layer)\.\w+"

FORMATS = (
    Format(
        name="microsoft/human-pose-estimation.pytorch (and leoxiaobin's copy)",
        family="resdec",
        source="https://github.com/microsoft/human-pose-estimation.pytorch",
        licence="MIT",
        keys=re.compile(rf"{_RESNET}|{_HEAD}"),
        read=_read_microsoft,
    ),
    Format(
        name="open-mmlab/mmpose, ResNet",
        family="resdec",
        source="https://github.com/open-mmlab/mmpose",
        licence="Apache-2.0",
        keys=re.compile(
            rf"backbone\.{_RESNET}|(?:keypoint_)?head\.{_HEAD}|data_preprocessor\.(?:mean|std)"
        ),
        spare=re.compile(r"data_preprocessor\.(?:mean|std)"),
        read=_read_mmpose,
    ),
)
