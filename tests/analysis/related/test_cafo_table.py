"""Agreement of local predictors with the method under study, on kept units that are known."""

import itertools

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up, store

from robustprune.analysis.read import CELL, read_detailed_runs
from robustprune.analysis.related.cafo_blocks import ALL, SUM, agrees, cafo_blocks
from robustprune.analysis.statistics import Estimate
from robustprune.analysis.verdicts.decision import NO, NOT_APPLICABLE, TOO_FEW, UNDECIDED, YES

UNITS = {"input": 784, "fc1": 300, "fc2": 100}


@pytest.fixture
def runs(tmp_path) -> pd.DataFrame:
    """Three networks of each method, paired by seed, with keys; every one keeps half of every slot."""
    methods = ("cafo", "bernoulli")
    runs, details, *rest = made_up(methods=methods, widths=(1.0,), initializations=("he_normal",))
    runs["key"] = runs["method"]
    return read_detailed_runs(store(tmp_path, (runs, details, *rest)))


def kept_units(common: float):
    """Halves of every slot, of which this share is the same in both methods of a seed."""
    kept = {}
    for replicate, method in itertools.product(range(3), ("cafo", "bernoulli")):
        own = kept.setdefault((method, replicate), {})
        for slot, units in UNITS.items():
            order = np.random.default_rng(replicate).permutation(units)
            half = units // 2
            start = 0 if method == "cafo" else round((1 - common) * half)
            own[slot] = np.sort(order[start : start + half])
    return kept


def verdicts(sheet) -> dict[str, str]:
    own = sheet.table[sheet.table["above_chance"].notna() | (sheet.table["slot"] == ALL)]
    return own.set_index("slot")["agrees"].to_dict()


def test_the_same_units_agree_and_chance_does_not(runs):
    same = cafo_blocks(runs, 0.95, None, kept_units(1.0))
    assert verdicts(same) | {"input": None} == {"input": None, "fc1": YES, "fc2": YES, ALL: YES}
    assert same.table["above_chance"].dropna().tolist() == pytest.approx([1, 1, 1])
    assert same.table["jaccard"].dropna().tolist() == [1, 1, 1]
    chance = cafo_blocks(runs, 0.95, None, kept_units(0.5))
    assert chance.table["above_chance"].dropna().tolist() == pytest.approx([0, 0, 0], abs=0.01)
    assert verdicts(chance)[ALL] == NO


def test_networks_are_paired_by_seed(runs):
    other = runs.assign(seed=runs["seed"].where(runs["method"] == "cafo", (runs["seed"] + 1) % 3))
    assert abs(cafo_blocks(other, 0.95, None, kept_units(1.0)).table["above_chance"].dropna()).max() < 0.3
    apart = runs.assign(seed=runs["seed"].where(runs["method"] == "cafo", runs["seed"] + 10))
    assert not len(cafo_blocks(apart, 0.95, None, kept_units(1.0)).table)


def test_errors_by_block_are_means_over_networks(runs):
    axes = runs[runs["method"] == "cafo"].iloc[0][CELL].to_dict()
    rows = [
        {**axes, "replicate": r, "network": state, "slot": slot, "features": 300 - late, "error_test": 10 + r + late}
        for r, (late, state), slot in itertools.product(range(3), enumerate(("start", "kept")), ("fc1", SUM))
    ]
    table = cafo_blocks(runs, 0.95, pd.DataFrame(rows)).table.set_index("slot")
    names = ["error_start", "error_kept", "features_start", "features_kept"]
    assert table.loc["fc1", names].tolist() == [11, 12, 300, 299]
    assert set(table.index) == {"fc1", SUM}


@pytest.mark.parametrize(
    ("low", "mean", "high", "answer"),
    [(0.01, 0.2, 0.4, YES), (-0.1, 0.0, 0.05, NO), (-0.1, 0.1, 0.3, UNDECIDED), (np.nan, 0.1, np.nan, TOO_FEW)],
)
def test_the_rule_of_agreement(low, mean, high, answer):
    assert agrees(Estimate(mean, low, high, 3)) == answer
    assert agrees(Estimate(np.nan, np.nan, np.nan, 0)) == NOT_APPLICABLE
