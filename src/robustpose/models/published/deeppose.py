"""Published regressors of coordinates: the study authors' DeepPose, MMPose's DeepPose and RLE."""

import re

from robustpose.errors import UsageError
from robustpose.models.deeppose import deeppose
from robustpose.models.published import mmpose
from robustpose.models.published.authors import LICENCE, SOURCE, convention
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
    RESNET,
    bottleneck_style,
    encoder_shape,
    outputs,
)
from robustpose.models.rle import rle

CELLS = 32
"""The study's coordinates on MPII are those of a map of so many cells a side."""
AUTHORS_SIZES: tuple[Size, ...] = ((256, 256),)
FIRST_PIXEL = (0.0, 0.0)
"""MMPose divides pixels by width and height, and so do the authors for COCO."""

MOST_COUPLINGS = 64
"""The published flow has 6."""


def _read_authors(shapes: Shapes, size: Size | None) -> Reading:
    """Build the study's regressor.

    Its loader for MPII cuts coordinates off to whole cells, so that a cell stands for the middle of
    all pixels in it, and takes 0.5 off its share of the map; that for COCO does neither.
    """
    depth, width = encoder_shape(shapes, "resnet.")
    skeleton = skeleton_of(outputs(shapes, "resnet.fc.weight") // 2)
    on_coco = skeleton.name == "coco-17"
    height, length = canvas = size or AUTHORS_SIZES[0]
    # Share 0 is cell CELLS / 2, whose middle lies half a cell further.
    middle = tuple((side + side / CELLS - 1) / 2 for side in (length, height))
    model = deeppose(
        "deeppose",
        depth=depth,
        width=width,
        size=canvas,
        origin=FIRST_PIXEL if on_coco else (middle[0], middle[1]),
        skeleton=skeleton,
        normalisation=convention(len(skeleton)).normalisation,
    )
    names = renamed(model.network, [(r"^encoder\.", "resnet."), (r"^fc\.", "resnet.fc.")])
    return Reading(model, names, () if size else (assumed_size(AUTHORS_SIZES),))


def _read_regression(shapes: Shapes, size: Size | None) -> Reading:
    depth, width = encoder_shape(shapes, "backbone.")
    head = mmpose.head_of(shapes)
    skeleton = skeleton_of(outputs(shapes, f"{head}.fc.weight") // 2)
    model = deeppose(
        "deeppose",
        depth=depth,
        width=width,
        size=size or _sizes(len(skeleton))[0],
        origin=FIRST_PIXEL,
        skeleton=skeleton,
        normalisation=mmpose.PIXELS,
    )
    return Reading(
        model, renamed(model.network, _rules(head)), _assumed(shapes, len(skeleton), size)
    )


def _read_rle(shapes: Shapes, size: Size | None) -> Reading:
    depth, width = encoder_shape(shapes, "backbone.")
    head = mmpose.head_of(shapes)
    skeleton = skeleton_of(outputs(shapes, f"{head}.fc.weight") // 4)
    flow = _flow(head)
    couplings = shapes.count(re.escape(flow) + r"s\.(\d+)\.")
    if couplings > MOST_COUPLINGS:
        raise UsageError(f"its flow has {couplings} couplings: expected at most {MOST_COUPLINGS}")
    model = rle(
        "rle",
        depth=depth,
        width=width,
        size=size or _sizes(len(skeleton))[0],
        couplings=couplings,
        flow_features=outputs(shapes, f"{flow}s.0.0.weight"),
        origin=FIRST_PIXEL,
        skeleton=skeleton,
        normalisation=mmpose.PIXELS,
    )
    rules = [*_rules(head), (r"^flow\.scales\.", f"{flow}s."), (r"^flow\.shifts\.", f"{flow}t.")]
    return Reading(model, renamed(model.network, rules), _assumed(shapes, len(skeleton), size))


def _flow(head: str) -> str:
    """Return the prefix of the flow's tensors: the loss was renamed together with the head."""
    return (
        f"{head}.loss.flow_model." if head == "keypoint_head" else f"{head}.loss_module.flow_model."
    )


def _rules(head: str) -> list[tuple[str, str]]:
    return [(r"^encoder\.", "backbone."), (r"^fc\.", f"{head}.fc.")]


def _sizes(joints: int) -> tuple[Size, ...]:
    """Return the published heights and widths of the input; the first is assumed."""
    return ((256, 192), (384, 288)) if joints == 17 else ((256, 256),)


def _assumed(shapes: Shapes, joints: int, size: Size | None) -> tuple[str, ...]:
    told = mmpose.assumed(joints, size, _sizes(joints))
    return (*told, *bottleneck_style(shapes, "backbone."))


_FLOW = rf"{mmpose.HEAD}\.loss(?:_module)?\.flow_model"

FORMATS = (
    Format(
        name="Naman-ntc/Pytorch-Human-Pose-Estimation, DeepPose",
        family="deeppose",
        source=SOURCE,
        licence=LICENCE,
        keys=re.compile(rf"resnet\.(?:{RESNET}|fc\.(?:weight|bias))"),
        read=_read_authors,
    ),
    Format(
        name="open-mmlab/mmpose, ResNet with RegressionHead",
        family="deeppose",
        source=mmpose.SOURCE,
        licence=mmpose.LICENCE,
        keys=re.compile(rf"{mmpose.ENCODER}|{mmpose.HEAD}\.fc\.(?:weight|bias)"),
        spare=re.compile(mmpose.COLOURS),
        read=_read_regression,
    ),
    Format(
        name="open-mmlab/mmpose, ResNet with RLEHead",
        family="rle",
        source=mmpose.SOURCE,
        licence=mmpose.LICENCE,
        keys=re.compile(rf"{mmpose.ENCODER}|{mmpose.HEAD}\.fc\.(?:weight|bias)|{_FLOW}\..*"),
        # The normal law that the flow maps to, and which axis each coupling keeps.
        spare=re.compile(rf"{mmpose.COLOURS}|{_FLOW}\.(?:loc|cov|mask)"),
        also=("deeppose",),
        read=_read_rle,
    ),
)
