"""Help for foreign programs in Python: the data, initial weights and batches that pair them with other methods."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from robustprune.data.datasets import Dataset, load
from robustprune.engine.batches import training_examples
from robustprune.initialization import initial_parameters
from robustprune.initialization.examples import Examples
from robustprune.networks.architecture import architecture
from robustprune.networks.plain import error_percent
from robustprune.study.cells import Cell, stream_seed
from robustprune.study.data_settings import DataSettings
from robustprune.study.training_settings import LONGEST


@dataclass(frozen=True)
class Order:
    """An order and its data; `images` uint8 [N, 784] and `labels` int64 [N] are the training images of the cell."""

    cell: Cell
    units: dict[str, int]
    threads: int
    device: str
    data: Dataset

    @cached_property
    def images(self) -> Tensor:
        """The training images that the cell names by `images` and `examples`."""
        return self._chosen.images

    @cached_property
    def labels(self) -> Tensor:
        """The labels of `images`."""
        return self._chosen.labels

    @cached_property
    def _chosen(self) -> Examples:
        return training_examples(self.cell, self.data)

    def weights(self, replicate: int) -> dict[str, Tensor]:
        """Return the replicate's initial weights, the same for every method.

        "<layer>.weight" [out, in(, k, k)] and "<layer>.bias" [out].
        """
        generator = torch.Generator().manual_seed(stream_seed(self.cell.seed(replicate), "weights"))
        network = architecture(self.cell.architecture, self.cell.depth)
        drawn = initial_parameters(network, self.units, self.cell.initialization, [generator], examples=self._chosen)
        return {name: tensor[0] for name, tensor in drawn.items()}

    def batches(self, replicate: int) -> Iterator[Tensor]:
        """Yield per epoch an index [steps, batch] into `images`: the batches that every method gets.

        With budget `macs` for as many epochs as any method may train; the program ends when it has spent its budget.
        """
        generator = torch.Generator().manual_seed(stream_seed(self.cell.seed(replicate), "order"))
        count, size = len(self.labels), self.cell.training.batch_size
        training = self.cell.training
        for _ in range(training.epochs * (LONGEST if training.budget == "macs" else 1)):
            yield torch.randperm(count, generator=generator)[: count // size * size].view(-1, size)

    def errors(self, network: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """Return the error columns of a network or function: images [B, 784] in [0, 1] -> scores [B, classes]."""
        data = self.data
        errors = {"error_train_percent": error_percent(network, self.images, self.labels)}
        if self.cell.training.images == "tuning":
            held_out = data.validation
            errors["error_valid_percent"] = error_percent(
                network, data.train_images[held_out], data.train_labels[held_out]
            )
        return {**errors, "error_test_percent": error_percent(network, data.test_images, data.test_labels)}


def read_order(path: str | Path) -> Order:
    """Read an order, the first argument of a program, and the data set that it names."""
    asked = json.loads(Path(path).read_text())
    cell = Cell.model_validate(asked["cell"])
    data = load(cell.dataset, DataSettings(directory=str(Path(asked["data"]).parent)))
    return Order(cell, asked["units"], asked["threads"], asked["device"], data)
