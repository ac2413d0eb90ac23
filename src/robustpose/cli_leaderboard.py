"""The commands of the leaderboard: `robustpose submit` and `robustpose leaderboard`."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from robustpose import terminal
from robustpose.errors import UsageError

if TYPE_CHECKING:
    from robustpose.report.leaderboard.standings import Board, Standing


def submit(
    run: Path,
    *,
    network: str | None = None,
    track: str | None = None,
    reason: str | None = None,
    out: Path = Path("results/leaderboard"),
    overwrite: bool = False,
) -> None:
    """Write the entry of a network for the leaderboard, from a run that keeps to a track.

    A network that a check speaks against in red is refused unless a reason is given; it is then
    shown with the reason and ranked nowhere.

    Parameters
    ----------
    run
        Folder of a run, as `robustpose run strong` made it.
    network
        The network to enter; by default each that met the attack of the leaderboard.
    track
        lsp-v1 or mpii-v1; by default that of the run's people.
    reason
        Why a network with red checks is entered; stands in the entry.
    out
        Folder of the entries: OUT/TRACK/NETWORK.json.
    overwrite
        Replace an entry that exists.
    """
    from robustpose.report.leaderboard import entries_of, entry_path
    from robustpose.studies.rows import write_json

    entries = entries_of(run, network=network, track=track, reason=reason)
    paths = [entry_path(entry, out) for entry in entries]
    if not overwrite and (there := [path for path in paths if path.exists()]):
        raise UsageError(f"{there[0]} exists: choose another --out, or pass --overwrite")
    for entry, path in zip(entries, paths, strict=True):
        write_json(entry, path)
        terminal.say(f"wrote {path}")


def leaderboard(*entries: Path, out: Path | None = None, json: bool = False) -> None:
    """Rank entries of the leaderboard in a table, and on a page.

    Parameters
    ----------
    entries
        Files that `robustpose submit` wrote, or folders that hold them; by default
        results/leaderboard.
    out
        The page to write (HTML).
    json
        Print the entries in their order as JSON instead of tables.
    """
    from robustpose.report.leaderboard import read_entries, standings, write_leaderboard

    boards = standings(read_entries(entries or [Path("results/leaderboard")]))
    if json:
        terminal.show_json([each.entry for board in boards for each in board.standings])
    else:
        for board in boards:
            _show(board)
    if out is not None:
        terminal.note(f"wrote {write_leaderboard(boards, out)}")


def _show(board: "Board") -> None:
    title = f"{board.track}, {board.budget} budget: {board.standings[0].entry['measure']}, percent"
    table = Table("network", title=title, title_justify="left")
    for heading in ("clean", *(f"eps {epsilon:g}" for epsilon in board.epsilons)):
        table.add_column(heading, justify="right")
    for each in board.standings:
        name = each.entry["network"] + ("†" if each.red else "")
        clean = terminal.percent(each.entry["clean"]["score"])
        table.add_row(name, clean, *(_cell(each, epsilon) for epsilon in board.epsilons))
    terminal.show(table)
    terminal.say("In brackets the rank.")
    for each in board.standings:
        if each.red:
            found, reason = "; ".join(each.red), each.entry["reason"]
            terminal.say(f"† {each.entry['network']} is not ranked ({found}). {reason}")


def _cell(standing: "Standing", epsilon: float) -> str:
    rank = standing.ranks[epsilon]
    score = terminal.percent(standing.entry["robust"][f"{epsilon:g}"]["score"])
    return f"{score} ({'-' if rank is None else rank})"
