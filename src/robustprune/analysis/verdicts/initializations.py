"""Descriptions of the variation between initializations, which are chosen and not sampled."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from robustprune.analysis.statistics import LEAST, Estimate, known_values


def welch_anova(groups: Sequence[ArrayLike]) -> float:
    """Return the p value of equal means of samples with unequal spread (Welch, 1951).

    NaN values are left out, and samples of fewer than LEAST values. NaN with fewer than two samples, or with a sample
    without any spread, whose weight would be infinite.
    """
    samples = [sample for sample in map(known_values, groups) if len(sample) >= LEAST]
    if len(samples) < 2 or not all(np.ptp(sample) for sample in samples):
        return np.nan
    k, sizes = len(samples), np.array([len(sample) for sample in samples])
    means, weights = np.array([[s.mean(), len(s) / s.var(ddof=1)] for s in samples]).T
    mean = weights @ means / weights.sum()
    excess = ((1 - weights / weights.sum()) ** 2 / (sizes - 1)).sum()
    ratio = weights @ (means - mean) ** 2 / (k - 1) / (1 + 2 * (k - 2) / (k**2 - 1) * excess)
    return float(stats.f.sf(ratio, k - 1, (k**2 - 1) / (3 * excess)))


def between_groups(groups: Sequence[ArrayLike], confidence: float = 0.95) -> Estimate:
    """Return the standard deviation of the group means around their mean, without the noise of the seeds.

    The estimate is that of the analysis of variance, sqrt(max(0, (MSB - MSW) / n0)). The interval takes the k groups as
    fixed: MSB / MSW follows a noncentral F distribution, whose noncentrality (k - 1) n0 sd^2 / sigma^2 is inverted;
    sigma^2 is MSW. It covers its level for groups of equal spread (tests/analysis/verdicts/test_initializations.py).
    A chi-square interval would take the groups as a sample of a population. n is the number of groups. NaN values are
    left out, and samples of fewer than LEAST; NaN with fewer than two samples, no interval without spread over seeds.
    """
    samples = [sample for sample in map(known_values, groups) if len(sample) >= LEAST]
    k, sizes = len(samples), np.array([len(sample) for sample in samples])
    if k < 2:
        return Estimate(np.nan, np.nan, np.nan, k)
    total = int(sizes.sum())
    means = np.array([sample.mean() for sample in samples])
    between = float(sizes @ (means - sizes @ means / total) ** 2) / (k - 1)
    within = sum(float(((sample - sample.mean()) ** 2).sum()) for sample in samples) / (total - k)
    each = (total - (sizes**2).sum() / total) / (k - 1)
    found = np.sqrt(max(0.0, between - within) / each)
    if within == 0:
        return Estimate(float(found), np.nan, np.nan, k)
    low, high = _noncentralities(between / within, k - 1, total - k, confidence)
    scale = within / (each * (k - 1))
    return Estimate(float(found), float(np.sqrt(low * scale)), float(np.sqrt(high * scale)), k)


def _noncentralities(ratio: float, first: int, second: int, confidence: float) -> tuple[float, float]:
    """Return the noncentralities at which an F ratio is the upper and the lower tail's end."""
    tail = (1 - confidence) / 2

    def solved(excess: Callable[[float], float]) -> float:
        """Return where a falling function of the noncentrality is 0, or 0 where it is negative from the start."""
        if excess(0.0) <= 0:
            return 0.0
        high = 10.0
        while excess(high) > 0:
            high *= 2
        return float(optimize.brentq(excess, 0.0, high))

    low = solved(lambda nc: stats.ncf.cdf(ratio, first, second, nc) - (1 - tail))
    return low, solved(lambda nc: stats.ncf.cdf(ratio, first, second, nc) - tail)
