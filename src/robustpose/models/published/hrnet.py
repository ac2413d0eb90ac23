"""Published HRNets: the authors' (leoxiaobin) and MMPose's, which differ in names alone.

Both give the network RGB less ImageNet's mean, divided by its deviation (the authors' settings
say COLOR_RGB for HRNet, unlike for their SimpleBaseline; MMPose's say bgr_to_rgb, on 0 to 255).
DARK changes targets and how maps are read, not the network: its files are of the same format.
"""

import re
from collections.abc import Sequence

from robustpose.errors import UsageError
from robustpose.models.codecs import HeatmapCodec
from robustpose.models.hrnet import STRIDE, Branch, HRNet, Stage
from robustpose.models.model import PoseModel
from robustpose.models.published.formats import Format, Reading, Shapes, Size, renamed, skeleton_of

STAGES = (2, 3, 4)
"""The published code numbers stages from 1, the first of which it calls layer1."""
SIZES = {14: ((256, 256),), 16: ((256, 256),), 17: ((256, 192), (384, 288))}
"""Published heights and widths of the input by number of joints; the first is assumed."""
CELLS = (
    "cell i of a map is taken to lie at pixel 4 i; of a network trained with UDP, which weights "
    "cannot tell, joints come out too far left and up, by 3 pixels at the far edges"
)
ORDERS = {
    14: "14 joints are taken for those of LSP, not of CrowdPose or AI Challenger",
    17: "17 joints are taken for those of COCO, not of PoseTrack",
}
"""Joints that other data sets have as many of; MMPose publishes networks of theirs too."""


def _read_authors(shapes: Shapes, size: Size | None) -> Reading:
    return _read(shapes, size, body="", head="final_layer.")


def _read_mmpose(shapes: Shapes, size: Size | None) -> Reading:
    reading = _read(shapes, size, body="backbone.", head=f"{mmpose_head(shapes)}.final_layer.")
    order = ORDERS.get(len(reading.model.skeleton))
    return reading._replace(assumed=(*reading.assumed, *([order] if order else [])))


def _read(shapes: Shapes, size: Size | None, *, body: str, head: str) -> Reading:
    joints, _, kernel = map_layer(shapes, head)
    skeleton = skeleton_of(joints)
    network = HRNet(
        stem=convolution(shapes, f"{body}conv1.")[0],
        first=_branch(shapes, f"{body}layer1."),
        stages=[_stage(shapes, f"{body}stage{number}.") for number in STAGES],
        joints=joints,
        kernel=kernel,
    )
    canvas = size or SIZES[joints][0]
    model = PoseModel(
        network,
        name="hrnet",
        size=canvas,
        codecs=[map_codec(canvas)],
        skeleton=skeleton,
    )
    assumed = (CELLS,) if size else (assumed_size(SIZES[joints]), CELLS)
    return Reading(model, renamed(network, _rules(body, head)), assumed)


def _stage(shapes: Shapes, prefix: str) -> Stage:
    """Read exchanges, branches and their blocks off a stage."""
    name = re.escape(prefix)
    branches = max(1, shapes.count(rf"{name}0\.branches\.(\d+)\."))  # none: `_branch` complains
    return Stage(
        modules=shapes.count(rf"{name}(\d+)\."),
        branches=tuple(_branch(shapes, f"{prefix}0.branches.{i}.") for i in range(branches)),
    )


def _branch(shapes: Shapes, prefix: str) -> Branch:
    return Branch(
        width=convolution(shapes, f"{prefix}0.conv1.")[0],
        blocks=shapes.count(rf"{re.escape(prefix)}(\d+)\."),
        bottleneck=f"{prefix}0.conv3.weight" in shapes,
    )


def _rules(body: str, head: str) -> list[tuple[str, str]]:
    numbered = [
        rule
        for index, number in enumerate(STAGES)
        for rule in (
            (rf"^transitions\.{index}\.paths\.", f"{body}transition{number - 1}."),
            (rf"^stages\.{index}\.", f"{body}stage{number}."),
        )
    ]
    return [
        *numbered,
        (r"\.fusions\.(\d+)\.paths\.", r".fuse_layers.\1."),
        (r"^stem\.0\.0\.", f"{body}conv1."),
        (r"^stem\.0\.1\.", f"{body}bn1."),
        (r"^stem\.1\.0\.", f"{body}conv2."),
        (r"^stem\.1\.1\.", f"{body}bn2."),
        (r"^stem\.2\.", f"{body}layer1."),
        (r"^maps\.", head),
    ]


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

    Raises `UsageError` for a kernel that neither publisher has.
    """
    joints, features, kernel, _ = convolution(shapes, prefix)
    if kernel not in (1, 3):
        raise UsageError(f"{prefix}weight has a kernel of {kernel} cells: expected 1 or 3")
    return joints, features, kernel


def mmpose_head(shapes: Shapes) -> str:
    """Return what a file of MMPose calls its head: before version 1, it was keypoint_head."""
    return "keypoint_head" if any(name.startswith("keypoint_head.") for name in shapes) else "head"


def map_codec(size: Size) -> HeatmapCodec:
    """Return how both publishers place joints: cell i at pixel 4 i, two cells wide at 256 rows."""
    return HeatmapCodec(size, stride=STRIDE, sigma=size[0] / 128, origin=0.0)


def assumed_size(published: Sequence[Size]) -> str:
    """Return the sentence that says which of the published input sizes is assumed."""
    first, *others = (f"{height} x {width}" for height, width in published)
    named = f" (also published: {', '.join(others)})" if others else ""
    return (
        f"the input is taken to be {first} pixels (height x width), which weights cannot tell: "
        f"say size=(height, width) for another{named}"
    )


FORMATS = (
    Format(
        name="leoxiaobin/deep-high-resolution-net.pytorch",
        family="hrnet",
        source="https://github.com/leoxiaobin/deep-high-resolution-net.pytorch",
        licence="MIT",
        keys=re.compile(
            r"(?:conv|bn)[12]\.\w+|layer1\.\d+\..*|transition[123]\.\d+\..*"
            r"|stage[234]\.\d+\.(?:branches|fuse_layers)\..*|final_layer\.(?:weight|bias)"
        ),
        read=_read_authors,
    ),
    Format(
        name="open-mmlab/mmpose, HRNet",
        family="hrnet",
        source="https://github.com/open-mmlab/mmpose",
        licence="Apache-2.0",
        keys=re.compile(
            r"backbone\.(?:(?:conv|bn)[12]\.\w+|layer1\.\d+\..*|transition[123]\.\d+\..*"
            r"|stage[234]\.\d+\.(?:branches|fuse_layers)\..*)"
            r"|(?:keypoint_)?head\.final_layer\.(?:weight|bias)|data_preprocessor\.(?:mean|std)"
        ),
        spare=re.compile(r"data_preprocessor\.(?:mean|std)"),
        read=_read_mmpose,
    ),
)
