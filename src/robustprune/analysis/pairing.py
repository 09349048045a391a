"""Differences of the errors of two cells, paired by seed."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from robustprune.analysis.statistics import holm, interval_columns, mean_interval, paired_difference

DIFFERENCE = [*interval_columns("difference"), "p_holm", "n"]


def paired_errors(own: pd.DataFrame, other: pd.DataFrame, confidence: float) -> tuple[dict[str, Any], float]:
    """Return the columns error (with its interval) and DIFFERENCE of two cells, and the mean error of the other.

    The difference is own minus other in percentage points, paired by replicate. p_holm holds the unadjusted p value
    until `adjusted` is applied.
    """
    error, reached = (pd.Series(cell["error_test_percent"].to_numpy(float), cell["replicate"]) for cell in (own, other))
    paired, alone = paired_difference(error, reached.reindex(error.index), confidence), mean_interval(error, confidence)
    columns = {**alone.columns("error"), **paired.columns("difference")}
    return {**columns, "p_holm": paired.p, "n": alone.n}, reached.mean()


def adjusted(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of one family of tests with p_holm adjusted by Holm's method."""
    return [{**row, "p_holm": p} for row, p in zip(rows, holm([row["p_holm"] for row in rows]), strict=True)]
