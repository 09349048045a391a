"""What a variant of a method is called beside the method itself (docs/protocol.md, B30)."""

import pandas as pd

from robustprune.analysis.variants import ALL, ITSELF
from robustprune.analysis.verdicts.equal_size import MARGIN

FAILURE = 1.0
"""So many points of mean error above the method itself count as a failure."""


def deciding_row(rows: pd.DataFrame) -> pd.Series:
    """Return the row that judges a variant: the mean over its strengths, else its only comparable strength.

    rows: those of one variant of the table `variants`. Its first row, without a difference, where no strength is
    comparable.
    """
    pooled = rows[rows["strength"] == ALL]
    single = rows[(rows["strength"] != ALL) & rows["difference"].notna()]
    found = pooled if len(pooled) else single
    return found.iloc[0] if len(found) else rows.iloc[0]


def verdict_at_equal_size(row: pd.Series) -> str:
    """Return worse, better, same (both can hold with the last), undecided or not comparable, of a deciding row."""
    low, high = row["difference_low"], row["difference_high"]
    if pd.isna(row["difference"]):
        return "not comparable"
    found = ["worse"] if low > 0 else ["better"] if high < 0 else []
    found += ["same"] if low >= -MARGIN and high <= MARGIN else []
    return ", ".join(found) or "undecided"


def fails(rows: pd.DataFrame) -> pd.Series:
    """Say of every variant whether it fails: a network is not ok, or its mean error is FAILURE above the method's.

    rows: those of one network and one strength of the table `variants`, with the method itself. Returns booleans by
    variant, without the method. Raises KeyError without a row of the method itself.
    """
    own = rows[rows["strength"] != ALL].set_index("variant")
    above = own["error"] - own.loc[ITSELF, "error"]
    return ((own["not_ok"] > 0) | ~(above <= FAILURE)).drop(ITSELF)
