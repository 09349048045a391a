"""One unit and one section: every start in a certified set ends pruned, and the sets lie in the true basin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from robustprune.analysis.theory.one_unit import OneMatrixSection, Unit

CONSTANTS = st.builds(
    lambda target, decay, price, rate: (target, decay, price, rate),
    *(st.floats(0.5, 2), st.floats(0.05, 0.5), st.floats(0.02, 0.3), st.sampled_from([0.3, 1.0, 30.0])),
)
SHARES = st.floats(0, 0.999)
ANGLES = st.floats(-np.pi, np.pi)


@settings(max_examples=40, deadline=None)
@given(constants=CONSTANTS, theta=st.floats(0, 1), share=SHARES, angle=ANGLES)
def test_every_start_in_the_core_ends_pruned(constants, theta, share, angle):
    """(w, v, theta) tends to (0, 0, 0); theta never rises, S never grows, and the gate closes in the certified time."""
    unit = Unit(*constants)
    at, size = unit.bound.saddle
    start = unit.start(np.sqrt(2 * share * size), min(1, theta * at), angle)
    path = unit.flow(start)
    np.testing.assert_allclose(path.end, 0, atol=1e-6)
    assert (np.diff(path.states[:, -1]) <= 1e-9).all()
    assert (np.diff((path.states[:, :2] ** 2).sum(1)) <= 1e-8).all()
    assert path.closed_at <= unit.bound.closes_within(start[-1], (start[:2] ** 2).sum() / 2) + 1e-6


@settings(max_examples=40, deadline=None)
@given(constants=CONSTANTS, theta=st.floats(0, 1), share=SHARES, angle=ANGLES)
def test_every_start_in_the_extension_ends_pruned(constants, theta, share, angle):
    unit = Unit(*constants)
    size = share * float(unit.bound.largest_size(theta))
    np.testing.assert_allclose(unit.flow(unit.start(np.sqrt(2 * size), theta, angle)).end, 0, atol=1e-6)


def test_a_weight_that_starts_at_rounding_error_of_zero_does_not_stall():
    """cos(-pi / 2) is 6e-17, and this weight is pushed below 0, where the ReLU unit is dead."""
    unit = Unit(0.757, 0.344, 0.134, 30.0)
    size = 0.1 * float(unit.bound.largest_size(0.999))
    np.testing.assert_allclose(unit.flow(unit.start(np.sqrt(2 * size), 0.999, -np.pi / 2)).end, 0, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(angle=st.floats(-1.57, -0.8), norm=st.floats(0.01, 2), theta=st.floats(0.2, 1))
def test_a_unit_whose_outgoing_weight_has_the_wrong_sign_dies(angle, norm, theta):
    """With -v > w > 0 the slow gate leaves w the time to reach 0. From then on v decays, and theta falls."""
    unit = Unit(gate_rate=1e-3)
    path = unit.flow(unit.start(norm, theta, angle))
    assert (path.end[0], path.end[2]) == (0, 0)
    assert path.end[1] == pytest.approx(0, abs=1e-9)
    died = np.argmax(path.states[:, 0] == 0)
    v, time = path.states[died, 1], path.times[died]
    np.testing.assert_allclose(path.states[died:, 1], v * np.exp(-unit.decay * (path.times[died:] - time)), atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(constants=CONSTANTS, theta=st.floats(0, 1), share=st.floats(-0.999, 0.999))
def test_every_start_of_one_matrix_in_its_extension_ends_pruned(constants, theta, share):
    section = OneMatrixSection(*constants)
    norm = share * max(0.0, float(section.bound.largest_norm(theta)))
    if norm or section.bound.largest_norm(theta) > 0:
        np.testing.assert_allclose(section.flow([norm, theta]).end, 0, atol=1e-6)


def test_one_matrix_has_the_smaller_set():
    """The product of two weights is missing: near 0 the loss falls with |V|, not with its square."""
    unit, section = Unit(), OneMatrixSection()
    small = 0.02
    assert unit.bound.core(0.1, small**2)  # |w| = |v| = 0.02
    assert not section.bound.extension(0.1, small)
    assert unit.pruned(unit.start(np.sqrt(2) * small, 0.1))
    assert not section.pruned([small, 0.1])


@pytest.mark.parametrize("angle", [np.pi / 4, np.pi / 8])
@pytest.mark.parametrize("rate", [1.0, 100.0])
def test_the_certified_sets_lie_in_the_numerical_basin(rate, angle):
    """The basin by bisection, certificates not used."""
    unit = Unit(gate_rate=rate)
    theta = np.array([0.0, 0.1, 0.25, 0.5, 0.9])
    boundary = unit.basin_boundary(theta, angle)
    certified = np.sqrt(2 * unit.bound.largest_size(theta))
    assert (certified <= boundary).all()
    assert (boundary < unit.kept[0]).all()
    for at, norm in zip(theta, boundary, strict=True):
        assert unit.flow(unit.start(norm - 1e-3, at, angle)).end == pytest.approx([0, 0, 0], abs=1e-6) or norm < 1e-3
        kept = np.append(np.full(2, unit.kept[0] / np.sqrt(2)), 1)
        assert unit.flow(unit.start(norm + 1e-3, at, angle)).end == pytest.approx(kept, abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(constants=CONSTANTS, theta=st.floats(0, 1), angle=st.sampled_from([np.pi / 4, np.pi / 8]))
def test_the_core_and_its_extension_lie_in_the_numerical_basin_of_any_toy(constants, theta, angle):
    """As above for any constants: A at its largest size, and the extension at this theta."""
    unit = Unit(*constants)
    at, size = unit.bound.saddle
    low = min(1.0, theta * at)
    found = unit.basin_boundary([low, theta], angle, tolerance=1e-3)
    certified = np.sqrt(2 * np.array([size, float(unit.bound.largest_size(theta))]))
    known = np.isfinite(found)  # NaN: every start up to the kept unit is pruned
    assert (certified[known] <= found[known] + 1e-3).all()


def test_the_boundary_is_the_stable_curve_of_the_saddle():
    """Followed backward from the saddle, on either side, it meets what bisection finds."""
    unit = Unit()
    norm, theta = unit.saddle
    rest = unit.start(norm, theta)
    np.testing.assert_allclose(unit.velocity(rest), 0, atol=1e-12)
    jacobian = np.array([(unit.velocity(rest + e) - unit.velocity(rest - e)) / 2e-6 for e in np.eye(3) * 1e-6]).T
    values, vectors = np.linalg.eig(jacobian)
    along = [np.real(v) for value, v in zip(values, vectors.T, strict=True) if np.real(value) < 0 and abs(v[2]) > 1e-6]
    assert (np.real(values) > 0).sum() == 1  # unstable: docs/theory.md 4
    assert len(along) == 1  # the other stable direction is that of w^2 - v^2
    for sign, at in ((1, 0.5), (-1, 0.1)):
        leaving = rest + sign * 1e-5 * along[0] * np.sign(along[0][2])

        def there(_, state, at=at):
            return state[2] - at

        there.terminal = True
        back = solve_ivp(lambda _, state: -unit.velocity(state), (0, 60), leaving, events=there, rtol=1e-9, atol=1e-12)
        reached = np.hypot(*back.y_events[0][0][:2])
        assert unit.basin_boundary([at], tolerance=1e-5)[0] == pytest.approx(reached, abs=2e-4)


def test_a_closed_gate_with_a_positive_slope_can_reopen():
    """Why theta = 0 and DL + c > 0 do not prove that a unit is worthless: its weights are too large, p > 2 k.

    While they decay p passes through values that are worth the price. In the certified set this cannot happen.
    """
    unit = Unit()
    start = unit.start(np.sqrt(2 * 2.2), 0.0)
    assert unit.push(unit.product(start)) < 0
    assert not unit.bound.extension(0.0, 2.2)
    path = unit.flow(start)
    assert path.closed_at == 0
    assert path.end == pytest.approx([np.sqrt(0.8), np.sqrt(0.8), 1], abs=1e-6)


@settings(max_examples=30, deadline=None)
# below 1: with DL = -c the gate has no push to either side, and rounding decides
@given(share=st.floats(0, 0.999), rate=st.sampled_from([1.0, 100.0]), angle=st.floats(0.05, 1.5))
def test_a_closed_gate_stays_closed_where_more_of_the_unit_would_help(share, rate, angle):
    """DL > -c and p <= k, where a larger output lowers the loss: the practical condition with its missing part."""
    unit = Unit(gate_rate=rate)
    product = share * unit.worth_its_price
    start = unit.start(np.sqrt(2 * product / np.sin(2 * angle)), 0.0, angle)
    assert unit.product(start) == pytest.approx(product)
    assert (unit.flow(start).states[:, -1] <= 1e-12).all()


def test_a_useless_unit_has_no_boundary():
    """A price above k^2 / 2, what the unit can earn at most."""
    unit = Unit(price=0.6)
    assert np.isnan(unit.basin_boundary([0.0, 1.0])).all()
    assert np.isnan(unit.saddle).all()
    assert unit.pruned(unit.start(1.0, 1.0))
    assert OneMatrixSection(price=0.6).pruned([0.5, 1.0])


def test_a_slow_gate_is_waited_for():
    """An idle gate of rate 0.3 and price 0.03125 needs 107 time units from 1 to 0; its weights decay in 80."""
    unit = Unit(1.0, 0.5, 0.03125, 0.3)
    assert unit.flow([0.0, 0.0, 1.0]).closed_at == pytest.approx(1 / (0.3 * 0.03125))
    assert unit.pruned([0.0, 0.0, 1.0])


def test_equal_weights_stay_equal_and_their_difference_decays():
    unit = Unit()
    path = unit.flow(unit.start(1.0, 0.5, np.pi / 8), until=3)
    difference = path.states[:, 0] ** 2 - path.states[:, 1] ** 2
    np.testing.assert_allclose(difference, difference[0] * np.exp(-2 * unit.decay * path.times), atol=1e-7)
