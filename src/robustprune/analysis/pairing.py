"""Differences and ratios of two cells, paired by seed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from robustprune.analysis.read import MACHINE
from robustprune.analysis.statistics import Difference, holm, interval_columns, mean_interval, paired_difference
from robustprune.analysis.verdicts.over_starts import logarithms

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


def of_shared_seeds(own: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the networks of two cells whose seed both have, by seed and in the same order."""
    first, second = (cell.set_index("seed") for cell in (own, other))
    shared = first.index.intersection(second.index)
    return first.loc[shared], second.loc[shared]


def paired_ratio(own: pd.DataFrame, other: pd.DataFrame, column: str, confidence: float) -> Difference:
    """Return the geometric mean of the ratios of a column, own over other, paired by seed, with interval and p value.

    The interval and p are NaN where all ratios are the same, as with seconds: they come from one measurement of a cell.
    Seconds of different devices or numbers of threads are not compared.
    """
    first, second = of_shared_seeds(own, other)
    if column == "train_seconds" and len(pd.concat([first, second])[MACHINE].drop_duplicates()) > 1:
        return Difference(np.nan, np.nan, np.nan, 0, np.nan)
    found = paired_difference(*(logarithms(cell[column]) for cell in (first, second)), confidence)
    ends = (np.nan, np.nan) if np.isnan(found.p) else (found.low, found.high)
    mean, low, high = (float(np.exp(value)) for value in (found.mean, *ends))
    return Difference(mean, low, high, found.n, found.p)


def adjusted(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of one family of tests with p_holm adjusted by Holm's method."""
    return [{**row, "p_holm": p} for row, p in zip(rows, holm([row["p_holm"] for row in rows]), strict=True)]
