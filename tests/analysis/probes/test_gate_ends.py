"""The table of both ends of a gate, on slopes whose estimates are known."""

import numpy as np
import pandas as pd
import pytest
from test_probe_tables import AXES, RUNS

from robustprune.analysis.gate_ends import gate_ends

PRICE = 0.001


def values(**columns) -> pd.DataFrame:
    """A unit in each of three networks: DL = -5 c, slopes -4 c and -6 c, squares so that fisher has -5 c and +24 c."""
    row = {"value": 5 * PRICE, "slope_open": -4 * PRICE, "slope_closed": -6 * PRICE}
    row |= {"square_open": 2 * PRICE, "square_closed": 60 * PRICE} | columns
    return pd.DataFrame([{**AXES, "replicate": replicate, "slot": "fc1", "unit": 7, **row} for replicate in range(3)])


def test_estimates_are_shown_in_prices():
    row = gate_ends(RUNS, 0.95, values()).table.iloc[0]
    assert row[["exact", "trapezoid", "fisher_open", "fisher_closed"]].tolist() == pytest.approx([-5, -5, -5, 24])
    assert (row["units"], row["n"], row["closes"]) == (3, 3, 100)


def test_the_turning_point_is_where_the_mean_of_fisher_is_the_price():
    """theta (-5 c) + (1 - theta) 24 c = -c at theta = 25 / 29."""
    assert gate_ends(RUNS, 0.95, values()).table["turning"].item() == pytest.approx(25 / 29)
    # kept from everywhere, and falling from everywhere: no point at which the gate turns
    assert np.isnan(gate_ends(RUNS, 0.95, values(square_closed=0.0)).table["turning"].item())
    row = gate_ends(RUNS, 0.95, values(slope_open=0.0, square_open=0.0)).table.iloc[0]
    assert np.isnan(row["turning"])
    assert (row["closes"], row["settles"]) == (100, 0)


def test_a_gate_that_rises_when_closed_and_falls_when_open_settles_inside():
    """Such a gate has a stable point between its ends, not one from which it falls."""
    row = gate_ends(RUNS, 0.95, values(square_closed=0.0, slope_open=0.0, square_open=0.0)).table.iloc[0]
    assert (row["closes"], row["settles"]) == (0, 100)
    assert np.isnan(row["turning"])


def test_a_slot_has_its_own_price_and_a_unit_without_a_price_has_no_row():
    runs = RUNS.assign(settings='{"price": {"fc1": 0.01}}')
    assert gate_ends(runs, 0.95, values()).table["exact"].item() == pytest.approx(-0.5)
    assert gate_ends(RUNS.assign(settings='{"cost": "complexity", "nu": 0.1}'), 0.95, values()).table.empty


def test_tables_of_older_versions_have_no_slopes():
    sheet = gate_ends(RUNS, 0.95, values().drop(columns="slope_open"))
    assert sheet.table.empty
    assert "No unit was measured" in sheet.caption
    assert gate_ends(RUNS, 0.95).table.empty
