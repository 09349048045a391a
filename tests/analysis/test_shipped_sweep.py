"""The shipped sweep (results/reference/tune) shows what the baselines were built to show."""

import pytest
from conftest import REPOSITORY

from robustprune.analysis.floors import floor_rows
from robustprune.analysis.read import read_detailed_runs
from robustprune.analysis.tradeoff import points

BOUNDS = {"lenet_300_100": 2.0, "lenet5": 1.2}  # test error in percent
FULL = ["l0_hc", "l0_arm", "generalized_dropout", "beta_bernoulli"]
FULL += ["sbp", "bmrs_n", "bmrs_u", "vib", "bc_gnj", "bc_ghs"]
CRITERIA_AND_PENALTIES = ["group_lasso", "magnitude", "taylor", "random", "width_uniform"]


@pytest.fixture(scope="module")
def runs():
    return read_detailed_runs(REPOSITORY / "results" / "reference" / "tune")


@pytest.fixture(scope="module")
def table(runs):
    return points(runs, 0.95)


@pytest.mark.parametrize("architecture", BOUNDS)
@pytest.mark.parametrize(("method", "track"), [*((method, "full") for method in FULL), ("ss_ig", "hidden")])
def test_a_strength_removes_three_fifths_of_the_params_at_a_fair_error(table, architecture, method, track):
    own = table[(table["architecture"] == architecture) & (table["method"] == method) & (table["track"] == track)]
    fitting = own[(own["params_percent"] <= 40) & (own["error"] <= BOUNDS[architecture])]
    assert ((fitting["not_ok"] == 0) & (fitting["n"] == 3)).any()


@pytest.mark.parametrize("architecture", BOUNDS)
@pytest.mark.parametrize("method", [*CRITERIA_AND_PENALTIES, "slimming", "torch_pruning"])
def test_the_trade_off_of_penalties_criteria_and_floors_has_six_points(table, architecture, method):
    track = "full" if method in CRITERIA_AND_PENALTIES else "hidden"
    own = table[(table["architecture"] == architecture) & (table["method"] == method) & (table["track"] == track)]
    assert (own["n"] == 3).sum() >= 6


def test_criteria_are_not_worse_than_random_at_equal_params(runs):
    """No budget at which random pruning errs less by more than the interval of the paired difference."""
    rows = floor_rows(runs, 0.95)
    rows = rows[rows["method"].isin(["magnitude", "taylor"]) & (rows["floor"] == "random")]
    assert set(rows["architecture"]) == set(BOUNDS)
    assert len(rows) == 24  # two criteria, two networks, six budgets
    assert (rows["difference_low"] <= 0).all()
