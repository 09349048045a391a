"""What each kept unit is worth: the exact change of the loss when one unit of a finished network is removed.

Beside it stand the slopes of the loss in the unit's gate at both ends, which estimators see (gate_slopes.py).
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from robustprune.data.datasets import Dataset
from robustprune.engine.batches import training_examples
from robustprune.experiments.gate_slopes import SLOPES, gate_slopes
from robustprune.experiments.probes.exact import Sampled, exact_values
from robustprune.files import write_table
from robustprune.networks.architecture import architecture
from robustprune.networks.archive import read_archive
from robustprune.networks.stacked import StackedNetwork
from robustprune.study.cells import AXES, Cell

IMAGES = 10_000
SLOPE_IMAGES = 1000
"""Images for the slopes, which need a backward pass for every unit."""
COLUMNS = (*AXES, "replicate", "slot", "unit", "value", "error", *SLOPES)


def write_unit_values(cells: Mapping[Path, Cell], data: Callable[[str], Dataset], output: Path) -> int:
    """Write a row per kept unit of the networks of these cells (folder -> cell); return the number of rows.

    value: the rise of the mean cross-entropy, in nats, that removing the unit causes, which is -DL of docs/method.md 3.
    error: its standard error over the images. The images are the first IMAGES that the cell trained on, so a price c is
    in the same unit; SLOPES are means over the first SLOPE_IMAGES. Raises StudyError naming a missing or damaged
    networks.safetensors.
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
        found = architecture(cell.architecture, cell.depth)
        network = StackedNetwork(found, _alone(archived.weights), _alone(archived.kept))
        slopes = gate_slopes(network, images[:SLOPE_IMAGES], labels[:SLOPE_IMAGES])
        for slot, values in unit_values(network, images, labels).items():
            of_slot = {**axes, "replicate": replicate, "slot": slot}
            units = archived.kept[slot].tolist()
            for unit, value, slope in zip(units, values.tolist(), slopes[slot].tolist(), strict=True):
                measured = dict(zip(("value", "error", *SLOPES), (*value, *slope), strict=True))
                yield {**of_slot, "unit": unit, **measured}


def _alone(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of one network as those of a stack of one."""
    return {name: tensor.unsqueeze(0) for name, tensor in tensors.items()}


def unit_values(network: StackedNetwork, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Return slot -> [n, 2]: for every unit the rise of the mean loss when its gate closes, and its standard error.

    network: of one replicate. images [N, 784] in [0, 1], labels [N]. Streams have no rows: no method removes
    their units.
    """
    streams = network.architecture.streams
    slots = [slot for slot in network.kept if streams.isdisjoint((slot, network.architecture.slot(slot).parent))]
    places = {slot: torch.arange(network.places()[slot]).unsqueeze(0) for slot in slots}
    sample = Sampled(network, {slot: torch.ones(own.shape) for slot, own in places.items()}, places)
    found = exact_values(sample, images, labels, None)
    return {slot: torch.stack([-mean[0], error[0]], 1) for slot, (mean, error) in found.items()}
