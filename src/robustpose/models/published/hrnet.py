"""Published HRNets: the authors' (leoxiaobin) and MMPose's, which differ in names alone.

Both give the network RGB less ImageNet's mean, divided by its deviation (the authors' settings
say COLOR_RGB for HRNet, unlike for their SimpleBaseline; MMPose's say bgr_to_rgb, on 0 to 255).
DARK changes targets and how maps are read, not the network: its files are of the same format.
"""

import re

from robustpose.models.hrnet import STRIDE, Branch, HRNet, Stage
from robustpose.models.model import IMAGENET, Normalisation, PoseModel
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
from robustpose.models.published.layers import convolution, map_layer

STAGES = (2, 3, 4)
"""The published code numbers stages from 1, the first of which it calls layer1."""
SIZES = {14: ((256, 256),), 16: ((256, 256),), 17: ((256, 192), (384, 288))}
"""Published heights and widths of the input by number of joints; the first is assumed."""
CELLS = (
    "cell i of a map is taken to lie at pixel 4 i; of a network trained with UDP, which weights "
    "cannot tell, joints come out too far left and up, by 3 pixels at the far edges, unless "
    "model.decoded_by(udp=True) says so"
)


def _read_authors(shapes: Shapes, size: Size | None) -> Reading:
    reading = _read(shapes, size, body="", head="final_layer.", normalisation=IMAGENET)
    sizes = SIZES[len(reading.model.skeleton)]
    return reading._replace(assumed=(CELLS,) if size else (assumed_size(sizes), CELLS))


def _read_mmpose(shapes: Shapes, size: Size | None) -> Reading:
    head = f"{mmpose.head_of(shapes)}.final_layer."
    reading = _read(shapes, size, body="backbone.", head=head, normalisation=mmpose.PIXELS)
    joints = len(reading.model.skeleton)
    return reading._replace(assumed=(CELLS, *mmpose.assumed(joints, size, SIZES[joints])))


def _read(
    shapes: Shapes, size: Size | None, *, body: str, head: str, normalisation: Normalisation
) -> Reading:
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
        codecs=[mmpose.map_codec(canvas, STRIDE)],
        skeleton=skeleton,
        normalisation=normalisation,
    )
    return Reading(model, renamed(network, _rules(body, head)))


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
        source=mmpose.SOURCE,
        licence=mmpose.LICENCE,
        keys=re.compile(
            r"backbone\.(?:(?:conv|bn)[12]\.\w+|layer1\.\d+\..*|transition[123]\.\d+\..*"
            r"|stage[234]\.\d+\.(?:branches|fuse_layers)\..*)"
            rf"|{mmpose.HEAD}\.final_layer\.(?:weight|bias)|{mmpose.COLOURS}"
        ),
        spare=re.compile(mmpose.COLOURS),
        read=_read_mmpose,
    ),
)
