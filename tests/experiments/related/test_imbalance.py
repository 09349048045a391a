"""The imbalance of units at the start, and what steps of training do to it."""

import pandas as pd
import pytest
import torch

from robustprune.engine.running import run_cell
from robustprune.experiments.related.imbalance import COLUMNS, squared_norms, write_imbalance
from robustprune.networks.architecture import Architecture, Layer, Slot
from robustprune.networks.archive import kept_units
from robustprune.networks.stacked import StackedNetwork, every_unit

TINY = Architecture(
    "tiny",
    (Slot("input", 2, hidden=False), Slot("fc1", 2)),
    (Layer("fc1", "input", "fc1"), Layer("fc2", "fc1", None)),
    classes=2,
)
VALUES = {
    "fc1.weight": [[1, -2], [0.5, 1]],
    "fc1.bias": [0.1, -0.2],
    "fc2.weight": [[1, -1], [0.5, 2]],
    "fc2.bias": [0, 0],
}


def tiny() -> StackedNetwork:
    parameters = {name: torch.tensor([values], dtype=torch.float64) for name, values in VALUES.items()}
    return StackedNetwork(TINY, parameters, every_unit({"input": 2, "fc1": 2}, 1))


def imbalance(network, slot="fc1") -> torch.Tensor:
    into, out = squared_norms(network)[slot]
    return into - out


@pytest.mark.parametrize(
    ("optimizer", "rate", "change"),
    [(torch.optim.SGD, 1e-4, (-6.8e-10, 2.3e-8)), (torch.optim.Adam, 1e-3, (-0.002799, 0.003401))],
)
def test_a_gradient_step_conserves_the_imbalance_and_adam_does_not(optimizer, rate, change):
    network = tiny()
    before = imbalance(network)[0]
    assert before.tolist() == pytest.approx([3.76, -3.71])
    trained = [tensor for name, tensor in network.parameters.items() if name != "fc2.bias"]
    images = torch.tensor([[[1, 0.2], [0.3, 1]]], dtype=torch.float64)
    loss = torch.nn.functional.cross_entropy(network.forward(images)[0], torch.tensor([0, 1]))
    assert loss.item() == pytest.approx(0.740657, abs=1e-6)
    loss.backward()
    optimizer(trained, rate).step()
    assert (imbalance(network)[0] - before).tolist() == pytest.approx(change, rel=0.02)


DEPTH = 4


@pytest.mark.parametrize(
    ("name", "depth", "expected"),
    [
        ("lenet_300_100", None, {"fc1": 4 / 3, "fc2": 1.8}),
        ("lenet5", None, {"conv1": -3, "conv2": -18, "fc1": 1.96}),
        ("mlp_residual", DEPTH, {f"block{place + 1}": 2 - 2 / DEPTH for place in range(DEPTH)}),
    ],
)
def test_he_normal_weights_have_the_imbalance_that_their_variances_give(name, depth, expected):
    """A filter's outgoing weights are all kernels that read it, and behind conv2 all 16 columns. Weights that leave a
    section are drawn smaller, by the root of the depth."""
    from robustprune.initialization import initial_parameters
    from robustprune.networks.architecture import architecture

    network = architecture(name, depth)
    generators = [torch.Generator().manual_seed(seed) for seed in range(8)]
    weights = initial_parameters(network, network.units(), "he_normal", generators)
    found = squared_norms(StackedNetwork(network, weights, every_unit(network.units(), 8)))
    assert set(found) - {"stem"} == set(expected)
    for slot, value in expected.items():
        into, out = found[slot]
        spread = float((into - out).std()) / (into.numel() ** 0.5)
        assert float((into - out).mean()) == pytest.approx(value, abs=4 * spread)


def test_the_table_has_a_row_per_hidden_unit_and_says_which_are_kept(tmp_path, digits, make_cell):
    cell = make_cell("magnitude", architecture="lenet5", epochs=1, width=0.2)
    run_cell(cell, digits, tmp_path / "cell", tmp_path / "checkpoint.pt")
    count = write_imbalance({tmp_path / "cell": cell}, lambda name: digits, tmp_path / "imbalance.parquet")
    table = pd.read_parquet(tmp_path / "imbalance.parquet")
    assert list(table) == list(COLUMNS)
    assert len(table) == count == 2 * (4 + 10 + 100)
    for replicate, by_slot in kept_units(tmp_path / "cell").items():
        for slot in ("conv1", "conv2", "fc1"):
            own = table[(table["replicate"] == replicate) & (table["slot"] == slot) & table["kept"]]
            assert own["unit"].tolist() == by_slot[slot].tolist()
    assert (table["norm_in"] ** 2 - table["norm_out"] ** 2 - table["imbalance"]).abs().max() < 1e-12


def test_initial_weights_are_those_that_training_began_with(tmp_path, digits, make_cell):
    """A network that a rate of (nearly) 0 leaves as it was has the norms of the table."""
    cell = make_cell("dense", epochs=1, width=0.2, settings={})
    cell = cell.model_copy(update={"training": cell.training.model_copy(update={"learning_rate": 1e-30, "l2": 0.0})})
    run_cell(cell, digits, tmp_path / "cell", tmp_path / "checkpoint.pt")
    write_imbalance({tmp_path / "cell": cell}, lambda name: digits, tmp_path / "imbalance.parquet")
    table = pd.read_parquet(tmp_path / "imbalance.parquet")
    from robustprune.networks.archive import read_archive

    for replicate, archived in read_archive(tmp_path / "cell").items():
        found = table[(table["replicate"] == replicate) & (table["slot"] == "fc2")]["norm_out"]
        columns = archived.weights["fc3.weight"].norm(dim=0)
        assert found.tolist() == pytest.approx(columns.tolist(), rel=1e-5)


def test_no_cells_give_a_table_without_rows(tmp_path):
    assert write_imbalance({}, lambda name: None, tmp_path / "imbalance.parquet") == 0
    assert list(pd.read_parquet(tmp_path / "imbalance.parquet")) == list(COLUMNS)
