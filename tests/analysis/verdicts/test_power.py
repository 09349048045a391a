"""The power of the verdicts: the fast simulation decides like `decision`, and agrees with a closed form."""

import numpy as np
import pytest
from scipy import stats

from robustprune.analysis.verdicts import power
from robustprune.analysis.verdicts.decision import NO, YES, Comparison, equivalent, not_above
from robustprune.analysis.verdicts.effect import difference, mean_of
from robustprune.analysis.verdicts.power import Question, answers

DRAWS = 200


@pytest.mark.parametrize("shift", [0.0, 0.06, 0.2])
@pytest.mark.parametrize("paired", [False, True])
def test_the_simulation_decides_like_the_verdicts(shift, paired):
    question, n = Question("", 0.05, 0.1, 3, paired=paired), 5
    rng = np.random.default_rng(power.SEED)
    sd = question.sd / np.sqrt(2) if paired else question.sd
    found = []
    for first, *others in sd * rng.standard_normal((DRAWS, 4, n)):
        effects = [mean_of(first - own + shift) if paired else difference(own + shift, first) for own in others]
        decide = not_above if paired else equivalent
        found.append(decide([Comparison("", "", effect, 0.1) for effect in effects]).answer)
    assert answers(question, n, shift, DRAWS) == (found.count(YES) / DRAWS, found.count(NO) / DRAWS)


def test_a_no_has_the_level_of_all_quantities_of_its_verdict():
    """Size, error and slots share one verdict: more comparisons make a no harder and leave a yes as it is."""
    alone, together = (answers(Question("", 0.05, 0.1, 3, quantities=count), 5, 0.2) for count in (1, 5))
    assert alone[0] == together[0]
    assert alone[1] > together[1] + 0.05


def test_one_comparison_has_the_power_of_a_t_test():
    """Non-inferiority without a true difference: a one-sided paired t test at 5 % against the margin."""
    n, margin = 5, 0.1
    noncentral = margin / (0.14 / np.sqrt(n))
    expected = stats.nct.sf(stats.t.ppf(0.95, n - 1), n - 1, noncentral)
    found, _ = answers(Question("", 0.14, margin, 1, paired=True), n, 0.0)
    assert found == pytest.approx(expected, abs=0.015)
