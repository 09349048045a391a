"""Agreement of networks on the units that they keep: the Jaccard index against chance."""

from collections.abc import Sequence
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from robustprune.analysis.statistics import LEAST, Estimate


def jaccard(first: ArrayLike, second: ArrayLike) -> float:
    """Return the share of units kept by both of those kept by either, of two bool arrays [N]; NaN where none is."""
    a, b = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    return _jaccard(a.size, int(a.sum()), int(b.sum()), int((a & b).sum()))


def _jaccard(total: int, first: int, second: int, both: int) -> float:
    either = first + second - both
    return both / either if either else np.nan


@cache
def jaccard_by_chance(total: int, first: int, second: int) -> float:
    """Return the expected Jaccard index of random subsets of `first` and `second` of `total` units.

    The number X that both keep is hypergeometric, and the index is X / (first + second - X), so that its expectation is
    the sum over x of P(X = x) x / (first + second - x). NaN where both subsets are empty.
    """
    if first + second == 0:
        return np.nan
    common = np.arange(max(0, first + second - total), min(first, second) + 1)
    return float(stats.hypergeom.pmf(common, total, first, second) @ (common / (first + second - common)))


def above_chance(first: ArrayLike, second: ArrayLike) -> float:
    """Return (J - E) / (1 - E) with E the index by chance at these counts: 0 is chance, 1 the same units.

    NaN where the counts leave no choice: one of them keeps all units, or none.
    """
    a, b = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    return _above_chance(a.size, int(a.sum()), int(b.sum()), int((a & b).sum()))


def _above_chance(total: int, first: int, second: int, both: int) -> float:
    if min(first, second) == 0 or max(first, second) == total:
        return np.nan
    chance = jaccard_by_chance(total, first, second)
    return (_jaccard(total, first, second, both) - chance) / (1 - chance)


def mean_agreement(
    kept: ArrayLike, groups: Sequence[object] | None = None, *, corrected: bool = False, confidence: float = 0.95
) -> Estimate:
    """Return the mean index over pairs of networks [n, N], `above_chance` where `corrected`.

    groups: a label per network; then only pairs of different labels count, such as two widths. The interval is the
    jackknife over networks (leave one out), because pairs that share a network are not independent. n is the number of
    networks; there is no interval below LEAST, nor where a network left out leaves no pair.
    """
    units = np.asarray(kept, dtype=bool)
    labels = range(len(units)) if groups is None else groups
    pairs = [pair for pair in combinations(range(len(units)), 2) if labels[pair[0]] != labels[pair[1]]]
    of, total = (_above_chance if corrected else _jaccard), units.shape[1]
    both = (units.astype(int) @ units.T.astype(int)).tolist()  # the diagonal: units that a network keeps
    index = np.array([of(total, both[a][a], both[b][b], both[a][b]) for a, b in pairs])
    ends, known = np.array(pairs).reshape(-1, 2), ~np.isnan(index)
    ends, index = ends[known], index[known]
    used = np.unique(ends)
    n = len(used)
    value = float(index.mean()) if n else np.nan
    left = [index[(ends != place).all(axis=1)] for place in used]
    if n < LEAST or min(map(len, left)) == 0:
        return Estimate(value, np.nan, np.nan, n)
    without = np.array([rest.mean() for rest in left])
    error = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * error)
    return Estimate(value, value - half, value + half, n)
