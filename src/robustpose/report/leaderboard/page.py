"""The leaderboard as a page: one HTML file that asks the network for nothing."""

from collections.abc import Sequence
from pathlib import Path

from robustpose.protocols.tracks import ATTACK, TRACKS
from robustpose.report.leaderboard.standings import Board
from robustpose.report.pages import environment
from robustpose.studies.rows import write_bytes
from robustpose.version import __version__


def write_leaderboard(boards: Sequence[Board], path: Path) -> Path:
    """Write the page of the boards to a file; returns its path."""
    content = {
        "boards": boards,
        "tracks": TRACKS,
        "attack": ATTACK,
        "version": __version__,
    }
    html = environment().get_template("leaderboard.html.j2").render(content)
    write_bytes(html.encode(), path)
    return path
