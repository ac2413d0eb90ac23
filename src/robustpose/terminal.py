"""What the command line shows: messages, progress bars, tables."""

import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from robustpose.data import Dataset
    from robustpose.models.catalogue import Listed
    from robustpose.models.published.formats import Format
    from robustpose.studies.runner import Advance
    from robustpose.training.loop import Progress as TrainingProgress
    from robustpose.training.runs import Listener

_out = Console(soft_wrap=True)
_err = Console(stderr=True, soft_wrap=True)


def say(text: str) -> None:
    """Print a line."""
    _out.print(escape(text), highlight=False)


def note(text: str) -> None:
    """Print a line to standard error: what is going on, no result."""
    _err.print(escape(text), highlight=False)


def show(table: Table) -> None:
    """Print a table."""
    _out.print(table)


def show_json(content: object) -> None:
    """Print a JSON value."""
    _out.print_json(json.dumps(content))


def complain(text: str) -> None:
    """Print one line about what went wrong, to standard error."""
    shown = " ".join(text.split()).encode("utf-8", "backslashreplace").decode()
    _err.print(f"[bold red]error:[/] {escape(shown)}", highlight=False)


@contextmanager
def study_progress() -> Iterator[Callable[["Advance"], None]]:
    """Show how far a study is and how long it will take; yields the listener.

    Where standard error is no terminal, a line for each condition takes the bar's place.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_err, disable=not _err.is_terminal) as progress:
        task = progress.add_task("loading", total=None)
        said = ""

        def listen(advance: "Advance") -> None:
            nonlocal said
            cell = advance.cell
            what = f"{cell.label} on {cell.made_on}" if cell.made_on else cell.label
            progress.update(task, description=what, completed=advance.done, total=advance.total)
            if not _err.is_terminal and what != said:
                said = what
                share = advance.done / max(1, advance.total)
                _err.print(f"{share:4.0%}  {what}", highlight=False)

        yield listen


@contextmanager
def training_progress(*, quiet: bool) -> Iterator["Listener"]:
    """Show step, loss and held-out scores of a training run; yields the listener.

    Where standard error is no terminal, a line every hundred steps takes the bar's place.
    """
    from robustpose.training.runs import Listener

    if quiet:
        yield Listener()
        return
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("loss {task.fields[loss]}  {task.fields[scores]}"),
    )
    with Progress(*columns, console=_err, disable=not _err.is_terminal) as progress:
        task = progress.add_task("training", total=None, loss="-", scores="")

        def stepped(step: "TrainingProgress") -> None:
            loss = f"{step.loss:.3g}"
            progress.update(task, completed=step.step, total=step.steps, loss=loss)
            if not _err.is_terminal and step.step % 100 == 0:
                _err.print(f"step {step.step} of {step.steps}, loss {loss}", highlight=False)

        def scored(scores: Mapping[str, float]) -> None:
            text = ", ".join(f"{name} {value:.1f}" for name, value in scores.items())
            progress.update(task, scores=text)
            _err.print(text, highlight=False)

        yield Listener(says=say, stepped=stepped, scored=scored)


def show_study(scores: "pl.DataFrame") -> None:
    """Print a table for each network: one line an attack, one column an epsilon."""
    rows = scores.to_dicts()
    shown = _shown_epsilons(rows)
    for network in dict.fromkeys(row["network"] for row in rows):
        own = [row for row in rows if row["network"] == network]
        clean = next((row["score"] for row in own if row["attack"] == "clean"), None)
        title = f"{network}: {percent(clean)} % clean"
        table = Table("attack", title=title, title_justify="left")
        for epsilon in shown:
            table.add_column(f"eps {epsilon:g}", justify="right")
        for attack in dict.fromkeys(row["attack"] for row in own if row["attack"] != "clean"):
            lines = {row["eps255"]: row for row in own if row["attack"] == attack}
            targeted = any(row["goal"] == "targeted" for row in lines.values())
            name = f"{attack} target" if targeted else attack
            table.add_row(name, *(_cell(lines.get(epsilon)) for epsilon in shown))
        _out.print(table)
    for measure in dict.fromkeys(row["measure"] for row in rows):
        say(f"{measure} in percent, in brackets relative to clean: lower is a stronger attack.")
    if any(row["goal"] == "targeted" for row in rows):
        say("Target: the same, against the pose asked for; higher is a stronger attack.")


def _shown_epsilons(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the usual epsilons, and those that are an attack's only ones."""
    epsilons: dict[str, set[float]] = {}
    for row in rows:
        if row["eps255"] is not None:
            epsilons.setdefault(row["attack"], set()).add(row["eps255"])
    every = set().union(*epsilons.values())
    usual = every & {0.5, 1, 2, 4, 8} or set(sorted(every)[:5])
    alone = {epsilon for each in epsilons.values() if not each & usual for epsilon in each}
    return sorted(usual | alone)


def show_models(
    networks: Sequence["Listed"], formats: Sequence["Format"], *, as_json: bool
) -> None:
    """Print the networks of the zoo, and the published files that can be loaded."""
    if as_json:
        show_json([network._asdict() for network in networks])
        return
    people = list(dict.fromkeys(name for network in networks for name in network.scores))
    table = Table(title="The zoo", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("network", no_wrap=True)
    for heading in (
        "px",
        "million\nparameters",
        "billion\nmult-adds",
        *(f"PCK\n{n}" for n in people),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for network in networks:
        scores = (network.scores.get(name) for name in people)
        table.add_row(
            network.name,
            str(network.size[0]),
            f"{network.parameters / 1e6:.2f}",
            f"{network.multiply_adds / 1e9:.2f}",
            *("" if score is None else f"{score:.1f}" for score in scores),
        )
    _out.print(table)
    say("Scores are clean, in percent; a network without one comes without weights.")
    for network in networks:
        say(f"{network.name}: {network.summary} ({network.source})")
    for licence in dict.fromkeys(network.licence for network in networks if network.licence):
        say(f"Licence of the data behind the bundled weights: {licence}")
    published = Table("family", "published files that load as FAMILY:FILE", "licence of their code")
    for form in formats:
        published.add_row(form.family, form.name, form.licence)
    _out.print(published)


def show_datasets(datasets: Mapping[str, "Dataset"]) -> None:
    """Print the data sets that can be read."""
    table = Table("people", "what it is", "licence")
    for entry in datasets.values():
        table.add_row(entry.written, entry.summary, entry.licence)
    _out.print(table)


def command_line() -> str:
    """Return the command as it was typed."""
    return shlex.join(["robustpose", *sys.argv[1:]])


def save_picture(picture: "np.ndarray[Any, Any]", path: Path) -> None:
    """Write an RGB picture as PNG."""
    import cv2

    _, content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.tobytes())


def percent(value: float | None, *, digits: int = 1) -> str:
    """Return a percentage as tables have it; None is a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "-"
    if row["goal"] == "targeted":
        return percent(row["target"])
    relative = "-" if row["relative"] is None else f"{row['relative']:.0f}"
    return f"{percent(row['score'])} ({relative})"
