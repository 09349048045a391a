"""The table at equal error: closed forms of ratios, and what they may be called."""

import numpy as np
import pytest
from scipy import stats
from test_table_at_equal_size import study

from robustprune.analysis.equal_error import FEWER, MORE, UNEQUAL, equal_error
from robustprune.analysis.statistics import holm
from robustprune.analysis.verdicts.decision import TOO_FEW, UNDECIDED


def at_error(**sizes):
    """Points of equal error; sizes: method -> params, spread by a percent and a half in another order per method."""
    runs = study(target="at_error", params=np.nan, counts=(6, 6, 6))
    for place, (method, size) in enumerate(({"bernoulli": 20_000, "vib": 20_000, "sbp": 20_000} | sizes).items()):
        own = runs["method"] == method
        spread = np.roll([-0.02, 0.01, 0.03, 0.0, -0.02, 0.015], place)
        runs.loc[own, "params_kept"] = size * np.exp(spread[: own.sum()])
    runs["target_above_dense"] = 0.2
    runs["error_test_percent"] = 1.6 + 0.01 * runs["replicate"] * (runs["method"] == "vib")
    return runs


def rows(runs):
    return equal_error(runs, 0.95).table.set_index("baseline")


def test_the_ratio_is_the_geometric_mean_over_pairs_of_a_seed():
    runs = at_error(vib=25_000)
    row = rows(runs).loc["vib"]
    own, other = (
        np.log(runs[runs["method"] == name].sort_values("seed")["params_kept"].to_numpy())
        for name in ("bernoulli", "vib")
    )
    half = stats.t.ppf(0.975, 5) * (own - other).std(ddof=1) / np.sqrt(6)
    assert row["ratio"] == pytest.approx(np.exp((own - other).mean()))
    assert row["ratio_low"] == pytest.approx(np.exp((own - other).mean() - half))
    assert (row["answer"], row["n"]) == (FEWER, 6)


def test_p_values_are_adjusted_for_the_baselines():
    runs = at_error(vib=25_000, sbp=20_600)
    table = rows(runs)
    own = np.log(runs[runs["method"] == "bernoulli"].sort_values("seed")["params_kept"].to_numpy())
    alone = [
        stats.ttest_1samp(
            own - np.log(runs[runs["method"] == name].sort_values("seed")["params_kept"].to_numpy()), 0
        ).pvalue
        for name in table.index
    ]
    np.testing.assert_allclose(table["p_holm"].astype(float), holm(alone))


def test_more_params_and_no_difference():
    table = rows(at_error(vib=15_000))
    assert table.loc["vib", "answer"] == MORE
    assert table.loc["sbp", "answer"] == UNDECIDED


@pytest.mark.parametrize(
    ("size", "error", "found"), [(25_000, 1.3, UNEQUAL), (15_000, 1.9, UNEQUAL), (25_000, 1.9, FEWER)]
)
def test_a_difference_of_errors_that_explains_the_sizes_is_no_answer(size, error, found):
    """Fewer params with a larger error, or more with a smaller one; fewer with a smaller error stays an answer."""
    runs = at_error(vib=size)
    runs.loc[runs["method"] == "vib", "error_test_percent"] = error + 0.01 * runs["replicate"]
    assert rows(runs).loc["vib", "answer"] == found


def test_two_pairs_are_too_few():
    runs = at_error(vib=25_000)
    runs = runs[(runs["method"] != "vib") | (runs["replicate"] < 2)]
    assert rows(runs).loc["vib", "answer"] == TOO_FEW


def test_points_of_another_data_set_are_no_points_of_equal_error():
    """Fashion-MNIST at MNIST's points: neither their size nor their error is a target there."""
    runs = at_error().assign(target_above_dense=np.nan)
    assert equal_error(runs, 0.95).table.empty


def test_tables_of_an_older_version_get_the_aim_that_the_same_point_has():
    """A merge of a folder without the column: its methods would be gone from the table."""
    runs = at_error(vib=25_000)
    runs.loc[runs["method"] != "vib", "target_above_dense"] = np.nan
    assert set(rows(runs).index) == {"vib", "sbp"}


def test_points_of_equal_size_are_no_points_of_equal_error():
    sheet = equal_error(study(), 0.95)
    assert sheet.table.empty
    assert "no operating points of equal error" in sheet.caption
