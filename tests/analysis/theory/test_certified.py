"""The certified sets: worst-case trajectories with known values, and the curves in closed form against solutions."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from robustprune.analysis.theory.certified import OneMatrixBound, UnitBound
from robustprune.errors import StudyError

UNIT, ONE_MATRIX = UnitBound(1.0, 0.2, 0.05), OneMatrixBound(1.0, 0.2, 0.05)
CONSTANTS = st.tuples(st.floats(0.3, 3), st.floats(0.01, 1), st.floats(0.01, 0.5), st.sampled_from([0.3, 1.0, 30.0]))


def at_closing(path):
    """The first component when the gate reaches 0."""
    return np.interp(path.closed_at, path.times, path.states[:, 0])


def test_the_worst_case_of_the_bottleneck():
    path = UNIT.worst_case(0.2, 0.04, until=12)
    assert path.closed_at == pytest.approx(9.414193, abs=5e-7)
    assert at_closing(path) == pytest.approx(0.009830, abs=5e-7)
    assert path.closed_at < UNIT.closes_within(0.2, 0.04) == pytest.approx(20)


def test_the_worst_case_of_one_matrix():
    path = ONE_MATRIX.worst_case(0.008, 0.04, until=2)
    assert path.closed_at == pytest.approx(0.734575, abs=5e-7)
    assert at_closing(path) == pytest.approx(0.037313, abs=5e-7)
    assert ONE_MATRIX.core(0.008, 0.04, within=0.045)


def test_outside_both_sets_the_bound_says_nothing():
    """From (0.3, 0.04) S grows past c / kappa and the gate opens."""
    assert not UNIT.core(0.3, 0.04)
    assert not UNIT.extension(0.3, 0.04)
    path = UNIT.worst_case(0.3, 0.04, until=8)
    assert np.isnan(path.closed_at)
    assert path.end[0] > 0.05
    assert path.end[1] == 1
    assert np.isnan(UNIT.closes_within(0.3, 0.04))


def test_the_extension_reaches_beyond_the_core_on_both_sides():
    """Above theta = lambda / kappa, and above S = c / kappa where theta is small."""
    for theta, size in ((0.25, 0.03), (0.05, 0.08)):
        assert not UNIT.core(theta, size)
        assert UNIT.extension(theta, size)
        assert UNIT.worst_case(theta, size, until=200).end[-1] == 0


def test_a_fast_gate_makes_the_set_independent_of_theta():
    """As the gate's rate grows the condition tends to S < c / kappa for every theta; a slow gate has next to none."""
    slow, fast = (UnitBound(1.0, 0.2, 0.05, rate) for rate in (1, 1e6))
    np.testing.assert_allclose(fast.largest_size([0, 0.2, 0.5, 1]), 0.05, rtol=0.01)
    assert slow.largest_size(1.0) < 1e-6


def test_certified_sizes_at_the_defaults():
    """docs/theory.md 6: L2 1e-5, price 3e-4, kappa 1; gate rate 1, and that of drift 3e-3 at learning rate 1e-3."""
    decay, price = 1e-5, 3e-4
    assert UnitBound(1.0, decay, price).saddle[0] == 1e-5
    assert UnitBound(1.0, decay, price).largest_size(0.5) < 1e-300
    fast = UnitBound(1.0, decay, price, gate_rate=3e-3 / (price * 1e-3))
    assert fast.gate_rate == pytest.approx(1e4)
    assert fast.largest_size(0.5) / fast.saddle[1] == pytest.approx(0.65, abs=0.005)


@given(constants=CONSTANTS, theta=st.floats(0, 1), share=st.floats(0, 0.999))
def test_the_core_lies_in_the_extension(constants, theta, share):
    unit, one_matrix = UnitBound(*constants), OneMatrixBound(*constants)
    inside = min(1, theta * unit.saddle[0])
    assert unit.core(inside, share * unit.saddle[1])
    assert unit.extension(inside, share * unit.saddle[1])
    within = share * one_matrix.saddle[1]
    assert one_matrix.core(theta * one_matrix.decay * within / one_matrix.kappa, within, within)
    assert one_matrix.extension(theta * one_matrix.decay * within / one_matrix.kappa, within)


@pytest.mark.parametrize("rate", [0.3, 1.0, 30.0])
@pytest.mark.parametrize("theta", [0.05, 0.3, 0.7])
@pytest.mark.parametrize("kind", [UnitBound, OneMatrixBound])
def test_the_curve_divides_the_dominating_system(kind, theta, rate):
    """Three percent below it the gate closes for good; three percent above it the gate opens."""
    bound = kind(1.3, 0.3, 0.2, rate)
    largest = float(bound.largest_size(theta) if kind is UnitBound else bound.largest_norm(theta))
    if largest < 0:  # one matrix: even weights of norm 0 grow before the gate is closed
        assert kind is OneMatrixBound
        assert bound.worst_case(theta, 0.0, until=60).end[-1] == 1
        return
    below = bound.worst_case(theta, 0.97 * largest, until=60)
    assert below.end[-1] == 0
    assert below.end[0] < bound.saddle[1]
    assert bound.worst_case(theta, 1.03 * largest, until=60).end[-1] == 1


@given(constants=CONSTANTS, theta=st.floats(0, 1), size=st.floats(0.01, 1))
@example(constants=(0.375, 1.0, 0.01171875, 0.3), theta=0.0, size=1.0)  # r is given as 700
@settings(max_examples=20, deadline=None)
def test_the_conserved_quantity(constants, theta, size):
    """The curve is its level through the saddle; where r is cut at 700, it stays below."""
    bound = UnitBound(*constants)

    def level(size, theta):
        own = bound.kappa * size - bound.price * np.log(size)
        return own - bound.kappa / bound.gate_rate * (theta - bound.saddle[0]) ** 2

    path = bound.worst_case(theta, size, until=0.5 / bound.gate_rate)
    inside = (path.states[:, 1] > 0) & (path.states[:, 1] < 1)
    found = level(*path.states[inside].T)
    assert not len(found) or np.ptp(found) < 1e-6
    on_curve = float(bound.largest_size(theta))
    of_saddle = level(bound.saddle[1], bound.saddle[0])
    if on_curve > 700 * bound.saddle[1]:
        assert level(on_curve, theta) < of_saddle
    elif on_curve > 0:
        assert level(on_curve, theta) == pytest.approx(of_saddle, rel=1e-9, abs=1e-12)


def test_the_curve_is_continuous_where_the_branches_meet():
    theta = 0.2 + np.array([-3e-4, -2.3e-5, -1e-7, 0, 1e-7, 2.3e-5, 3e-4])
    found = UNIT.largest_size(theta) / UNIT.saddle[1]
    np.testing.assert_allclose(found - np.log(found), 1 + (theta - 0.2) ** 2 / 0.05, atol=1e-14)
    assert (np.diff(found) < 0).all()
    assert np.isfinite(UnitBound(1.0, 50.0, 1e-4).largest_size([0, 1])).all()


def test_errors():
    with pytest.raises(StudyError, match="kappa, price and gate_rate must be above 0"):
        UnitBound(0.0, 0.2, 0.05)
    with pytest.raises(StudyError, match=r"within: must be below price / kappa = 0.05, not 0.05"):
        ONE_MATRIX.core(0.0, 0.0, within=0.05)
