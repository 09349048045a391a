"""What each kept unit is worth: the exact change of the loss when one unit of a finished network is removed."""

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from robustprune.data.datasets import Dataset
from robustprune.engine.batches import training_examples
from robustprune.files import write_table
from robustprune.networks.architecture import architecture
from robustprune.networks.archive import read_archive
from robustprune.networks.layers import cross_entropy
from robustprune.networks.plain import PlainNetwork, plain_network
from robustprune.study.cells import AXES, Cell

IMAGES = 10_000
COLUMNS = (*AXES, "replicate", "slot", "unit", "value", "error")


def write_unit_values(cells: Mapping[Path, Cell], data: Callable[[str], Dataset], output: Path) -> int:
    """Write a row per kept unit of the networks of these cells (folder -> cell); return the number of rows.

    value: the rise of the mean cross-entropy, in nats, that removing the unit causes, which is -DL of docs/method.md 3.
    error: its standard error over the images. The images are the first IMAGES that the cell trained on, so a price c is
    in the same unit. Raises StudyError naming a missing or damaged networks.safetensors.
    """
    rows = [row for folder, cell in cells.items() for row in _cell_rows(folder, cell, data(cell.dataset))]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    write_table(table, output)
    return len(table)


def _cell_rows(folder: Path, cell: Cell, data: Dataset) -> Iterator[dict]:
    examples = training_examples(cell, data)
    images, labels = examples.images[:IMAGES].float().div_(255), examples.labels[:IMAGES]
    axes = {axis: getattr(cell, axis) for axis in AXES}
    for replicate, archived in read_archive(folder).items():
        network = plain_network(architecture(cell.architecture, cell.depth), archived.weights, archived.kept)
        for slot, values in unit_values(network, images, labels).items():
            for unit, (value, error) in zip(archived.kept[slot].tolist(), values.tolist(), strict=True):
                yield {**axes, "replicate": replicate, "slot": slot, "unit": unit, "value": value, "error": error}


@torch.no_grad()
def unit_values(network: PlainNetwork, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Return slot -> [n, 2]: for every unit the rise of the mean loss when it is removed, and its standard error.

    images [N, 784] in [0, 1], labels [N].
    """
    whole = _losses(network, images, labels)
    values = {}
    for slot, count in network.units.items():
        rises = [(_losses_without(network, slot, unit, images, labels) - whole).double() for unit in range(count)]
        values[slot] = torch.tensor([[rise.mean(), rise.std() / math.sqrt(len(rise))] for rise in rises])
    return values


def _losses(network: PlainNetwork, images: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(network(images).unsqueeze(0), labels.unsqueeze(0))[0]


def _losses_without(network: PlainNetwork, slot: str, unit: int, images: Tensor, labels: Tensor) -> Tensor:
    """Return the losses [N] of the network in which the unit is always 0; the network is the same afterwards.

    What writes the unit becomes zero, so that the unit is zero after its ReLU. Where no layer writes it (pixels,
    flattened features), what reads it becomes zero.
    """
    architecture = network.architecture
    writer = None if architecture.slot(slot).parent else architecture.writer(slot)
    layer = getattr(network, (writer or architecture.reader(slot)).name)
    parts = [layer.weight[unit], layer.bias[unit]] if writer else [layer.weight[:, unit]]
    saved = [part.clone() for part in parts]
    for part in parts:
        part.zero_()
    losses = _losses(network, images, labels)
    for part, values in zip(parts, saved, strict=True):
        part.copy_(values)
    return losses
