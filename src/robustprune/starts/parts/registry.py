"""Finds starts by name, and checks a cell, whose method is that of a method or of a start."""

import importlib
import inspect
import pkgutil

from pydantic import ValidationError

from robustprune import starts
from robustprune.errors import StudyError, nearest
from robustprune.methods.parts.registry import find_method, method_names
from robustprune.networks.architecture import architecture
from robustprune.starts.parts.base import Start
from robustprune.study.cells import Cell
from robustprune.study.config import Strict, describe


def start_names() -> list[str]:
    """Every start, in alphabetical order."""
    return sorted(module.name for module in pkgutil.iter_modules(starts.__path__) if not module.ispkg)


def find_start(name: str) -> type[Start]:
    """The class of a start; raises StudyError with the nearest valid name."""
    if name not in start_names():
        raise StudyError(f"unknown start {name!r}{nearest(name, start_names())}")
    module = importlib.import_module(f"robustprune.starts.{name}")
    own = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    return next(c for c in own if issubclass(c, Start) and not inspect.isabstract(c))


def check_cell(cell: Cell) -> Strict:
    """Validate the method (or start) of a cell and its settings, which are returned; raises StudyError naming
    strengths.<method>.<strength> and the key."""
    source = f"strengths.{cell.method}.{cell.strength}"
    network = architecture(cell.architecture)
    network.units(cell.width)
    known = [*method_names(), *start_names()]
    if cell.method not in known:
        raise StudyError(f"unknown method {cell.method!r}{nearest(cell.method, known)}")
    chosen = find_start(cell.method) if cell.method in start_names() else find_method(cell.method)
    try:
        settings = chosen.Settings.model_validate(cell.settings)
        if cell.method not in start_names():
            chosen.check(settings, network, network.gated(cell.track))
    except ValidationError as error:
        raise describe(error, source) from None
    except StudyError as error:
        raise StudyError(f"{source}: {error}") from None
    return settings
