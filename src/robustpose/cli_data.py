"""The commands about data sets: `robustpose data`, `data check`, `data get`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from robustpose import terminal
from robustpose.errors import check_choice

if TYPE_CHECKING:
    from robustpose.data.download import Listener
    from robustpose.data.inspection.findings import Inspection
    from robustpose.data.sources import Download, Source

app = App(
    name="data",
    help="What data sets there are, where they come from, and getting and checking them.",
)

Several = Parameter(consume_multiple=True, negative="")
MARKS = {"right": "right  ", "wrong": "WRONG  ", "note": "note   "}


@app.default
def show(name: str | None = None) -> None:
    """List the data sets: what each is, its licence, where it comes from, which files go where.

    Parameters
    ----------
    name
        Only this one: lsp, mpii or coco.
    """
    from robustpose.data import DATASETS
    from robustpose.data.folders import VARIABLE, data_folder
    from robustpose.data.sources import SOURCES

    if name is None:
        terminal.show_datasets(DATASETS)
    else:
        check_choice("data set", name, SOURCES)
    for key in [name] if name else SOURCES:
        for line in _described(key, SOURCES[key]):
            terminal.say(line)
    terminal.say(f"FOLDER is by default the set's folder in {data_folder()} ({VARIABLE}).")
    terminal.say("Get a set with: robustpose data get NAME. Check it with: robustpose data check")


@app.command
def check(folder: Path | None = None) -> None:
    """Tell what a folder holds of a data set, what is missing, and whether it is the published one.

    The exit code is 1 where something is missing or wrong.

    Parameters
    ----------
    folder
        Folder of a data set, or a folder of such folders; by default the one for all data sets.
    """
    from robustpose.data.folders import data_folder
    from robustpose.data.inspection import inspect_folder

    inspections = inspect_folder(folder or data_folder())
    for inspection in inspections:
        _tell(inspection)
    if not all(inspection.complete for inspection in inspections):
        sys.exit(1)


@app.command
def get(name: str, *, only: Annotated[list[str] | None, Several] = None) -> None:
    """Download a data set and unpack it; run the same command again to go on after a stop.

    Nothing that is there is overwritten. An archive that lies in the set's folder is used instead
    of a download, so that a machine without a network can be served.

    Parameters
    ----------
    name
        The data set: lsp, mpii or coco.
    only
        Only these files of it, as val2017.zip annotations_trainval2017.zip. See: robustpose data.
    """
    from robustpose.data.acquisition import get_set

    with _progress() as listen:
        folder = get_set(name, only=only or (), listen=listen, says=terminal.note)
    terminal.say(f"{name} is in {folder}")
    from robustpose.data.inspection import inspect_folder

    for inspection in inspect_folder(folder):
        _tell(inspection)


def _described(key: str, source: "Source") -> Iterator[str]:
    from robustpose.data.folders import set_folder

    folder = set_folder(key)
    yield f"{key}: {source.title}"
    yield f"  what it is  {source.summary}"
    yield f"  licence     {source.licence}"
    yield f"  page        {source.page}"
    yield f"  folder      {folder} ({'there' if folder.is_dir() else 'not there'})"
    for place in source.places:
        yield f"    {place.path}  {place.content}"
    yield "  downloads"
    for choices in source.downloads:
        for number, download in enumerate(choices):
            yield f"    {'or ' if number else ''}{_offer(download)}"
    if source.remark:
        yield f"  {source.remark}"
    yield ""


def _offer(download: "Download") -> str:
    from robustpose.data.download import size_text

    about = "" if download.size else "about "
    kind = (download.digest or "no digest").partition(":")[0].upper().replace("SHA", "SHA-")
    checked = f"{kind} known" if download.digest else "no digest known"
    size = f"{about}{size_text(download.size or download.about)}"
    return f"{download.file}, {size}, {checked}: {download.address}"


def _tell(inspection: "Inspection") -> None:
    terminal.say(f"{inspection.key} in {inspection.folder}")
    for finding in inspection.findings:
        terminal.say(f"  {MARKS[finding.kind]}{finding.text}")
    splits = " and ".join(f"{name} ({count:,} people)" for name, count in inspection.splits.items())
    written = f"{inspection.key}:{inspection.folder}"
    terminal.say(f"  {f'loads as {written}: {splits}' if splits else 'nothing can be loaded'}")


@contextmanager
def _progress() -> Iterator["Listener"]:
    """Show what is being downloaded, checked or unpacked; yields the listener.

    Where standard error is no terminal, a line for each of them takes the bar's place.
    """
    console = Console(stderr=True, soft_wrap=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        tasks = {}

        def listen(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
                if not console.is_terminal:
                    terminal.note(what)
            progress.update(tasks[what], completed=done, total=total)

        yield listen
