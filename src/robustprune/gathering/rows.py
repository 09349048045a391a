"""Rows of runs.csv and details.csv, a tuple for every network of a cell."""

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

import pandas as pd

from robustprune.gathering.details import DETAILS, OF_CELL
from robustprune.records.record import COLUMNS, Replicate
from robustprune.study.cells import AXES, Cell

OF_DETAILS = (*AXES, "replicate", *DETAILS, *OF_CELL)
"""The columns of details.csv."""
_RUN, _DETAILS = itemgetter(*COLUMNS), itemgetter(*OF_DETAILS)


class Rows:
    """The rows of runs.csv and details.csv of a study, network by network in the same order."""

    def __init__(self):
        self._runs: list[tuple] = []
        self._details: list[tuple] = []

    def add(
        self, cell: Cell, replicates: Iterable[Replicate], known: Mapping[str, Any], asked: Mapping[str, Any]
    ) -> None:
        """Append the networks of a cell.

        known: what they share in runs.csv beside the cell's axes, and the peak memory, by column. asked: the columns
        OF_CELL of details.csv but the peak memory.
        """
        own = {name: getattr(cell, name) for name in (*AXES, "config_hash", "key")}
        shared = {**dict.fromkeys(COLUMNS), "peak_memory_mib": None, "epochs": cell.training.epochs, **known, **own}
        shared["depth_start"] = cell.depth
        for entry in replicates:
            values = shared | entry.model_dump()
            self._runs.append(_RUN(values))
            values |= asked  # both tables have a column `operating_point`: its name there, whether it is one here
            self._details.append(_DETAILS(values))

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return both tables."""
        return pd.DataFrame(self._runs, columns=list(COLUMNS)), pd.DataFrame(self._details, columns=list(OF_DETAILS))
