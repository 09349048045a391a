"""Reverse water-filling and effective ranks, by hand."""

import numpy as np
import pytest

from robustprune.analysis.related.spectra import (
    effective_rank,
    entropy_gain,
    participation,
    predicted_units,
    rate,
    water_level,
)

VARIANCES = (4, 2, 1, 0.5, 0.25)


@pytest.mark.parametrize(("delta", "level", "units", "nats"), [(0.3, 0.525, 3, 2.006256), (0.1, 0.155, 5, 4.660825)])
def test_water_filling_by_hand(delta, level, units, nats):
    assert water_level(VARIANCES, delta) == pytest.approx(level)
    assert predicted_units(VARIANCES, delta) == units
    assert rate(VARIANCES, delta) == pytest.approx(nats, abs=1e-6)


def test_ranks_by_hand():
    assert effective_rank(VARIANCES) == pytest.approx(3.465122, abs=1e-6)
    assert participation(VARIANCES) == pytest.approx(2.818182, abs=1e-6)
    assert entropy_gain(VARIANCES, 0.1) == pytest.approx(6.100256, abs=1e-6)


def test_the_distortion_is_the_share_for_any_variances():
    random = np.random.default_rng(0)
    for delta in (0.001, 0.05, 0.5, 0.999):
        variances = np.append(random.exponential(size=40) ** 3, [0.0, 0.0, -1e-12])
        level = water_level(variances, delta)
        assert np.minimum(np.maximum(variances, 0), level).sum() == pytest.approx(delta * variances[:40].sum())


def test_order_and_scale_do_not_matter_and_equal_variances_are_all_kept():
    assert predicted_units(np.array(VARIANCES)[::-1] * 1e-6, 0.3) == 3
    assert predicted_units([2.0] * 7, 0.9) == 7
    assert effective_rank([2.0] * 7) == pytest.approx(7)


def test_a_slot_without_variance_is_worth_nothing():
    assert (predicted_units([0, 0], 0.1), rate([0, 0], 0.1), effective_rank([0, 0])) == (0, 0, 0)
