"""Methods by name. The module robustprune.registry locates their files."""

from robustprune import registry
from robustprune.methods.parts.base import Method, refuse_misspelt_hooks


def method_names() -> list[str]:
    """Return the names of all methods in alphabetical order, plug-ins included."""
    return registry.names("method")


def find_method(name: str) -> type[Method]:
    """Return the class of a method.

    Raises StudyError with the nearest valid name, or with the fault in the method's file.
    """
    method = registry.class_of("method", name, Method)
    refuse_misspelt_hooks(method)  # type: ignore[arg-type]  # mypy takes the class for its instance
    return method
