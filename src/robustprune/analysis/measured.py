"""Rows of what an experiment measured in networks, for the networks that a table shows and that have numbers."""

from collections.abc import Sequence

import pandas as pd

from robustprune.analysis.read import CELL, WITHOUT_NUMBERS


def measured(table: pd.DataFrame | None, columns: Sequence[str], runs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a measured table that belong to networks of `runs`; without a table, one without rows.

    Networks that diverged or failed have no rows: what they kept is arbitrary.
    """
    networks = runs.loc[~runs["status"].isin(WITHOUT_NUMBERS), [*CELL, "replicate"]]
    if table is None or not len(runs):
        return networks.iloc[:0].reindex(columns=[*networks, *columns])  # with the types of `runs`, for later merges
    return table.merge(networks.drop_duplicates(), on=[*networks])
