"""What the tables of the related systems share."""

from collections.abc import Sequence

import pandas as pd

from robustprune.analysis.read import CELL

NONE = "Nothing was measured for this table (related: true in the configuration, e.g. config/related.yaml)."


def measured(table: pd.DataFrame | None, columns: Sequence[str], runs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a measured table that belong to networks of `runs`; without a table, one without rows."""
    if table is None or not len(runs):
        return pd.DataFrame(columns=[*CELL, "replicate", *columns])
    return table.merge(runs[[*CELL, "replicate"]].drop_duplicates(), on=[*CELL, "replicate"])
