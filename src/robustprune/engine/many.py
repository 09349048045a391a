"""Many cells side by side on one device, by processes that each train one cell after the other."""

import heapq
import multiprocessing
import time
import traceback
from collections.abc import Callable, Iterable
from functools import cache
from itertools import count
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

from robustprune.data.datasets import load
from robustprune.engine.probe import Probe
from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.networks.architecture import architecture
from robustprune.networks.size import macs
from robustprune.study.cells import Cell
from robustprune.study.data_settings import DataSettings

HISTORY = "history.csv"
OUT_OF_TIME = "out of time"
MACS_OF_A_LAUNCH = 9e6
"""Forward MACs per image, over all replicates, that take as long as the launches of a step (seen on an H200)."""


class OutOfTime(Exception):
    """The time limit passed while a cell trained."""


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
    """What every process needs. deadline: of time.monotonic(). probe: makes what an experiment reads of a cell."""

    data: DataSettings
    device: str = "cpu"
    deadline: float = float("inf")
    processes: int = 1
    probe: Callable[[Cell], Probe | None] | None = None


def effort_per_network(cell: Cell) -> float:
    """Return what a network of a cell costs a GPU, in epochs of launches.

    A step costs its launches, which do not depend on the number of replicates, and its arithmetic.
    """
    network = architecture(cell.architecture, cell.depth)
    work = cell.replicates * macs(network, network.units(cell.width))
    return cell.training.epochs * (1 + work / MACS_OF_A_LAUNCH) / cell.replicates


def train_many(
    jobs: Iterable[Job], machine: Machine, after: Callable[[Job, float], Iterable[Job]]
) -> list[tuple[Job, str]]:
    """Train jobs, and those that follow from them, until the deadline; return those that are left, with the reason.

    after: called with each job that is done and its seconds; returns the jobs that may begin now. A cell that the
    deadline interrupts leaves no record. A cell that fails ends its process, because an error of a GPU spoils all that
    follows in the same process; the others go on.
    """
    order = count()
    waiting = [(job.rank, next(order), job) for job in jobs]
    heapq.heapify(waiting)
    left: list[tuple[Job, str]] = []
    workers: list[_Worker] = []
    while True:
        while waiting and len(_busy(workers)) < machine.processes and time.monotonic() < machine.deadline:
            _idle(workers, machine).begin(heapq.heappop(waiting)[2])
        busy = _busy(workers)
        if not busy:
            break
        for pipe in wait([worker.pipe for worker in busy]):
            worker = next(worker for worker in busy if worker.pipe is pipe)
            job, seconds, reason = worker.end()
            if reason is None:
                for new in after(job, seconds):
                    heapq.heappush(waiting, (new.rank, next(order), new))
                continue
            left.append((job, reason))
            workers.remove(worker)
    for worker in workers:
        worker.stop()
    return left + [(job, OUT_OF_TIME) for _, _, job in sorted(waiting)]


class _Worker:
    """A process that trains one job at a time."""

    def __init__(self, machine: Machine):
        self.pipe, theirs = multiprocessing.Pipe()
        context: Any = multiprocessing.get_context(_start_method())
        self.process = context.Process(target=_work, args=(theirs, machine), daemon=True)
        self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.begun = 0.0

    def begin(self, job: Job) -> None:
        """Send a job."""
        self.job, self.begun = job, time.monotonic()
        self.pipe.send(job)

    def end(self) -> tuple[Job, float, str | None]:
        """Return the job that ended, its seconds and why it failed; a process that failed is over."""
        job, self.job = self.job, None
        assert job is not None
        try:
            reason = self.pipe.recv()
        except EOFError:
            self.process.join()
            reason = f"its process ended with exit code {self.process.exitcode}"
        if reason is not None:
            self.stop()
        return job, time.monotonic() - self.begun, reason

    def stop(self) -> None:
        """End the process."""
        self.pipe.close()
        self.process.join(5)
        self.process.kill()


def _start_method() -> str:
    """Return how processes start: not by a fork of this one, which may hold a GPU; with torch loaded if possible."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return "spawn"
    multiprocessing.set_forkserver_preload([__name__])
    return "forkserver"


def _busy(workers: Iterable[_Worker]) -> list[_Worker]:
    return [worker for worker in workers if worker.job]


def _idle(workers: list[_Worker], machine: Machine) -> _Worker:
    """Return a worker without a job, a new one if need be."""
    for worker in workers:
        if not worker.job:
            return worker
    workers.append(_Worker(machine))
    return workers[-1]


def _work(pipe: Connection, machine: Machine) -> None:
    """Train the jobs that come through a pipe, and answer each with None or, as the last, with why it failed."""
    data = cache(lambda name: load(name, machine.data))

    def stop_in_time(training: Training) -> None:
        if time.monotonic() > machine.deadline and not training.finished:
            raise OutOfTime

    while True:
        try:
            job: Job = pipe.recv()
        except EOFError:
            return
        cell = job.cell
        try:
            probe = machine.probe(cell) if machine.probe else None
            run_cell(
                cell,
                data(cell.dataset),
                job.folder,
                device=machine.device,
                source=job.runs / cell.source_key if cell.source_key else None,
                after_epoch=stop_in_time,
                history=HISTORY,
                light=job.light,
                probe=probe,
                timed=machine.processes == 1,
            )
            if probe:
                probe.write(job.folder)
        except OutOfTime:
            pipe.send(OUT_OF_TIME)
            return
        except Exception as error:
            traceback.print_exc()
            pipe.send(f"{type(error).__name__}: {error}")
            return
        pipe.send(None)
