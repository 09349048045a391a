"""Errors of two cells set side by side, paired by seed."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from robustprune.analysis.statistics import holm, mean_interval, paired_difference

DIFFERENCE = ["difference", "difference_low", "difference_high", "p_holm", "n"]


def paired_errors(own: pd.DataFrame, other: pd.DataFrame, confidence: float) -> tuple[dict[str, Any], float]:
    """Columns error (with its interval) and DIFFERENCE of two cells' networks, pairs by replicate: own minus other in
    percentage points; and the other's mean error. p_holm holds the p value as it is, until `adjusted`."""
    error, reached = (cell.set_index("replicate")["error_test_percent"].astype(float) for cell in (own, other))
    paired = paired_difference(error, reached.reindex(error.index), confidence)
    columns = {**mean_interval(error, confidence).columns("error"), **paired.columns("difference")}
    return {**columns, "p_holm": paired.p, "n": paired.n}, reached.mean()


def adjusted(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of one family of tests with Holm's p values."""
    return [{**row, "p_holm": p} for row, p in zip(rows, holm([row["p_holm"] for row in rows]), strict=True)]
