"""Published PyraNet: the network of the study's authors."""

import re

from robustpose.errors import UsageError
from robustpose.models.published.attention import (
    ASSUMED,
    CANVAS,
    RULES,
    UNITS,
    depth_of,
    extent,
)
from robustpose.models.published.authors import LICENCE, SOURCE, convention
from robustpose.models.published.formats import (
    Format,
    Reading,
    Shapes,
    Size,
    renamed,
    skeleton_of,
)
from robustpose.models.pyranet import pyranet


def _read(shapes: Shapes, size: Size | None) -> Reading:
    joints = extent(shapes, "chantojoints.0.weight")
    features = extent(shapes, "lin1.0.conv.weight")
    stem = extent(shapes, "start.conv.weight"), extent(shapes, "res2.cb.afteradd.conv.weight")
    narrow = {
        width: extent(shapes, f"{unit}.cb.branch2.0.conv.weight")
        for unit, width in (("res2", stem[1]), ("res3", features))
    }
    own = convention(joints)
    model = pyranet(
        "pyranet",
        stacks=shapes.count(r"chantojoints\.(\d+)\."),
        features=features,
        depth=depth_of(shapes),
        modules=shapes.count(r"Residual\.0\.(\d+)\."),
        base_width=_base_width(narrow),
        cardinality=shapes.count(r"res1\.cb\.branch2\.1\.pyra\.scales\.(\d+)\."),
        stem=stem,
        size=size or CANVAS,
        sigma=own.sigma,
        origin=own.origin,
        skeleton=skeleton_of(joints),
        normalisation=own.normalisation,
    )
    rules = [
        (r"^stem\.conv\.", "start."),
        (r"^stem\.before\.", "res1."),
        (r"^stem\.after\.", "res2."),
        (r"^stem\.last\.", "res3."),
        *RULES,
        (r"\.(bn|conv)([123])\.", r".cb.cbr\2.\1."),
        (r"\.near\.([02])\.", r".cb.branch1.0.\1."),
        (r"\.near\.3\.", ".cb.branch1.1.0."),
        (r"\.near\.5\.", ".cb.branch1.1.2."),
        (r"\.enter\.", ".cb.branch2.0."),
        (r"\.norm\.", ".cb.branch2.1.bn."),
        (r"\.pyramid\.convs\.(\d+)\.", r".cb.branch2.1.pyra.scales.\1.1."),
        (r"\.leave\.", ".cb.branch2.2."),
        (r"\.join\.", ".cb.afteradd."),
        (r"(^start|branch[12]\.\d|afteradd)\.0\.", r"\1.bn."),
        (r"(^start|branch[12]\.\d|afteradd)\.2\.", r"\1.conv."),
    ]
    return Reading(model, renamed(model.network, rules), () if size else (ASSUMED,))


def _base_width(narrow: dict[int, int]) -> int:
    """Return a number that divides each width, rounding down, to that of its pyramid."""
    for number in range(1, max(narrow) + 1):
        if all(width // number == pyramid for width, pyramid in narrow.items()):
            return number
    raise UsageError(f"no base width makes pyramids of {narrow} channels (residual: pyramid)")


FORMATS = (
    Format(
        name="Naman-ntc/Pytorch-Human-Pose-Estimation, PyraNet",
        family="pyranet",
        source=SOURCE,
        licence=LICENCE,
        keys=re.compile(
            rf"start\.(?:bn|conv)\.\w+|{UNITS}\.skip\.conv\.\w+"
            rf"|{UNITS}\.cb\.branch[12]\.[012]\.(?:bn|conv|pyra\.scales\.\d+\.1)\.\w+"
            rf"|{UNITS}\.cb\.afteradd\.(?:bn|conv)\.\w+"
            # Plain residuals have no place in the stem.
            rf"|(?!res){UNITS}\.cb\.cbr[123]\.(?:bn|conv)\.\w+"
            r"|lin1\.\d+\.(?:bn|conv)\.\w+|(?:chantojoints|lin2|jointstochan)\.\d+\.\w+"
        ),
        # What follows the last stack is fed to nothing.
        spare=re.compile(r"(?:lin2|jointstochan)\.\d+\.(?:weight|bias)"),
        read=_read,
    ),
)
