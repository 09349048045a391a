"""Sizes without labels: how many directions of a slot's input are worth keeping (docs/related.md 2).

Reverse water-filling for a Gaussian source with variances l_1 >= l_2 ...: at level w a direction is kept as far as its
variance exceeds w, and the distortion is sum min(l_i, w). The level is that at which this is a share delta of the sum.
All functions take variances [n] in any order; negative ones, which rounding makes, count as 0.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _descending(variances: ArrayLike) -> NDArray[np.float64]:
    return np.sort(np.maximum(np.asarray(variances, float), 0))[::-1]


def water_level(variances: ArrayLike, delta: float) -> float:
    """Return the level w with sum min(l_i, w) = delta sum l_i, for 0 < delta < 1; 0 without any variance."""
    ordered = _descending(variances)
    # with the k largest above the level: k w + the sum of the others = delta times the sum of all
    kept = np.arange(1, len(ordered) + 1)
    tails = ordered.sum() - np.cumsum(ordered)
    levels = (delta * ordered.sum() - tails) / kept
    below = np.append(ordered[1:], 0)
    right = (levels >= below) & (levels < ordered)
    return float(levels[right][0]) if right.any() else 0.0


def predicted_units(variances: ArrayLike, delta: float) -> int:
    """Return the number of variances above the level."""
    return int((_descending(variances) > water_level(variances, delta)).sum())


def rate(variances: ArrayLike, delta: float) -> float:
    """Return the information that is kept, in nats: half the sum of log(l_i / w) over variances above the level."""
    level, ordered = water_level(variances, delta), _descending(variances)
    return float(np.log(ordered[ordered > level] / level).sum() / 2) if level > 0 else 0.0


def effective_rank(variances: ArrayLike) -> float:
    """Return exp of the entropy of the shares of variance; 0 without any variance."""
    ordered = _descending(variances)
    shares = ordered[ordered > 0] / ordered.sum() if ordered.any() else np.array([])
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else 0.0


def participation(variances: ArrayLike) -> float:
    """Return the squared sum of variances over the sum of their squares."""
    ordered = _descending(variances)
    return float(ordered.sum() ** 2 / (ordered**2).sum())


def entropy_gain(variances: ArrayLike, noise: float) -> float:
    """Return half the sum of log(1 + l_i / noise): the entropy over that of noise alone, in nats."""
    return float(np.log1p(_descending(variances) / noise).sum() / 2)
