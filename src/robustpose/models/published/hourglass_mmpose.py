"""MMPose's published hourglasses: Hourglass-52 and -104, not Newell's network."""

import re

from robustpose.models.hourglass52 import STRIDE, Level, ResidualHourglass
from robustpose.models.model import PoseModel
from robustpose.models.published import mmpose
from robustpose.models.published.formats import Format, Reading, Shapes, Size, renamed, skeleton_of
from robustpose.models.published.layers import convolution, map_layer

SIZES = ((256, 256), (384, 384))
"""Published heights and widths of the input; the first is assumed if nobody says."""


def _read(shapes: Shapes, size: Size | None) -> Reading:
    head = f"{mmpose.head_of(shapes)}.multi_final_layers."
    joints, features, kernel = map_layer(shapes, f"{head}0.")
    skeleton = skeleton_of(joints)
    stacks = max(1, shapes.count(r"backbone\.hourglass_modules\.(\d+)\."))
    network = ResidualHourglass(
        stacks,
        _levels(shapes, "backbone.hourglass_modules.0."),
        stem=convolution(shapes, "backbone.stem.0.conv.")[0],
        features=features,
        joints=joints,
        kernel=kernel,
    )
    canvas = size or SIZES[0]
    model = PoseModel(
        network,
        name="hourglass52",
        size=canvas,
        codecs=[mmpose.map_codec(canvas, STRIDE)] * stacks,
        skeleton=skeleton,
        normalisation=mmpose.PIXELS,
    )
    assumed = mmpose.assumed(joints, size, SIZES)
    return Reading(model, renamed(network, _rules(head)), tuple(assumed))


def _levels(shapes: Shapes, prefix: str) -> list[Level]:
    """Read channels and blocks of every resolution: each lies inside the one before."""
    levels: list[Level] = []
    while not levels or f"{prefix}up1.0.conv1.weight" in shapes:
        levels.append(_level(shapes, f"{prefix}up1."))
        prefix += "low2."
    return [*levels, _level(shapes, prefix)]


def _level(shapes: Shapes, prefix: str) -> Level:
    channels = convolution(shapes, f"{prefix}0.conv1.")[0]
    return Level(channels, blocks=shapes.count(rf"{re.escape(prefix)}(\d+)\."))


def _rules(head: str) -> list[tuple[str, str]]:
    return [
        (r"^stacks\.(\d+)\.hourglass\.", r"backbone.hourglass_modules.\1."),
        (r"\.skip\.", ".up1."),
        (r"\.down\.", ".low1."),
        (r"\.inner(?=\.)", ".low2"),
        (r"\.up\.", ".low3."),
        (r"^stacks\.(\d+)\.features\.0\.", r"backbone.out_convs.\1.conv."),
        (r"^stacks\.(\d+)\.features\.1\.", r"backbone.out_convs.\1.bn."),
        (r"^stacks\.(\d+)\.maps\.", rf"{head}\1."),
        (r"^merges\.(\d+)\.input\.0\.", r"backbone.conv1x1s.\1.conv."),
        (r"^merges\.(\d+)\.input\.1\.", r"backbone.conv1x1s.\1.bn."),
        (r"^merges\.(\d+)\.features\.0\.", r"backbone.remap_convs.\1.conv."),
        (r"^merges\.(\d+)\.features\.1\.", r"backbone.remap_convs.\1.bn."),
        (r"^merges\.(\d+)\.block\.", r"backbone.inters.\1."),
        (r"^stem\.0\.", "backbone.stem.0.conv."),
        (r"^stem\.1\.", "backbone.stem.0.bn."),
        (r"^stem\.3\.", "backbone.stem.1.0."),
    ]


FORMATS = (
    Format(
        name="open-mmlab/mmpose, HourglassNet",
        family="hourglass",
        source=mmpose.SOURCE,
        licence=mmpose.LICENCE,
        keys=re.compile(
            r"backbone\.(?:stem|inters|out_convs|conv1x1s|remap_convs)\.\d+\..*"
            r"|backbone\.hourglass_modules\.\d+\.(?:up1|low[123])\..*"
            rf"|{mmpose.HEAD}\.multi_final_layers\.\d+\.(?:weight|bias)|{mmpose.COLOURS}"
        ),
        # A single stack has a block that would lead to a second one.
        spare=re.compile(rf"backbone\.inters\.0\..*|{mmpose.COLOURS}"),
        read=_read,
    ),
)
