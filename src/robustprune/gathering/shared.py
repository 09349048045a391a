"""What thousands of cells share, looked up once in a process: architectures, data sets and the settings of methods.

Everything is known for a plug-in folder. An error is not: it is raised at every look.
"""

import os
from functools import cache

from robustprune import registry
from robustprune.data.datasets import find_reader
from robustprune.data.reader import DatasetReader
from robustprune.networks.architecture import Architecture, architecture
from robustprune.starts.parts.registry import check_cell
from robustprune.study.cells import Cell
from robustprune.study.strict import Strict


def network_named(name: str, depth: int | None = None) -> Architecture:
    """Return the architecture of that name, at a depth; raises StudyError as networks.architecture does."""
    return _network(name, depth, _plug_ins())


def reader_of(dataset: str) -> DatasetReader:
    """Return the reader of a data set; raises StudyError as data.datasets.find_reader does."""
    return _reader(dataset, _plug_ins())


def train_count(dataset: str) -> int | None:
    """Return the number of training images of a data set, None where it is not known before they are read."""
    return _train_count(dataset, _plug_ins())


def valid_settings(cell: Cell) -> Strict:
    """Return the validated settings of a cell's method or start; raises StudyError as check_cell does."""
    asked = (cell.method, cell.architecture, cell.track, cell.width, cell.depth, repr(cell.settings), _plug_ins())
    if asked not in _SETTINGS:
        _SETTINGS[asked] = check_cell(cell)
    return _SETTINGS[asked]


_SETTINGS: dict[tuple, Strict] = {}
"""What check_cell depends on -> the settings that it returned."""


def _plug_ins() -> tuple[str, str]:
    """Return the plug-in folder and the working directory, from which a relative folder starts."""
    return os.environ.get(registry.VARIABLE, registry.DEFAULT), os.getcwd()


@cache
def _network(name: str, depth: int | None, plug_ins: tuple[str, str]) -> Architecture:
    return architecture(name, depth)


@cache
def _reader(dataset: str, plug_ins: tuple[str, str]) -> DatasetReader:
    return find_reader(dataset)


@cache
def _train_count(dataset: str, plug_ins: tuple[str, str]) -> int | None:
    return find_reader(dataset).train_count()
