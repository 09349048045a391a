"""What thousands of cells share, looked up once in a process: architectures, data sets and the settings of methods.

Everything is known for a plug-in folder. An error is not: it is raised at every look.
"""

import os
from functools import cache

from pydantic import ValidationError

from robustprune import registry
from robustprune.data.datasets import find_reader
from robustprune.data.reader import VALIDATION_SHARE, DatasetReader
from robustprune.errors import StudyError
from robustprune.methods.parts.base import Method
from robustprune.methods.parts.registry import find_method
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


def images_of(cell: Cell) -> int | None:
    """Return the number of images that a cell trains on, None where that of its data set is not known."""
    images = train_count(cell.dataset)
    if images is not None and cell.training.images == "tuning":
        images -= images // VALIDATION_SHARE
    return images if images is None or cell.training.examples is None else min(images, cell.training.examples)


def valid_settings(cell: Cell) -> Strict:
    """Return the validated settings of a cell's method or start; raises StudyError as check_cell does."""
    place = (cell.method, cell.architecture, cell.track, cell.width, cell.depth, _plug_ins())
    known = _SETTINGS.setdefault(place, {})
    asked = repr(cell.settings)
    if asked not in known:
        known[asked] = (_other_settings(cell) if known else None) or check_cell(cell)
    return known[asked]


_SETTINGS: dict[tuple, dict[str, Strict]] = {}
"""What check_cell depends on but the settings -> settings as a cell has them -> those that it returned."""


def _other_settings(cell: Cell) -> Strict | None:
    """Return what check_cell does for a cell whose method it has seen at the same place with other settings.

    A study has a thousand strengths of one method, and to look at its class takes most of the time. None for a start,
    and for wrong settings: check_cell says what is wrong.
    """
    method = _method(cell.method, _plug_ins())
    if method is None:
        return None
    network = network_named(cell.architecture, cell.depth)
    try:
        settings = method.Settings.model_validate(cell.settings)
        method.check(settings, network, network.gated(cell.track))
        method.check_start(settings, network, network.units(cell.width))
    except (ValidationError, StudyError):
        return None
    return settings


def _plug_ins() -> tuple[str, str]:
    """Return the plug-in folder and the working directory, from which a relative folder starts."""
    return os.environ.get(registry.VARIABLE, registry.DEFAULT), os.getcwd()


@cache
def _method(name: str, plug_ins: tuple[str, str]) -> type[Method] | None:
    """Return the class of a method, None for the name of a start."""
    return None if registry.known("start", name) else find_method(name)


@cache
def _network(name: str, depth: int | None, plug_ins: tuple[str, str]) -> Architecture:
    return architecture(name, depth)


@cache
def _reader(dataset: str, plug_ins: tuple[str, str]) -> DatasetReader:
    return find_reader(dataset)


@cache
def _train_count(dataset: str, plug_ins: tuple[str, str]) -> int | None:
    return find_reader(dataset).train_count()
