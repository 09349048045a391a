"""Welch's analysis of variance against scipy, and the spread of group means with its coverage."""

import numpy as np
import pytest
from scipy import stats

from robustprune.analysis.verdicts.initializations import between_groups, welch_anova


def test_welch_anova_is_that_of_scipy():
    rng = np.random.default_rng(3)
    groups = [rng.normal(place / 3, 1 + place, 4 + place) for place in range(4)]
    expected = stats.f_oneway(*groups, equal_var=False).pvalue
    assert welch_anova(groups) == pytest.approx(expected)
    assert welch_anova([*groups, [1.0, 2.0], [np.nan]]) == pytest.approx(expected)
    two = stats.ttest_ind(groups[0], groups[1], equal_var=False).pvalue
    assert welch_anova(groups[:2]) == pytest.approx(two)


@pytest.mark.parametrize("groups", [[[1, 1, 1], [2, 2, 2]], [[1, 1, 1], [1, 2, 3]], [[1, 2, 3]], [[1, 2], [3, 5]], []])
def test_without_spread_there_is_no_p_value(groups):
    """0 would say that the groups differ for certain, from three equal numbers (cases A13)."""
    assert np.isnan(welch_anova(groups))


def test_the_spread_between_groups_is_that_of_the_analysis_of_variance():
    groups = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 9.0], [2.0, 2.0, 5.0]])
    between, within = 3 * groups.mean(axis=1).var(ddof=1), groups.var(axis=1, ddof=1).mean()
    found = between_groups(groups, 0.9)
    assert found.mean == pytest.approx(np.sqrt((between - within) / 3))
    assert found.n == 3
    assert (found.low, found.high > found.mean) == (0.0, True)  # F = 3.7 does not exclude equal means
    ratio, freedom = between / within, (2, 6)
    noncentrality = found.high**2 * 2 * 3 / within
    assert stats.ncf.cdf(ratio, *freedom, noncentrality) == pytest.approx(0.05)


def test_equal_groups_have_no_spread_between_them_and_no_interval_without_noise():
    assert between_groups([[1.0, 2.0, 3.0]] * 4).mean == 0
    found = between_groups([[1.0] * 3, [2.0] * 3, [3.0] * 3])
    assert (found.mean, np.isnan(found.low)) == (1.0, True)
    assert np.isnan(between_groups([[1.0, 2.0, 3.0]]).mean)


@pytest.mark.parametrize("true", [0.0, 0.5, 2.0])
def test_the_interval_covers_fixed_groups(true):
    rng, draws, k = np.random.default_rng(4), 150, 9
    means = np.linspace(-1, 1, k)
    means *= true / means.std(ddof=1)
    covered = 0
    for _ in range(draws):
        found = between_groups(means[:, None] + rng.standard_normal((k, 5)), 0.9)
        covered += found.low <= true <= found.high
    assert covered / draws > 0.84
