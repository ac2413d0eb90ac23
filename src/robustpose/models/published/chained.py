"""Chained predictions of the robustness study's authors."""

import re

from robustpose.errors import UsageError
from robustpose.models.chained import chained
from robustpose.models.published.authors import LICENCE, SOURCE, convention
from robustpose.models.published.formats import (
    Format,
    Reading,
    Shapes,
    Size,
    renamed,
    skeleton_of,
)
from robustpose.models.published.layers import RESNET, convolution, encoder_shape

SIZE = (256, 256)
"""The published code reads 8 x 8 features, whatever it is given: it knows no other size."""

RULES = (
    (r"^encoder\.", "resnet."),
    (r"^first\.", "init_hidden."),
    (r"^steps\.(\d+)\.transition\.", r"h2h.\1."),
    (r"^steps\.(\d+)\.observations\.", r"o2h.\1."),
    (r"^deceptions\.(\d+)\.up([12])\.towers\.", r"deception.\1.stack\2."),
    (r"^deceptions\.", "deception."),
)


def _read(shapes: Shapes, size: Size | None) -> Reading:
    """Build the chain that a file is for; its joints come in the order of the data set."""
    joints = shapes.count(r"deception\.(\d+)\.")
    skeleton = skeleton_of(joints)
    depth, width = encoder_shape(shapes, "resnet.")
    if depth > 34:
        raise UsageError(f"its encoder is ResNet-{depth}: expected ResNet-18 or ResNet-34")
    hidden, _, hidden_kernel, _ = convolution(shapes, "h2h.0.0.")
    own = convention(joints)
    model = chained(
        "chained",
        depth=depth,
        width=width,
        hidden=hidden,
        channels=convolution(shapes, "deception.0.start.")[0],
        hidden_kernel=hidden_kernel,
        map_kernel=convolution(shapes, "o2h.0.0.1.")[2],
        order=skeleton.joints,
        size=size or SIZE,
        sigma=own.sigma,
        origin=own.origin,
        skeleton=skeleton,
        normalisation=own.normalisation,
    )
    return Reading(model, renamed(model.network, RULES))


FORMATS = (
    Format(
        name="Naman-ntc/Pytorch-Human-Pose-Estimation, ChainedPredictions",
        family="chained",
        source=SOURCE,
        licence=LICENCE,
        keys=re.compile(
            rf"resnet\.{RESNET}"
            r"|init_hidden\.\w+|h2h\.\d+\.[01]\.\w+|o2h\.\d+\.\d+\.[0-4]\.\w+"
            r"|deception\.\d+\.(?:start|end|stack[12]\.[0-3])\.\w+"
        ),
        # After the last joint there is a step to nowhere; a deception's BatchNorms are not called.
        spare=re.compile(r"(?:h2h|o2h)\.\d+\..*|deception\.\d+\.stack[12]\.3\..*"),
        read=_read,
    ),
)
