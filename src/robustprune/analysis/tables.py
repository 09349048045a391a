"""Every table of the study: `robustprune tables` writes each as CSV (all digits) and HTML (for the report)."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from robustprune.analysis.controls import controls
from robustprune.analysis.costs import inference_cost, training_cost
from robustprune.analysis.published import published_results, published_settings
from robustprune.analysis.robustness import GROUPS, robustness
from robustprune.analysis.source import read_detailed_runs
from robustprune.analysis.tradeoff import tradeoff
from robustprune.errors import StudyError, nearest
from robustprune.records import write_atomically, write_table

TABLES: dict[str, Callable[[pd.DataFrame, float], tuple[pd.DataFrame, str]]] = {
    **{name: partial(robustness, name) for name in GROUPS},
    "tradeoff": tradeoff,
    "controls": controls,
    "training_cost": training_cost,
    "inference_cost": inference_cost,
    "published_results": published_results,
    "published_settings": published_settings,
}


def write_tables(
    source: Path, folder: Path, confidence: float = 0.95, names: Sequence[str] | None = None
) -> list[Path]:
    """Write tables (all, or those named) of the runs.csv and details.csv in `source`; returns the paths.

    Raises StudyError for an unknown name.
    """
    for name in names or ():
        if name not in TABLES:
            raise StudyError(f"no table {name!r}{nearest(name, TABLES)}")
    runs = read_detailed_runs(source)
    written = []
    for name in names or TABLES:
        table, page = TABLES[name](runs, confidence)
        write_table(table, folder / f"{name}.csv")
        write_atomically(folder / f"{name}.html", lambda path, page=page: path.write_text(page))
        written += [folder / f"{name}.csv", folder / f"{name}.html"]
    return written
