"""Effects against scipy, and the coverage of their simultaneous intervals."""

import numpy as np
import pytest
from scipy import special, stats

from robustprune.analysis.verdicts.effect import (
    Effect,
    deviations,
    difference,
    largest,
    mean_of,
    simultaneous,
    weighted,
    widest,
)

FIRST, SECOND = np.array([1.0, 2.0, 4.0, 7.0]), np.array([2.5, 2.0, 3.5])


def test_mean_and_difference_are_those_of_scipy():
    alone = stats.ttest_1samp(FIRST, 0.0)
    assert mean_of(FIRST).interval(0.9) == pytest.approx(tuple(alone.confidence_interval(0.9)))
    assert mean_of([*FIRST, np.nan]) == mean_of(FIRST)
    welch = stats.ttest_ind(FIRST, SECOND, equal_var=False)
    effect = difference(FIRST, SECOND)
    assert effect.interval(0.9) == pytest.approx(tuple(welch.confidence_interval(0.9)))
    assert (effect.p, effect.freedom, effect.n) == (pytest.approx(welch.pvalue), pytest.approx(welch.df), 3)


def test_no_spread_is_certain_and_two_networks_say_nothing():
    same = difference([2.0, 2.0, 2.0], [1.0, 1.0, 1.0])
    assert same.interval(0.9) == (1.0, 1.0)
    assert np.isnan(same.p)
    assert np.isnan(difference(FIRST, [1.0, 2.0]).interval(0.9)).all()
    assert np.isnan(largest([difference([], FIRST)], 0.9).mean)
    one_sided = difference(FIRST, [1.0, 1.0, 1.0])  # the constant sample adds neither variance nor freedom
    assert (one_sided.error, one_sided.freedom) == (pytest.approx(mean_of(FIRST).error), 3)


def test_deviations_add_up_to_nothing_and_weigh_groups_alike():
    groups = [FIRST, SECOND, FIRST + 3, [5.0, 6.0, 7.0]]
    found = deviations(groups)
    means = np.array([np.mean(group) for group in groups])
    assert [effect.value for effect in found] == pytest.approx(means - means.mean())
    variances = np.array([np.var(group, ddof=1) / len(group) for group in groups])
    expected = (3 / 4) ** 2 * variances[0] + variances[1:].sum() / 16
    assert found[0].error == pytest.approx(np.sqrt(expected))


def test_the_largest_effect_has_an_interval_that_knows_of_the_choice():
    effects = [Effect(0.1, 0.05, 9, 5), Effect(-0.4, 0.1, 9, 5), Effect(np.nan, np.nan, 1, 1)]
    found = largest(effects, 0.9)
    half = 0.1 * stats.t.ppf(1 - 0.05 / 2, 9)
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((-0.4, -0.4 - half, -0.4 + half, 5))
    spread = widest([FIRST, SECOND, FIRST + 3], 0.9)
    pair = difference(FIRST + 3, SECOND).interval(1 - 0.1 / 3)
    assert (spread.mean, spread.low, spread.high) == pytest.approx((np.mean(FIRST) + 3 - np.mean(SECOND), *pair))
    assert widest([SECOND, FIRST + 3, FIRST], 0.9) == widest([FIRST + 3, FIRST, SECOND], 0.9)


def test_of_equal_effects_the_first_is_the_largest_whatever_their_last_digit():
    """The shipped study: two starts whose errors differ from the others by the same images, on two machines."""
    first, second = Effect(-0.1463333333333332, 0.05, 9, 5), Effect(0.1463333333333334, 0.1, 9, 3)
    assert largest([first, second], 0.9) == first.estimate(simultaneous(0.9, 2))
    assert largest([second, first], 0.9) == second.estimate(simultaneous(0.9, 2))


@pytest.mark.parametrize("last", [1.0, 4.0], ids=["equal spread", "unequal spread"])
@pytest.mark.parametrize("n", [3, 5])
def test_all_deviations_of_nine_groups_are_covered_together(n, last):
    """90 % intervals of nine deviations hold together, also for the one that is chosen as the largest."""
    rng, draws = np.random.default_rng(1), 150
    true, spread = np.linspace(-1, 1, 9), np.array([1.0] * 8 + [last])
    together = alone = chosen = 0
    for _ in range(draws):
        found = deviations(true[:, None] + spread[:, None] * rng.standard_normal((9, n)))
        together += _all_covered(found, true, simultaneous(0.9, 9))
        alone += _all_covered(found, true, 0.9)
        best = largest(found, 0.9)
        chosen += best.low <= true[np.argmax([abs(effect.value) for effect in found])] <= best.high
    assert together / draws > 0.9
    assert chosen / draws > 0.9
    assert alone < together


def _all_covered(effects, true, level):
    low, high = np.array([effect.interval(level) for effect in effects]).T
    return bool(((low <= true) & (true <= high)).all())


def test_satterthwaite_is_not_enough_for_deviations_of_three():
    rng, draws, level = np.random.default_rng(1), 4000, simultaneous(0.9, 9)
    samples = rng.standard_normal((draws, 9, 3))
    means, variances = samples.mean(axis=2), samples.var(axis=2, ddof=1) / 3
    shares = variances[:, None] * (np.eye(9) - 1 / 9) ** 2
    errors, freedom = np.sqrt(shares.sum(axis=2)), shares.sum(axis=2) ** 2 / (shares**2 / 2).sum(axis=2)
    apart = np.abs(means - means.mean(axis=1, keepdims=True)) / errors
    assert (apart < special.stdtrit(freedom, (1 + level) / 2)).all(axis=1).mean() < 0.83
    assert (apart < special.stdtrit(2, (1 + level) / 2)).all(axis=1).mean() > 0.9


def test_weights_are_used():
    total = weighted([2, -1], [mean_of(FIRST), mean_of(SECOND)])
    assert total.value == pytest.approx(2 * FIRST.mean() - SECOND.mean())
    assert total.error == pytest.approx(np.hypot(2 * mean_of(FIRST).error, mean_of(SECOND).error))
