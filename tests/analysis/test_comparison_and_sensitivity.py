"""Main table, robustness and ranking from made-up records with known answers, and the three forms of a table."""

import re

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up, store
from scipy import stats

from robustprune.analysis.columns import strong, with_interval
from robustprune.analysis.comparison import main_comparison, ranking, supported_best
from robustprune.analysis.read import read_detailed_runs
from robustprune.analysis.sensitivity import sensitivity_initialization, sensitivity_seed, sensitivity_width
from robustprune.analysis.sheet import Sheet


@pytest.fixture
def runs(tmp_path):
    """bernoulli keeps 1000 of any start, dense all; a second strength of bernoulli at the standard start only."""
    tables = list(made_up())
    for number in (0, 1):
        standard = (tables[number]["width"] == 1) & (tables[number]["initialization"] == "he_normal")
        other = tables[number][standard & (tables[number]["method"] == "bernoulli")].assign(strength="b")
        tables[number] = pd.concat([tables[number], other])
    tables[1]["operating_point"] = (tables[1]["method"] == "bernoulli") & (tables[1]["strength"] == "a")
    dense = tables[0]["method"] == "dense"
    tables[0].loc[dense, "error_test_percent"] = np.resize([1.0, 1.11, 1.19], dense.sum())
    return read_detailed_runs(store(tmp_path, tables))


def row_of(sheet, method):
    return sheet.table[sheet.table["method"] == method].iloc[0]


def test_main_comparison_and_its_bold_figures(runs):
    sheet = main_comparison(runs, 0.95)
    row = row_of(sheet, "bernoulli")
    assert (row.params, row.compression, row.macs, row.n) == (1001, pytest.approx(266610 / 1001), 100, 3)
    assert row.speedup == pytest.approx(3.0)  # median of 3 / 1.5, 3 / 1.0, 3 / 0.5
    assert (row.error_best, row_of(sheet, "dense").error_best) == (False, True)
    shown = sheet.sections[0][1].set_index("method")
    assert shown.loc["dense", "test error (%)"] == strong("1.10 [0.86, 1.34]")
    assert "<strong>1.10 [0.86, 1.34]</strong>" in sheet.html()
    assert "\\textbf{1.10 [0.86, 1.34]}" in sheet.latex("main")


def test_bold_needs_every_paired_difference(runs):
    """A third method that differs from dense by noise only: no best."""
    extra = runs[runs["method"] == "dense"].assign(method="taylor")
    extra["error_test_percent"] += np.resize([0.3, -0.2, 0.1], len(extra))
    group = pd.concat([runs, extra])
    group = group[(group["width"] == 1) & (group["initialization"] == "he_normal") & (group["strength"] == "a")]
    assert supported_best(group[group["method"] != "taylor"], "error_test_percent", 0.95) == ("dense", "a")
    assert supported_best(group, "error_test_percent", 0.95) is None


def test_bold_needs_networks_of_the_same_seeds(runs):
    group = runs[(runs["width"] == 1) & (runs["initialization"] == "he_normal") & (runs["strength"] == "a")]
    assert supported_best(group, "error_test_percent", 0.95) == ("dense", "a")
    other = group["seed"].where(group["method"] == "dense", group["seed"] + 50)
    assert supported_best(group.assign(seed=other), "error_test_percent", 0.95) is None


def test_sensitivity_to_the_starting_size(runs):
    sheet = sensitivity_width(runs, 0.95)
    assert row_of(sheet, "bernoulli").elasticity == pytest.approx(0, abs=1e-12)
    dense = row_of(sheet, "dense")
    assert dense.elasticity == pytest.approx(1, abs=2e-3)  # 1001 and 2001 params
    assert (dense.params_smallest, dense.params_largest, dense.n, dense.widths) == (1001, 2001, 6, "1 2")
    assert (dense.not_ok_percent, dense.not_ok_percent_low) == (0, 0)


def test_elasticity_from_the_standard_size_up_leaves_narrower_starts_out(runs):
    standard = runs[(runs["width"] == 1) & (runs["initialization"] == "he_normal") & (runs["strength"] == "a")]
    half = standard.assign(width=0.5, params_kept=standard["params_kept"] / 2)
    row = row_of(sensitivity_width(pd.concat([runs, half]), 0.95), "bernoulli")
    assert row.widths == "0.5 1 2"
    assert row.elasticity_up == pytest.approx(0, abs=1e-12)  # 1001 params from both
    assert row.elasticity == pytest.approx(0.5)  # half, all, all of them
    below = row_of(sensitivity_width(pd.concat([runs[runs["width"] == 1], half]), 0.95), "bernoulli")
    assert np.isnan(below.elasticity_up)


def test_sensitivity_to_the_initialization(runs):
    runs.loc[(runs["initialization"] == "orthogonal") & (runs["method"] == "bernoulli"), "params_kept"] += 100
    row = row_of(sensitivity_initialization(runs, 0.95), "bernoulli")
    assert row.initializations == 2
    assert row.variation_percent == pytest.approx(100 * np.std([1001, 1101], ddof=1) / 1051)
    assert row.p_spread == pytest.approx(1)  # the same errors under both
    assert (row.shared, row.variation_shared_percent) == (2, row.variation_percent)


def test_p_of_equal_spread_under_every_initialization_is_adjusted_for_the_methods(runs):
    spread = (runs["initialization"] == "orthogonal") & (runs["method"] == "bernoulli") & (runs["width"] == 1)
    runs.loc[spread, "error_test_percent"] = [1.2, 1.6, 2.4]
    own = runs[(runs["method"] == "bernoulli") & (runs["width"] == 1) & (runs["strength"] == "a")]
    alone = stats.levene(*(e for _, e in own.groupby("initialization")["error_test_percent"]), center="median").pvalue
    assert row_of(sensitivity_initialization(runs, 0.95), "bernoulli").p_spread == pytest.approx(2 * alone)


def test_variation_is_compared_over_the_initializations_that_all_methods_have(runs):
    more = runs[(runs["initialization"] == "orthogonal") & (runs["method"] == "bernoulli")]
    more = more.assign(initialization="mmd", params_kept=more["params_kept"] + 500)
    row = row_of(sensitivity_initialization(pd.concat([runs, more]), 0.95), "bernoulli")
    assert (row.initializations, row.shared) == (3, 2)
    assert row.variation_percent == pytest.approx(
        100 * np.std([1001, 1001, 1501], ddof=1) / np.mean([1001, 1001, 1501])
    )
    assert row.variation_shared_percent == 0


def test_sensitivity_to_the_seed_counts_what_failed(runs):
    first = runs.index[(runs["method"] == "bernoulli") & (runs["width"] == 1)][0]
    runs.loc[first, ["status", "params_kept", "error_test_percent"]] = ["diverged", None, None]
    row = row_of(sensitivity_seed(runs, 0.95), "bernoulli")
    assert (row.n, row.variation_percent_n, row.error_iqm_n) == (3, 2, 2)
    assert row.not_ok_percent == pytest.approx(100 / 3)
    assert row.variation_percent == pytest.approx(100 * np.std([1001, 1002], ddof=1) / 1001.5)
    assert (row.error_min, row.error_max) == (1.6, 1.7)
    assert np.isnan(row.p_spread)  # the reference itself
    assert np.isnan(row_of(sensitivity_seed(runs, 0.95), "dense").p_spread)  # two networks have no spread to compare
    shown = sensitivity_seed(runs, 0.95).sections[0][1].set_index("method").loc["bernoulli"]
    assert (shown["error, IQM (%)"], shown["n"]) == ("1.65 (n = 2)", "3")


def test_spread_is_compared_with_one_strength_of_the_method(runs):
    """A14: the strengths [1.50, 1.55, 1.60] and [2.50, 2.55, 2.60] together spread by two thirds of a point."""
    at_start = runs[(runs["width"] == 1) & (runs["initialization"] == "he_normal")]
    ours = at_start[at_start["method"] == "bernoulli"].assign(operating_point=False)
    a, b = ours[ours["strength"] == "a"], ours[ours["strength"] == "b"]
    a, b = a.assign(error_test_percent=[1.50, 1.55, 1.60]), b.assign(error_test_percent=[2.50, 2.55, 2.60])
    other = at_start[at_start["method"] == "dense"].assign(error_test_percent=[1.70, 1.75, 1.80])
    sheet = sensitivity_seed(pd.concat([a, b, other]), 0.95)
    assert set(zip(sheet.table["method"], sheet.table["strength"], strict=True)) == {
        ("bernoulli", "a"),
        ("bernoulli", "b"),
        ("dense", "a"),
    }
    assert row_of(sheet, "dense").p_spread == pytest.approx(1)
    assert set(sheet.table["reference"]) == {"bernoulli/a"}
    assert "against bernoulli/a" in sheet.caption


def test_ranking(runs):
    table = ranking(runs, 0.95).table.set_index("method")
    assert table["error_rank"].to_dict() == {"dense": 1, "bernoulli": 2}
    assert table["params_rank"].to_dict() == {"dense": 1.5, "bernoulli": 1.5}
    assert table.loc["dense", "error_improved"] == 0
    assert table.loc["dense", "params_improved"] == 0.5
    assert np.isnan(table.loc["bernoulli", "error_improved"])


def test_ranks_are_over_the_seeds_that_every_method_has(runs):
    """The networks of the others are replicates 1 to 3 of the study; dense is worst at 0, which they lack."""
    errors = runs["error_test_percent"].mask((runs["method"] == "dense") & (runs["replicate"] == 0), 9.0)
    seeds = runs["seed"] + (runs["method"] != "dense")
    table = ranking(runs.assign(error_test_percent=errors, seed=seeds), 0.95).table.set_index("method")
    assert table["error_rank"].to_dict() == {"dense": 1, "bernoulli": 2}
    assert set(table["error_rank_n"]) == {2}


def test_ranking_shows_first_what_it_is_sorted_by(runs):
    shown = ranking(runs, 0.95).sections[0][1]
    assert list(shown["method"]) == ["dense", "bernoulli"]
    assert shown.columns[2] == "rank by error"
    assert shown.columns[3] == "P(bernoulli better), error"


def test_a_replicate_that_a_cell_does_not_have_did_not_fail(runs):
    """bernoulli with three networks against dense with two, both larger: never worse."""
    runs = runs[(runs["method"] == "bernoulli") | (runs["replicate"] < 2)]
    runs = runs.assign(error_test_percent=runs["error_test_percent"].where(runs["method"] == "bernoulli", 0.5))
    row = row_of(ranking(runs, 0.95), "dense")
    assert (row.error_improved, row.error_improved_n, row.error_rank_n) == (0, 2, 2)
    failing = runs[(runs["method"] == "dense") & (runs["replicate"] == 1)].assign(
        replicate=2, seed=2, error_test_percent=np.nan
    )
    assert row_of(ranking(pd.concat([runs, failing]), 0.95), "dense").error_improved == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("value", "low", "high", "form", "shown"),
    [
        (26480.0, 25083.1, 27876.9, ",.0f", "26,500 [25,100, 27,900]"),
        (1.558, 1.5479, 1.5681, ".2f", "1.56 [1.55, 1.57]"),
        (12.34, 8.1, 16.9, ".2f", "12.3 [8.1, 16.9]"),
        (-0.0047, -0.0321, 0.0227, ".3f", "-0.005 [-0.032, 0.023]"),
        (2.0, 2.0, 2.0, ".1f", "2.0 [2.0, 2.0]"),
        (1.2345, np.nan, np.nan, ".2f", "1.23"),
        (np.nan, np.nan, np.nan, ".2f", "-"),
    ],
)
def test_digits_are_those_that_the_interval_supports(value, low, high, form, shown):
    row = pd.Series({"x": value, "x_low": low, "x_high": high})
    assert with_interval(row, "x", form) == shown


def test_latex_is_escaped_and_labelled():
    rows = pd.DataFrame({"strength_key": ["c3e_4", strong("50 %")], "p < 0.05": ["{x}", "a & b"]})
    sheet = Sheet(rows, "Title & co", [("one", rows), ("two", rows)], "5 % of $n$")
    text = sheet.latex("made-up")
    assert re.findall(r"label\{(.*?)\}", text) == ["tab:made-up-1", "tab:made-up-2"]
    assert "strength\\_key & p $<$ 0.05 \\\\\n\\midrule\nc3e\\_4 & \\{x\\} \\\\" in text
    assert "\\textbf{50 \\%} & a \\& b" in text
    assert "<p class='caption'>p &lt; 0.05 &amp; more</p>" in Sheet(rows, "Title", (), "p < 0.05 & more").html()
    assert "Title \\& co: one. 5 \\% of \\$n\\$" in text
