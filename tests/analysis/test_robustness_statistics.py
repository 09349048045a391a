"""Robustness statistics against closed forms, scipy, and simulated studies with a known answer."""

import numpy as np
import pytest
from scipy import stats

from robustprune.analysis.resampling import bootstrap_interval, interquartile_mean, rank_intervals
from robustprune.analysis.statistics import (
    brown_forsythe,
    coefficient_of_variation,
    elasticity,
    paired_difference,
    probability_of_improvement,
    share_not_ok,
    steepest,
)

WIDTHS = np.array([0.5, 1, 2, 4, 8])
STUDIES = 2000


def covers(found, truth):
    return found.low <= truth <= found.high


def test_interquartile_mean_by_hand():
    assert interquartile_mean([9.0, 1.0, 2.0, 3.0, -50.0]) == 2.0
    assert interquartile_mean([[1.0, 2.0, 3.0, 90.0], [0.0, 4.0, 6.0, 7.0]]).tolist() == [2.5, 5.0]


def test_bootstrap_is_that_of_scipy():
    values = [1.54, 1.63, 1.48, 1.49, 1.55, 1.70, 1.61]
    found = bootstrap_interval([*values, np.nan], interquartile_mean, 0.9)
    reference = stats.bootstrap(
        (values,), interquartile_mean, confidence_level=0.9, n_resamples=5000, rng=np.random.default_rng(0)
    ).confidence_interval
    assert (found.low, found.high, found.n) == (reference.low, reference.high, 7)
    assert found == bootstrap_interval(values, interquartile_mean, 0.9)  # the same every time
    assert bootstrap_interval([2.0, 2.0, 2.0], interquartile_mean).high == 2.0
    assert np.isnan(bootstrap_interval([2.0, 3.0], interquartile_mean).low)


def test_ties_that_leave_bca_undefined_have_the_interval_of_the_percentiles():
    values = [88.65] * 4 + [90.2]
    found = bootstrap_interval(values, interquartile_mean)
    drawn = np.random.default_rng(0).integers(0, 5, (5000, 5))
    low, high = np.quantile(interquartile_mean(np.array(values)[drawn]), [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.low < found.high


def test_elasticity_is_the_least_squares_slope():
    """With equally many seeds per width, that of scipy's regression over all networks."""
    generator = np.random.default_rng(3)
    start = np.repeat(WIDTHS, 4)
    kept = 20_000 * start**0.3 * np.exp(generator.normal(0, 0.1, len(start)))
    found = elasticity(start, kept)
    assert found.mean == pytest.approx(stats.linregress(np.log(start), np.log(kept)).slope)
    assert found.n == 20


@pytest.mark.parametrize("exponent", [0.0, 2.0])
def test_elasticity_of_power_laws(exponent):
    found = elasticity(np.repeat(WIDTHS, 3), 1000 * np.repeat(WIDTHS, 3) ** exponent)
    assert (found.mean, found.low, found.high) == pytest.approx((exponent,) * 3, abs=1e-12)


def test_elasticity_of_what_is_there():
    assert elasticity([1, 2, 2, 4], [10, 20, np.nan, 0]).n == 2  # failed, and nothing kept
    assert elasticity([1, 2], [10, 20]).mean == pytest.approx(1)
    assert np.isnan(elasticity([1, 2], [10, 20]).low)  # one seed: no spread to judge by
    assert np.isnan(elasticity([1, 1], [10, 20]).mean)
    pairs = [10, 11, 20, 22]
    assert np.isnan(elasticity([1, 1, 2, 2], pairs).low)  # C9: no interval of two networks
    assert elasticity([1, 1, 1, 2, 2, 2], [*pairs[:2], 12, *pairs[2:], 24]).low < 1


def test_steepest_shows_what_the_elasticity_averages_away():
    start = np.repeat([1.0, 2.0, 4.0], 2)
    kept = np.repeat([10.0, 20.0, 10.0], 2)
    assert elasticity(start, kept).mean == pytest.approx(0, abs=1e-12)
    assert steepest(start, kept) == pytest.approx(1)
    assert steepest(start, 100 * start**-0.3) == pytest.approx(0.3)  # a power law's is its exponent
    assert steepest([1, 1, 8, 8], [10, 40, 80, np.nan]) == pytest.approx(2 / 3)  # from 20, the geometric mean
    assert np.isnan(steepest([1, 2], [10, 0]))


@pytest.mark.parametrize("seeds", [3, 5])
def test_coverage_of_the_elasticity(seeds):
    """2,000 studies of five widths whose spread grows with the width and whose means leave the line."""
    generator = np.random.default_rng(seeds)
    start = np.repeat(WIDTHS, seeds)
    bend = np.repeat([0.05, -0.05, 0.0, -0.05, 0.05], seeds)
    truth = elasticity(start, start**0.2 * np.exp(bend)).mean
    noise = generator.normal(0, np.repeat([0.02, 0.03, 0.04, 0.05, 0.06], seeds), (STUDIES, len(start)))
    covered = [covers(elasticity(start, start**0.2 * np.exp(bend + draw)), truth) for draw in noise]
    assert 0.92 < np.mean(covered) < 0.98


def test_what_the_bootstrap_would_cover():
    """Why elasticity does not use it: resampling three seeds within each width covers 81 % for 95 %."""
    generator = np.random.default_rng(0)
    x = np.log(WIDTHS) - np.log(WIDTHS).mean()
    studies = generator.normal(0, 0.05, (400, len(WIDTHS), 3))
    index = generator.integers(0, 3, (400, 1000, len(WIDTHS), 3))
    drawn = np.take_along_axis(studies[:, None], index, 3).mean(3) @ (x / (x @ x))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=1)
    assert 0.74 < np.mean((low <= 0) & (high >= 0)) < 0.88


def test_coefficient_of_variation_by_hand_and_its_coverage():
    found = coefficient_of_variation([90.0, 100.0, 110.0, np.nan])
    assert (found.mean, found.n) == (pytest.approx(10), 3)
    assert found.low == pytest.approx(10 * np.sqrt(2 / stats.chi2.ppf(0.975, 2)))
    generator = np.random.default_rng(1)
    studies = generator.normal(26_000, 1300, (STUDIES, 5))
    assert 0.92 < np.mean([covers(coefficient_of_variation(study), 5.0) for study in studies]) < 0.98


def test_brown_forsythe_is_that_of_scipy_and_keeps_its_level():
    generator = np.random.default_rng(2)
    groups = [generator.normal(0, 1, 6), generator.normal(0, 3, 5)]
    assert brown_forsythe([[*groups[0], np.nan], groups[1]]) == stats.levene(*groups, center="median").pvalue
    assert brown_forsythe([generator.normal(0, 1, 40), generator.normal(0, 4, 40)]) < 1e-4
    assert np.isnan(brown_forsythe([[1.0], [1.0, 2.0]]))
    assert np.isnan(brown_forsythe([[1.0, 1.0], [2.0, 2.0]]))
    assert np.isnan(brown_forsythe([[1.0, 2.0], [3.0, 5.0]]))  # two values lie equally far from their median
    assert brown_forsythe([*groups, [0.0, 9.0]]) == brown_forsythe(groups)
    rejected = [brown_forsythe(generator.normal(0, 1, (3, 10))) < 0.05 for _ in range(STUDIES)]
    assert 0.01 < np.mean(rejected) < 0.065


def test_probability_of_improvement_is_mann_whitneys():
    first, second = [1.0, 2.0, 2.0, 4.0], [2.0, 3.0, 5.0]
    found = probability_of_improvement(first, second)
    assert found.mean == pytest.approx(stats.mannwhitneyu(second, first).statistic / 12)
    assert probability_of_improvement([np.nan], [1.0]).mean == 0  # a run that failed did not improve on anything
    assert np.isnan(probability_of_improvement([], [1.0]).mean)
    sure = probability_of_improvement([1.0] * 5, [2.0] * 5)
    assert sure.mean == sure.high == 1
    assert 0.5 < sure.low < 1


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_coverage_of_the_probability_of_improvement(shift):
    generator = np.random.default_rng(4)
    truth = stats.norm.cdf(shift / np.sqrt(2))
    first, second = generator.normal(0, 1, (STUDIES, 8)), generator.normal(shift, 1, (STUDIES, 8))
    covered = [covers(probability_of_improvement(*pair), truth) for pair in zip(first, second, strict=True)]
    assert 0.92 < np.mean(covered) < 0.98


def test_coverage_of_the_paired_difference():
    generator = np.random.default_rng(5)
    shared = generator.normal(1.6, 0.3, (STUDIES, 5))
    first, second = shared + generator.normal(0.1, 0.05, (STUDIES, 5)), shared + generator.normal(0, 0.05, (STUDIES, 5))
    pairs = zip(first, second, strict=True)
    assert 0.92 < np.mean([covers(paired_difference(*pair), 0.1) for pair in pairs]) < 0.98


def test_share_not_ok_is_wilsons():
    found = share_not_ok(["ok", "collapsed", "ok", "failed"])
    reference = stats.binomtest(2, 4).proportion_ci(0.95, "wilson")
    assert (found.mean, found.low, found.high, found.n) == pytest.approx(
        (50, 100 * reference.low, 100 * reference.high, 4)
    )
    assert share_not_ok(["ok"] * 5).low == 0
    assert np.isnan(share_not_ok([]).mean)
    two = share_not_ok(["ok", "failed"])
    assert (two.mean, two.n) == (50, 2)
    assert np.isnan([two.low, two.high]).all()


def test_ranks_follow_the_means_and_their_spread():
    clear = [[1.0, 1.1, 0.9, 1.0], [2.0, 2.1, 1.9, 2.0], [3.0, np.nan, 3.1, 3.0]]
    found = rank_intervals(clear)
    assert [estimate.mean for estimate in found] == [1, 2, 3]
    assert [(estimate.low, estimate.high) for estimate in found] == [(1, 1), (2, 2), (3, 3)]
    assert {estimate.n for estimate in found} == {3}  # the seed that failed for one method counts for none
    assert np.isnan(rank_intervals([[1.0, 1.1], [2.0, 2.1]])[0].low)  # two seeds give no interval
    tied = rank_intervals([[1.0, 3.0, 2.0], [3.0, 1.0, 2.0]])
    assert [(entry.mean, entry.low, entry.high) for entry in tied] == [(1.5, 1, 2)] * 2
    assert np.isnan(rank_intervals([[np.nan], [1.0]])[0].mean)
