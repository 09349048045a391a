"""The settings of a cell's method, complete."""

from typing import Any

from robustprune.errors import StudyError
from robustprune.gathering.shared import valid_settings
from robustprune.study.cells import Cell


def complete_settings(cell: Cell) -> dict[str, Any]:
    """Return the method's settings with their defaults; those of a foreign program as they are."""
    try:
        return valid_settings(cell).model_dump(mode="json")
    except StudyError:
        return cell.settings
