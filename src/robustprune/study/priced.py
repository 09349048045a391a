"""The cells whose kept units are compared with the price of a unit."""

from collections.abc import Mapping

from robustprune.study.cells import Cell


def priced_cells(cells: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return the cells with a price for a unit. Networks with sections are left out: units of a stream have many
    readers and writers, and the gate of a section has none."""
    return {key: cell for key, cell in cells.items() if "price" in cell.settings and cell.depth is None}
