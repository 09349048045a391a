"""Cells by their key: those of a study's grids, and those of its search."""

import difflib
import re
from typing import Any

from robustprune.errors import StudyError
from robustprune.study.cells import Cell, study_cells, training_of
from robustprune.study.config import StudyConfig
from robustprune.study.search import Search, settings_of

DENSE = ("dense", "dense")
"""Method and strength of the dense networks of a search."""


def search_cell(config: StudyConfig, key: str) -> Cell | None:
    """Return the cell of a search with this key: dense, or a searched form with a value; None for any other key."""
    parts = re.fullmatch(r"([^/]+/[^/]+)/([^/]+)/([^/]+)/he_normal/width-1(-macs)?", key)
    if not parts:
        return None
    network, method, strength, budget = parts.groups()
    search = next((search for search in config.search if search.name == f"{network}{budget or ''}"), None)
    settings = {} if (method, strength) == DENSE else settings_of(config.knobs, method, strength)
    return None if search is None or settings is None else searched_cell(config, search, method, strength, settings)


def searched_cell(config: StudyConfig, search: Search, method: str, strength: str, settings: dict[str, Any]) -> Cell:
    """Return the cell of a search that trains a method with these settings."""
    return Cell(
        **search.axes,
        method=method,
        strength=strength,
        settings=settings,
        replicates=search.dense_replicates if (method, strength) == DENSE else search.replicates,
        training=training_of(config, {"images": "tuning", **search.training, "budget": search.budget}, "search"),
        first_replicate=search.first_replicate,
    )


def find_cell(config: StudyConfig, key: str) -> Cell:
    """Return the cell of that key, in a configuration without grids one of its search.

    Raises StudyError with the nearest key.
    """
    cells = study_cells(config)
    if not config.study and (searched := search_cell(config, key)):
        return searched
    if key not in cells:
        close = difflib.get_close_matches(key, cells, n=1, cutoff=0.3)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise StudyError(f"no cell {key!r} in this study{hint} (robustprune plan lists them all)")
    return cells[key]
