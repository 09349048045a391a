"""Variances of the activations of untrained networks, along the directions of their covariance: no label is read.

The slots of pixels hold the images; the other slots what the untrained network of the cell computes at its starting
width (docs/related.md 2). For filters the covariance is that of channels, over images and positions.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from robustprune.data.datasets import Dataset
from robustprune.engine.batches import training_examples
from robustprune.experiments.related.starts import starting_network
from robustprune.files import write_table
from robustprune.networks.stacked import ForwardHooks, StackedNetwork
from robustprune.study.cells import Cell
from robustprune.study.roles import METHOD_UNDER_STUDY

IMAGES = 20_000
CHUNK = 500
START = ("dataset", "architecture", "initialization", "width")
COLUMNS = (*START, "seed", "slot", "variances")


def write_label_free(cells: Mapping[Path, Cell], data: Callable[[str], Dataset], output: Path) -> int:
    """Write a row per slot of every start of the method under study; return the number of rows.

    variances: eigenvalues of the covariance of the slot's activations, descending, of the first IMAGES training images.
    seed: that of the network, as in runs.csv. Cells with the same seeds share a start and are measured once.
    """
    own = [cell for cell in cells.values() if cell.method == METHOD_UNDER_STUDY]
    starts = {tuple(cell.seed(replicate) for replicate in range(cell.replicates)): cell for cell in own}
    rows = []
    for seeds, cell in starts.items():
        dataset, axes = data(cell.dataset), {axis: getattr(cell, axis) for axis in START}
        images = training_examples(cell, dataset).images[:IMAGES]
        for slot, found in variances(starting_network(cell, dataset), images).items():
            for seed, values in zip(seeds, found, strict=True):
                rows.append({**axes, "seed": seed, "slot": slot, "variances": values.tolist()})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    write_table(table, output)
    return len(table)


class _Covariances(ForwardHooks):
    """Sums over samples of the activations of every slot and of their products, in float64: slot -> [R, n], [R, n, n].

    A gate is asked for before the layer that reads the slot, so flattened features come after their channels.
    """

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.products: dict[str, Tensor] = {}
        self.samples: dict[str, int] = {}

    def gate(self, slot: str, h: Tensor) -> Tensor:
        wide = h.double()
        samples = wide if h.dim() == 3 else wide.movedim(2, 4).flatten(1, 3)  # [R, samples, n]
        self.sums[slot] = self.sums.get(slot, 0) + samples.sum(1)
        self.products[slot] = self.products.get(slot, 0) + samples.transpose(1, 2) @ samples
        self.samples[slot] = self.samples.get(slot, 0) + samples.shape[1]
        return h

    def covariance(self, slot: str) -> Tensor:
        """Return the covariance [R, n, n] of a slot."""
        count = self.samples[slot]
        mean = self.sums[slot] / count
        return self.products[slot] / count - mean.unsqueeze(2) * mean.unsqueeze(1)


@torch.no_grad()
def variances(network: StackedNetwork, images: Tensor) -> dict[str, Tensor]:
    """Return slot -> variances [R, n] along the eigenvectors of the covariance, descending, in float64.

    images: uint8 [N, 784].
    """
    seen = _Covariances()
    for part in images.split(CHUNK):
        scaled = (part.float() / 255).expand(network.replicates, *part.shape)
        network.forward(scaled, seen)
    return {slot: torch.linalg.eigvalsh(seen.covariance(slot)).flip(1).clamp_min(0) for slot in seen.sums}
