"""Figures of the page: charts, interactive and as files, and pictures."""

import base64
import json
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from robustpose.report.charts import Spec, write_chart

OF_CURVES = (
    "Point at a marker for its numbers; click a name in the legend to single a network out, and "
    "beside it to see all again."
)


class Chart(NamedTuple):
    """One figure of the page: interactive where scripts run, else and in print the image."""

    name: str
    heading: str
    caption: str
    alt: str
    image: str
    spec: Markup | None
    hint: str = ""


class Picture(NamedTuple):
    """One small picture of the page, as a data URI."""

    caption: str
    alt: str
    uri: str


def drawn(
    folder: Path,
    name: str,
    heading: str,
    caption: str,
    alt: str,
    spec: Spec,
    *,
    hint: str = OF_CURVES,
) -> Chart:
    """Return a chart for the page, also written to `folder/figures/NAME.svg` and `.png`."""
    svg = write_chart(spec, folder / "figures" / name)
    return Chart(name, heading, caption, alt, svg_uri(svg), _json_in_script(spec), hint)


def svg_uri(svg: str) -> str:
    """Return an SVG picture as a data URI."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _json_in_script(content: Any) -> Markup:
    # A script element ends at the first "</", wherever it stands.
    return Markup(json.dumps(content).replace("</", "<\\/"))
