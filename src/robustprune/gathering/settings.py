"""The settings of a cell's method, complete."""

from typing import Any

from robustprune.errors import StudyError
from robustprune.starts.parts.registry import check_cell
from robustprune.study.cells import Cell


def complete_settings(cell: Cell) -> dict[str, Any]:
    """Return the method's settings with their defaults; those of a foreign program as they are."""
    try:
        return check_cell(cell).model_dump(mode="json")
    except StudyError:
        return cell.settings
