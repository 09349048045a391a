"""AUC of initial values, kept against removed units, and the verdict of the table."""

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up, store

from robustprune.analysis.read import CELL, read_detailed_runs
from robustprune.analysis.related.imbalance import ALL, MARGIN, auc, imbalance
from robustprune.analysis.related.nothing import NONE
from robustprune.analysis.verdicts.decision import NO, NOT_APPLICABLE, TOO_FEW, YES


def test_auc_by_hand():
    kept = [True, True, True, False, False]
    assert auc([3, 2, 2.5, 1, 2], kept) == pytest.approx(0.916667, abs=1e-6)
    assert auc([1, 2], [True, False]) == 0
    assert np.isnan(auc([1, 2], [True, True]))


@pytest.fixture
def runs(tmp_path) -> pd.DataFrame:
    tables = made_up(methods=("bernoulli",), widths=(1.0,), initializations=("he_normal",))
    return read_detailed_runs(store(tmp_path, tables))


def measured(runs: pd.DataFrame, shift: float, replicates: int = 3) -> pd.DataFrame:
    """Units whose kept half has imbalances larger by `shift` (2: all of them), in two slots."""
    values = np.linspace(-1, 1, 200)
    rows = []
    for _, run in runs[runs["replicate"] < replicates].iterrows():
        for slot in ("fc1", "fc2"):
            for unit, value in enumerate(values):
                kept = unit % 2 == run["replicate"] % 2
                own = {axis: run[axis] for axis in CELL} | {"replicate": run["replicate"], "slot": slot, "unit": unit}
                at = value + shift * kept if slot == "fc1" else value
                rows.append({**own, "kept": kept, "imbalance": at, "norm_in": 1.0, "norm_out": 1.0})
    return pd.DataFrame(rows)


def verdicts(sheet) -> dict[str, str]:
    return sheet.table.set_index("slot")["does_not_predict"].to_dict()


def test_units_that_are_kept_by_chance_have_an_auc_of_a_half(runs):
    sheet = imbalance(runs, 0.95, measured(runs, 0.0))
    row = sheet.table.iloc[0]
    assert row["imbalance"] == pytest.approx(0.5, abs=0.006)
    assert (row["norm_in"], row["product"]) == (0.5, 0.5)
    assert (row["kept_percent"], row["n"]) == (50, 3)
    assert verdicts(sheet) == {"fc1": YES, "fc2": YES, ALL: YES}


def test_one_slot_that_is_predicted_is_enough_for_a_no(runs):
    shifted = imbalance(runs, 0.95, measured(runs, 1.0))
    # of the differences of two uniform values on [-1, 1], 7/8 are above -1
    assert shifted.table.iloc[0]["imbalance"] == pytest.approx(7 / 8, abs=0.01)
    assert verdicts(shifted) == {"fc1": NO, "fc2": YES, ALL: NO}
    small = imbalance(runs, 0.95, measured(runs, 4 * MARGIN / 5))
    assert verdicts(small)["fc1"] == YES


def test_few_networks_decide_nothing_and_slots_that_lost_no_unit_are_left_out(runs):
    assert verdicts(imbalance(runs, 0.95, measured(runs, 0.0, replicates=2)))[ALL] == TOO_FEW
    table = measured(runs, 0.0)
    table.loc[table["slot"] == "fc2", "kept"] = True
    assert verdicts(imbalance(runs, 0.95, table)) == {"fc1": YES, "fc2": NOT_APPLICABLE, ALL: YES}


def test_a_diverged_network_prevents_a_yes_and_is_counted(runs):
    """What it kept is arbitrary: its units do not enter the AUC."""
    five = pd.concat([runs, runs.assign(replicate=runs["replicate"] + 3)], ignore_index=True)
    five.loc[five["replicate"] == 3, "status"] = "diverged"
    sheet = imbalance(five, 0.95, measured(five, 0.0, replicates=6))
    assert verdicts(sheet)[ALL] != YES
    assert sheet.table.iloc[0][["n", "not_ok"]].tolist() == [5, 1]


def test_networks_of_other_studies_have_no_rows(runs):
    other = measured(runs, 0.0).assign(strength="other")
    sheet = imbalance(runs, 0.95, other)
    assert not len(sheet.table)
    assert NONE in sheet.caption
    assert NONE in imbalance(runs, 0.95).caption
