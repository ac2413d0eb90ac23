"""Published stacked hourglasses: bearpaw's (and Nibali's), Princeton's, the study authors'."""

import re

from robustpose.models.hourglass import hourglass
from robustpose.models.model import Normalisation
from robustpose.models.published.authors import LICENCE, SOURCE, convention
from robustpose.models.published.formats import (
    Format,
    Reading,
    Shapes,
    Size,
    renamed,
    skeleton_of,
)

MPII_MEAN = Normalisation((0.4404, 0.4440, 0.4327), (1.0, 1.0, 1.0))
"""The mean colour of MPII is taken off; bearpaw's code names a deviation and does not divide."""
PLAIN = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
CANVAS = (256, 256)


def _read_bearpaw(shapes: Shapes, size: Size | None) -> Reading:
    depth = shapes.count(r"hg\.0\.hg\.(\d+)\.")
    model = hourglass(
        "hourglass",
        stacks=shapes.count(r"score\.(\d+)\."),
        features=shapes["fc.0.0.weight"][0],
        depth=depth,
        modules=shapes.count(r"hg\.0\.hg\.0\.0\.(\d+)\."),
        stem=(
            shapes["conv1.weight"][0],
            shapes["layer1.0.conv3.weight"][0],
            shapes["layer2.0.conv3.weight"][0],
        ),
        size=size or CANVAS,
        skeleton=skeleton_of(shapes["score.0.weight"][0]),
        normalisation=MPII_MEAN,
    )
    # The scales of an hourglass are numbered from the innermost: hg.0 is the smallest.
    scales: list[tuple[str, str]] = []
    for level in range(depth):
        within = r"^(stacks\.\d+\.hourglass)\." + r"inner\." * level
        for place, name in enumerate(("skip", "down", "up")):
            scales.append((rf"{within}{name}\.", rf"\1.{depth - 1 - level}.{place}."))
    scales.append((r"^(stacks\.\d+\.hourglass)\." + r"inner\." * depth, r"\1.0.3."))
    names = renamed(
        model.network,
        [
            *scales,
            (r"^stacks\.(\d+)\.hourglass\.", r"hg.\1.hg."),
            (r"^stacks\.(\d+)\.residual\.", r"res.\1."),
            (r"^stacks\.(\d+)\.linear\.", r"fc.\1."),
            (r"^stacks\.(\d+)\.maps\.", r"score.\1."),
            (r"^merge_features\.", "fc_."),
            (r"^merge_maps\.", "score_."),
            (r"^((?:hg\.\d+\.hg\.\d+|res)\.\d+)\.(?=bn|conv|skip)", r"\1.0."),
            (r"^stem\.0\.", "conv1."),
            (r"^stem\.1\.", "bn1."),
            (r"^stem\.3\.", "layer1.0."),
            (r"^stem\.5\.", "layer2.0."),
            (r"^stem\.6\.", "layer3.0."),
            (r"\.skip\.", ".downsample.0."),
        ],
    )
    return Reading(model, names)


def _read_princeton(shapes: Shapes, size: Size | None) -> Reading:
    features = shapes["features.0.1.conv.weight"][0]
    model = hourglass(
        "hourglass",
        stacks=shapes.count(r"outs\.(\d+)\."),
        features=features,
        depth=1 + max((name.count("low2.") for name in shapes), default=1) - 1,
        stem=(
            shapes["pre.0.conv.weight"][0],
            shapes["pre.1.conv3.conv.weight"][0],
            shapes["pre.3.conv3.conv.weight"][0],
        ),
        growth=shapes["hgs.0.0.low1.conv3.conv.weight"][0] - features,
        size=size or CANVAS,
        skeleton=skeleton_of(shapes["outs.0.conv.weight"][0]),
        normalisation=PLAIN,
    )
    names = renamed(
        model.network,
        [
            (r"^stacks\.(\d+)\.hourglass\.", r"hgs.\1.0."),
            (r"^stacks\.(\d+)\.residual\.", r"features.\1.0."),
            (r"^stacks\.(\d+)\.linear\.0\.", r"features.\1.1.conv."),
            (r"^stacks\.(\d+)\.linear\.1\.", r"features.\1.1.bn."),
            (r"^stacks\.(\d+)\.maps\.", r"outs.\1.conv."),
            (r"^merge_features\.(\d+)\.", r"merge_features.\1.conv.conv."),
            (r"^merge_maps\.(\d+)\.", r"merge_preds.\1.conv.conv."),
            (r"^stem\.0\.", "pre.0.conv."),
            (r"^stem\.1\.", "pre.0.bn."),
            (r"^stem\.3\.", "pre.1."),
            (r"^stem\.5\.", "pre.3."),
            (r"^stem\.6\.", "pre.4."),
            # Before the hourglass's own names, which begin alike.
            (r"\.(conv[123])\.(?=weight|bias)", r".\1.conv."),
            (r"\.skip\.(?=weight|bias)", ".skip_layer.conv."),
            (r"\.skip\.", ".up1."),
            (r"\.down\.", ".low1."),
            (r"\.inner(?=\.)", ".low2"),
            (r"\.up\.", ".low3."),
        ],
    )
    return Reading(model, names)


def _read_authors(shapes: Shapes, size: Size | None) -> Reading:
    joints = shapes["chantojoints.0.weight"][0]
    own = convention(joints)
    model = hourglass(
        "hourglass",
        stacks=shapes.count(r"chantojoints\.(\d+)\."),
        features=shapes["lin1.0.conv.weight"][0],
        depth=max((name.count("hg.") for name in shapes), default=0) + 1,
        modules=shapes.count(r"Residual\.0\.(\d+)\."),
        stem=(
            shapes["start.conv.weight"][0],
            shapes["res1.cb.cbr3.conv.weight"][0],
            shapes["res2.cb.cbr3.conv.weight"][0],
        ),
        activation_first=True,
        size=size or CANVAS,
        sigma=own.sigma,
        origin=own.origin,
        skeleton=skeleton_of(joints),
        normalisation=own.normalisation,
    )
    names = renamed(
        model.network,
        [
            (r"^stacks\.(\d+)\.hourglass\.", r"hourglass.\1."),
            (r"^stacks\.(\d+)\.residual\.", r"Residual.\1."),
            (r"^stacks\.(\d+)\.linear\.0\.", r"lin1.\1.bn."),
            (r"^stacks\.(\d+)\.linear\.2\.", r"lin1.\1.conv."),
            (r"^stacks\.(\d+)\.maps\.", r"chantojoints.\1."),
            (r"^merge_features\.", "lin2."),
            (r"^merge_maps\.", "jointstochan."),
            (r"^stem\.0\.", "start.bn."),
            (r"^stem\.2\.", "start.conv."),
            (r"^stem\.3\.", "res1."),
            (r"^stem\.5\.", "res2."),
            (r"^stem\.6\.", "res3."),
            (r"\.skip\.(?=weight|bias)", ".skip.conv."),
            (r"\.(bn|conv)([123])\.", r".cb.cbr\2.\1."),
            (r"\.inner\.(?=(?:\d+\.)?cb\.)", ".num1res."),
            (r"\.inner(?=\.)", ".hg"),
            (r"\.down\.", ".afterpool."),
            (r"\.up\.", ".lowres."),
            # A single residual of ours is a row of one there.
            (r"(\.(?:skip|afterpool|num1res|lowres)|^Residual\.\d+)\.(?=cb)", r"\1.0."),
        ],
    )
    return Reading(model, names)


RESIDUAL = r"(?:bn[123]\..*|conv[123]\..*|skip_layer\..*|downsample\..*)"

UNIT = r"(?:cb\.cbr[123]\.\w+|skip\.conv)\.\w+"

FORMATS = (
    Format(
        name="bearpaw/pytorch-pose or anibali/pytorch-stacked-hourglass",
        family="hourglass",
        source="https://github.com/bearpaw/pytorch-pose",
        licence="GPL-3.0",
        keys=re.compile(
            rf"conv1\..*|bn1\..*|layer[123]\.\d+\.{RESIDUAL}|hg\.\d+\.hg\.\d+\.\d+\.\d+\.{RESIDUAL}"
            rf"|res\.\d+\.\d+\.{RESIDUAL}|fc\.\d+\.[01]\..*|(?:score|fc_|score_)\.\d+\.\w+"
        ),
        read=_read_bearpaw,
    ),
    Format(
        name="princeton-vl/pytorch_stacked_hourglass",
        family="hourglass",
        source="https://github.com/princeton-vl/pytorch_stacked_hourglass",
        licence="BSD-3-Clause",
        keys=re.compile(
            r"pre\.\d\..*|hgs\.\d+\.0\.(?:up1|low[123])\..*|features\.\d+\.[01]\..*|outs\.\d+\.conv\..*"
            r"|merge_(?:features|preds)\.\d+\.conv\.conv\..*"
        ),
        # Residuals of equal width carry a projection that they do not use.
        spare=re.compile(r".*\.skip_layer\.conv\.(?:weight|bias)"),
        read=_read_princeton,
    ),
    Format(
        name="Naman-ntc/Pytorch-Human-Pose-Estimation, StackedHourGlass",
        family="hourglass",
        source=SOURCE,
        licence=LICENCE,
        keys=re.compile(
            rf"start\.(?:bn|conv)\..*|res[123]\.{UNIT}|(?:hourglass|Residual)\.\d+\.(?:.*\.)?{UNIT}"
            r"|lin1\.\d+\.(?:bn|conv)\..*|chantojoints\.\d+\.(?:weight|bias)"
            r"|(?:lin2|jointstochan)\.\d+\.(?:weight|bias)"
        ),
        # What follows the last stack is fed to nothing.
        spare=re.compile(r"(?:lin2|jointstochan)\.\d+\.(?:weight|bias)"),
        read=_read_authors,
    ),
)
