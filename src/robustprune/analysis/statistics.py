"""Statistics over seeds: the replicate is the unit of replication; every interval has its n and level."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

LEAST = 3
"""Fewest networks for an interval or a test of spread: two networks leave one degree of freedom, and a t interval that
reaches six times their difference to either side."""


@dataclass(frozen=True)
class Estimate:
    """A mean over n networks with its confidence interval; low and high are NaN where n is below LEAST."""

    mean: float
    low: float
    high: float
    n: int

    def columns(self, name: str) -> dict[str, float]:
        """Return the estimate as columns of a table, named by `interval_columns`."""
        return dict(zip(interval_columns(name), (self.mean, self.low, self.high, self.n), strict=True))


def interval_columns(name: str) -> tuple[str, str, str, str]:
    """Return the columns of an estimate: mean, ends of its interval, number of networks with a known value."""
    return name, f"{name}_low", f"{name}_high", f"{name}_n"


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Return the mean over seeds [n] with Student's t interval at level `confidence`; NaN (failed runs) is left out.

    Not the bootstrap: with the study's five seeds the 95 % percentile bootstrap covers 84 %, whereas t covers its level
    for nearly normal values (tests/analysis/test_statistics.py simulates both).
    """
    data = known_values(values)
    n = len(data)
    if n == 0:
        return Estimate(np.nan, np.nan, np.nan, 0)
    mean = float(data.mean())
    if n < LEAST:
        return Estimate(mean, np.nan, np.nan, n)
    half = float(t_factor(confidence, n - 1) * data.std(ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n)


def percent_interval(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Return `mean_interval` of shares in percent, its ends cut at 0 and 100."""
    found = mean_interval(values, confidence)
    return Estimate(found.mean, max(found.low, 0.0), min(found.high, 100.0), found.n)


def size_interval(sizes: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Return the mean of sizes [n] (params, MACs, units) with Student's t interval of its logarithm; NaN is left out.

    The ends are the mean times and over exp(t s / (mean sqrt(n))), by the delta method: they are never negative, and
    those of `mean_interval` where the spread s is small beside the mean. Both cover their level for nearly normal sizes
    (tests/analysis/test_statistics.py).
    """
    found = mean_interval(sizes, confidence)
    if not found.mean > 0:  # networks of no size at all have none but 0
        return found
    factor = np.exp((found.high - found.mean) / found.mean)
    return Estimate(found.mean, float(found.mean / factor), float(found.mean * factor), found.n)


@dataclass(frozen=True)
class Difference(Estimate):
    """Mean of differences paired by seed with its interval, and the two-sided p value of no difference."""

    p: float


def paired_difference(first: ArrayLike, second: ArrayLike, confidence: float = 0.95) -> Difference:
    """Return the mean of first - second [n], paired by position (the same seed), with Student's t interval and test.

    Pairs with a NaN (a failed run) are left out; with fewer than LEAST pairs, or no spread at all, p is NaN.
    """
    differences = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    estimate = mean_interval(differences, confidence)
    known = known_values(differences)
    p = float(stats.ttest_1samp(known, 0).pvalue) if len(known) >= LEAST and np.ptp(known) > 0 else np.nan
    return Difference(estimate.mean, estimate.low, estimate.high, estimate.n, p)


def holm(p_values: ArrayLike) -> np.ndarray:
    """Return p values [m] adjusted for their number (Holm, 1979); NaN stays NaN and does not count.

    Rejecting the adjusted values below a level has a family-wise error of at most that level.
    """
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN sorts last
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps)) if len(order) else []
    return adjusted


def elasticity(start: ArrayLike, kept: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Return the slope of log(kept [n]) on log(start [n]), by least squares over the means of equal starts.

    It is 0 where the start does not matter, and 2 where a fully connected network keeps a fixed share of its units. The
    slope is a weighted sum of means, so its interval is Welch's (t, degrees of freedom by Satterthwaite): it measures
    the spread over seeds, not the distance of the means from a line. It covers its level with three seeds and with
    five, where the 95 % bootstrap over seeds covers 81 and 90 % (tests/analysis/test_statistics.py). Collapsed networks
    count if they keep anything; NaN and zero are left out, and n is the number of the others. NaN with fewer than two
    starts; no interval where a start has fewer than LEAST networks.
    """
    starts, groups = _logarithms(start, kept)
    n = sum(map(len, groups))
    if len(starts) < 2:
        return Estimate(np.nan, np.nan, np.nan, n)
    centred = starts - starts.mean()
    weights = centred / (centred @ centred)
    slope = float(weights @ [group.mean() for group in groups])
    if min(map(len, groups)) < LEAST:
        return Estimate(slope, np.nan, np.nan, n)
    degrees = np.array([len(group) - 1 for group in groups])
    shares = weights**2 * [group.var(ddof=1) / len(group) for group in groups]
    if shares.sum() == 0:
        return Estimate(slope, slope, slope, n)
    freedom = shares.sum() ** 2 / (shares**2 / degrees).sum()
    half = float(stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(shares.sum()))
    return Estimate(slope, slope - half, slope + half, n)


def steepest(start: ArrayLike, kept: ArrayLike) -> float:
    """Return the largest absolute slope of log(kept [n]) on log(start [n]) between means of neighbouring starts.

    It shows sizes that rise and fall, which `elasticity` averages out, and ignores the same values as `elasticity`. NaN
    with fewer than two starts.
    """
    starts, groups = _logarithms(start, kept)
    if len(starts) < 2:
        return np.nan
    return float(np.abs(np.diff([group.mean() for group in groups]) / np.diff(starts)).max())


def _logarithms(start: ArrayLike, kept: ArrayLike) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the logarithms of the distinct starts, ascending, and of the sizes kept from each, without NaN and 0."""
    x, y = np.asarray(start, dtype=float), np.asarray(kept, dtype=float)
    used = ~np.isnan(y) & (y > 0)
    x, y = np.log(x[used]), np.log(y[used])
    starts = np.unique(x)
    return starts, [y[x == value] for value in starts]


def coefficient_of_variation(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Return standard deviation over mean of positive values [n], in percent; NaN (failed runs) is left out.

    The interval is that of the standard deviation of a normal sample (chi-square). The error of the mean, which is of
    second order for small coefficients, is neglected. NaN with fewer than two values, no interval below LEAST.
    """
    data = known_values(values)
    n = len(data)
    percent = float(100 * data.std(ddof=1) / data.mean()) if n > 1 else np.nan
    if n < LEAST:
        return Estimate(percent, np.nan, np.nan, n)
    tails = stats.chi2.ppf([(1 + confidence) / 2, (1 - confidence) / 2], n - 1)
    low, high = percent * np.sqrt((n - 1) / tails)
    return Estimate(percent, float(low), float(high), n)


def brown_forsythe(groups: Sequence[ArrayLike]) -> float:
    """Return the p value of equal spread of samples (Brown and Forsythe, 1974: Levene's test about medians).

    NaN values are left out, and samples of fewer than LEAST values: two values are always equally far from their
    median, so their spread would seem certain. p is NaN with fewer than two samples, or without any spread.
    """
    samples = [sample for sample in map(known_values, groups) if len(sample) >= LEAST]
    if len(samples) < 2 or not any(np.ptp(sample) for sample in samples):
        return np.nan
    return float(stats.levene(*samples, center="median").pvalue)


def probability_of_improvement(first: ArrayLike, second: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Return the probability that a network of `first` [n] has a smaller value than one of `second` [m].

    Ties count half (Mann and Whitney's U over n m). The interval is Newcombe's (2006, method 5), a score interval
    within [0, 1]. A run without a value (diverged, failed) counts as larger than every run with one. n is that of the
    smaller sample; there is no interval below LEAST.
    """
    a, b = (np.nan_to_num(np.asarray(values, dtype=float), nan=np.inf) for values in (first, second))
    n = min(len(a), len(b))
    if not n:
        return Estimate(np.nan, np.nan, np.nan, 0)
    share = float(np.mean((a[:, None] < b) + 0.5 * (a[:, None] == b)))
    low, high = _newcombe(share, len(a), len(b), confidence) if n >= LEAST else (np.nan, np.nan)
    return Estimate(share, low, high, n)


def _newcombe(share: float, n: int, m: int, confidence: float) -> tuple[float, float]:
    """Return the interval's ends, where |share - p| is z standard errors of a U statistic.

    The standard error is that of Hanley and McNeil (1982), with n and m replaced by their mean.
    """
    z, middle = stats.norm.ppf((1 + confidence) / 2), (n + m) / 2 - 1

    def excess(p: float, sign: int) -> float:
        variance = p * (1 - p) * (1 + middle * (1 - p) / (2 - p) + middle * p / (1 + p)) / (n * m)
        return sign * (p - share) - z * np.sqrt(variance)

    near = 1e-9  # 0 and 1 also solve the equation, with zero variance
    low = 0.0 if share == 0 else optimize.brentq(lambda p: excess(p, -1), 0.0, share - near)
    high = 1.0 if share == 1 else optimize.brentq(lambda p: excess(p, 1), share + near, 1.0)
    return low, high


def share_not_ok(status: Sequence[str], confidence: float = 0.95) -> Estimate:
    """Return the share of runs [n] that collapsed, diverged or failed, in percent, with Wilson's interval.

    There is no interval below LEAST.
    """
    bad, n = sum(entry != "ok" for entry in status), len(status)
    if n < LEAST:
        return Estimate(100 * bad / n if n else np.nan, np.nan, np.nan, n)
    interval = stats.binomtest(bad, n).proportion_ci(confidence, method="wilson")
    return Estimate(100 * bad / n, 100 * float(interval.low), 100 * float(interval.high), n)


@cache
def t_factor(confidence: float, freedom: float) -> float:
    """Return the quantile of Student's t beside an interval of that level, on each side."""
    return float(stats.t.ppf((1 + confidence) / 2, freedom))


def known_values(values: ArrayLike) -> np.ndarray:
    """Return the values [n] without NaN (failed runs)."""
    data = np.asarray(values, dtype=float)
    return data[~np.isnan(data)]
