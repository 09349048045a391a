"""Methods against the floors of the same budget, from made-up records with known answers."""

import json

import pandas as pd
import pytest
from made_up_study import made_up, store
from scipy import stats

from robustprune.analysis.floors import floors
from robustprune.analysis.read import read_detailed_runs
from robustprune.analysis.tradeoff import points
from robustprune.gathering.asked import asked_columns

ERRORS = {
    ("taylor", "keep_10"): ([2.0, 2.1, 2.4], {"target": 0.1, "measure": "params"}),
    ("random", "keep_10"): ([3.0, 3.3, 3.1], {"target": 0.1, "measure": "params"}),
    ("random", "keep_05"): ([9.0, 9.0, 9.0], {"target": 0.05, "measure": "params"}),
    ("random", "macs_10"): ([8.0, 8.0, 8.0], {"target": 0.1, "measure": "macs"}),
    ("width_uniform", "of_taylor"): ([2.2, 2.2, 2.8], {"of": "taylor/keep_10"}),
    ("ticket", "of_taylor"): ([1.0, 1.0, 1.0], {"of": "taylor/keep_10"}),
    ("bernoulli", "a"): ([1.5, 1.6, 1.7], {"price": 3e-4}),
}


@pytest.fixture
def runs(tmp_path):
    """One network each of the cells above, rows in another order for every cell."""
    runs, details, history, gates = made_up(("bernoulli",), widths=(1.0,), initializations=("he_normal",))
    parts, described = [], []
    for number, ((method, strength), (errors, settings)) in enumerate(ERRORS.items()):
        axes = {"method": method, "strength": strength}
        parts.append(runs.assign(**axes, error_test_percent=errors).iloc[:: 1 if number % 2 else -1])
        asked = asked_columns(settings, operating_point=False)
        described.append(details.assign(**axes, **asked, settings=json.dumps(settings)))
    return read_detailed_runs(store(tmp_path, (pd.concat(parts), pd.concat(described), history, gates)))


def test_equal_budgets_meet_paired_by_seed_and_adjusted_together(runs):
    sheet = floors(runs, 0.95)
    table = sheet.table.set_index(["method", "floor"])
    expected = {
        ("taylor", "random"): ([2.0, 2.1, 2.4], [3.0, 3.3, 3.1]),
        ("taylor", "width_uniform"): ([2.0, 2.1, 2.4], [2.2, 2.2, 2.8]),
        ("random", "width_uniform"): ([3.0, 3.3, 3.1], [2.2, 2.2, 2.8]),
    }
    assert set(table.index) == set(expected)
    raw = {pair: stats.ttest_rel(*errors) for pair, errors in expected.items()}
    for pair, found in raw.items():
        low, high = found.confidence_interval(0.95)
        row = table.loc[pair]
        assert (row.difference_low, row.difference_high, row.n) == pytest.approx((low, high, 3), abs=1e-9)
    smallest = min(raw, key=lambda pair: raw[pair].pvalue)
    assert table.loc[smallest, "p_holm"] == pytest.approx(min(1, 3 * raw[smallest].pvalue))
    assert "10 % of params" in sheet.html()


@pytest.mark.parametrize(("first_replicate", "pairs"), [(1, [(2.1, 3.0), (2.4, 3.3)]), (50, [])])
def test_networks_of_other_seeds_are_no_pairs(runs, first_replicate, pairs):
    """The replicates of the floor, which count from 0 too, are those from `first_replicate` on."""
    others = runs["seed"] + first_replicate
    table = floors(runs.assign(seed=others.where(runs["method"] == "random", runs["seed"])), 0.95).table
    row = table.set_index(["method", "floor"]).loc[("taylor", "random")]
    assert (row.difference_n, row.n, row.floor_error) == (len(pairs), 3, pytest.approx(9.4 / 3))
    expected = sum(own - floor for own, floor in pairs) / len(pairs) if pairs else float("nan")
    assert row.difference == pytest.approx(expected, nan_ok=True)


def test_methods_at_one_searched_size_meet_although_their_shares_differ(runs):
    """A search gave magnitude the share 0.0979 and random 0.0978, both for 26,000 params."""
    runs = runs[runs["method"].isin(["taylor", "random"]) & (runs["strength"] == "keep_10")].copy()
    shares = {"taylor": 0.0979, "random": 0.0978}
    runs["settings"] = [json.dumps({"target": shares[name], "measure": "params"}) for name in runs["method"]]
    assert floors(runs, 0.95).table.empty
    sheet = floors(runs.assign(target_params=26_000), 0.95)
    assert sheet.table[["method", "floor"]].values.tolist() == [["taylor", "random"]]
    assert "26,000 params" in sheet.html()


def test_without_a_floor_there_is_no_row(runs):
    assert floors(runs[runs["method"].isin(["taylor", "bernoulli"])], 0.95).table.empty


def test_a_trade_off_shows_the_floor_without_a_search_but_no_other_control(runs):
    assert set(points(runs, 0.95)["method"]) == {"taylor", "random", "width_uniform", "bernoulli"}
