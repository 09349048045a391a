"""Starting networks, drawn again from a cell's seeds: initial weights are never stored."""

import torch

from robustprune.data.datasets import Dataset
from robustprune.engine.batches import training_examples
from robustprune.engine.weights import InitialWeights
from robustprune.networks.architecture import architecture
from robustprune.networks.stacked import StackedNetwork, every_unit
from robustprune.study.cells import Cell


def starting_network(cell: Cell, data: Dataset) -> StackedNetwork:
    """Return the networks of a cell as they were before the first step, in float32 on the CPU."""
    network = architecture(cell.architecture)
    units = network.units(cell.width)
    weights = InitialWeights(cell, training_examples(cell, data), torch.float32, "cpu").stacked(units)
    return StackedNetwork(network, weights, every_unit(units, cell.replicates))
