"""Statistics over seeds: the replicate is the unit of replication, every interval states its n and level."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

SEED = 0  # of every resampling, each with a generator of its own


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
    data = _known(values)
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
    known = _known(differences)
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


def interquartile_mean(values: ArrayLike, axis: int = -1) -> np.ndarray:
    """Mean of the middle half of the values (a quarter of them, rounded down, cut from each end): [..., n] -> [...].

    Less moved by one bad seed than the mean, less by noise than the median (Agarwal et al., NeurIPS 2021).
    """
    return stats.trim_mean(values, 0.25, axis=axis)


def bootstrap_interval(
    values: ArrayLike, statistic: Callable[..., np.ndarray], confidence: float = 0.95, resamples: int = 5000
) -> Estimate:
    """A statistic(values, axis) of seeds [n] with its BCa bootstrap interval; NaN values (failed runs) are left out.

    The generator is the function's own with a fixed seed, so equal data give equal intervals. With five seeds it covers
    less than it says (of a mean about 84 % for 95 %): use it where no exact interval is known. Without spread the
    interval is the value itself.
    """
    data = _known(values)
    value = float(statistic(data, axis=-1)) if len(data) else np.nan
    if len(data) < 2:
        return Estimate(value, np.nan, np.nan, len(data))
    if np.ptp(data) == 0:
        return Estimate(value, value, value, len(data))
    found = stats.bootstrap(
        (data,),
        statistic,
        confidence_level=confidence,
        n_resamples=resamples,
        method="BCa",
        vectorized=True,
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return Estimate(value, float(found.low), float(found.high), len(data))


def elasticity(start: ArrayLike, kept: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Slope of log(kept [n]) on log(start [n]), least squares over the group means: 0 where the start does not matter,
    2 where a fully connected network keeps a fixed share of what it started with.

    The slope is a weighted sum of the means of the networks that start alike, so its interval is Welch's (t, degrees of
    freedom by Satterthwaite): only the spread over seeds counts, not how far the means are from a line. It covers
    what it says with three seeds and with five, where the bootstrap over seeds covers 81 and 90 % for 95 %
    (tests/analysis/test_statistics.py). Collapsed networks enter as long as they keep anything; NaN and zero do not, n
    says how many did. NaN with fewer than two starts.
    """
    starts, groups = _logarithms(start, kept)
    n = sum(map(len, groups))
    if len(starts) < 2:
        return Estimate(np.nan, np.nan, np.nan, n)
    centred = starts - starts.mean()
    weights = centred / (centred @ centred)
    slope = float(weights @ [group.mean() for group in groups])
    if min(map(len, groups)) < 2:
        return Estimate(slope, np.nan, np.nan, n)
    degrees = np.array([len(group) - 1 for group in groups])
    shares = weights**2 * [group.var(ddof=1) / len(group) for group in groups]
    if shares.sum() == 0:
        return Estimate(slope, slope, slope, n)
    freedom = shares.sum() ** 2 / (shares**2 / degrees).sum()
    half = float(stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(shares.sum()))
    return Estimate(slope, slope - half, slope + half, n)


def steepest(start: ArrayLike, kept: ArrayLike) -> float:
    """Largest absolute slope of log(kept [n]) on log(start [n]) between the means of neighbouring starts: what the
    elasticity averages away where sizes rise and fall again. Leaves out what it leaves out; NaN with fewer than two
    starts."""
    starts, groups = _logarithms(start, kept)
    if len(starts) < 2:
        return np.nan
    return float(np.abs(np.diff([group.mean() for group in groups]) / np.diff(starts)).max())


def _logarithms(start: ArrayLike, kept: ArrayLike) -> tuple[np.ndarray, list[np.ndarray]]:
    """Logarithms of the distinct starts in order, and of what is kept from each; NaN and zero are left out."""
    x, y = np.asarray(start, dtype=float), np.asarray(kept, dtype=float)
    used = ~np.isnan(y) & (y > 0)
    x, y = np.log(x[used]), np.log(y[used])
    starts = np.unique(x)
    return starts, [y[x == value] for value in starts]


def coefficient_of_variation(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Standard deviation over mean of positive values [n], in percent; NaN values (failed runs) are left out.

    The interval is that of the standard deviation of a normal sample (chi-square); the mean's own error, second order
    where the coefficient is small, is left out.
    """
    data = _known(values)
    n = len(data)
    if n < 2:
        return Estimate(np.nan, np.nan, np.nan, n)
    percent = float(100 * data.std(ddof=1) / data.mean())
    tails = stats.chi2.ppf([(1 + confidence) / 2, (1 - confidence) / 2], n - 1)
    low, high = percent * np.sqrt((n - 1) / tails)
    return Estimate(percent, float(low), float(high), n)


def brown_forsythe(groups: Sequence[ArrayLike]) -> float:
    """p value of equal spread of samples (Brown and Forsythe, 1974: Levene's test about medians); NaN values are left
    out, and p is NaN with fewer than two samples of at least two or without any spread."""
    samples = [_known(group) for group in groups]
    if len(samples) < 2 or min(map(len, samples)) < 2 or not any(np.ptp(sample) for sample in samples):
        return np.nan
    return float(stats.levene(*samples, center="median").pvalue)


def probability_of_improvement(first: ArrayLike, second: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Probability that a network of `first` [n] has a smaller value than one of `second` [m], ties counting half (Mann
    and Whitney's U over n m), with Newcombe's interval (2006, method 5: a score interval, so it stays within [0, 1]).

    A run without a value (diverged, failed) counts as larger than every run that has one. n: that of `first`.
    """
    a, b = (np.nan_to_num(np.asarray(values, dtype=float), nan=np.inf) for values in (first, second))
    if not len(a) or not len(b):
        return Estimate(np.nan, np.nan, np.nan, len(a))
    share = float(np.mean((a[:, None] < b) + 0.5 * (a[:, None] == b)))
    low, high = _newcombe(share, len(a), len(b), confidence)
    return Estimate(share, low, high, len(a))


def _newcombe(share: float, n: int, m: int, confidence: float) -> tuple[float, float]:
    """Ends where |share - p| is z standard errors of a U statistic under exponential-like alternatives (Hanley and
    McNeil, 1982), with n and m replaced by their mean."""
    z, middle = stats.norm.ppf((1 + confidence) / 2), (n + m) / 2 - 1

    def excess(p: float, sign: int) -> float:
        variance = p * (1 - p) * (1 + middle * (1 - p) / (2 - p) + middle * p / (1 + p)) / (n * m)
        return sign * (p - share) - z * np.sqrt(variance)

    near = 1e-9  # 0 and 1 themselves solve the equation too, with no variance
    low = 0.0 if share == 0 else optimize.brentq(lambda p: excess(p, -1), 0.0, share - near)
    high = 1.0 if share == 1 else optimize.brentq(lambda p: excess(p, 1), share + near, 1.0)
    return low, high


def share_not_ok(status: Sequence[str], confidence: float = 0.95) -> Estimate:
    """Share of runs [n] that collapsed, diverged or failed, in percent, with Wilson's interval."""
    bad, n = sum(entry != "ok" for entry in status), len(status)
    if n == 0:
        return Estimate(np.nan, np.nan, np.nan, 0)
    found = stats.binomtest(bad, n).proportion_ci(confidence, method="wilson")
    return Estimate(100 * bad / n, 100 * float(found.low), 100 * float(found.high), n)


def rank_intervals(scores: ArrayLike, confidence: float = 0.95, resamples: int = 5000) -> list[Estimate]:
    """Rank of each of m methods by its mean score [m, n] (1: smallest; ties share their mean rank), with the percentile
    bootstrap over seeds; the same seeds are drawn for all methods, as the networks are paired.

    A seed at which any method has no score (NaN: diverged, failed) is left out for all of them; n is what remains.
    """
    data = np.asarray(scores, dtype=float)
    data = data[:, ~np.isnan(data).any(axis=0)]
    count = data.shape[1]
    if count == 0:
        return [Estimate(np.nan, np.nan, np.nan, 0) for _ in data]
    ranks = stats.rankdata(data.mean(axis=1))
    drawn = np.random.default_rng(SEED).integers(0, count, (resamples, count))
    resampled = stats.rankdata(data[:, drawn].mean(axis=2), axis=0)
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2], axis=1)
    ends = zip(ranks, low, high, strict=True) if count > 1 else ((rank, np.nan, np.nan) for rank in ranks)
    return [Estimate(float(rank), float(a), float(b), count) for rank, a, b in ends]


def _known(values: ArrayLike) -> np.ndarray:
    data = np.asarray(values, dtype=float)
    return data[~np.isnan(data)]
