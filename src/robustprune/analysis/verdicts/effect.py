"""Effects: means and their weighted sums, with standard errors and degrees of freedom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from robustprune.analysis.statistics import LEAST, Estimate, known_values, t_factor


@dataclass(frozen=True)
class Effect:
    """An estimate with its standard error and the degrees of freedom of that error.

    n: networks of the smallest sample. error: NaN where a sample has fewer than LEAST networks, 0 without any spread.
    """

    value: float
    error: float
    freedom: float
    n: int

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the ends of Student's t interval; NaN with an unknown error, the value itself without spread."""
        half = self.half_width(confidence)
        return self.value - half, self.value + half

    def estimate(self, confidence: float) -> Estimate:
        """Return the value with its interval and n, as tables show it."""
        return Estimate(self.value, *self.interval(confidence), self.n)

    def half_width(self, confidence: float) -> float:
        """Return half the length of the interval."""
        return 0.0 if self.error == 0 else float(t_factor(confidence, self.freedom) * self.error)

    @property
    def p(self) -> float:
        """The two-sided p value of no effect; NaN without spread or with an unknown error."""
        return float(2 * stats.t.sf(abs(self.value) / self.error, self.freedom)) if self.error > 0 else np.nan


def mean_of(values: ArrayLike) -> Effect:
    """Return the mean of a sample [n]; NaN (failed runs) is left out."""
    data = known_values(values)
    n = len(data)
    error = float(data.std(ddof=1) / np.sqrt(n)) if n >= LEAST else np.nan
    return Effect(float(data.mean()) if n else np.nan, error, n - 1, n)


def weighted(weights: ArrayLike, effects: Sequence[Effect]) -> Effect:
    """Return the sum of independent effects with these weights [m]; degrees of freedom by Satterthwaite (1946)."""
    weights = np.asarray(weights, dtype=float)
    value = float(weights @ [effect.value for effect in effects])
    variances = weights**2 * [effect.error**2 for effect in effects]
    total, freedom = float(variances.sum()), np.inf
    if total > 0:
        freedom = total**2 / sum(v**2 / effect.freedom for v, effect in zip(variances, effects, strict=True) if v > 0)
    return Effect(value, np.sqrt(total), float(freedom), min(effect.n for effect in effects))


def difference(first: ArrayLike, second: ArrayLike) -> Effect:
    """Return the mean of `first` [n] minus that of `second` [m], of independent samples (Welch, 1947).

    Networks of different widths or initializations have different seeds, so that they are not paired.
    """
    return weighted([1, -1], [mean_of(first), mean_of(second)])


def deviations(groups: Sequence[ArrayLike]) -> list[Effect]:
    """Return the deviation of each group's mean from the mean of the k group means; groups weigh alike.

    A group without numbers has no deviation (NaN) and no part in that mean.

    The degrees of freedom are those of the smallest sample, which is never too many (Mickey and Banerjee, 1966).
    Satterthwaite's are too many for a sum that one small sample dominates: nine groups of three are covered together in
    79 % of studies instead of 90 % (tests/analysis/verdicts/test_effect.py).
    """
    means = [mean_of(group) for group in groups]
    known = [place for place, mean in enumerate(means) if mean.n]
    k = len(known)
    sums = [replace(mean, value=np.nan) for mean in means]
    for number, place in enumerate(known):
        effect = weighted(np.eye(k)[number] - 1 / k, [means[other] for other in known])
        sums[place] = replace(effect, freedom=float(min(effect.freedom, effect.n - 1)))
    return sums


def simultaneous(confidence: float, count: int) -> float:
    """Return the level of each of `count` intervals that all hold together at level `confidence` (Bonferroni)."""
    return 1 - (1 - confidence) / max(1, count)


def largest(effects: Sequence[Effect], confidence: float) -> Estimate:
    """Return the effect of largest absolute value, with its interval at the simultaneous level of all of them.

    The interval holds although the effect is chosen after a look, because all intervals hold together. Bonferroni with
    each effect's own standard error, and not Tukey's or the analysis of means' critical value: these need equal
    spread, and a start at which a method fails spreads more than the others. tests/analysis/verdicts/test_effect.py
    simulates the coverage with equal and unequal spread. NaN without any known effect.
    """
    known = [effect for effect in effects if not np.isnan(effect.value)]
    if not known:
        return Estimate(np.nan, np.nan, np.nan, 0)
    # errors are whole images, so effects can be equal; the last digit, which differs between machines, must not decide
    found = max(known, key=lambda effect: round(abs(effect.value), 9))
    return found.estimate(simultaneous(confidence, len(known)))


def widest(groups: Sequence[ArrayLike], confidence: float) -> Estimate:
    """Return the largest minus the smallest group mean, with its interval at the simultaneous level of all pairs."""
    pairs = [difference(second, first) for place, first in enumerate(groups) for second in groups[place + 1 :]]
    found = largest(pairs, confidence)
    if found.mean >= 0 or np.isnan(found.mean):
        return found
    return Estimate(-found.mean, -found.high, -found.low, found.n)


def in_percent(found: Estimate) -> Estimate:
    """Return a difference of logarithms as a change in percent."""
    return Estimate(*(float(100 * np.expm1(value)) for value in (found.mean, found.low, found.high)), found.n)
