"""Decisions of equivalence and of non-inferiority (docs/protocol.md, B8 and B9)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from robustprune.analysis.statistics import Estimate
from robustprune.analysis.verdicts.effect import Effect, simultaneous

YES, NO, UNDECIDED, NOT_APPLICABLE = "yes", "no", "undecided", "not applicable"
TOO_FEW = "cannot be decided at this n"
ANSWERS = (YES, UNDECIDED, TOO_FEW, NO, NOT_APPLICABLE)
"""Every text of a verdict, in the order in which tables sort them."""
SHORT = {TOO_FEW: "n too small"}
"""Shorter texts, for verdicts that stand side by side."""
LEVEL = 0.90
"""Level of the intervals: two one-sided tests at 5 % each."""
OWN_LEVEL = 0.95
"""Level of a verdict by the interval of one quantity (docs/protocol.md, B20, B22, B25 to B28), whatever is shown."""


@dataclass(frozen=True)
class Comparison:
    """One difference and the margin that it must stay within.

    what: the quantity ("params", "error", a slot). start: the width, initialization or depth. unknown: networks of the
    two samples without a number (diverged, failed).
    """

    what: str
    start: str
    effect: Effect
    margin: float
    unknown: int = 0


@dataclass(frozen=True)
class Verdict:
    """The answer to a question of equivalence or non-inferiority, and the comparisons that it follows from.

    outside: for a no, those whose interval lies wholly outside its margin. level: that of these intervals, at which all
    comparisons of the verdict hold together.
    """

    answer: str
    comparisons: tuple[Comparison, ...]
    outside: tuple[Comparison, ...] = ()
    level: float = LEVEL

    def __str__(self) -> str:
        return self.answer


def equivalent(comparisons: Sequence[Comparison], level: float = LEVEL, family: int = 0) -> Verdict:
    """Decide whether all differences lie within their margins, on either side.

    yes: the interval at `level` of every comparison lies inside its margin and no network is without a number. As all
    must pass (intersection-union), a false yes has a probability of at most (1 - level) / 2. no: at least one interval,
    at the simultaneous level of all comparisons, lies wholly outside its margin; a false no has at most the same
    probability. family: the number of comparisons, where these are a part of a larger verdict. Otherwise TOO_FEW where
    the half width of an interval that does not pass exceeds the margin or is unknown, so that with this spread not even
    an estimate of no difference would pass, else UNDECIDED. NOT_APPLICABLE without comparisons.
    """
    return _decide(comparisons, level, family, both_sides=True)


def not_above(comparisons: Sequence[Comparison], level: float = LEVEL, family: int = 0) -> Verdict:
    """Decide whether all differences lie below their margins (non-inferiority), with the same rules and errors.

    A margin can be negative: the differences must then lie below it, on the better side of 0.
    """
    return _decide(comparisons, level, family, both_sides=False)


def at_most(estimates: Sequence[Estimate], bound: float) -> str:
    """Decide whether all quantities lie at or below a bound, by their own intervals (docs/protocol.md, B20).

    yes: every interval ends at or below it. no: at least one begins above it. Otherwise TOO_FEW where an interval is
    unknown, else UNDECIDED. NOT_APPLICABLE without estimates.
    """
    if not estimates:
        return NOT_APPLICABLE
    if all(one.high <= bound for one in estimates):
        return YES
    if any(one.low > bound for one in estimates):
        return NO
    return TOO_FEW if any(np.isnan(one.high) for one in estimates) else UNDECIDED


def all_yes(answers: Collection[str]) -> str:
    """Return NO if one answer is no, else TOO_FEW or UNDECIDED if one is, else YES; NOT_APPLICABLE does not count."""
    asked = [answer for answer in answers if answer != NOT_APPLICABLE]
    if not asked:
        return NOT_APPLICABLE
    return next((answer for answer in (NO, TOO_FEW, UNDECIDED) if answer in asked), YES)


def _decide(comparisons: Sequence[Comparison], level: float, family: int, both_sides: bool) -> Verdict:
    compared = tuple(comparisons)
    if not compared:
        return Verdict(NOT_APPLICABLE, compared)
    failing = [one for one in compared if not _inside(one, level, both_sides)]
    if not failing:
        return Verdict(YES, compared)
    together = simultaneous(level, max(family, len(compared)))
    outside = tuple(one for one in compared if _outside(one, together, both_sides))
    if outside:
        return Verdict(NO, compared, outside, together)
    halves = np.array([one.effect.half_width(level) / abs(one.margin) for one in failing])
    return Verdict(UNDECIDED if (halves <= 1).all() else TOO_FEW, compared)


def _inside(one: Comparison, level: float, both_sides: bool) -> bool:
    low, high = one.effect.interval(level)
    return one.unknown == 0 and high < one.margin and (low > -one.margin or not both_sides)


def _outside(one: Comparison, level: float, both_sides: bool) -> bool:
    low, high = one.effect.interval(level)
    return low >= one.margin or (both_sides and high <= -one.margin)
