"""Verdicts: their definition, and how often they are wrong."""

import numpy as np
import pytest

from robustprune.analysis.verdicts.decision import (
    NO,
    NOT_APPLICABLE,
    TOO_FEW,
    UNDECIDED,
    YES,
    Comparison,
    equivalent,
    not_above,
)
from robustprune.analysis.verdicts.effect import Effect, difference

T9 = 1.8331129326536335  # 95 % quantile of Student's t, 9 degrees of freedom


def compared(value, half=0.05, unknown=0, margin=0.1):
    """A comparison whose 90 % interval is value +- half."""
    return Comparison("params", "width 2", Effect(value, half / T9, 9, 10), margin, unknown)


@pytest.mark.parametrize(
    ("comparisons", "answer", "below"),
    [
        ([compared(0.04), compared(-0.04)], YES, YES),
        ([compared(0.04), compared(0.06)], UNDECIDED, UNDECIDED),
        ([compared(-0.06)], UNDECIDED, YES),
        ([compared(0.0, half=0.11)], TOO_FEW, TOO_FEW),
        ([compared(-0.3, half=0.11)], NO, YES),
        ([compared(0.0), compared(0.16)], UNDECIDED, UNDECIDED),  # outside alone, but not at the level for two
        ([compared(0.16)], NO, NO),
        ([compared(0.0, half=0.11), compared(0.3)], NO, NO),
        # far below the margin a wide interval passes on that side, and so says nothing of the n that the other lacks
        ([compared(-0.3, half=0.2), compared(0.06)], TOO_FEW, UNDECIDED),
        ([compared(0.0, unknown=1)], UNDECIDED, UNDECIDED),
        ([compared(np.nan, half=np.nan)], TOO_FEW, TOO_FEW),
        ([compared(0.0, half=0.0), compared(0.099, half=0.0)], YES, YES),
        ([compared(0.101, half=0.0)], NO, NO),
        ([], NOT_APPLICABLE, NOT_APPLICABLE),
    ],
)
def test_answers(comparisons, answer, below):
    assert str(equivalent(comparisons)) == answer
    assert str(not_above(comparisons)) == below


@pytest.mark.parametrize("shift", [0.1, -0.1])
def test_at_the_margin_a_wrong_answer_has_at_most_five_percent(shift):
    """Four widths against one, all exactly at the margin (no is wrong), or one of them (yes is wrong)."""
    rng, draws, n = np.random.default_rng(2), 500, 5
    yes = no = 0
    for _ in range(draws):
        samples = 0.01 * rng.standard_normal((5, n))
        apart = [Comparison("", "", difference(sample + shift, samples[0]), 0.1) for sample in samples[1:]]
        others = [Comparison("", "", difference(sample, samples[0]), 0.1) for sample in samples[2:]]
        yes += equivalent([apart[0], *others]).answer == YES
        no += equivalent(apart).answer == NO
    assert 0.02 < yes / draws < 0.08
    assert 0.005 < no / draws < 0.07
