"""Finds methods by name: methods/<name>.py holds one subclass of Method; no list to edit."""

import importlib
import inspect
import pkgutil

from robustprune import methods
from robustprune.errors import StudyError, nearest
from robustprune.methods.parts.base import Method


def method_names() -> list[str]:
    """Every method, in alphabetical order."""
    return sorted(module.name for module in pkgutil.iter_modules(methods.__path__) if not module.ispkg)


def find_method(name: str) -> type[Method]:
    """The class of a method; raises StudyError with the nearest valid name."""
    if name not in method_names():
        raise StudyError(f"unknown method {name!r}{nearest(name, method_names())}")
    module = importlib.import_module(f"robustprune.methods.{name}")
    own = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    return next(c for c in own if issubclass(c, Method) and not inspect.isabstract(c))
