"""Finds methods by name: methods/<name>.py holds one subclass of Method; no list to edit."""

import importlib
import inspect
import pkgutil

from pydantic import ValidationError

from robustprune.cells import Cell
from robustprune.config import Strict, describe
from robustprune.errors import StudyError, nearest
from robustprune.methods.base import Method
from robustprune.networks.architecture import architecture


def _method_class(name: str) -> type[Method] | None:
    module = importlib.import_module(f"robustprune.methods.{name}")
    own = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    methods = [c for c in own if issubclass(c, Method) and c is not Method and not inspect.isabstract(c)]
    return methods[0] if methods else None


def method_names() -> list[str]:
    """Every method of the package, in alphabetical order."""
    from robustprune import methods

    names = sorted(module.name for module in pkgutil.iter_modules(methods.__path__))
    return [name for name in names if _method_class(name)]


def pruning_method_names() -> list[str]:
    """Those without the controls."""
    return [name for name in method_names() if not _method_class(name).control]


def control_names() -> list[str]:
    """Those that only train networks of a size that another cell found."""
    return [name for name in method_names() if _method_class(name).control]


def find_method(name: str) -> type[Method]:
    """The class of a method; raises StudyError with the nearest valid name."""
    names = method_names()
    if name not in names:
        raise StudyError(f"unknown method {name!r}{nearest(name, names)}")
    return _method_class(name)


def check_method(cell: Cell) -> Strict:
    """Validate a cell's method and settings; raises StudyError naming strengths.<method>.<strength> and the key."""
    source = f"strengths.{cell.method}.{cell.strength}"
    method, network = find_method(cell.method), architecture(cell.architecture)
    network.units(cell.width)
    try:
        settings = method.Settings.model_validate(cell.settings)
        method.check(settings, network, network.gated(cell.track))
    except ValidationError as error:
        raise describe(error, source) from None
    except StudyError as error:
        raise StudyError(f"{source}: {error}") from None
    return settings
