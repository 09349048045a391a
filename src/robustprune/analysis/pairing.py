"""Errors of two cells set side by side, paired by seed."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from robustprune.analysis.statistics import holm, interval_columns, mean_interval, paired_difference

DIFFERENCE = [*interval_columns("difference"), "p_holm", "n"]


def paired_errors(own: pd.DataFrame, other: pd.DataFrame, confidence: float) -> tuple[dict[str, Any], float]:
    """Columns error (with its interval) and DIFFERENCE of two cells' networks, pairs by replicate: own minus other in
    percentage points; and the other's mean error. p_holm holds the unadjusted p value until `adjusted` is applied."""
    error, reached = (cell.set_index("replicate")["error_test_percent"].astype(float) for cell in (own, other))
    paired, alone = paired_difference(error, reached.reindex(error.index), confidence), mean_interval(error, confidence)
    columns = {**alone.columns("error"), **paired.columns("difference")}
    return {**columns, "p_holm": paired.p, "n": alone.n}, reached.mean()


def adjusted(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of one family of tests with Holm's p values."""
    return [{**row, "p_holm": p} for row, p in zip(rows, holm([row["p_holm"] for row in rows]), strict=True)]
