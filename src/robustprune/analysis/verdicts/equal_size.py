"""Errors at equal size: each method's error moved along its own curve of error against size, with its uncertainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from robustprune.analysis.statistics import holm
from robustprune.analysis.verdicts.decision import LEVEL, YES, Comparison, Verdict, not_above
from robustprune.analysis.verdicts.effect import Effect, mean_of, weighted

MARGIN = 0.1
"""Largest loss of test error, in percentage points, that counts as not worse."""


@dataclass(frozen=True)
class AtSize:
    """Networks of one method near a size.

    seeds, log_size, error: [n]; NaN for a network without numbers. slope: points of error per unit of log size.
    """

    seeds: np.ndarray
    log_size: np.ndarray
    error: np.ndarray
    slope: Effect

    def of(self, places: np.ndarray) -> "AtSize":
        """Return the networks at these places [m]."""
        return replace(self, seeds=self.seeds[places], log_size=self.log_size[places], error=self.error[places])


def local_slope(
    log_sizes: Sequence[ArrayLike], errors: Sequence[ArrayLike], target: float, apart: float = 0.0
) -> Effect:
    """Return the slope of error on log size near a target, between two strengths of a method's own curve.

    log_sizes, errors: a sample [n] per strength. The strengths are the nearest on either side of the target in mean log
    size, each at least `apart` from it; else the nearest, and the next that is more than `apart` from that one. Sizes
    that lie close together give no slope: its error is that of their difference over their distance. The standard error
    is by the delta method: it counts the spread of errors and of sizes, and how they vary together. The networks should
    not be those whose error is adjusted (tuning split), as then the slope's error is independent of theirs. Raises
    ValueError without two such strengths.
    """
    sizes = np.array([mean_of(own).value for own in log_sizes])
    order = np.argsort(np.abs(sizes - target), kind="stable")
    first = next((place for place in order if sizes[place] <= target - apart), None)
    second = next((place for place in order if sizes[place] > target + apart), None)
    if first is None or second is None:
        first = order[0]
        second = next((place for place in order if abs(sizes[place] - sizes[first]) > apart), None)
    if second is None:
        raise ValueError("a slope needs two strengths of different size")
    distance = sizes[second] - sizes[first]
    rise = mean_of(errors[second]).value - mean_of(errors[first]).value
    slope = rise / distance
    level = [mean_of(np.asarray(errors[end]) - slope * np.asarray(log_sizes[end])) for end in (first, second)]
    return replace(weighted([-1 / distance, 1 / distance], level), value=float(slope))


def paired(first: AtSize, second: AtSize) -> tuple[AtSize, AtSize]:
    """Return the networks of both whose seed the other has too, in the same order; seeds are told once each."""
    _, own, other = np.intersect1d(first.seeds, second.seeds, return_indices=True)
    return first.of(own), second.of(other)


def difference_at(log_size: float, first: AtSize, second: AtSize) -> Effect:
    """Return the error of `first` minus that of `second`, both at this log size, paired by seed.

    The standard error has three parts: the seeds, and the slope of each method times the distance that its error was
    moved. Seeds that one of them lacks are left out, and networks without numbers.
    """
    first, second = paired(first, second)
    both = ~np.isnan(first.error + second.error + first.log_size + second.log_size)
    moves = [log_size - method.log_size[both].mean() if both.any() else np.nan for method in (first, second)]
    errors = [
        method.error[both] + method.slope.value * (log_size - method.log_size[both]) for method in (first, second)
    ]
    seeds = mean_of(errors[0] - errors[1])
    total = weighted([1, moves[0], -moves[1]], [seeds, first.slope, second.slope])
    return replace(total, value=seeds.value, n=seeds.n)


def not_worse(
    log_size: float, method: AtSize, baselines: Mapping[str, AtSize], family: int = 0, margin: float = MARGIN
) -> Verdict:
    """Decide whether a method is not worse than any baseline by `margin` points at this size (intersection-union).

    family: the number of baselines, where these are some of more.
    """
    return not_above(
        [
            Comparison("error", name, difference_at(log_size, method, other), margin, _unknown(method, other))
            for name, other in baselines.items()
        ],
        family=family,
    )


def better_than_all(log_size: float, method: AtSize, baselines: Mapping[str, AtSize]) -> Verdict:
    """Decide whether a method errs less than every baseline at this size (docs/protocol.md, B20).

    yes: the interval of every difference lies below 0 (intersection-union). no: of the others, at least one lies above
    minus MARGIN, at the simultaneous level of all, so that a lead of MARGIN points over that baseline is excluded.
    """
    lead = not_worse(log_size, method, baselines, margin=-MARGIN)
    behind = [one for one in lead.comparisons if one.unknown == 0 and one.effect.interval(LEVEL)[1] < 0]
    rest = not_above([one for one in lead.comparisons if one not in behind], family=len(lead.comparisons))
    return replace(rest, answer=YES if behind and not rest.comparisons else rest.answer, comparisons=lead.comparisons)


def better_than(log_size: float, method: AtSize, baselines: Mapping[str, AtSize]) -> dict[str, tuple[Effect, float]]:
    """Return the difference from each baseline, and its p value adjusted for their number (Holm).

    The baselines of one claim on one network are one family. The method is better than a baseline where the difference
    is negative and p is below the level.
    """
    effects = {name: difference_at(log_size, method, other) for name, other in baselines.items()}
    adjusted = holm([effect.p for effect in effects.values()])
    return {name: (effect, float(p)) for (name, effect), p in zip(effects.items(), adjusted, strict=True)}


def _unknown(first: AtSize, second: AtSize) -> int:
    """Return the networks without numbers of the seeds that both have."""
    return sum(int(np.isnan(own.error + own.log_size).sum()) for own in paired(first, second))
