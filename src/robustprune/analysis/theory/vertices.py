"""The expected loss of a network with few gates, from the loss of every gate vector (docs/theory.md 4).

A table [2, ..., 2] has one axis per gate: table[1, 0] is the loss with the first gate open and the second closed. Its
expectation over independent gates is multilinear in their probabilities theta.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robustprune.errors import StudyError

Values = NDArray[np.float64]
MOST_GATES = 16


def gate_vectors(gates: int) -> NDArray[np.int64]:
    """Return all gate vectors [2^gates, gates], in the order of a flattened table.

    Raises StudyError for more gates than can be enumerated.
    """
    if not 1 <= gates <= MOST_GATES:
        raise StudyError(f"{gates} gates: from 1 to {MOST_GATES} can be enumerated")
    return np.indices((2,) * gates).reshape(gates, -1).T


def table_of(loss: Callable[[NDArray[np.int64]], float], gates: int) -> Values:
    """Return the table [2, ..., 2] of a loss that takes one gate vector."""
    return np.array([loss(vector) for vector in gate_vectors(gates)], dtype=float).reshape((2,) * gates)


def with_prices(table: Values, prices: ArrayLike) -> Values:
    """Return the table of the loss plus the price of every open gate; prices: one number or one per gate."""
    prices = np.broadcast_to(np.asarray(prices, dtype=float), (table.ndim,))
    return table + (gate_vectors(table.ndim) @ prices).reshape(table.shape)


def expected(table: Values, theta: ArrayLike) -> Values:
    """Return E[table[xi]] for independent xi_i ~ Bernoulli(theta_i); theta [..., gates], result [...]."""
    theta = np.asarray(theta, dtype=float)
    values = np.broadcast_to(table, (*theta.shape[:-1], *table.shape))
    for gate in reversed(range(table.ndim)):
        opened = theta[..., gate][(..., *[None] * gate)]
        values = (1 - opened) * values[..., 0] + opened * values[..., 1]
    return values


def slopes(table: Values, theta: ArrayLike) -> Values:
    """Return the exact gradient, E[table | xi_i = 1] - E[table | xi_i = 0] for each gate; theta [..., gates]."""
    theta = np.asarray(theta, dtype=float)
    found = np.empty_like(theta)
    for gate in range(table.ndim):
        others = np.delete(theta, gate, axis=-1)
        opened, closed = np.take(table, 1, axis=gate), np.take(table, 0, axis=gate)
        found[..., gate] = expected(opened - closed, others)
    return found


def local_minima(table: Values) -> NDArray[np.bool_]:
    """Return the gate vectors [2, ..., 2] at which switching any single gate raises the value."""
    found = np.ones(table.shape, dtype=bool)
    for gate in range(table.ndim):
        found &= table < np.flip(table, gate)
    return found


class Ends(NamedTuple):
    """Where projected gradient descent ended: theta [starts, gates] and whether it rests at a vertex [starts]."""

    theta: Values
    settled: NDArray[np.bool_]


def descend(table: Values, starts: ArrayLike, step: float, steps: int) -> Ends:
    """Follow theta <- clip(theta - step * slope, 0, 1) with exact slopes from each start [starts, gates].

    A start has settled when every gate is at 0 or 1 and its slope holds it there.
    """
    theta = np.array(starts, dtype=float)
    settled = np.zeros(len(theta), dtype=bool)
    for _ in range(steps):
        moving = theta[~settled]
        if not len(moving):
            break
        moved = np.clip(moving - step * slopes(table, moving), 0, 1)
        theta[~settled] = moved
        settled[~settled] = (moved == moving).all(axis=-1) & np.isin(moved, (0, 1)).all(axis=-1)
    return Ends(theta, settled)


def basins(ends: Ends) -> dict[tuple[int, ...], float]:
    """Return the share of all starts that settled at each vertex, largest first."""
    vectors, counts = np.unique(ends.theta[ends.settled].astype(int), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {tuple(map(int, vectors[place])): float(counts[place] / len(ends.theta)) for place in order}
