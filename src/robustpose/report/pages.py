"""How pages are made: templates that know the look of them all."""

from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup


@cache
def environment() -> jinja2.Environment:
    """Return what renders the templates of this package; what they put in is escaped."""
    templates = resources.files("robustpose.report") / "templates"
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("robustpose.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["style"] = Markup((templates / "report.css").read_text(encoding="utf-8"))
    return found
