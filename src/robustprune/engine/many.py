"""Many cells side by side on one device, by processes that each train one cell after the other."""

import heapq
import multiprocessing
import time
from collections.abc import Callable, Iterable
from itertools import count
from multiprocessing.connection import wait
from typing import Any

from robustprune.engine.worker import OUT_OF_TIME, Job, Machine, serve
from robustprune.networks.architecture import architecture
from robustprune.networks.size import macs
from robustprune.study.cells import Cell

MACS_OF_A_LAUNCH = 9e6
"""Forward MACs per image, over all replicates, that take as long as the launches of a step (seen on an H200)."""


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
    deadline interrupts leaves nothing. A cell that fails ends its process, because an error of a GPU spoils all that
    follows in the same process; the others go on. No process outlives an error in `after` or an interruption.
    """
    workers: list[_Worker] = []
    try:
        left = _train(jobs, machine, after, workers)
        for worker in workers:
            worker.stop()
        return left
    finally:
        for worker in workers:
            worker.kill()


def _train(
    jobs: Iterable[Job],
    machine: Machine,
    after: Callable[[Job, float], Iterable[Job]],
    workers: "list[_Worker]",
) -> list[tuple[Job, str]]:
    order = count()
    waiting = [(job.rank, next(order), job) for job in jobs]
    heapq.heapify(waiting)
    left: list[tuple[Job, str]] = []
    while True:
        while waiting and len(_busy(workers)) < machine.processes and time.monotonic() < machine.deadline:
            worker = _idle(workers, machine)
            if worker.begin(waiting[0][2]):
                heapq.heappop(waiting)
            else:  # it died while it had nothing to do
                workers.remove(worker)
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
    return left + [(job, OUT_OF_TIME) for _, _, job in sorted(waiting)]


class _Worker:
    """A process that trains one job at a time."""

    def __init__(self, machine: Machine):
        self.pipe, theirs = multiprocessing.Pipe()
        context: Any = multiprocessing.get_context(_start_method())
        self.process = context.Process(target=serve, args=(theirs, machine), daemon=True)
        self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.begun = 0.0

    def begin(self, job: Job) -> bool:
        """Send a job; return whether the process is there."""
        try:
            self.pipe.send(job)
        except OSError:
            self.stop()
            return False
        self.job, self.begun = job, time.monotonic()
        return True

    def end(self) -> tuple[Job, float, str | None]:
        """Return the job that ended, its seconds and why it failed; a process that failed is over."""
        job, self.job = self.job, None
        assert job is not None
        try:
            reason = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            reason = f"its process ended with exit code {self.process.exitcode}"
        if reason is not None:
            self.stop()
        return job, time.monotonic() - self.begun, reason

    def stop(self) -> None:
        """Let the process end, which has nothing to do."""
        self.pipe.close()
        self.process.join(5)
        self.kill()

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.join()


def _start_method() -> str:
    """Return how processes start: not by a fork of this one, which may hold a GPU; with torch loaded if possible."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return "spawn"
    multiprocessing.set_forkserver_preload([serve.__module__])
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
