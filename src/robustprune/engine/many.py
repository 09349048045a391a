"""Many cells in one process, one after the other, into one archive: for a GPU that is lent for a while."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from robustprune.data.datasets import Dataset
from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.networks.architecture import architecture
from robustprune.networks.archive import FILE
from robustprune.networks.size import macs
from robustprune.records.packing import pack_cell
from robustprune.records.record import RECORD_NAME
from robustprune.study.cells import Cell

HISTORY = "history.csv"
FILES = (RECORD_NAME, HISTORY, "gates.npz", FILE)
MACS_OF_A_LAUNCH = 9e6
"""Forward MACs per image, over all replicates, that take as long as the launches of a step (seen on an H200)."""


class OutOfTime(Exception):
    """The time limit passed while a cell trained."""


def by_evidence(cells: Iterable[Cell]) -> list[Cell]:
    """Return cells by networks per second of a GPU, most first; controls come after the cells that they start from.

    A step costs its launches, which do not depend on the number of replicates, and its arithmetic.
    """
    return sorted(cells, key=lambda cell: (bool(cell.source_key), _effort(cell) / cell.replicates))


def _effort(cell: Cell) -> float:
    network = architecture(cell.architecture, cell.depth)
    work = cell.replicates * macs(network, network.units(cell.width))
    return cell.training.epochs * (1 + work / MACS_OF_A_LAUNCH)


def train_many(
    cells: Iterable[Cell],
    data: Callable[[str], Dataset],
    folder: Path,
    archive: Path,
    device: str,
    deadline: float,
    light: bool = False,
    done: Callable[[Cell, float], None] = lambda cell, seconds: None,
) -> list[Cell]:
    """Train cells in their order below `folder` until a deadline; return those that were not trained.

    data: the data set of a name. archive: each finished cell is appended to it at once. deadline: of time.monotonic().
    light: without gates and weights. done: called with every finished cell and its seconds. A cell that the deadline
    interrupts leaves nothing in the archive.
    """
    waiting = list(cells)

    def stop_in_time(training: Training) -> None:
        if time.monotonic() > deadline and not training.finished:
            raise OutOfTime

    while waiting and time.monotonic() < deadline:
        cell, started = waiting[0], time.monotonic()
        source = folder / cell.source_key if cell.source_key else None
        try:
            run_cell(
                cell,
                data(cell.dataset),
                folder / cell.key,
                device=device,
                source=source,
                after_epoch=stop_in_time,
                history=HISTORY,
                light=light,
            )
        except OutOfTime:
            break
        pack_cell(archive, cell.key, folder / cell.key, FILES)
        done(waiting.pop(0), time.monotonic() - started)
    return waiting
