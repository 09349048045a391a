"""Solutions of an ordinary differential equation whose last component is a gate, kept in [0, 1] by projection."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

from robustprune.errors import StudyError

Values = NDArray[np.float64]
Velocity = Callable[[Values], Values]
PIECES = 50
"""Most pieces of a solution: it begins one whenever the gate reaches or leaves 0 or 1."""

SMALLEST = 1e-100
"""Smaller components of a start count as 0: the solver divides by them and by their products, and overflows."""


class Path(NamedTuple):
    """A solution: times [points], states [points, components], and when the gate first was at 0 (NaN: never)."""

    times: Values
    states: Values
    closed_at: float

    @property
    def end(self) -> Values:
        """The last state."""
        return self.states[-1]


def projected_flow(
    velocity: Velocity,
    start: ArrayLike,
    until: float,
    decided: Callable[[Values], bool] = lambda state: False,
    dead: Velocity | None = None,
) -> Path:
    """Solve d state / dt = P(velocity(state)) from time 0; P keeps the last component, the gate, in [0, 1].

    velocity: takes and returns a state [components], without projection. At 0 and 1 the gate rests for as long as its
    velocity points outward; these times are found as events, so the solver meets no jump. decided: takes the state
    whenever the gate has come to rest at an end; True ends the solution there. dead: the velocity of a ReLU unit that
    is dead; the first component is the unit's incoming weight. The solution follows `dead` for good from the moment
    when that weight is 0 or less. That moment is an event, too, so velocity need not be that of a ReLU below 0: where
    it is smooth there, the solver meets no jump. Raises StudyError where the start's gate is not in [0, 1], and for a
    solution that keeps reaching and leaving an end.
    """
    state = np.array(start, dtype=float)
    state[np.abs(state) < SMALLEST] = 0
    if not 0 <= state[-1] <= 1:
        raise StudyError(f"start: the gate must be in [0, 1], not {state[-1]:g}")
    time, closed_at, released = 0.0, np.nan, False
    times, states = [np.array([0.0])], [state[None]]
    for _ in range(PIECES):
        if dead is not None and state[0] <= 0:
            velocity, dead = dead, None
        events = [] if dead is None else [_dies]
        push = velocity(state)[-1]
        held = not released and ((state[-1] == 0 and push <= 0) or (state[-1] == 1 and push >= 0))
        if held and state[-1] == 0 and np.isnan(closed_at):
            closed_at = time
        if held and decided(state):
            break
        piece = (_held if held else _free)(velocity, state, time, until, events)
        *met, died = [len(found) > 0 for found in piece.t_events] + [False] * (not events)
        if died:  # events are found to rounding: put the weight and the gate where they are
            piece.y[0, -1] = 0
        if any(met) and not held:
            piece.y[-1, -1] = np.round(piece.y[-1, -1])
        times.append(piece.t[1:])
        states.append(piece.y.T[1:])
        time, state, released = float(piece.t[-1]), piece.y[:, -1], held and any(met)
        if piece.status == 0:
            break
    else:
        raise StudyError(f"the gate reached or left 0 or 1 more than {PIECES} times until time {time:g} of {until:g}")
    return Path(np.concatenate(times), np.concatenate(states), closed_at)


def _dies(_: float, now: Values) -> float:
    return now[0]


def _free(velocity: Velocity, state: Values, time: float, until: float, events: list):
    """Solve until the gate reaches 0 or 1, or one of these events."""

    def at_zero(_: float, now: Values) -> float:
        return now[-1]

    def at_one(_: float, now: Values) -> float:
        return now[-1] - 1

    at_zero.direction, at_one.direction = -1, 1
    return _solve(lambda _, now: velocity(now), state, time, until, [at_zero, at_one, *events])


def _held(velocity: Velocity, state: Values, time: float, until: float, events: list):
    """Solve with the gate at rest until its velocity points inward, or until one of these events."""

    def rest(_: float, now: Values) -> Values:
        return np.append(velocity(now)[:-1], 0)

    def released(_: float, now: Values) -> float:
        return velocity(now)[-1]

    released.direction = 1 if state[-1] == 0 else -1
    return _solve(rest, state, time, until, [released, *events])


def _solve(velocity, state: Values, time: float, until: float, events):
    for event in events:
        event.terminal = True
    found = solve_ivp(velocity, (time, until), state, events=events, method="LSODA", rtol=1e-9, atol=1e-12)
    if not (found.success and np.isfinite(found.y).all()):
        raise StudyError(f"the differential equation has no finite solution up to time {until:g}: {found.message}")
    return found
