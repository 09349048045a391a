"""Changes with the start, of the method under study and of baselines: closed forms, and what has no row."""

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up
from scipy import stats

from robustprune.analysis.read import CELL
from robustprune.analysis.start_apart import start_apart
from robustprune.analysis.start_changes import start_changes


def study(**shifts):
    """The method, vib and dense training from two widths and two initializations; shifts: method -> added log size at
    width 2. Log sizes of a seed share their noise, so that pairs are closer than the samples."""
    runs, details, _, _ = made_up(methods=("bernoulli", "vib", "dense"))
    runs = runs.rename(columns={"operating_point": "point"}).merge(
        details.drop(columns="status"), on=[*CELL, "replicate"]
    )
    noise = 0.1 * (runs["replicate"] - 1) + 0.01 * (runs["method"] == "vib") * runs["replicate"] ** 2
    shift = runs["method"].map(shifts).fillna(0.0) * (runs["width"] == 2)
    runs["params_kept"] = np.exp(10 + noise + shift)
    return runs


def row(runs, start="width 2"):
    table = start_changes(runs, 0.95).table.set_index(["baseline", "start"])
    return table.loc[("vib", start)]


def test_changes_are_ratios_of_geometric_means_and_pairs_make_their_ratio_sharp():
    runs = study(bernoulli=0.1, vib=0.4)
    found = row(runs)
    assert found["size"] == pytest.approx(100 * np.expm1(0.1))
    assert found["baseline_size"] == pytest.approx(100 * np.expm1(0.4))
    assert found["ratio"] == pytest.approx(100 * np.expm1(-0.3))
    spread = 0.01 * np.std([0, 1, 4], ddof=1)  # of the pairs: the noise that they share is gone
    half = stats.t.ppf(0.975, 4) * spread * np.sqrt(2 / 3)
    assert found["ratio_low"] == pytest.approx(100 * np.expm1(-0.3 - half))
    assert found["ratio_high"] - found["ratio_low"] < 0.3 * (found["size_high"] - found["size_low"])
    assert found["n"] == 3


def test_networks_without_a_number_and_seeds_of_one_method_are_no_pairs():
    runs = study()
    lost = (runs["method"] == "vib") & (runs["width"] == 2) & (runs["replicate"] == 0)
    runs.loc[lost, ["params_kept", "error_test_percent"]] = np.nan
    assert row(runs)["n"] == 2
    alone = (runs["method"] == "bernoulli") & (runs["width"] == 2) & (runs["replicate"] > 0)
    assert ("vib", "width 2") not in start_changes(runs[~alone], 0.95).table.set_index(["baseline", "start"]).index


def test_every_start_of_both_has_a_row_and_dense_training_none():
    table = start_changes(study(), 0.95).table
    assert set(table["baseline"]) == {"vib"}
    assert sorted(table["start"]) == sorted(["width 2", "orthogonal", "orthogonal, width 2"])


def test_every_form_of_the_method_has_rows():
    """On LeNet-5 it has three; without any baseline the table says so."""
    runs = study()
    more = runs[runs["method"] == "bernoulli"].assign(strength="other")
    table = start_changes(pd.concat([runs, more], ignore_index=True), 0.95).table
    assert table.groupby("strength").size().to_dict() == {"a": 3, "other": 3}
    alone = start_changes(runs[runs["method"] == "bernoulli"], 0.95)
    assert alone.table.empty
    assert "No baseline ran from another start" in alone.caption


@pytest.mark.parametrize(
    ("shifts", "less", "more"),
    [
        ({"bernoulli": 0.1, "vib": 0.4}, "width 2 (+11, +49)", ""),
        ({"bernoulli": -0.4, "vib": -0.1}, "", "width 2 (-33, -10)"),
        ({"bernoulli": 0.1, "vib": 0.1}, "", ""),
        ({"bernoulli": 0.3, "vib": -0.3}, "", ""),  # as far, in the opposite direction
        ({"bernoulli": -0.3, "vib": 1.5}, "width 2 (-26, +348)", ""),
    ],
)
def test_a_start_moves_the_method_less_or_more_where_both_are_told_apart(shifts, less, more):
    found = start_apart(study(**shifts), 0.95).table.set_index("baseline").loc["vib"]
    assert (found["less"], found["more"]) == (less, more)
    # of width 2 and of the other initialization; both at once are two changes
    assert found["alike"] == f"{1 if less or more else 2} of 2 starts"


def test_without_other_starts_nothing_is_told_apart():
    runs = study()
    sheet = start_apart(runs[(runs["width"] == 1) & (runs["initialization"] == "he_normal")], 0.95)
    assert sheet.table.empty
    assert "No baseline ran from another start" in sheet.caption
