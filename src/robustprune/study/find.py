"""Cells by their key: those of a study's grids, and those of its search."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from robustprune.errors import StudyError
from robustprune.study.cells import Cell, study_cells, training_of
from robustprune.study.config import StudyConfig
from robustprune.study.search import Search, form_and_value, value_key

DENSE = ("dense", "dense")
"""Method and strength of the dense networks of a search."""


def search_cell(config: StudyConfig, key: str) -> Cell | None:
    """Return the cell of a search with this key: dense, or a searched form with a value; None for any other key."""
    parts = re.fullmatch(r"([^/]+/[^/]+)/([^/]+)/([^/]+)/he_normal/width-1(-macs)?(?:/depth-(\d+))?", key)
    if not parts:
        return None
    network, method, strength, budget, depth = parts.groups()
    search = next((search for search in config.search if search.name == f"{network}{budget or ''}"), None)
    if search is not None and search.depth != (None if depth is None else int(depth)):
        return None
    if search is not None and (method, strength) == DENSE:
        return dense_cell(config, search)
    found = form_and_value(config.knobs, method, strength)
    return None if search is None or found is None else value_cell(config, search, method, *found)


def value_cell(config: StudyConfig, search: Search, method: str, form: str, value: float) -> Cell:
    """Return the cell of a search that trains a form of a method with one value of its knob."""
    knob = config.knobs[method][form]
    return Cell(
        method=method,
        strength=value_key(form, value),
        settings={**knob.settings, knob.knob: value},
        replicates=search.replicates,
        **_of_search(config, search, knob.training),
    )


def dense_cell(config: StudyConfig, search: Search) -> Cell:
    """Return the cell of a search that trains the dense networks, for targets above dense."""
    method, strength = DENSE
    return Cell(method=method, strength=strength, replicates=search.dense_replicates, **_of_search(config, search, {}))


def _of_search(config: StudyConfig, search: Search, training: Mapping[str, Any]) -> dict[str, Any]:
    overrides = {"images": "tuning", **search.training, **training, "budget": search.budget}
    return {
        **search.axes,
        "training": training_of(config, overrides, "search"),
        "first_replicate": search.first_replicate,
        "depth": search.depth,
    }


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
