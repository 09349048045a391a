"""Starts by name, and the validation of a cell, whose method is the name of a method or of a start."""

from pydantic import ValidationError

from robustprune import registry
from robustprune.errors import StudyError
from robustprune.methods.parts.base import Method
from robustprune.methods.parts.registry import find_method, method_names
from robustprune.networks.architecture import Architecture, architecture
from robustprune.records.code_hash import training_hash
from robustprune.starts.parts.base import Start
from robustprune.study.cells import Cell
from robustprune.study.config import describe
from robustprune.study.roles import METHOD_UNDER_STUDY
from robustprune.study.strict import Strict


def start_names() -> list[str]:
    """Return the names of all starts in alphabetical order, plug-ins included."""
    return registry.names("start")


def find_start(name: str) -> type[Start]:
    """Return the class of a start.

    Raises StudyError with the nearest valid name, or with the fault in the start's file.
    """
    return registry.class_of("start", name, Start)


def trained_method(name: str) -> str:
    """Return the name of the method that trains a cell of this method or start."""
    return find_start(name).method if registry.known("start", name) else name


def code_hash(method: str, architecture: str) -> str:
    """Return the hash of the code that trains a cell: engine, method, start and architecture, plug-ins included."""
    names = sorted({method, trained_method(method)})
    files = {path for name in names for path in registry.plug_ins_of(name, architecture)}
    return training_hash(*names, architecture=architecture, files=sorted(files))


def check_cell(cell: Cell, source: str | None = None) -> Strict:
    """Return the validated settings of a cell's method or start.

    source: where the settings stand, by default strengths.<method>.<strength>. Raises StudyError that names it and the
    key.
    """
    source, is_start = source or f"strengths.{cell.method}.{cell.strength}", registry.known("start", cell.method)
    network = architecture(cell.architecture, cell.depth)
    units = network.units(cell.width)
    if not is_start and not registry.known("method", cell.method):
        raise StudyError(registry.unknown("method", cell.method, [*method_names(), *start_names()]))
    try:
        _check_track(cell, network)
        if is_start:
            return find_start(cell.method).Settings.model_validate(cell.settings)
        method = find_method(cell.method)
        settings = method.Settings.model_validate(cell.settings)
        gated = network.gated(cell.track)
        method.check(settings, network, gated)
        _check_budget(cell, settings)
        method.check_start(settings, network, units, gated)
    except ValidationError as error:
        raise describe(error, source) from None
    except StudyError as error:
        raise StudyError(f"{source}: {error}") from None
    return settings


def _check_budget(cell: Cell, settings: Strict) -> None:
    """Raise StudyError for a pre-training of the method under study whose last step is not known beforehand."""
    if cell.budget == "macs" and cell.method == METHOD_UNDER_STUDY and getattr(settings, "pretrain", False):
        raise StudyError(
            "pretrain: its removal windows count steps from the end of pre-training, which is not known where MACs are "
            "the budget; use training.budget: epochs, or pretrain: 0"
        )


def _check_track(cell: Cell, network: Architecture) -> None:
    """Raise StudyError for a track without a slot to prune, and for sections that the method cannot gate or train."""
    gated, sections = network.gated(cell.track), network.section_gates(cell.track)
    is_start = registry.known("start", cell.method)
    kind: type[Method] | type[Start] = find_start(cell.method) if is_start else find_method(cell.method)
    where = f"track {cell.track} of {network.name}{'' if network.depth is None else f' at depth {network.depth}'}"
    if cell.track in ("layers", "joint") and network.depth is None and not sections:
        raise StudyError(f"{where}: the network has no sections; use track full or hidden")
    if not gated and not is_start and cell.method != Start.method:
        raise StudyError(f"{where}: there is no slot to prune, only {Start.method} fits; use a greater depth")
    if sections and not kind.layer_gates:
        raise StudyError(
            f"{where}: {cell.method} cannot gate sections; use track full or hidden, or one that has layer_gates = "
            f"True ({', '.join(_with_layer_gates(is_start))})"
        )
    if network.sections and find_method(trained_method(cell.method)).chains_only:
        raise StudyError(f"{where}: {cell.method} is for chains of layers and cannot train a network with sections")


def _with_layer_gates(is_start: bool) -> list[str]:
    """Return the names of the methods, or of the starts, that fit tracks on which sections are gated."""
    kinds: dict[str, type[Method] | type[Start]] = {}
    if is_start:
        kinds |= {name: find_start(name) for name in start_names()}
    else:
        kinds |= {name: find_method(name) for name in method_names()}
    return [name for name, kind in kinds.items() if kind.layer_gates]
