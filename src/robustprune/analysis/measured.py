"""Rows of what an experiment measured in networks, for the networks that a table shows."""

from collections.abc import Sequence

import pandas as pd

from robustprune.analysis.read import CELL


def measured(table: pd.DataFrame | None, columns: Sequence[str], runs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a measured table that belong to networks of `runs`; without a table, one without rows."""
    networks = runs[[*CELL, "replicate"]]
    if table is None or not len(runs):
        return networks.iloc[:0].reindex(columns=[*networks, *columns])  # with the types of `runs`, for later merges
    return table.merge(networks.drop_duplicates(), on=[*networks])
