"""Published multi-context attention: the port of the study's authors.

The paper's own weights are Torch7 files, which PyTorch cannot read.
"""

import re

from robustpose.errors import UsageError
from robustpose.models.ported_attention import ported_attention
from robustpose.models.published.authors import LICENCE, SOURCE, convention
from robustpose.models.published.formats import (
    Format,
    Reading,
    Shapes,
    Size,
    renamed,
    skeleton_of,
)

CANVAS = (256, 256)
ASSUMED = "weights do not tell the size of pictures: 256 x 256 is taken, say size= for another"
"""All published configurations have this size."""

RULES = [
    (r"^stacks\.(\d+)\.hourglass\.", r"hourglass.\1."),
    (r"^stacks\.(\d+)\.residual\.", r"Residual.\1."),
    (r"^stacks\.(\d+)\.linear\.0\.", r"lin1.\1.bn."),
    (r"^stacks\.(\d+)\.linear\.2\.", r"lin1.\1.conv."),
    (r"^stacks\.(\d+)\.maps\.", r"chantojoints.\1."),
    (r"^merge_features\.", "lin2."),
    (r"^merge_maps\.", "jointstochan."),
    (r"\.inner\.(?=\d)", ".num1res."),
    (r"\.inner(?=\.)", ".hg"),
    (r"\.down\.", ".afterpool."),
    (r"\.up\.", ".lowres."),
    (r"\.skip\.(?=weight|bias)", ".skip.conv."),
]
"""What ours are called in all of the authors' networks of stacked hourglasses."""

UNITS = r"(?:res[123]|Residual\.\d+\.\d+|hourglass\.\d+\.(?:hg\.)*\w+\.\d+)"
"""Where their residuals are."""


def extent(shapes: Shapes, name: str, axis: int = 0) -> int:
    """Return how long an axis of a tensor is. Raises `UsageError` if it lacks this axis."""
    shape = shapes[name]
    if axis >= len(shape):
        raise UsageError(f"{name} has the shape {shape}: expected more than {axis} axes")
    return shape[axis]


def depth_of(shapes: Shapes) -> int:
    """Return how often their hourglasses pool: they contain one another under the name `hg`."""
    return 1 + max((name.split(".").count("hg") for name in shapes), default=0)


def _read(shapes: Shapes, size: Size | None) -> Reading:
    stacks = shapes.count(r"lin1\.(\d+)\.")
    joints = extent(shapes, "jointstochan.0.weight", 1)
    # The last stack has an attention for each joint, whatever the number of stacks.
    field = f"chantojoints.{stacks - 1}.S.0.0.spConv"
    steps = shapes.count(rf"{re.escape(field)}\.(\d+)\.") // 2
    own = convention(joints)
    model = ported_attention(
        "attention",
        stacks=stacks,
        features=extent(shapes, "lin1.0.conv.weight"),
        depth=depth_of(shapes),
        modules=shapes.count(r"Residual\.0\.(\d+)\."),
        kernel=extent(shapes, f"{field}.1.weight", 2),
        steps=steps,
        stem=(extent(shapes, "start.conv.weight"), extent(shapes, "res1.cb.brc3.conv.weight")),
        size=size or CANVAS,
        sigma=own.sigma,
        origin=own.origin,
        skeleton=skeleton_of(joints),
        normalisation=own.normalisation,
    )
    places = [
        (rf"\.steps\.{step}\.{place}\.", f".spConv.{2 * step + place}.")
        for step in range(steps)
        for place in (0, 1)
    ]
    rules = [
        (r"^stem\.0\.", "start.bn."),
        (r"^stem\.2\.", "start.conv."),
        (r"^stem\.3\.", "res1."),
        (r"^stem\.5\.", "res2."),
        (r"^stem\.6\.", "res3."),
        *RULES,
        (r"\.(bn|conv)([123])\.", r".cb.brc\2.\1."),
        (r"\.parts\.", ".S."),
        (r"\.norm\.", ".bn."),
        (r"\.unary\.", ".U."),
        *places,
    ]
    return Reading(model, renamed(model.network, rules), () if size else (ASSUMED,))


FORMATS = (
    Format(
        name="Naman-ntc/Pytorch-Human-Pose-Estimation, PoseAttention",
        family="attention",
        source=SOURCE,
        licence=LICENCE,
        keys=re.compile(
            rf"start\.(?:bn|conv)\.\w+|{UNITS}\.(?:cb\.brc[123]\.(?:bn|conv)|skip\.conv)\.\w+"
            r"|lin1\.\d+\.(?:bn|conv)\.\w+|(?:lin2|jointstochan)\.\d+\.\w+"
            r"|chantojoints\.\d+\.(?:[01]|S\.\d+\.(?:0\.(?:bn|U|spConv\.\d+)|[12]))\.\w+"
        ),
        # What follows the last stack is fed to nothing.
        spare=re.compile(r"(?:lin2|jointstochan)\.\d+\.(?:weight|bias)"),
        read=_read,
    ),
)
