"""The leaderboard: entries made from runs, ranked in a table and on a page."""

from robustpose.report.leaderboard.entries import Entry, entries_of, entry_path
from robustpose.report.leaderboard.page import write_leaderboard
from robustpose.report.leaderboard.standings import Board, Standing, read_entries, standings

__all__ = [
    "Board",
    "Entry",
    "Standing",
    "entries_of",
    "entry_path",
    "read_entries",
    "standings",
    "write_leaderboard",
]
