"""Closing in on a target: from the values tried so far to the next one, and at last to the operating point.

The curve is size (or validation error) against the logarithm of the knob. Nothing here sees test images.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scipy import stats

CLOSE = 1.25  # a bracket whose values differ by at most this factor needs no further round


@dataclass(frozen=True)
class Trial:
    """The networks of one value: whether all are ok, their parameters and their validation errors in percent."""

    value: float
    ok: bool
    params: tuple[float, ...]
    errors: tuple[float, ...]

    @property
    def mean_params(self) -> float:
        """The mean of the parameters kept."""
        return sum(self.params) / len(self.params)


@dataclass(frozen=True)
class Goal:
    """A target as a number: mean log parameters (on_size), or mean validation error in percent."""

    on_size: bool
    level: float

    def heights(self, trial: Trial) -> tuple[float, ...]:
        """Return what the goal looks at, for every network of a trial."""
        return tuple(map(math.log, trial.params)) if self.on_size else trial.errors

    def height(self, trial: Trial) -> float:
        """Return how far the mean of a trial is above the goal."""
        heights = self.heights(trial)
        return sum(heights) / len(heights) - self.level

    def held_by(self, trial: Trial, confidence: float = 0.95) -> bool:
        """Return whether the t interval of the trial's mean holds the goal; never with one network."""
        heights = self.heights(trial)
        if len(heights) < 2:
            return False
        mean = sum(heights) / len(heights)
        variance = sum((height - mean) ** 2 for height in heights) / (len(heights) - 1)
        half = stats.t.ppf((1 + confidence) / 2, len(heights) - 1) * math.sqrt(variance / len(heights))
        return bool(abs(mean - self.level) <= half)


def bracket(trials: Sequence[Trial], goal: Goal) -> tuple[Trial, Trial] | None:
    """Return two neighbouring values, both ok, between which the curve meets the goal; None without one.

    Where the curve crosses more than once, the smaller networks count.
    """
    good = sorted((trial for trial in trials if trial.ok), key=lambda trial: trial.value)
    pairs = [(a, b) for a, b in itertools.pairwise(good) if goal.height(a) * goal.height(b) <= 0]
    return min(pairs, key=lambda pair: min(trial.mean_params for trial in pair), default=None)


def crossing(pair: tuple[Trial, Trial], goal: Goal) -> float:
    """Return the value at which the line between two trials, over the logarithm of the value, meets the goal."""
    first, second = (goal.height(trial) for trial in pair)
    share = 0.5 if first == second else first / (first - second)
    low, high = (math.log(trial.value) for trial in pair)
    return math.exp(low + share * (high - low))


def next_value(trials: Sequence[Trial], goal: Goal, limits: tuple[float, float]) -> float | None:
    """Return the value to try next, or None: the bracket is close enough, or no value of the range can help.

    Between values of which one is not ok, the middle is tried.
    """
    pair = bracket(trials, goal)
    if pair:
        return None if pair[1].value <= CLOSE * pair[0].value else crossing(pair, goal)
    good = sorted((trial for trial in trials if trial.ok), key=lambda trial: trial.value)
    if not good:
        return None
    nearest = min(good, key=lambda trial: abs(goal.height(trial)))
    failed = [trial.value for trial in trials if not trial.ok]
    for end, neighbours in (
        (good[-1], [v for v in failed if v > good[-1].value]),
        (good[0], [v for v in failed if v < good[0].value]),
    ):
        if nearest is end and neighbours:
            closest = min(neighbours, key=lambda value: abs(math.log(value / end.value)))
            middle = math.sqrt(closest * end.value)
            return middle if max(closest, end.value) > CLOSE * min(closest, end.value) else None
    inner = limits[1] if nearest is good[-1] else limits[0] if nearest is good[0] else None
    return None if inner is None or math.isclose(inner, nearest.value, rel_tol=1e-2) else inner


def unreachable(trials: Iterable[Trial], goal: Goal) -> str:
    """Return why no bracket of the goal was found."""
    every = list(trials)
    good = [trial for trial in every if trial.ok]
    if not good:
        return "no value gave networks that are all ok"
    below = all(goal.height(trial) < 0 for trial in good)
    what = "parameters kept" if goal.on_size else "validation errors"
    edge = "; beyond them networks collapse" if len(good) < len(every) else "; the range of the knob ends there"
    return f"all {what} are {'below' if below else 'above'} the target{edge}"
