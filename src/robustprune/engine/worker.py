"""A process that trains one cell after the other, beside others like it."""

import multiprocessing
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from robustprune.data.datasets import Dataset, load
from robustprune.engine.probe import Probe
from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.records.record import RECORD_NAME
from robustprune.study.cells import Cell
from robustprune.study.data_settings import DataSettings

HISTORY = "history.csv"
OUT_OF_TIME = "out of time"
UNFINISHED = ".unfinished"
"""The folder among the runs in which cells train."""


class OutOfTime(Exception):
    """The time limit passed while a cell trained, or nobody waits for it any more."""


class Job(NamedTuple):
    """A cell to train; jobs of a lower rank go first. runs: the folder below which its study's cells have theirs."""

    rank: tuple[float, ...]
    runs: Path
    cell: Cell
    light: bool = False

    @property
    def folder(self) -> Path:
        """The cell's own folder."""
        return self.runs / self.cell.key


class Machine(NamedTuple):
    """What every process needs.

    deadline: of time.monotonic(). probe: makes what an experiment reads of a cell. threads: of the CPU, per process.
    """

    data: DataSettings
    device: str = "cpu"
    deadline: float = float("inf")
    processes: int = 1
    probe: Callable[[Cell], Probe | None] | None = None
    threads: int = 1


def serve(pipe: Connection, machine: Machine) -> None:
    """Train the jobs that come through a pipe, and answer each with None or, as the last, with why it failed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first one ends the others
    data = cache(lambda name: load(name, machine.data))
    while True:
        try:
            job: Job = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            _finish(job, data(job.cell.dataset), machine)
        except OutOfTime:
            reason: str | None = OUT_OF_TIME
        except Exception as error:
            traceback.print_exc()
            reason = f"{type(error).__name__}: {error}"
        else:
            reason = None
        try:
            pipe.send(reason)
        except OSError:  # the first process was killed
            return
        if reason is not None:
            return


def _finish(job: Job, data: Dataset, machine: Machine) -> None:
    """Train a job's cell aside, so that its folder holds files of one training only, whenever the process is killed."""
    cell, first = job.cell, multiprocessing.parent_process()

    def stop_in_time(training: Training) -> None:
        if first is not None and not first.is_alive():
            raise OutOfTime
        if time.monotonic() > machine.deadline and not training.finished:
            raise OutOfTime

    aside = job.runs / UNFINISHED
    aside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=aside) as name:
        made = Path(name)
        probe = machine.probe(cell) if machine.probe else None
        run_cell(
            cell,
            data,
            made,
            device=machine.device,
            threads=machine.threads,
            source=job.runs / cell.source_key if cell.source_key else None,
            after_epoch=stop_in_time,
            history=HISTORY,
            light=job.light,
            probe=probe,
            timed=machine.processes == 1,
        )
        if probe:
            probe.write(made)
        _replace(job.folder, made)


def _replace(folder: Path, made: Path) -> None:
    """Move the files of a finished cell into its folder, the record last, in place of those of an earlier training."""
    folder.mkdir(parents=True, exist_ok=True)
    earlier = [path for path in folder.iterdir() if path.is_file()]
    for path in sorted(earlier, key=lambda path: path.name != RECORD_NAME):
        path.unlink()
    for path in sorted(made.iterdir(), key=lambda path: path.name == RECORD_NAME):
        path.replace(folder / path.name)
