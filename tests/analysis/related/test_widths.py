"""The rule of the smallest fitting width, its growth, and the resampling of seeds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from robustprune.analysis.related.widths import Curve, counting_floor, log_line, resampled_widths, smallest_width

NAN = float("nan")
SHIPPED = Path(__file__).parents[3] / "results/reference/smallest_width/smallest_width.parquet"


def test_a_width_fits_where_two_of_three_seeds_do_at_one_rate():
    assert smallest_width({4: (0, 0.5, 0), 3: (1, 2, 0)}) == 4
    # two seeds at different rates are no two seeds
    assert smallest_width({3: [[0, 1, 1], [1, 0, 1]], 4: [[1, 1, 1], [0, 0, 5]]}) == 4
    assert smallest_width({8: (0, 0, 0), 2: (0, 0, 9), 4: (3, 3, 3)}) == 2
    assert np.isnan(smallest_width({8: (0, 1, NAN)}))
    assert smallest_width({8: (0, 0, NAN)}) == 8


def test_slope_and_extrapolation_by_hand():
    slope, at_one = log_line([100, 1000, 10_000], [4, 16, 80])
    assert float(slope) == pytest.approx(0.650515, abs=1e-6)
    assert float(np.exp(at_one + slope * np.log(60_000))) == pytest.approx(247.25, abs=5e-3)


def test_counting_floor_by_hand():
    assert counting_floor([100, 1000, 10_000, 60_000]).round(2).tolist() == [1.25, 12.57, 125.77, 754.7]


def runs(widths: dict[int, dict[int, tuple]]) -> pd.DataFrame:
    """Number of images -> width -> wrong by seed."""
    rows = [
        {"examples": count, "width": width, "seed": seed, "learning_rate": 1e-3, "wrong": wrong}
        for count, by_width in widths.items()
        for width, by_seed in by_width.items()
        for seed, wrong in enumerate(by_seed)
    ]
    return pd.DataFrame(rows)


def test_draws_of_seeds_keep_the_seeds_of_a_network_together():
    """Seed 2 alone needs width 8: a draw has it at most once, or needs 8."""
    wrong = {4: (0, 0, 7), 8: (0, 0, 0)}
    draws = resampled_widths(wrong)
    assert set(draws) == {4, 8}
    twice = 3 * (1 / 3) ** 2 * (2 / 3) + (1 / 3) ** 3
    assert (draws == 8).mean() == pytest.approx(twice, abs=0.03)


def test_a_curve_has_slope_and_prediction_with_intervals():
    same = {100: {4: (0, 0, 0)}, 1000: {8: (5, 5, 5), 16: (0, 0, 0)}, 10_000: {80: (0, 0, 0)}}
    curve = Curve.of(runs(same))
    slope = curve.slope(0.95)
    assert (slope.mean, slope.low, slope.high) == pytest.approx((0.650515,) * 3, abs=1e-6)
    assert curve.predicted(60_000, 0.95).mean == pytest.approx(247.25, abs=5e-3)
    assert curve.only([100, 1000]).slope(0.95).mean == pytest.approx(np.log10(4))
    spread = Curve.of(runs(same | {10_000: {80: (0, 0, 1), 160: (0, 0, 0)}}))
    assert spread.widths.tolist() == [4, 16, 80]
    found = spread.slope(0.95)
    assert found.low == pytest.approx(0.650515, abs=1e-6)
    assert found.high == pytest.approx(np.log10(160 / 4) / 2)
    assert spread.at(2, 0.95).high == 160


def test_widths_that_were_not_found_leave_no_interval():
    curve = Curve.of(runs({100: {4: (0, 0, 0)}, 1000: {16: (0, 0, 1)}}))
    assert curve.widths.tolist() == [4, 16]
    assert np.isnan(curve.slope(0.95).low)
    two = Curve.of(runs({100: {4: (0, 0)}, 1000: {16: (0, 0)}}))
    assert np.isnan(two.at(0, 0.95).low)
    none = Curve.of(runs({100: {4: (0, 0, 0)}, 1000: {16: (1, 1, 1)}}))
    assert np.isnan(none.slope(0.95).mean)
    assert np.isnan(none.only([100]).slope(0.95).mean)


def test_random_labels_need_no_narrower_network_than_true_ones():
    """Of the shipped searches, and by more than one step of the grid; each of them found a width that fits."""
    searched = pd.read_parquet(SHIPPED)
    grid = sorted(searched["width"].unique())
    own = searched[searched["steps_factor"] == 1]
    true, random = (Curve.of(own[own["labels"] == labels]) for labels in ("true", "random"))
    assert not np.isnan([*true.widths, *random.widths]).any()
    assert len(random.examples) >= 4
    for needed, other in zip(random.widths, true.only(random.examples).widths, strict=True):
        assert grid.index(needed) >= grid.index(other) - 1
