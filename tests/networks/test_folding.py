"""Gates fold into weights, dead units go, and the function stays the same."""

import pytest
import torch

from robustprune.engine.compaction import extract
from robustprune.networks.folding import fold_gates, remove_dead
from robustprune.networks.plain import plain_network
from robustprune.networks.stacked import Gated


def gate_of(values):
    def gate(slot, h):
        if slot not in values:
            return h
        v = values[slot].view(1, 1, -1, *(1,) * (h.dim() - 3))
        return h * v

    return gate


@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5"])
def test_folded_network_equals_gated_one(make_network, name):
    """Soft gates, negative and above one too, some closed: folded and cleaned network gives the gated scores."""
    network = make_network(name, replicates=1)
    generator = torch.Generator().manual_seed(0)
    gates = {}
    for slot, places in network.kept.items():
        values = torch.randn(places.shape[1], generator=generator, dtype=torch.float64)
        gates[slot] = values * (torch.rand(places.shape[1], generator=generator) < 0.4)
    images = torch.rand(1, 200, 784, dtype=torch.float64, generator=generator)
    with torch.no_grad():
        expected = network.forward(images, Gated(gate_of(gates)))[0]
        weights, kept = extract(network, 0)
        weights = fold_gates(network.architecture, weights, gates, kept)
        weights, kept = remove_dead(network.architecture, weights, kept)
        plain = plain_network(network.architecture, weights, kept)
        assert (plain(images[0]) - expected).abs().max() < 1e-10
    for slot, values in gates.items():
        assert 0 < len(kept[slot]) <= int((values != 0).sum())


@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5"])
def test_constant_units_move_into_the_next_bias(make_network, name):
    network = make_network(name, replicates=1)
    weights, kept = extract(network, 0)
    constant = {"lenet_300_100": ["fc1", "fc2"], "lenet5": ["conv1", "conv2", "fc1"]}[name]
    for layer in constant:
        weights[f"{layer}.weight"][::3] = 0
        weights[f"{layer}.bias"][::3] = torch.linspace(-1, 1, len(weights[f"{layer}.bias"][::3])).double()
    images = torch.rand(100, 784, dtype=torch.float64)
    with torch.no_grad():
        before = plain_network(network.architecture, weights, kept)(images)
        small, left = remove_dead(network.architecture, weights, kept)
        after = plain_network(network.architecture, small, left)(images)
    assert (before - after).abs().max() < 1e-10
    for slot in constant:
        assert len(left[slot]) == len(kept[slot]) - len(kept[slot][::3])


def test_dead_units_propagate_to_a_fixed_point(make_network):
    """Closing all of fc2 but one unit that reads a single fc1 unit leaves a chain of one."""
    network = make_network("lenet_300_100", replicates=1)
    weights, kept = extract(network, 0)
    weights["fc3.weight"][:, 1:] = 0
    weights["fc2.weight"][0, 1:] = 0
    weights["fc1.weight"][0, 5:] = 0
    weights, kept = remove_dead(network.architecture, weights, kept)
    assert {slot: len(indices) for slot, indices in kept.items()} == {"input": 5, "fc1": 1, "fc2": 1}


def test_a_network_with_everything_closed_keeps_one_unit_per_slot(make_network):
    network = make_network("lenet5", replicates=1)
    weights, kept = extract(network, 0)
    gates = {slot: torch.zeros(len(indices), dtype=torch.float64) for slot, indices in kept.items()}
    weights = fold_gates(network.architecture, weights, gates, kept)
    weights, kept = remove_dead(network.architecture, weights, kept)
    assert all(len(indices) == 1 for indices in kept.values())
    assert plain_network(network.architecture, weights, kept)(torch.rand(2, 784).double()).shape == (2, 10)
