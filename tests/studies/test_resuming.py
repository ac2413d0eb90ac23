"""A run that is killed, started twice or at once with another gives the rows of a quiet one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

import robustpose.studies.runner as runner
from robustpose.errors import UsageError
from robustpose.studies.rows import read_rows
from robustpose.studies.runner import run_study
from robustpose.studies.study import Study

ORDER = ["condition", "made_on", "victim", "person"]
CPU = torch.device("cpu")


def start(script: Path, out: Path, pause: float = 0) -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(script), str(out), str(pause)]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


def parts(out: Path) -> dict[str, int]:
    """Return the finished parts and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in (out / "rows").glob("*.parquet")}


def wait_for_parts(process: "subprocess.Popen[bytes]", out: Path, count: int) -> None:
    end = time.monotonic() + 60
    while len(parts(out)) < count:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_killed_run_goes_on_where_it_stopped(
    script: Path, tmp_path: Path, tiny_study: Callable[..., Study], rows: pl.DataFrame
) -> None:
    out = tmp_path / "run"
    process = start(script, out, pause=0.05)
    wait_for_parts(process, out, 4)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = parts(out)
    cells = list(tiny_study().cells())
    assert 4 <= len(before) < len(cells)

    made: list[object] = []
    make = runner._Runner.make
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            runner._Runner, "make", lambda self, cell: (made.append(cell), make(self, cell))
        )
        run_study(tiny_study(), out, device=CPU)
    after = parts(out)
    assert len(made) == len(cells) - len(before)
    assert {name: after[name] for name in before} == before
    assert_frame_equal(read_rows(out).sort(ORDER), rows, check_exact=True)


def test_two_runs_at_once_give_the_rows_of_one(
    script: Path, tmp_path: Path, rows: pl.DataFrame
) -> None:
    out = tmp_path / "run"
    processes = [start(script, out) for _ in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    assert_frame_equal(read_rows(out).sort(ORDER), rows, check_exact=True)
    assert not list(out.rglob("*partial*"))


@pytest.mark.parametrize("function", ["write_table", "write_json"])
def test_a_run_that_dies_before_its_first_cell_can_be_started_again(
    function: str, tmp_path: Path, tiny_study: Callable[..., Study], rows: pl.DataFrame
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    study = tiny_study()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, function, die)
        with pytest.raises(Killed):
            run_study(study, tmp_path / "run", device=CPU)
    run_study(study, tmp_path / "run", device=CPU)
    assert_frame_equal(read_rows(tmp_path / "run").sort(ORDER), rows, check_exact=True)


def test_a_finished_run_makes_nothing_again(
    tiny_study: Callable[..., Study], finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = parts(finished)
    monkeypatch.setattr(runner._Runner, "make", lambda *_: pytest.fail("made a cell again"))
    run_study(tiny_study(), finished, device=CPU, command="a test")
    assert parts(finished) == before


def test_progress_ends_at_all_of_the_work(tiny_study: Callable[..., Study], finished: Path) -> None:
    heard: list[tuple[int, int]] = []
    listen = lambda advance: heard.append((advance.done, advance.total))  # noqa: E731
    run_study(tiny_study(), finished, device=CPU, command="a test", listen=listen)
    assert heard[0][0] == 0
    assert heard[-1][0] == heard[-1][1] > 0
    assert heard == sorted(heard)


def test_a_folder_of_something_else_is_left_alone(
    tiny_study: Callable[..., Study], tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="choose another --out"):
        run_study(tiny_study(), tmp_path, device=CPU)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
