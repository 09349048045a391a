"""How well the predictor of each block does, and the sum of all, before and after pruning by local predictors.

A block is a slot that a layer computes and the next one reads. Predictors are fitted to the training images that the
method was given; errors are those of their labels' largest score, and for `sum` of the sum of all softmax scores.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from robustprune.data.datasets import Dataset
from robustprune.engine.batches import training_examples
from robustprune.experiments.related.starts import starting_network
from robustprune.files import write_table
from robustprune.initialization.examples import Examples
from robustprune.methods.parts.local_predictors import features, fitted, one_network, sources
from robustprune.networks.architecture import architecture
from robustprune.networks.archive import read_archive
from robustprune.networks.stacked import StackedNetwork
from robustprune.starts.parts.registry import check_cell
from robustprune.study.cells import AXES, Cell
from robustprune.study.related import LOCAL_PREDICTORS

SUM = "sum"
COLUMNS = (*AXES, "replicate", "network", "slot", "features", "error_train", "error_test")


def write_cafo_blocks(cells: Mapping[Path, Cell], data: Callable[[str], Dataset], output: Path) -> int:
    """Write a row per network of the method, state and block; return the number of rows.

    network: `start`, with all units, or `kept`. features: of the predictor, without the bias. error_train, error_test:
    percent, of the images that the predictor was fitted to and of the test images, which choose nothing. Raises
    StudyError naming a missing or damaged networks.safetensors.
    """
    chosen = {folder: cell for folder, cell in cells.items() if cell.method == LOCAL_PREDICTORS}
    rows = [row for folder, cell in chosen.items() for row in _cell_rows(folder, cell, data(cell.dataset))]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    write_table(table, output)
    return len(table)


def _cell_rows(folder: Path, cell: Cell, data: Dataset) -> Iterator[dict]:
    settings, given = check_cell(cell).model_dump(), training_examples(cell, data)
    examples = Examples(given.images[: settings["images"]], given.labels[: settings["images"]])
    test = Examples(data.test_images, data.test_labels)
    starts = starting_network(cell, data)
    axes = {axis: getattr(cell, axis) for axis in AXES}
    for replicate, archived in read_archive(folder).items():
        pruned = StackedNetwork(
            architecture(cell.architecture),
            {name: tensor.unsqueeze(0) for name, tensor in archived.weights.items()},
            {slot: kept.unsqueeze(0) for slot, kept in archived.kept.items()},
        )
        for name, network in (("start", one_network(starts, replicate)), ("kept", pruned)):
            for row in block_errors(network, examples, test, settings["ridge"]):
                yield {**axes, "replicate": replicate, "network": name, **row}


def block_errors(network: StackedNetwork, examples: Examples, test: Examples, ridge: float) -> Iterator[dict]:
    """Yield a row per block, and one of the sum, of one network (R = 1)."""
    slots = [slot for slot in sources(network.architecture) if network.architecture.writer(slot)]
    found = fitted(network, examples.images, examples.labels, slots, ridge)
    weights = {slot: (predictor.weights, index) for slot, (predictor, index) in found.items()}
    errors = [_errors(network, given, weights) for given in (examples, test)]
    for slot in (*slots, SUM):
        counted = sum(len(index) - 1 for own, (_, index) in weights.items() if slot in (own, SUM))
        yield {"slot": slot, "features": counted, "error_train": errors[0][slot], "error_test": errors[1][slot]}


def _errors(network: StackedNetwork, given: Examples, weights: Mapping[str, tuple[Tensor, Tensor]]) -> dict[str, float]:
    """Return block -> share of wrongly classified images in percent."""
    wrong = dict.fromkeys((*weights, SUM), 0)
    first = 0
    for part in features(network, given.images, tuple(weights), {}):
        scores = {slot: part[slot][:, index] @ own for slot, (own, index) in weights.items()}
        scores[SUM] = torch.stack([own.softmax(1) for own in scores.values()]).sum(0)
        labels = given.labels[first : first + len(scores[SUM])]
        first += len(labels)
        for slot, own in scores.items():
            wrong[slot] += int((own.argmax(1) != labels).sum())
    return {slot: 100 * count / first for slot, count in wrong.items()}
