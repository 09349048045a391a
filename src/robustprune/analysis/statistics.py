"""Statistics over seeds: the replicate is the unit of replication, every interval states its n and level."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class Estimate:
    """A mean with its confidence interval; low and high are NaN where n < 2 leaves no spread to judge by."""

    mean: float
    low: float
    high: float
    n: int

    def columns(self, name: str) -> dict[str, float]:
        """As columns of a table: <name>, <name>_low, <name>_high."""
        return {name: self.mean, f"{name}_low": self.low, f"{name}_high": self.high}


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean over seeds [n] with Student's t interval at level `confidence`; NaN values (failed runs) are left out.

    Why t and not the bootstrap: with the study's five seeds the percentile bootstrap covers 84 % where it says
    95 %, t covers what it says for anything near normal (tests/analysis/test_statistics.py simulates both).
    """
    data = np.asarray(values, dtype=float)
    data = data[~np.isnan(data)]
    n = len(data)
    if n == 0:
        return Estimate(np.nan, np.nan, np.nan, 0)
    mean = float(data.mean())
    if n == 1:
        return Estimate(mean, np.nan, np.nan, 1)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * data.std(ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n)


@dataclass(frozen=True)
class Difference(Estimate):
    """Mean of differences paired by seed with its interval, and the two-sided p value of no difference."""

    p: float


def paired_difference(first: ArrayLike, second: ArrayLike, confidence: float = 0.95) -> Difference:
    """first - second [n], paired by position (the same seed): Student's t interval and test.

    Pairs with a NaN (a failed run) are left out; with fewer than two pairs, or no spread at all, p is NaN.
    """
    differences = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    found = mean_interval(differences, confidence)
    known = differences[~np.isnan(differences)]
    p = float(stats.ttest_1samp(known, 0).pvalue) if len(known) > 1 and np.ptp(known) > 0 else np.nan
    return Difference(found.mean, found.low, found.high, found.n, p)


def holm(p_values: ArrayLike) -> np.ndarray:
    """p values adjusted for their number [m] (Holm, 1979): the family-wise error of rejecting those below a level is at
    most that level. NaN values stay NaN and do not count."""
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN sorts last
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps)) if len(order) else []
    return adjusted
