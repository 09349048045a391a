"""Differences and ratios of two cells, paired by seed."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from robustprune.analysis.read import MACHINE
from robustprune.analysis.statistics import Difference, holm, interval_columns, mean_interval, paired_difference
from robustprune.analysis.verdicts.over_starts import logarithms

DIFFERENCE = [*interval_columns("difference"), "p_holm", "n"]


def paired_errors(own: pd.DataFrame, other: pd.DataFrame, confidence: float) -> tuple[dict[str, Any], float]:
    """Return the columns error (with its interval) and DIFFERENCE of two cells, and the mean error of the other.

    The difference is own minus other in percentage points, paired by seed. p_holm holds the unadjusted p value until
    `adjusted` is applied.
    """
    pairs = (cell["error_test_percent"] for cell in of_shared_seeds(own, other))
    paired, alone = paired_difference(*pairs, confidence), mean_interval(own["error_test_percent"], confidence)
    columns = {**alone.columns("error"), **paired.columns("difference")}
    return {**columns, "p_holm": paired.p, "n": alone.n}, other["error_test_percent"].astype(float).mean()


def of_shared_seeds(*cells: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the networks of cells whose seed all of them have, by seed and in the order of the first cell.

    Replicates are counted from 0 in every cell, so those of two cells with other `first_replicate` share no weights.
    """
    by_seed = [cell.set_index("seed") for cell in cells]
    shared = reduce(pd.Index.intersection, (cell.index for cell in by_seed))
    return [cell.loc[shared] for cell in by_seed]


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
