"""The table of the second budget: paired changes, the order, and what has no row."""

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up

from robustprune.analysis.read import CELL
from robustprune.analysis.second_budget import second_budget


def study(change=0.2, strengths=("a",)):
    """The method and dense training in 20 epochs, and within the MACs of dense training in 60, worse by `change`."""
    runs, details, _, _ = made_up(methods=("bernoulli", "dense"), widths=(1.0,), initializations=("he_normal",))
    runs = runs.rename(columns={"operating_point": "point"}).merge(
        details.drop(columns="status"), on=[*CELL, "replicate"]
    )
    runs["error_test_percent"] = 1.5 + 0.3 * runs["replicate"] + 0.1 * (runs["method"] == "dense")
    runs = runs.assign(budget="epochs", epochs=20, train_macs=30.0, train_macs_dense=100.0)
    more = runs.assign(budget="macs", epochs=60, train_macs=100.0)
    more["error_test_percent"] += change + 0.01 * (more["replicate"] - 1)
    both = pd.concat([runs, more], ignore_index=True)
    return pd.concat([both.assign(strength=name) for name in strengths], ignore_index=True)


def test_changes_are_paired_by_seed():
    table = second_budget(study(), 0.95).table
    assert table["method"].tolist() == ["bernoulli", "dense"]  # smallest error first
    row = table.iloc[0]
    assert row["change"] == pytest.approx(0.2)
    assert row["change_high"] - row["change_low"] < 0.06  # seeds differ by 0.3
    assert row[["epochs", "epochs_before", "macs_percent", "n"]].tolist() == [60, 20, 100, 3]
    assert row["error"] == pytest.approx(row["before"] + 0.2)


def test_of_several_strengths_each_has_its_own_change():
    table = second_budget(study(strengths=("a", "b")), 0.95).table
    assert table["strength"].tolist() == ["a", "b"] * 2
    assert table["change"].tolist() == pytest.approx([0.2] * 4)


def test_of_two_forms_with_points_of_their_own_each_is_beside_its_own():
    runs = study()
    parts = []
    for form, added in (("one", 0.0), ("sep", 1.0)):
        for budget, value in (("epochs", "1e_3"), ("macs", "3e_3")):
            own = runs[(runs["method"] == "bernoulli") & (runs["budget"] == budget)].copy()
            own["error_test_percent"] += added
            parts.append(own.assign(strength=f"{form}_{value}"))
    table = second_budget(pd.concat(parts, ignore_index=True), 0.95).table
    assert table["strength"].tolist() == ["one_3e_3", "sep_3e_3"]
    assert table["change"].tolist() == pytest.approx([0.2, 0.2])


def test_without_the_other_budget_there_is_no_change_or_no_row():
    runs = study()
    table = second_budget(runs[runs["budget"] == "macs"], 0.95).table
    assert table["error"].notna().all()
    assert np.isnan(table[["before", "change", "epochs_before"]].to_numpy(float)).all()
    sheet = second_budget(runs[runs["budget"] == "epochs"], 0.95)
    assert sheet.table.empty
    assert "No network trained with MACs" in sheet.caption
