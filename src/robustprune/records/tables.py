"""Tables of records that older versions collected."""

import pandas as pd

from robustprune.study.config import TrainingSettings

BUDGET = TrainingSettings().budget
"""The budget of every cell of a table without a column for it."""


def with_budget(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the column `budget`, which older tables lack: epochs were their only budget."""
    if "budget" not in table:
        return table.assign(budget=BUDGET)
    return table.assign(budget=table["budget"].astype(object).fillna(BUDGET))
