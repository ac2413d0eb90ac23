"""Published checkpoints: recognised by what they hold, never by what they are called."""

from robustpose.models.published import (
    attention,
    chained,
    deeppose,
    hourglass,
    hourglass_mmpose,
    hrnet,
    integral,
    pyranet,
    resdec,
    simcc,
)
from robustpose.models.published.formats import Format

FORMATS: tuple[Format, ...] = (
    *hourglass.FORMATS,
    *hourglass_mmpose.FORMATS,
    *chained.FORMATS,
    *attention.FORMATS,
    *deeppose.FORMATS,
    *resdec.FORMATS,
    *hrnet.FORMATS,
    *pyranet.FORMATS,
    *integral.FORMATS,
    *simcc.FORMATS,
)
"""Every format that is known, of every family."""

FAMILIES = (*dict.fromkeys(form.family for form in FORMATS), "dlcm")
"""Names under which `load_model` takes a file that sets depth and width itself.

Of DLCM nothing is published that could be read, only files of `robustpose train` are.
"""
