"""Slopes at both ends of a gate against finite differences, and what the estimators make of them."""

import pytest
import torch

from robustprune.experiments.gate_slopes import gate_slopes
from robustprune.networks.architecture import architecture
from robustprune.networks.layers import cross_entropy
from robustprune.networks.stacked import Gated, StackedNetwork

UNITS = {
    "lenet_300_100": {"input": 12, "fc1": 4, "fc2": 3},
    "lenet5": {"conv1": 2, "conv2": 3, "flat": 10, "fc1": 4},
}


@pytest.fixture(params=list(UNITS))
def network(request) -> StackedNetwork:
    generator = torch.Generator().manual_seed(3)
    found, units = architecture(request.param), UNITS[request.param]
    weights = {
        name: 0.4 * torch.randn(1, *shape, generator=generator, dtype=torch.float64)
        for name, shape in found.shapes(units).items()
    }
    kept = {slot: torch.arange(count).unsqueeze(0) for slot, count in units.items()}
    if "input" in kept:
        kept["input"] = 7 * kept["input"] + 300
    if "flat" in kept:
        kept["flat"] = torch.tensor([[0, 1, 5, 15, 16, 20, 31, 32, 33, 47]])
    return StackedNetwork(found, weights, kept)


def losses(network, images, labels, slot, unit, gate):
    """The losses with one gate at a value, all others open."""

    def hook(name, h):
        if name != slot:
            return h
        gates = torch.ones(h.shape[2], dtype=h.dtype)
        gates[unit] = gate
        return h * gates.view(1, 1, -1, *[1] * (h.dim() - 3))

    inputs = images[:, network.kept["input"][0]] if "input" in network.kept else images
    return cross_entropy(network.forward(inputs.unsqueeze(0), Gated(hook)), labels.unsqueeze(0))[0]


def test_slopes_are_derivatives_in_one_gate_at_both_ends(network):
    images, labels = torch.rand(30, 784, dtype=torch.float64), torch.arange(30) % 10
    found, step = gate_slopes(network, images, labels), 1e-6
    assert {slot: len(rows) for slot, rows in found.items()} == network.places()
    for slot, rows in found.items():
        for unit in (0, len(rows) - 1):
            at = {}
            for end in (1.0, 0.0):
                up, down = (losses(network, images, labels, slot, unit, end + move) for move in (step, -step))
                at[end] = (up - down) / (2 * step)
            expected = [at[1.0].mean(), at[0.0].mean(), at[1.0].square().mean(), at[0.0].square().mean()]
            assert rows[unit].tolist() == pytest.approx([value.item() for value in expected], rel=1e-4, abs=1e-7)


def test_the_fisher_estimate_has_the_wrong_sign_where_a_closed_unit_costs_several_nats():
    """A unit moves the score of the right class by s = 8, and another class is 6 ahead: DL = ln(1 + e^-2) - ln(1 + e^6)
    is -5.9 nats. At the closed gate the slope is -s, and the estimate g + g^2 / 2 = -s + s^2 / 2 is 24."""
    found = architecture("lenet_300_100")
    units = {"input": 1, "fc1": 1, "fc2": 1}
    weights = {name: torch.zeros(1, *shape, dtype=torch.float64) for name, shape in found.shapes(units).items()}
    for name in ("fc1.weight", "fc2.weight"):
        weights[name][:] = 1.0
    weights["fc3.weight"][0, 0, 0] = 8.0
    weights["fc3.bias"][0, 1:] = -100.0
    weights["fc3.bias"][0, 1] = 6.0
    network = StackedNetwork(found, weights, {slot: torch.zeros(1, 1, dtype=torch.int64) for slot in units})
    images, labels = torch.ones(1, 784, dtype=torch.float64), torch.zeros(1, dtype=torch.int64)
    _, slope, _, square = gate_slopes(network, images, labels)["fc2"][0].tolist()
    exact = losses(network, images, labels, "fc2", 0, 1.0) - losses(network, images, labels, "fc2", 0, 0.0)
    assert exact.item() == pytest.approx(-5.876, abs=1e-3)
    assert slope + square / 2 == pytest.approx(24, abs=0.2)
