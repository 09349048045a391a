"""Finds methods by name: methods/<name>.py holds one subclass of Method; no list to edit."""

import importlib
import inspect
import pkgutil
from types import ModuleType

from pydantic import ValidationError

from robustprune import methods, starts
from robustprune.errors import StudyError, nearest
from robustprune.methods.parts.base import Method
from robustprune.networks.architecture import architecture
from robustprune.study.cells import Cell
from robustprune.study.config import Strict, describe


def _names(package: ModuleType) -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg)


def method_names() -> list[str]:
    """Every method of the package and every control, in alphabetical order."""
    return sorted(pruning_method_names() + control_names())


def pruning_method_names() -> list[str]:
    """Those without the controls."""
    return _names(methods)


def control_names() -> list[str]:
    """Those that only train networks of a size that another cell found."""
    return _names(starts)


def find_method(name: str) -> type[Method]:
    """The class of a method; raises StudyError with the nearest valid name."""
    names = method_names()
    if name not in names:
        raise StudyError(f"unknown method {name!r}{nearest(name, names)}")
    package = "starts" if name in control_names() else "methods"
    module = importlib.import_module(f"robustprune.{package}.{name}")
    own = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    return next(c for c in own if issubclass(c, Method) and not inspect.isabstract(c))


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
