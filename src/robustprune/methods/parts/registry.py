"""Methods by name; robustprune.registry finds their files."""

from robustprune import registry
from robustprune.methods.parts.base import Method, refuse_misspelt_hooks


def method_names() -> list[str]:
    """Every method, in alphabetical order, plug-ins included."""
    return registry.names("method")


def find_method(name: str) -> type[Method]:
    """The class of a method. Raises StudyError with the nearest valid name, or for what is wrong with its file."""
    method = registry.class_of("method", name, Method)
    refuse_misspelt_hooks(method)
    return method
