"""The scorecard and the table of equivalence: known numbers, gaps that show as such, a fixed set of columns."""

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up

from robustprune.analysis.equivalence import equivalence
from robustprune.analysis.read import CELL
from robustprune.analysis.scorecard import SHOWN, scorecard
from robustprune.analysis.verdicts.agreement import jaccard_by_chance

STARTS = {"widths": (1.0, 2.0, 8.0), "initializations": ("he_normal", "orthogonal", "fuse")}


def study(methods=("bernoulli", "dense", "l0_hc"), **axes):
    """bernoulli keeps 1000 params from every start, the others 1000 x width; ten networks a cell."""
    runs, details, _, _ = made_up(methods=methods, **(STARTS | axes))
    runs = runs.rename(columns={"operating_point": "point"})
    runs = runs.merge(details.drop(columns="status"), on=[*CELL, "replicate"])
    runs = pd.concat([runs.assign(replicate=runs["replicate"] + 3 * again) for again in range(4)], ignore_index=True)
    return runs.assign(undetermined_fraction=0.25)


def row_of(runs, method="bernoulli", **options):
    sheet = scorecard(runs, 0.95, **options)
    table = sheet.table
    return table[table["method"] == method].iloc[0]


def test_there_are_at_most_ten_columns_and_a_row_per_method():
    sheet = scorecard(study(), 0.95)
    assert len(SHOWN) <= 10
    ((heading, shown),) = sheet.sections
    assert heading == "LeNet-300-100 on MNIST, track full, at equal epochs"
    assert [text.split()[0] for text in shown.iloc[:, 0]] == ["bernoulli", "l0_hc", "dense"]  # yes, no, not applicable
    assert list(shown.iloc[:, -1]) == ["yes (yes / yes / yes); yes", "no (no / yes / yes); no", "not applicable"]


def test_the_numbers_are_those_of_the_runs():
    row = row_of(study(), "l0_hc")
    assert row["size_over_widths"] == pytest.approx(8, rel=0.01)
    assert 1 < row["size_over_widths_low"] < row["size_over_widths"] < row["size_over_widths_high"]
    assert row["size_over_initializations"] == pytest.approx(1, abs=0.001)
    assert (row["error"], row["params"], row["n"]) == (pytest.approx(1.6), 1001, 12)
    assert row["error_change"] == pytest.approx(0)
    assert (row["macs_percent"], row["macs_percent_wide"]) == (pytest.approx(11), pytest.approx(11 / 8))
    assert row["variation_percent"] == pytest.approx(100 * np.std([0, 1, 2] * 4, ddof=1) / 1001)
    assert (row["equivalent_from_width_1"], row["equivalent_over_initializations"]) == ("no", "yes")


def test_the_change_of_error_keeps_its_sign():
    runs = study()
    runs.loc[(runs["width"] == 8) & (runs["method"] == "bernoulli"), "error_test_percent"] -= 0.5
    row = row_of(runs)
    assert row["error_change"] == pytest.approx(-0.5)
    assert (row["equivalent_all"], row["equivalent_size"], row["equivalent_error"]) == ("no", "yes", "no")


def test_what_is_not_in_the_results_is_a_dash():
    runs = study(widths=(1.0,), initializations=("he_normal",))
    shown = scorecard(runs, 0.95).sections[0][1].set_index("method (params kept)").loc["bernoulli (1,001)"]
    missing = shown[shown == "-"].index.tolist()
    assert missing == [
        "size over widths, max/min",
        "size over initializations, max/min",
        "largest change of error over widths (points)",
        "Jaccard of pixels (above chance)",
    ]
    assert shown["training MACs (% of dense), width 1 / 8"] == "11 / -"
    assert shown.iloc[-1] == "not applicable"
    assert row_of(study(), "bernoulli")["undetermined_percent"] == 25
    assert np.isnan(row_of(study(), "l0_hc")["undetermined_percent"])  # no keep probability


def test_a_method_whose_size_is_given_is_not_judged():
    runs = study(methods=("taylor",))
    assert row_of(runs, "taylor")["equivalent_all"] == "no"
    given = runs.assign(settings='{"target_params": 26000}')
    assert row_of(given, "taylor")["equivalent_all"] == "not applicable"
    assert equivalence(given, 0.95).table.empty


def with_keys(runs):
    return runs.assign(key=["-".join(map(str, own)) for own in runs[CELL].itertuples(index=False)])


def test_agreement_comes_from_the_mapping_of_the_standard_start():
    runs = with_keys(study())
    ours = runs[runs["method"] == "bernoulli"]
    kept = {}
    for key, replicate in ours[["key", "replicate"]].itertuples(index=False):
        standard = "he_normal-1.0" in key
        kept[key, replicate] = {"input": np.arange(100) + (50 * (replicate % 2) if standard else 400 + replicate)}
    row = row_of(runs, kept=kept)
    of_different = 6 * 6 / 66
    expected = (1 - of_different) + of_different * 50 / 150
    assert row["jaccard"] == pytest.approx(expected)
    chance = jaccard_by_chance(784, 100, 100)
    assert row["jaccard_above_chance"] == pytest.approx((expected - chance) / (1 - chance))
    assert np.isnan(row_of(runs, "l0_hc", kept=kept)["jaccard"])
    assert np.isnan(row_of(runs.drop(columns="key"), kept=kept)["jaccard"])


def test_a_second_budget_has_a_twin():
    runs = study()
    assert len(scorecard(runs.assign(budget=None), 0.95).sections) == 1
    twins = pd.concat([runs.assign(budget="epochs"), runs.assign(budget="macs", error_test_percent=1.0)])
    sections = dict(scorecard(twins, 0.95).sections)
    assert [heading.split(", ")[-1] for heading in sections] == ["at equal epochs", "within the MACs of dense training"]
    errors = [shown["test error (%)"].iloc[0] for shown in sections.values()]
    assert errors[0].startswith("1.60 [")
    assert errors[1] == "1.00 [1.00, 1.00]"


def test_several_strengths_of_a_method_are_told_apart():
    runs = pd.concat([study(), study(methods=("bernoulli",)).assign(strength="b")])
    names = scorecard(runs, 0.95).table["name"].tolist()
    assert sorted(names) == ["bernoulli a", "bernoulli b", "dense", "l0_hc"]


def test_the_evidence_names_the_start_of_the_largest_difference():
    runs = study(methods=("l0_hc",))
    runs.loc[(runs["initialization"] == "fuse") & (runs["width"] == 1), "params_kept"] *= 1.5
    table = equivalence(runs, 0.95).table.set_index(["over", "quantity"])
    widths = table.loc[("widths", "params")]
    assert (widths["start"], widths["margin"], widths["verdict"]) == ("width 8", 10, "no")
    assert widths["difference"] == pytest.approx(700, rel=0.01)
    initializations = table.loc[("initializations", "params")]
    assert (initializations["start"], initializations["n"]) == ("fuse", 12)
    assert initializations["difference"] == pytest.approx(100 * (1.5 ** (2 / 3) - 1), abs=0.01)
    assert initializations["between"] == pytest.approx(100 * np.log(1.5) / np.sqrt(3), rel=0.001)
    assert initializations["p"] < 1e-6
    assert np.isnan(widths["p"])
    assert table.loc[("widths", "fc1"), "verdict"] == "yes"


def test_a_lost_network_leaves_the_verdict_undecided():
    runs = study(methods=("bernoulli",))
    lost = runs.index[(runs["width"] == 2) & (runs["replicate"] == 11) & (runs["initialization"] == "he_normal")]
    runs.loc[lost, "status"] = "diverged"
    runs.loc[lost, ["params_kept", "error_test_percent"]] = np.nan
    runs.loc[lost, "units_kept"] = None
    assert row_of(runs)["equivalent_all"] == "undecided"
