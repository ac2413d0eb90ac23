"""The folder of a run: what it may hold, and whose run it is."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from robustpose.errors import UsageError
from robustpose.studies.rows import read_study

try:
    import fcntl
except ImportError:  # Windows: two runs at once on one folder are not kept apart there
    fcntl = None  # type: ignore[assignment]

CONTENTS = (
    "artefacts",
    "figures",
    "people.parquet",
    "report.html",
    "rows",
    "samples",
    "study.json",
    "tables",
    "task_rows",
    "tasks.json",
)
"""What the folder of a run may hold."""

SAME_RUN = ("name", "seed", "batch_size", "canvas", "precision", "rounding", "valid_range")
"""Settings that may not change within the folder of a run; people, attacks and limit may grow."""


def check_folder(out: Path) -> None:
    """Refuse a folder that holds anything but a run, finished or hardly begun."""
    if out.exists() and not out.is_dir():
        raise UsageError(
            f"expected a folder for the run, but {out} is a file: choose another --out"
        )
    foreign = [
        path.name
        for path in (out.iterdir() if out.is_dir() else ())
        if path.name not in CONTENTS and not path.name.startswith(".")
    ]
    if foreign:
        raise UsageError(
            f"expected an empty folder or that of a run at {out}, found {sorted(foreign)[0]}: "
            "choose another --out"
        )


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Let one process at a time compare and write the configuration of a run."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def check_same_run(out: Path, content: Mapping[str, Any]) -> None:
    """Refuse a folder whose run had other people or settings: its report would be lost."""
    if not (out / "study.json").is_file():
        return
    before = read_study(out)
    for name in SAME_RUN:
        if before.get(name) != content[name]:
            raise UsageError(
                f"{out} holds a run with {name} {before.get(name)}, this one has {content[name]}: "
                "choose another --out"
            )
    for name in ("name", "digest"):
        if before["people"].get(name) != content["people"][name]:
            raise UsageError(
                f"{out} holds a run on other people ({before['people'].get('name')}) than this one "
                f"({content['people']['name']}): choose another --out"
            )
