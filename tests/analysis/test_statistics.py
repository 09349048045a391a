"""Intervals against scipy and a simulation with known answer."""

import numpy as np
import pytest
from scipy import stats

from robustprune.analysis.statistics import holm, mean_interval, paired_difference, size_interval


def test_interval_is_that_of_scipy():
    values = [1.54, 1.63, 1.48, 1.49, 1.55]
    found = mean_interval(values, 0.95)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((np.mean(values), low, high, 5))


def test_failed_runs_are_left_out_and_counted_out():
    assert mean_interval([1.0, np.nan, 3.0]).n == 2
    assert mean_interval([1.0, np.nan, 3.0]).mean == 2.0
    assert np.isnan(mean_interval([np.nan]).mean)
    single = mean_interval([2.0])
    assert (single.mean, single.n) == (2.0, 1)
    assert np.isnan(single.low)


def test_two_networks_have_a_mean_and_no_interval():
    """C9: 10,000 and 32,000 params would have the interval [-118,000, 161,000]."""
    found = mean_interval([10_000.0, 32_000.0])
    assert (found.mean, found.n) == (21_000, 2)
    assert np.isnan([found.low, found.high]).all()
    paired = paired_difference([1.0, 2.0], [0.0, 0.5])
    assert (paired.mean, paired.n) == (1.25, 2)
    assert np.isnan([paired.low, paired.p]).all()
    assert not np.isnan(mean_interval([1.0, 2.0, 3.0]).low)


def test_coverage_with_five_seeds():
    """2,000 simulated studies of five seeds: t covers 95 %, the percentile bootstrap about 84 %."""
    generator = np.random.default_rng(0)
    studies = generator.normal(1.6, 0.05, (2000, 5))
    covered = [found.low <= 1.6 <= found.high for found in map(mean_interval, studies)]
    assert 0.92 < np.mean(covered) < 0.98
    resampled = studies[np.arange(2000)[:, None, None], generator.integers(0, 5, (2000, 1000, 5))].mean(2)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=1)
    assert 0.80 < np.mean((low <= 1.6) & (high >= 1.6)) < 0.88


def test_intervals_of_sizes_are_those_of_their_logarithm():
    """C9: the interval of three MACs was [-500,000, 1,700,000]."""
    sizes = np.array([100_000.0, 500_000.0, 1_200_000.0])
    found, plain = size_interval(sizes), mean_interval(sizes)
    factor = np.exp(stats.t.ppf(0.975, 2) * sizes.std(ddof=1) / np.sqrt(3) / sizes.mean())
    expected = (sizes.mean(), sizes.mean() / factor, sizes.mean() * factor, 3)
    assert (found.mean, found.low, found.high, found.n) == pytest.approx(expected)
    assert plain.low < 0 < found.low
    near, same = size_interval([26_900.0, 27_000.0, 27_100.0]), mean_interval([26_900.0, 27_000.0, 27_100.0])
    assert (near.low, near.high) == pytest.approx((same.low, same.high), rel=1e-4)
    assert np.isnan(size_interval([1.0, 2.0]).low)
    nothing = size_interval([0.0, 0.0, 0.0])
    assert (nothing.low, nothing.high) == (0, 0)


@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_coverage_of_intervals_of_sizes(spread):
    """2,000 studies of five sizes, lognormal with a coefficient of variation of 10 % and of 30 %."""
    generator = np.random.default_rng(0)
    sigma = np.sqrt(np.log1p(spread**2))
    studies = generator.lognormal(-(sigma**2) / 2, sigma, (2000, 5))
    covered = [found.low <= 1 <= found.high for found in map(size_interval, studies)]
    assert 0.93 < np.mean(covered) < 0.97


def test_paired_difference_is_that_of_scipy():
    first, second = [1.5, 1.7, 1.4, np.nan, 1.9], [1.4, 1.8, 1.1, 1.0, 1.5]
    found = paired_difference(first, second, 0.9)
    reference = stats.ttest_rel(np.delete(first, 3), np.delete(second, 3))
    low, high = reference.confidence_interval(0.9)
    expected = (0.175, low, high, reference.pvalue, 4)
    assert (found.mean, found.low, found.high, found.p, found.n) == pytest.approx(expected)
    assert np.isnan(paired_difference([1.0], [2.0]).p)
    assert np.isnan(paired_difference([1.0, 2.0], [0.0, 1.0]).p)  # no spread: nothing to judge by


def test_holm_by_hand():
    """0.01 x 4, 0.02 x 3, then never below what came before; NaN is left out of the count."""
    found = holm([0.02, 0.01, np.nan, 0.04, 0.03])
    assert found.tolist() == pytest.approx([0.06, 0.04, np.nan, 0.06, 0.06], nan_ok=True)
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).size == 0


def test_holm_keeps_the_family_wise_error():
    """2,000 families of five true null hypotheses: at most 5 % (and a half) have any rejection."""
    generator = np.random.default_rng(1)
    rejected = [(holm(generator.uniform(size=5)) < 0.05).any() for _ in range(2000)]
    assert 0.035 < np.mean(rejected) < 0.062
