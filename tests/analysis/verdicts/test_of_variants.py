"""Verdicts on variants, from rows made up for them."""

import numpy as np
import pandas as pd
import pytest

from robustprune.analysis.variants import ALL, ITSELF
from robustprune.analysis.verdicts.of_variants import deciding_row, fails, verdict_at_equal_size


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.01, 0.3), "worse"),
        ((0.01, 0.1), "worse, same"),
        ((-0.3, -0.01), "better"),
        ((-0.1, -0.01), "better, same"),
        ((-0.1, 0.1), "same"),
        ((-0.11, 0.1), "undecided"),
        ((-0.1, 0.11), "undecided"),
        ((np.nan, np.nan), "not comparable"),
    ],
)
def test_verdicts(interval, verdict):
    low, high = interval
    row = pd.Series({"difference": (low + high) / 2, "difference_low": low, "difference_high": high})
    assert verdict_at_equal_size(row) == verdict


def test_the_mean_over_strengths_decides():
    rows = pd.DataFrame({"strength": ["c_1", "c_2", ALL], "difference": [0.1, 0.3, 0.2]})
    assert deciding_row(rows)["strength"] == ALL


def test_one_comparable_strength_decides_alone():
    rows = pd.DataFrame({"strength": ["c_1", "c_2", "c_3"], "difference": [np.nan, 0.3, np.nan]})
    assert deciding_row(rows)["strength"] == "c_2"
    assert np.isnan(deciding_row(rows.iloc[[0, 2]])["difference"])


def test_what_fails():
    """A point more than the method, a network that is not ok, no error at all."""
    rows = pd.DataFrame(
        [
            (ITSELF, "c", 1.0, 1),  # networks of the method itself are its own matter
            ("equal", "c", 1.0, 0),
            ("a_point_more", "c", 2.0, 0),
            ("worse", "c", 2.01, 0),
            ("collapsed", "c", 1.0, 1),
            ("diverged", "c", np.nan, 5),
            ("without_error", "c", np.nan, 0),
            ("equal", ALL, np.nan, 5),
        ],
        columns=["variant", "strength", "error", "not_ok"],
    )
    found = fails(rows)
    assert found.index[found].tolist() == ["worse", "collapsed", "diverged", "without_error"]
    assert found.index[~found].tolist() == ["equal", "a_point_more"]
