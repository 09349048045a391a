"""Solutions with a projected gate, against solutions in closed form."""

import numpy as np
import pytest

from robustprune.analysis.theory.flow import projected_flow
from robustprune.errors import StudyError


def test_a_gate_falls_to_zero_and_rests_there():
    """Dw = -w, dtheta = -1 / 4 from (1, 1/2): closed at 2, w goes on."""
    path = projected_flow(lambda state: np.array([-state[0], -0.25]), [1, 0.5], until=5)
    assert path.closed_at == pytest.approx(2, abs=1e-8)
    assert path.end == pytest.approx([np.exp(-5), 0], abs=1e-8)
    assert (path.times[-1], path.states[:, -1].min(), path.states[:, -1].max()) == (5, 0, 0.5)
    assert (np.diff(path.times) >= 0).all()


def test_a_gate_leaves_an_end_when_its_velocity_points_inward():
    """Dw = 1, dtheta = w from (-1, 0.2): closed from 0.2254 on, open again from 1 on, at one from 1 + sqrt(2) on."""
    path = projected_flow(lambda state: np.array([1.0, state[0]]), [-1, 0.2], until=4)
    assert path.closed_at == pytest.approx(1 - np.sqrt(0.6), abs=1e-8)
    at = {time: np.interp(time, path.times, path.states[:, -1]) for time in (0.5, 0.99, 1 + np.sqrt(2), 4)}
    assert at[0.5] == at[0.99] == 0
    assert at[1 + np.sqrt(2)] == pytest.approx(1, abs=1e-6)
    assert at[4] == 1
    assert path.end[0] == pytest.approx(3)


def test_a_start_at_an_end_can_leave_it_at_once():
    path = projected_flow(lambda state: np.array([0.0, 0.5]), [1, 0], until=1)
    assert path.end[-1] == pytest.approx(0.5)
    assert np.isnan(path.closed_at)


def test_what_is_decided_ends_the_solution_where_the_gate_rests():
    path = projected_flow(lambda state: np.array([0.0, -1.0]), [1, 0.5], 9, decided=lambda state: state[-1] == 0)
    assert path.times[-1] == pytest.approx(0.5)


@pytest.mark.parametrize("size", [5e-324, 1e-308, 1e-160])
def test_tiny_weights_are_no_obstacle(size):
    path = projected_flow(lambda state: np.array([-state[0], -1.0]), [size, 0.5], until=2)
    assert path.end == pytest.approx([0, 0])


@pytest.mark.parametrize("weight", [0.7, 1e-11, 1e-160, 0, -0.5])
@pytest.mark.parametrize("gate", [0.5, 1, 0])
def test_a_dead_unit_stays_dead(weight, gate):
    """Dw = -1 and dtheta = 1 / 4 until w is 0; then and for good dw = 0 and dtheta = -1 / 2."""
    dead = lambda state: np.array([0.0, -0.5])  # noqa: E731
    path = projected_flow(lambda state: np.array([-1.0, 0.25]), [weight, gate], until=1.5, dead=dead)
    alive = max(weight, 0)
    assert path.end == pytest.approx([min(weight, 0), max(min(1, gate + alive / 4) - (1.5 - alive) / 2, 0)], abs=1e-8)


def test_errors():
    with pytest.raises(StudyError, match=r"start: the gate must be in \[0, 1\], not 1.5"):
        projected_flow(lambda state: -state, [0, 1.5], until=1)

    with pytest.raises(StudyError, match="no finite solution up to time 2"):
        projected_flow(lambda state: np.array([np.nan, 0.0]), [1, 0.5], until=2)

    def oscillating(state):
        x, y, _ = state
        return np.array([y, -x, 100 * x])

    with pytest.raises(StudyError, match="more than 50 times until time"):
        projected_flow(oscillating, [1, 0, 0.5], until=1000)
