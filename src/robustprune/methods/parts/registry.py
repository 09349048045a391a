"""Methods by name (robustprune.registry finds their files), and the check of a cell's settings."""

from pydantic import ValidationError

from robustprune import registry
from robustprune.errors import StudyError
from robustprune.methods.parts.base import Method
from robustprune.networks.architecture import architecture
from robustprune.study.cells import Cell
from robustprune.study.config import Strict, describe


def method_names() -> list[str]:
    """Every method and every control, in alphabetical order."""
    return sorted(pruning_method_names() + control_names())


def pruning_method_names() -> list[str]:
    """Those without the controls."""
    return registry.names("method")


def control_names() -> list[str]:
    """Those that only train networks of a size that another cell found."""
    return registry.names("start")


def find_method(name: str) -> type[Method]:
    """The class of a method or control; raises StudyError with the nearest valid name, or what is wrong with its
    file."""
    if registry.known("start", name):
        return registry.class_of("start", name, Method)
    if not registry.known("method", name):
        raise StudyError(registry.unknown("method", name, method_names()))
    return registry.class_of("method", name, Method)


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
