"""The exhaustive check: a network of eight gates, all 256 gate vectors, exact gradients."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from robustprune.analysis.theory.tiny_network import TinyNetwork, Weights
from robustprune.analysis.theory.vertices import basins, descend, expected, local_minima, slopes, with_prices

INPUTS, HIDDEN, CLASSES, PRICE = 4, 4, 3, 0.03
GATES = INPUTS + HIDDEN


@pytest.fixture(scope="module")
def network():
    """Three clusters; the last input is noise."""
    random = np.random.default_rng(0)
    labels = np.arange(18) % CLASSES
    centres = np.array([[1, 0, -1, 0], [-1, 1, 0, 0], [0, -1, 1, 0]])
    return TinyNetwork(centres[labels] + 0.4 * random.normal(size=(18, INPUTS)), labels)


@pytest.fixture(scope="module")
def trained(network):
    """Weights trained with every gate at 1/2."""
    weights = Weights.drawn(INPUTS, HIDDEN, CLASSES, seed=1)
    theta = np.full(GATES, 0.5)
    return network.train(weights, theta, PRICE, rate=0.3, gate_rate=0.0, decay=1e-3, steps=150)[0]


@pytest.fixture(scope="module")
def objective(network, trained):
    return with_prices(network.losses(trained), PRICE)


def plain_loss(network, weights, gates):
    """The mean cross-entropy under one gate vector, example by example."""
    total = 0.0
    for x, label in zip(network.examples, network.labels, strict=True):
        h = np.maximum(weights.w @ (x * gates[:INPUTS]) + weights.b, 0) * gates[INPUTS:]
        scores = weights.v @ h + weights.d
        total += np.log(np.exp(scores).sum()) - scores[label]
    return total / len(network.labels)


def test_losses_are_those_of_the_network_under_each_gate_vector(network, trained):
    losses = network.losses(trained)
    for gates in ([1] * GATES, [0] * GATES, [1, 0, 1, 1, 0, 1, 1, 0], [0, 1, 1, 0, 1, 0, 0, 1]):
        assert losses[tuple(gates)] == pytest.approx(plain_loss(network, trained, np.array(gates)), abs=1e-12)


def test_the_gradient_is_that_of_the_expected_loss(network, trained):
    """Central differences of E[L] in every weight."""
    theta = np.linspace(0.1, 0.9, GATES)
    found = vars(network.gradient(trained, theta))
    for name, values in vars(trained).items():
        for place in np.ndindex(values.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = values.copy()
                moved[place] += step
                ends.append(expected(network.losses(Weights(**(vars(trained) | {name: moved}))), theta))
            assert found[name][place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-8)


def test_the_expected_loss_is_multilinear(network, trained):
    """Affine in each gate to 1e-12 with the others anywhere, and not affine in two at once."""
    losses, random = network.losses(trained), np.random.default_rng(2)
    for gate in range(GATES):
        theta = np.repeat(random.random((1, GATES)), 3, axis=0)
        theta[:, gate] = 0, 0.3, 1
        at = expected(losses, theta)
        assert at[1] == pytest.approx(0.7 * at[0] + 0.3 * at[2], abs=1e-12)
        assert slopes(losses, theta)[:, gate] == pytest.approx(at[2] - at[0], abs=1e-12)
    both = expected(losses, np.array([[0.0] * GATES, [0.5] * GATES, [1.0] * GATES]))
    assert abs(both[1] - (both[0] + both[2]) / 2) > 1e-3


def test_a_vertex_holds_the_minimum(objective):
    random = np.random.default_rng(3)
    theta = np.concatenate([random.random((500, GATES)), random.integers(0, 2, (500, GATES)) * random.random((500, 1))])
    assert expected(objective, theta).min() > objective.min()
    assert local_minima(objective)[np.unravel_index(objective.argmin(), objective.shape)]


def test_projected_descent_ends_at_local_minima_among_the_vertices(objective):
    """From 60 starts, with the weights held: every gate ends at 0 or 1, where switching any one alone costs more."""
    ends = descend(objective, np.random.default_rng(4).random((60, GATES)), step=0.5, steps=4000)
    assert ends.settled.all()
    found = basins(ends)
    assert all(local_minima(objective)[vertex] for vertex in found)
    assert sum(found.values()) == pytest.approx(1)
    assert len(found) == 2  # neither basin is small: the start decides which network is found
    assert min(found.values()) > 0.1
    assert {vertex[3] for vertex in found} == {0}  # the noise is never worth its price


def test_descent_on_weights_and_gates_ends_at_a_vertex_with_a_smaller_network(network):
    """No noise, exact gradients: with the weights moving, too, every gate ends at 0 or 1 and obeys the price."""
    for seed in (1, 2):
        weights = Weights.drawn(INPUTS, HIDDEN, CLASSES, seed)
        weights, theta = network.train(weights, np.full(GATES, 0.5), PRICE, 0.5, gate_rate=0.5, decay=1e-3, steps=250)
        assert set(theta) == {0.0, 1.0}
        losses = network.losses(weights)
        slope = slopes(losses, theta)
        assert (slope[theta == 1] <= -PRICE).all()
        assert (slope[theta == 0] >= -PRICE).all()
        assert losses[tuple(theta.astype(int))] < np.log(CLASSES) / 2


def test_the_minimum_over_the_weights_is_concave_in_each_gate():
    """Linear regression with gated inputs, whose best weights are known for every theta: so a vertex is a minimum."""
    random = np.random.default_rng(5)
    x = random.normal(size=(40, 3))
    x[:, 2] = x[:, 0] + 0.2 * x[:, 2]
    y = x @ [1.0, -0.5, 0.3]
    gram, cross = x.T @ x / len(x), x.T @ y / len(x)

    def best(theta, decay=0.05, price=0.05):
        """min over w of E[(y - sum w xi x)^2] / 2 + decay |w|^2 / 2, plus prices; E[xi_i^2] = theta_i."""
        moment = np.outer(theta, theta) * gram
        moment[np.diag_indices(3)] = theta * gram.diagonal()
        w = np.linalg.solve(moment + decay * np.eye(3), theta * cross)
        return (y**2).mean() / 2 - theta * cross @ w / 2 + price * theta.sum()

    grid = np.linspace(0, 1, 21)
    for gate in range(3):
        for theta in random.random((20, 3)):
            values = np.array([best(np.where(np.arange(3) == gate, at, theta)) for at in grid])
            assert (np.diff(values, 2) <= 1e-12).all()
    vertices = min(best(np.array(vertex, dtype=float)) for vertex in np.ndindex(2, 2, 2))
    assert min(best(theta) for theta in random.random((500, 3))) > vertices


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), unit=st.integers(0, HIDDEN - 1), size=st.floats(0.3, 3), worse=st.floats(0, 2))
def test_a_unit_behind_the_class_scores_stays_worthless_as_it_shrinks(network, seed, unit, size, worse):
    """docs/theory.md 7: with DL > -c, and a loss that does not rise with the unit's scale s at s = 1, DL(s) >= DL for
    all s <= 1, since the loss is convex in s. Here the weights are moved away from the best ones by `worse`."""
    start = Weights.drawn(INPUTS, HIDDEN, CLASSES, seed)
    theta = np.random.default_rng(seed).uniform(size=GATES)
    weights = network.train(start, theta, PRICE, rate=0.3, gate_rate=0.0, decay=1e-3, steps=20)[0]
    weights.v[:, unit] *= size
    weights.v[:, unit] -= worse * network.gradient(weights, theta).v[:, unit]

    def slope(scale):
        v = weights.v.copy()
        v[:, unit] *= scale  # the decay of w, b and v together only multiplies what the unit adds to the scores
        return slopes(network.losses(Weights(weights.w, weights.b, v, weights.d)), theta)[INPUTS + unit]

    shrunk = [slope(scale) for scale in np.linspace(0, 1, 9)]
    rises = slope(1.0) - slope(1 - 1e-6)  # the loss with the gate closed does not depend on the scale
    assume(rises <= 0)
    assert min(shrunk) >= slope(1.0) - 1e-9


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 4))
def test_the_value_of_a_unit_is_bounded_by_its_weights(network, seed, scale):
    """docs/theory.md 6: |DL| <= G X |w| |v| <= G X S. The gradient of the cross-entropy at the scores is at most
    sqrt(2) long, whatever the gates; the bias counts as a weight of an input 1."""
    drawn = Weights.drawn(INPUTS, HIDDEN, CLASSES, seed)
    weights = Weights(scale * drawn.w, drawn.b + 0.1, scale * drawn.v, drawn.d)
    found = np.abs(slopes(network.losses(weights), np.random.default_rng(seed).uniform(size=GATES))[INPUTS:])
    inputs = np.sqrt((network.examples**2).sum(1) + 1).mean()
    size_in, size_out = (weights.w**2).sum(1) + weights.b**2, (weights.v**2).sum(0)
    kappa = np.sqrt(2) * inputs
    assert (found <= kappa * np.sqrt(size_in * size_out)).all()
    assert (kappa * np.sqrt(size_in * size_out) <= kappa * (size_in + size_out) / 2 + 1e-12).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 4), width=st.integers(1, 6))
def test_the_value_of_a_section_is_bounded_by_its_weights(seed, scale, width):
    """Bottleneck form: |DL| <= G X |U| |V| in Frobenius norms; a skip goes around the section."""
    random = np.random.default_rng(seed)
    # all in one direction, and the section speaks against the right class: there the bound is nearly reached
    h, labels = 1 + 0.1 * random.normal(size=(20, 5)), np.zeros(20, dtype=int)
    v = scale * (1 + 0.1 * random.normal(size=(width, 5)))
    u = scale * np.outer([-1, 1, 0, 0, 0], 1 + 0.1 * random.normal(size=width))

    def loss(scores):
        return (np.log(np.exp(scores - scores.max(1, keepdims=True)).sum(1)) + scores.max(1)).mean() - (
            scores[np.arange(20), labels].mean()
        )

    value = loss(h + np.maximum(h @ v.T, 0) @ u.T) - loss(h)
    assert abs(value) <= np.sqrt(2) * np.sqrt((h**2).sum(1)).mean() * np.linalg.norm(u) * np.linalg.norm(v)
