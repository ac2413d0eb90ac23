"""The mark beside a network's name, wherever it stands, when a check of it is red."""

from collections.abc import Sequence

from markupsafe import Markup, escape

from robustpose.report.figures import Chart
from robustpose.studies.checks import Finding, flagged

MARK = "†"


class Marks:
    """Marks the names of networks on a page that has a section `checks`."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.flagged = flagged(findings)

    def __call__(self, name: str, network: str | None = None) -> Markup:
        """Return a name, marked if its network has a red finding; `network` if the name is not."""
        red = self.flagged.get(network or name)
        if not red:
            return escape(name)
        title = "Not to be read as robustness: " + "; ".join(each.check for each in red)
        return escape(name) + Markup('<a class="flag" href="#checks" title="{}">{}</a>').format(
            title, MARK
        )

    def within(self, chart: Chart) -> list[str]:
        """Return the marked networks that a chart shows."""
        return [name for name in self.flagged if f'"{name}"' in (chart.spec or "")]
