"""The table of kept pixels: pairs over seeds, initializations and widths, on pixels that are known."""

import numpy as np
import pytest
from made_up_study import made_up

from robustprune.analysis.agreement import SEEDS, agreement
from robustprune.analysis.read import CELL
from robustprune.analysis.verdicts.agreement import above_chance


@pytest.fixture
def study():
    """The method keeps the first hundred pixels from every seed and initialization, and the last from width 2."""
    runs, details, _, _ = made_up(("bernoulli", "dense"))
    runs = runs.drop(columns="operating_point").merge(details.drop(columns="status"), on=[*CELL, "replicate"])
    runs["key"] = runs["method"] + runs["initialization"] + runs["width"].astype(str)
    kept = {}
    for row in runs.to_dict("records"):
        pixels = np.arange(100) if row["width"] == 1 else np.arange(684, 784)
        kept[row["key"], row["replicate"]] = {"input": pixels}
    return runs, kept


def row_of(sheet, over):
    return sheet.table.set_index("over").loc[over]


def test_pairs_are_those_of_their_axis(study):
    sheet = agreement(study[0], 0.95, study[1])
    assert set(sheet.table["method"]) == {"bernoulli"}  # dense training keeps all
    seeds = row_of(sheet, SEEDS)
    assert (seeds["jaccard"], seeds["above_chance"], seeds["starts"], seeds["n"]) == (1, 1, 1, 3)
    starts = row_of(sheet, "initializations")
    assert (starts["jaccard"], starts["starts"], starts["n"]) == (1, 2, 6)
    widths = row_of(sheet, "widths")
    assert (widths["jaccard"], widths["starts"], widths["n"]) == (0, 2, 6)


def test_chance_is_taken_off(study):
    runs, kept = study
    half = {network: {"input": units["input"] if network[1] else np.arange(50, 150)} for network, units in kept.items()}
    first, other = np.zeros((2, 784), dtype=bool)
    first[:100] = other[50:150] = True
    row = row_of(agreement(runs[runs["width"] == 1], 0.95, half), SEEDS)
    assert row["jaccard"] == pytest.approx((1 + 2 * 50 / 150) / 3)  # replicates 1 and 2 agree, 0 shares half
    assert row["above_chance"] == pytest.approx((1 + 2 * above_chance(first, other)) / 3)


def test_one_start_has_no_pairs_of_starts(study):
    runs, kept = study
    sheet = agreement(runs[(runs["width"] == 1) & (runs["initialization"] == "he_normal")], 0.95, kept)
    assert sheet.table["over"].tolist() == [SEEDS]
    assert "no kept input pixels" in agreement(runs, 0.95).caption
