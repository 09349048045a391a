"""Multilinear expectations of few gates: against sums over all draws, and where exact descent ends."""

import itertools

import numpy as np
import pytest

from robustprune.analysis.theory.vertices import (
    basins,
    descend,
    expected,
    gate_vectors,
    local_minima,
    slopes,
    table_of,
    with_prices,
)
from robustprune.errors import StudyError


@pytest.fixture
def random():
    return np.random.default_rng(0)


def test_the_expectation_is_the_sum_over_all_draws(random):
    table, theta = random.normal(size=(2,) * 4), random.random((3, 4))
    for row, found in zip(theta, expected(table, theta), strict=True):
        chances = [np.prod(np.where(draw, row, 1 - row)) for draw in gate_vectors(4)]
        assert found == pytest.approx(np.dot(chances, table.reshape(-1)), abs=1e-12)
    assert expected(table, [0, 1, 1, 0]) == table[0, 1, 1, 0]


def test_slopes_are_the_difference_of_open_and_closed(random):
    table, theta = random.normal(size=(2,) * 4), random.random((3, 4))
    for gate in range(4):
        opened, closed = theta.copy(), theta.copy()
        opened[:, gate], closed[:, gate] = 1, 0
        np.testing.assert_allclose(slopes(table, theta)[:, gate], expected(table, opened) - expected(table, closed))


def test_the_count_of_pairs_in_a_gated_stream():
    """E[(sum xi)^2] is not (sum theta)^2; its slopes are 2 (sum of the others) + 1."""
    table = table_of(lambda gates: gates.sum() ** 2, 3)
    theta = np.array([0.9, 0.5, 0.2])
    assert expected(table, theta) == pytest.approx(3.06)
    np.testing.assert_allclose(slopes(table, theta), [2.4, 3.2, 3.8])


def test_prices_are_per_open_gate(random):
    table, theta = random.normal(size=(2,) * 3), random.random(3)
    prices = [0.1, 0.2, 0.4]
    assert expected(with_prices(table, prices), theta) == pytest.approx(expected(table, theta) + np.dot(prices, theta))


def test_too_many_gates_are_an_error():
    with pytest.raises(StudyError, match="40 gates: from 1 to 16"):
        gate_vectors(40)


# two sections with a skip around each (residual network, two examples): the loss of every pair of section gates
V = [np.array([[0.6, -0.4], [0.2, 0.8]]), np.array([[-0.5, 0.9], [0.7, 0.3]])]
BIAS = [np.array([0, 0.1]), np.array([0.2, 0])]
U = [np.array([[0.5, -0.3], [-0.2, 0.7]]), np.array([[0.4, 0.6], [-0.8, 0.1]])]
OUT, OUT_BIAS = np.array([[1, -1], [-0.5, 1]]), np.zeros(2)
EXAMPLES, LABELS = np.array([[1, 0.5], [-0.5, 1]]), [0, 1]


def scores(gates):
    """Class scores [examples, 2] with the sections' gates at these values, which need not be 0 or 1."""
    h = np.maximum(EXAMPLES @ np.array([[1, -0.5], [0.5, 1]]).T + [0.1, -0.1], 0)
    for gate, v, bias, u in zip(gates, V, BIAS, U, strict=True):
        h = h + gate * np.maximum(h @ v.T + bias, 0) @ u.T
    return h @ OUT.T + OUT_BIAS


def section_losses(gates):
    """Cross-entropy of each example."""
    found = scores(gates)
    return np.log(np.exp(found).sum(-1)) - found[[0, 1], LABELS]


@pytest.fixture
def sections():
    return table_of(lambda gates: section_losses(gates).mean(), 2)


def test_losses_of_two_sections(sections):
    np.testing.assert_allclose(scores((1, 1)), [[1.070490, -0.225400], [0.349820, -0.130600]], atol=5e-7)
    np.testing.assert_allclose(scores((1, 0)), [[-0.935, 1.249], [-1.27, 1.177]], atol=5e-7)
    np.testing.assert_allclose(scores((0, 1)), [[1.0845, -0.283], [0.3895, -0.174]], atol=5e-7)
    np.testing.assert_allclose(scores((0, 0)), [[-0.05, 0.475], [-0.65, 0.65]], atol=5e-7)
    np.testing.assert_allclose(sections, [[0.615360, 0.620503], [1.186851, 0.601912]], atol=5e-7)


def test_slopes_of_two_sections(sections):
    assert expected(sections, [0.7, 0.4]) == pytest.approx(0.852238, abs=5e-7)
    np.testing.assert_allclose(slopes(sections, [0.7, 0.4]), [0.335458, -0.407914], atol=5e-7)
    assert slopes(sections, [1, 0.4])[1] == pytest.approx(-0.584939, abs=1e-6)
    assert slopes(sections, [0, 0.4])[1] == pytest.approx(0.005143, abs=1e-6)


def mean_over_draws(estimate, theta):
    """The mean of an estimate (gates [examples, 2], gate) over all gate draws per example."""
    total = np.zeros(2)
    for first, second in itertools.product(gate_vectors(2), repeat=2):
        gates = np.array([first, second])
        total += np.where(gates, theta, 1 - theta).prod() * np.array([estimate(gates, gate) for gate in range(2)])
    return total


def test_means_of_estimators_of_two_sections(sections):
    """Flipping one gate is exact; slopes at the drawn gate are not: a section changes the loss too much."""
    theta = np.array([0.7, 0.4])

    def losses(gates):
        return np.array([section_losses(own)[example] for example, own in enumerate(gates)])

    def flip(gates, gate):
        flipped = gates.copy()
        flipped[:, gate] = 1 - flipped[:, gate]
        return ((2 * gates[:, gate] - 1) * (losses(gates) - losses(flipped))).mean()

    def gradient(gates, gate):
        step = np.zeros((2, 2))
        step[:, gate] = 1e-6
        return (losses(gates + step) - losses(gates - step)) / 2e-6

    def trapezoid(gates, gate):
        weight = gates[:, gate] / (2 * theta[gate]) + (1 - gates[:, gate]) / (2 * (1 - theta[gate]))
        return (gradient(gates, gate) * weight).mean()

    np.testing.assert_allclose(mean_over_draws(flip, theta), slopes(sections, theta), atol=1e-12)
    np.testing.assert_allclose(mean_over_draws(trapezoid, theta), [0.322036, -0.319868], atol=1e-6)
    first_order = mean_over_draws(lambda gates, gate: gradient(gates, gate).mean(), theta)
    np.testing.assert_allclose(first_order, [0.358316, -0.482212], atol=1e-6)


def test_whether_a_section_pays_depends_on_the_other(sections):
    """With c = 0.01 both open is a local minimum that is not the minimum; with c = 0.02 it is none."""
    cheap, dear = with_prices(sections, 0.01), with_prices(sections, 0.02)
    np.testing.assert_allclose(cheap.reshape(-1), [0.615360, 0.630503, 1.196851, 0.621912], atol=5e-7)
    np.testing.assert_allclose(dear.reshape(-1), [0.615360, 0.640503, 1.206851, 0.641912], atol=5e-7)
    assert local_minima(cheap).tolist() == [[True, False], [False, True]]
    assert local_minima(dear).tolist() == [[True, False], [False, False]]
    assert cheap.min() == cheap[0, 0]


def test_descent_ends_at_the_local_minimum_of_its_basin(sections):
    """Two sections at c = 0.01: the network ends with both or with none, by its start; a grid of starts tells."""
    starts = np.array(list(itertools.product(np.linspace(0.01, 0.99, 15), repeat=2)))
    ends = descend(with_prices(sections, 0.01), starts, step=0.5, steps=2000)
    assert ends.settled.all()
    found = basins(ends)
    assert set(found) == {(0, 0), (1, 1)}
    assert sum(found.values()) == pytest.approx(1)
    assert ends.theta[0].tolist() == [0, 0]
    assert ends.theta[-1].tolist() == [1, 1]
    assert set(basins(descend(with_prices(sections, 0.02), starts, 0.5, 2000))) == {(0, 0)}


def test_of_random_tables_every_end_is_a_local_minimum_and_each_has_a_basin(random):
    for _ in range(5):
        table = random.normal(size=(2,) * 4)
        ends = descend(table, random.random((200, 4)), step=0.1, steps=2000)
        minima = {tuple(place) for place in np.argwhere(local_minima(table)).tolist()}
        assert ends.settled.all()
        assert set(basins(ends)) <= minima
        near = np.abs(np.array(sorted(minima)) - 1e-3)
        held = descend(table, near, step=0.1, steps=2000)
        assert {tuple(map(int, end)) for end in held.theta} == minima


def test_an_end_inside_is_not_settled():
    """A saddle holds the start that lies on it: xi_1 xor xi_2 at (1/2, 1/2)."""
    ends = descend(np.array([[0.0, 1.0], [1.0, 0.0]]), [[0.5, 0.5], [0.6, 0.7]], step=0.1, steps=1000)
    assert ends.settled.tolist() == [False, True]
    assert basins(ends) == {(1, 1): 0.5}


def test_a_tie_is_no_strict_minimum():
    """A unit that is worth exactly its price: neither end is strict."""
    assert not local_minima(np.array([0.0, 0.0])).any()
    assert local_minima(np.array([[0.0, 1.0], [2.0, 3.0]])).tolist() == [[True, False], [False, False]]
