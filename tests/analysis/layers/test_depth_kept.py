"""Depth kept, its dependence on the start, and the price-optimal depth, from made-up networks with known answers."""

import numpy as np
import pandas as pd
import pytest
from made_up_depths import losses, networks, stored
from scipy import stats

from robustprune.analysis.layers.equivalence import (
    DEEP,
    DEPTHS,
    INITIALIZATIONS,
    comparisons,
    depth_equivalence,
    equivalence_rows,
    pooled,
)
from robustprune.analysis.layers.kept import depth_kept, depth_rows
from robustprune.analysis.layers.optimum import dense_losses, depth_optimum, optimum, optimum_rows
from robustprune.analysis.read import read_detailed_runs, read_every_long, read_every_run
from robustprune.analysis.tables import WITH_DEPTH, write_tables

FAILED = {"status": "failed", "units_kept": None, "params_kept": None, "error_test_percent": None}
DENSE = {"method": "dense", "strength": "dense", "settings": {}}


def test_counts_positions_and_dead_sections():
    cells = pd.concat(
        [
            networks(4, [1, 1, 3], dead=1, error_test_percent=[2.0, 2.2, 2.4]),
            networks(2, [0, 2, 2], initialization="orthogonal"),
            networks(4, [4, 4, 4], **DENSE),
            networks(4, [1, 1, 3], method="scratch_e", start_of="bernoulli/c3e_2"),
        ]
    )
    cells.loc[(cells["initialization"] == "orthogonal") & (cells["replicate"] == 1), list(FAILED)] = [*FAILED.values()]
    table = depth_rows(cells, 0.95).set_index("initialization")
    assert len(table) == 2  # neither unpruned networks nor controls
    four, two = table.loc["he_normal"], table.loc["orthogonal"]
    assert (four.kept, four["left"], four.dead) == ("1 (2), 3 (1)", "block1 (3), block2 (1), block3 (1)", 3)
    assert (four.kept_min, four.kept_median, four.kept_max, four.n, four.not_ok) == (1, 1, 3, 3, 0)
    assert (four.price, four.sections_start, four.without_sections) == (0.03, 4, 0)
    assert four.params == pytest.approx(79510 + 20100 * 5 / 3)
    assert four.error == pytest.approx(2.2)
    assert (two.kept, two["left"], two.without_sections, two.n, two.not_ok) == (
        "0 (1), 2 (1)",
        "block1 (1), block2 (1)",
        1,
        2,
        1,
    )
    page = depth_kept(cells, 0.95).html()
    assert "a hundred times as valuable" in page
    assert "1 (2), 3 (1)" in page


def test_a_fixed_target_and_a_start_without_sections_are_no_findings():
    cells = pd.concat(
        [
            networks(4, [1, 1, 1], method="taylor", settings={"target_params": 99610}),
            networks(0, [0, 0, 0]),
            networks(4, [4, 4, 4], track="hidden"),
        ]
    )
    assert depth_rows(cells, 0.95).empty
    assert equivalence_rows(cells).empty
    assert "no networks whose sections are gated" in depth_kept(cells, 0.95).html()


def test_the_spread_is_pooled_and_never_none():
    """Without spread: one section in (9 + 1 - 3) degrees of freedom; with it the squares add up."""
    assert pooled([np.ones(3), np.ones(3), np.zeros(3)]) == (pytest.approx(np.sqrt(1 / 7)), 7)
    assert pooled([np.array([1.0, 2, 3]), np.array([0.0, np.nan])]) == (pytest.approx(1.0), 3)


def groups(**starts):
    """ "he_4" -> its depths kept"""
    return {(name.split("_")[0], int(name.split("_")[1])): np.array(kept, float) for name, kept in starts.items()}


def test_depths_are_compared_with_the_standard_and_initializations_in_pairs():
    found = comparisons(groups(he_1=[1, 1, 1], he_4=[2, 2, 2], he_8=[2, 2, 2], pt_4=[3, 3, 3], pt_8=[2, 1, 3]))
    assert [one.start for one in found[DEPTHS]] == ["depth 1, he", "depth 8, he", "depth 8, pt"]
    assert [one.start for one in found[DEEP]] == ["depth 8, he", "depth 8, pt"]
    assert [(one.start, one.effect.value) for one in found[INITIALIZATIONS]] == [
        ("pt - he, depth 4", 1),
        ("pt - he, depth 8", 0),
    ]
    effect = found[DEPTHS][0].effect
    spread = np.sqrt((2 + 1) / 11)
    half = stats.t.ppf(0.95, 11) * spread * np.sqrt(2 / 3)
    assert effect.interval(0.9) == pytest.approx((-1 - half, -1 + half))


@pytest.mark.parametrize(
    ("shallow", "deep", "verdict"),
    [
        ([1, 1, 1], [1, 1, 1], "yes"),
        ([2] * 6, [1] * 6, "yes"),  # one section is none
        ([2, 2, 2], [1, 1, 1], "undecided"),  # 1 +- 0.74 (5 degrees of freedom) reaches above 1.5
        ([3, 3, 3], [1, 1, 1], "undecided"),
        ([4, 4, 4], [1, 1, 1], "no"),
        ([1, 1], [1, 1], "cannot be decided at this n"),
        ([0, 2, 4], [0, 2, 4], "cannot be decided at this n"),
        ([1, 1, 1, np.nan], [1, 1, 1, 1], "undecided"),  # a failed network is no yes
    ],
)
def test_verdicts_of_equivalence_within_one_section(shallow, deep, verdict):
    def cell(depth, kept):
        made = networks(depth, [0 if np.isnan(one) else int(one) for one in kept])
        made.loc[np.isnan(kept), list(FAILED)] = [*FAILED.values()]
        return made

    table = equivalence_rows(pd.concat([cell(4, shallow), cell(8, deep)])).set_index("over")
    assert list(table.index) == [DEPTHS, DEEP]
    assert table.loc[DEPTHS, "verdict"] == verdict
    assert table.loc[DEPTHS, "comparisons"] == 1


def test_one_depth_alone_compares_nothing():
    sheet = depth_equivalence(networks(4, [1, 1, 1]), 0.95)
    assert sheet.table.empty
    assert "none of them ran from several starts" in sheet.caption


LOSSES = {0: [0.07, 0.07, 0.07], 1: [0.03, 0.03, 0.03], 2: [0.015, 0.015, 0.015], 4: [0.014, 0.014, 0.014]}


@pytest.mark.parametrize(("price", "depth"), [(1e-4, 4), (1e-3, 2), (1e-2, 2), (1.6e-2, 1), (3e-2, 1), (1e-1, 0)])
def test_the_price_optimal_depth_in_closed_form(price, depth):
    """Going from 2 to 4 sections gains 1e-3, from 1 to 2 1.5e-2, from 0 to 1 4e-2."""
    found = optimum({count: np.array(values) for count, values in LOSSES.items()}, price)
    assert found == (depth, depth, depth, 100)


def test_the_bootstrap_of_the_optimum_sees_the_spread_of_a_depth():
    """Depth 1 pays where the mean of its losses is below 0.07 - 0.03; of 27 resamples of (0, 0, 0.12) 8 have a mean of
    0, 12 of 0.04, 6 of 0.08, 1 of 0.12. Equal sums go to the smaller depth."""
    uncertain = {0: np.full(3, 0.07), 1: np.array([0.0, 0.0, 0.0599])}
    found = optimum(uncertain, 0.04)
    assert (found.sections, found.low, found.high) == (1, 0, 1)
    assert found.share == pytest.approx(100 * (8 + 12) / 27, abs=2)  # 0.0399 + 0.04 > 0.07 from two of three on
    assert np.isnan(optimum({0: np.full(3, 0.07), 1: np.array([0.0, 0.0])}, 0.04).low)
    assert np.isnan(optimum({}, 0.04).sections)


def with_dense(*cells):
    dense = [networks(depth, [depth] * 3, train_loss=values, **DENSE) for depth, values in LOSSES.items()]
    return pd.concat([*dense, *(cell.assign(train_loss=0.5) for cell in cells)], ignore_index=True)


def test_the_optimum_stands_beside_the_depth_kept():
    own = [networks(2, [2, 2, 2]), networks(8, [1, 1, 2]), networks(8, [1, 1, 1], initialization="orthogonal")]
    more = [
        networks(4, [2, 2, 1], track="joint", strength="j", settings={"cost": "complexity", "nu": 0.2}),
        networks(4, [4, 4, 4], track="joint", train_loss=[9.0] * 3, **DENSE),  # the same networks again count once
    ]
    cells = with_dense(*own, *more)
    history = losses(cells)
    found = dense_losses(cells, history)["mnist", "mlp_residual", "he_normal", 1.0]
    assert {count: values.tolist() for count, values in found.items()} == LOSSES
    table = optimum_rows(cells, history, 0.95).set_index(["initialization", "depth"])
    assert len(table) == 3
    row = table.loc["he_normal", 8]
    assert (row.optimum, row.optimum_low, row.kept, row.at_optimum, row.n) == (1, 1, "1 (2), 2 (1)", 2, 3)
    assert row.depths_tried == "0, 1, 2, 4"
    assert table.loc[("he_normal", 2), "at_optimum"] == 0
    assert np.isnan(table.loc[("orthogonal", 8), "optimum"])
    assert "1 [1, 1]" in depth_optimum(cells, 0.95, history).html()
    assert optimum_rows(cells, None, 0.95)["optimum"].isna().all()


def test_tables_have_their_own_reader(tmp_path):
    cells = with_dense(networks(4, [1, 1, 1]), networks(8, [1, 1, 2]))
    stored(tmp_path, cells, losses(cells))
    assert read_detailed_runs(tmp_path).empty
    assert len(read_every_run(tmp_path)) == len(cells)
    assert len(read_every_long(tmp_path / "history.parquet")) == 2 * len(cells)
    written = write_tables(tmp_path, tmp_path / "tables", names=[*WITH_DEPTH, "tradeoff"])
    assert {path.stem for path in written} == {*WITH_DEPTH, "tradeoff"}
    assert not any("failed" in path.read_text().splitlines()[0] for path in written if path.suffix == ".csv")
    table = pd.read_csv(tmp_path / "tables" / "depth_optimum.csv")
    assert table["optimum"].tolist() == [1, 1]
    assert pd.read_csv(tmp_path / "tables" / "tradeoff.csv").empty
