"""The table of undetermined gates, on a history whose shares are known."""

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up

from robustprune.analysis.read import CELL
from robustprune.analysis.undetermined import undetermined

SETTINGS = {"bernoulli": '{"noise_free_last": 0.1}', "l0_arm": "{}", "l0_hc": "{}"}


@pytest.fixture
def study():
    """Forty epochs; of 50 gates of fc1 half are undetermined until epoch 30, a fifth until 35, then none. The pixels
    have no gates. The rate falls after epoch 30; the method's last tenth is recorded as rounded from epoch 36 on."""
    runs, details, _, _ = made_up(tuple(SETTINGS), (1.0,), ("he_normal",))
    runs = runs.drop(columns="operating_point").merge(details.drop(columns="status"), on=[*CELL, "replicate"])
    runs["settings"] = runs["method"].map(SETTINGS)
    rows = []
    for row in runs[[*CELL, "replicate"]].to_dict("records"):
        for epoch in range(1, 41):
            inside = 25 if epoch <= 30 else 10 if epoch <= 35 else 0
            own = {"units_fc1": 50, "undetermined_fc1": inside, "units_input": 784, "undetermined_input": np.nan}
            rows.append({**row, "epoch": epoch, **own})
    return runs, pd.DataFrame(rows)


def row_of(sheet, method):
    return sheet.table.set_index(["method", "slot"]).loc[(method, "fc1")]


def test_shares_before_the_rate_falls_before_rounding_and_at_the_end(study):
    sheet = undetermined(study[0], 0.95, study[1])
    row = row_of(sheet, "bernoulli")
    assert [row["before"], row["drawn"], row["end"]] == [50, 20, 0]
    assert set(sheet.table["slot"]) == {"fc1"}  # no gates, no row


def test_a_method_whose_gates_are_drawn_to_the_end_is_read_there(study):
    assert row_of(undetermined(study[0], 0.95, study[1]), "l0_arm")["drawn"] == 0


def test_at_equal_arithmetic_gates_are_drawn_while_one_is_undetermined(study):
    """There the schedule follows what was spent, and the epoch of the fall is not known."""
    runs, history = study
    of_macs = runs.assign(budget="macs", epochs=40), history.assign(budget="macs")
    row = row_of(undetermined(of_macs[0], 0.95, of_macs[1]), "bernoulli")
    assert [row["drawn"], row["end"]] == [20, 0]
    assert np.isnan(row["before"])


def test_training_of_one_epoch_has_no_earlier_moments(study):
    runs, history = study
    runs = runs.assign(epochs=1, training='{"epochs": 1, "decay_at": 0.75}')
    row = row_of(undetermined(runs, 0.95, history[history["epoch"] == 1]), "bernoulli")
    assert row["end"] == 50


def test_only_keep_probabilities_are_counted(study):
    assert set(undetermined(study[0], 0.95, study[1]).table["method"]) == {"bernoulli", "l0_arm"}


def test_networks_that_collapsed_are_left_out(study):
    runs, history = study
    history.loc[history["replicate"] == 0, "undetermined_fc1"] = 0
    runs.loc[runs["replicate"] == 0, "status"] = "collapsed"
    sheet = undetermined(runs, 0.95, history)
    row = row_of(sheet, "bernoulli")
    assert (row["before"], row["n"]) == (50, 2)
    assert "left out (2)" in sheet.caption  # of two methods


def test_without_epochs_there_is_no_row(study):
    sheet = undetermined(study[0], 0.95)
    assert sheet.table.empty
    assert "no epochs" in sheet.caption
