"""Which cells of a study are probed, and what is read of them."""

from collections.abc import Mapping

from robustprune.errors import StudyError
from robustprune.study.cells import Cell

PROBE_TABLES = ("removals", "bounds", "gate_values", "estimates")
"""What is read of a probed cell, each in a file <name>.parquet beside its record."""


def is_probed(cell: Cell) -> bool:
    """Return whether a study with `probes` probes a cell: the method with all its units and its noise to the end.

    Networks with sections are not probed: the probes read chains of layers.
    """
    settings = cell.settings
    never = cell.method == "bernoulli" and settings.get("removal_at") == "never"
    return never and settings.get("noise_free_last", 0) == 0 and cell.depth is None


def probed_cells(cells: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return the cells that are probed. Raises StudyError where none is, and as one_rule does."""
    found = {key: cell for key, cell in cells.items() if is_probed(cell)}
    if not found:
        raise StudyError(
            "probes: no cell of bernoulli without a depth has removal_at: never and noise_free_last: 0, none is probed"
        )
    one_rule("probes", cells, found)
    return found


def one_rule(key: str, cells: Mapping[str, Cell], found: Mapping[str, Cell]) -> None:
    """Raise StudyError where a cell of `found` shares its method and strength with another cell.

    The workflow tells by these two which rule trains a cell. key: of the configuration, for the message.
    """
    chosen = {(cell.method, cell.strength): name for name, cell in found.items()}
    for name, cell in cells.items():
        other = chosen.get((cell.method, cell.strength))
        if name not in found and other:
            raise StudyError(
                f"{key}: {other} is looked into while it trains and {name} is not, but both have the strength "
                f"{cell.strength!r}; give one of them a strength of another name"
            )
