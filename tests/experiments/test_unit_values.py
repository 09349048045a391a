"""The worth of a unit equals the change of loss of a network that never had it."""

import pandas as pd
import pytest
import torch

from robustprune.data.datasets import load
from robustprune.engine.running import run_cell
from robustprune.experiments.unit_values import COLUMNS, unit_values, write_unit_values
from robustprune.networks.architecture import architecture
from robustprune.networks.layers import cross_entropy
from robustprune.networks.plain import PlainNetwork
from robustprune.networks.stacked import OPEN, Gated, StackedNetwork
from robustprune.study.cells import Cell

UNITS = {
    "lenet_300_100": {"input": 784, "fc1": 4, "fc2": 3},
    "lenet5": {"conv1": 2, "conv2": 3, "flat": 48, "fc1": 4},
}


@pytest.fixture(params=list(UNITS))
def network(request):
    torch.manual_seed(0)
    return PlainNetwork(architecture(request.param), UNITS[request.param]).eval()


def stacked(network: PlainNetwork) -> StackedNetwork:
    """The same weights as a stack of one network."""
    weights = {name: tensor.detach().clone().unsqueeze(0) for name, tensor in network.named_parameters()}
    kept = {slot: torch.arange(count).unsqueeze(0) for slot, count in network.units.items()}
    return StackedNetwork(network.architecture, weights, kept)


def loss(network, images, labels):
    return torch.nn.functional.cross_entropy(network(images), labels, reduction="none")


def test_removal_is_as_a_gate_of_zero_after_the_activation(network):
    """A hook on the layer that reads a unit, or a pixel set to black, is another way to the same number."""
    images, labels = torch.rand(50, 784), torch.arange(50) % 10
    found = unit_values(stacked(network), images, labels)
    assert {slot: tuple(values.shape) for slot, values in found.items()} == {
        s: (n, 2) for s, n in network.units.items()
    }
    reader, slot = (network.fc2, "fc1") if hasattr(network, "conv1") else (network.fc3, "fc2")
    hook = reader.register_forward_pre_hook(lambda module, given: given[0].index_fill(1, torch.tensor([1]), 0))
    closed = loss(network, images, labels)
    hook.remove()
    rise = (closed - loss(network, images, labels)).double()
    assert found[slot][1].tolist() == pytest.approx([rise.mean().item(), (rise.std() / 50**0.5).item()], abs=1e-6)


def test_a_channel_goes_with_all_its_flattened_features(network):
    if not hasattr(network, "conv1"):
        black = unit_values(stacked(network), torch.zeros(5, 784), torch.zeros(5, dtype=torch.int64))["input"]
        assert black.abs().max() == 0  # a black pixel is worth nothing
        return
    images, labels = torch.rand(20, 784), torch.zeros(20, dtype=torch.int64)
    found = unit_values(stacked(network), images, labels)
    assert found["flat"].abs().max() > 0
    for channel, features in enumerate(torch.arange(48).split(16)):
        hook = network.fc1.register_forward_pre_hook(lambda module, given, cut=features: given[0].index_fill(1, cut, 0))
        closed = loss(network, images, labels)
        hook.remove()
        rise = (closed - loss(network, images, labels)).mean().item()
        assert found["conv2"][channel, 0].item() == pytest.approx(rise, abs=1e-6)


def test_a_network_with_sections_is_read_too():
    """Closing a unit inside a section, and a section's gate, beside a network without them."""
    found = architecture("mlp_residual", 2)
    units = {**found.units(0.1), "input": 40}
    generator = torch.Generator().manual_seed(5)
    weights = {name: torch.randn(1, *shape, generator=generator) / 5 for name, shape in found.shapes(units).items()}
    kept = {slot: torch.arange(count).unsqueeze(0) for slot, count in units.items()}
    network = StackedNetwork(found, weights, kept)
    images, labels = torch.rand(60, 784, generator=generator), torch.arange(60) % 10
    values = unit_values(network, images, labels)
    assert "stem" not in values
    for slot, unit in (("block1", 1), ("block2", 0), ("block1_gate", 0), ("block2_gate", 0)):

        def hook(name, h, slot=slot, unit=unit):
            others = 0.0 if slot.endswith("gate") else torch.arange(h.shape[2]) != unit
            return h * others if name == slot else h

        x = images[:, :40].unsqueeze(0)
        with torch.no_grad():
            passes = [network.forward(x, hooks) for hooks in (OPEN, Gated(hook))]
        whole, closed = (cross_entropy(scores, labels.unsqueeze(0)) for scores in passes)
        assert values[slot][unit, 0].item() == pytest.approx((closed - whole).mean().item(), abs=1e-6), slot


def test_the_table_has_a_row_for_every_kept_unit(tmp_path):
    training = {"epochs": 1, "images": "tuning"}
    names = {"dataset": "digits", "architecture": "lenet_300_100", "strength": "c", "width": 0.5}
    cell = Cell(**names, method="bernoulli", settings={"price": 1e-3}, replicates=2, training=training)
    data = load("digits")
    record = run_cell(cell, data, tmp_path / "cell", tmp_path / "checkpoint.pt")
    count = write_unit_values({tmp_path / "cell": cell}, lambda name: data, tmp_path / "values.parquet")
    table = pd.read_parquet(tmp_path / "values.parquet")
    kept = [sum(int(units) for units in entry.units_kept.split("-")) for entry in record.replicates]
    assert (len(table), list(table)) == (count, list(COLUMNS))
    assert table.groupby("replicate").size().tolist() == kept
    assert (table["error"] > 0).any()
