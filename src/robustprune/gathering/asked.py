"""Columns of details.csv with what the study asked of a cell beyond its axes."""

import itertools
from typing import Any

from robustprune.study.cells import cell_key
from robustprune.study.config import OPERATING_POINT, StudyConfig

ASKED = ("operating_point", "start_of", "variant")
"""operating_point: whether the study names the strength as `operating_point`. start_of: for controls, "method/strength"
of the cell whose sizes they have. variant: the name of an ablation, else ""."""


def cells_at_operating_points(config: StudyConfig) -> dict[str, str]:
    """Return cell key -> the name by which a grid asks for it as operating point, for cells that are asked for so."""
    points = {(p.dataset, p.architecture, p.track, p.method): p.strength for p in config.operating_points}
    keys = {}
    for grid in config.study:
        for method in (method for method, strengths in grid.methods.items() if OPERATING_POINT in strengths):
            strength = points[grid.dataset, grid.architecture, grid.track, method]
            network = (grid.dataset, grid.architecture, grid.track)
            budget = grid.training.get("budget", config.training.budget)
            for start in itertools.product(grid.initializations, grid.widths):
                keys[cell_key((*network, method, strength, *start, budget))] = OPERATING_POINT
    return keys


def asked_columns(settings: dict[str, Any], operating_point: bool) -> dict[str, Any]:
    """Return the values of ASKED for a cell with these settings of its method."""
    start_of, ablation = settings.get("of"), settings.get("prior") == "fixed"
    return {
        "operating_point": operating_point,
        "start_of": start_of if isinstance(start_of, str) else None,
        "variant": "fixed prior" if ablation else "",
    }
