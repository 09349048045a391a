"""A probe of Bernoulli gates, and how it turns what it read into a table."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import pandas as pd
from torch import Tensor

from robustprune.engine.batches import training_examples
from robustprune.engine.probe import Probe
from robustprune.engine.training import Training
from robustprune.methods.bernoulli import Bernoulli


class GateProbe(Probe, ABC):
    """Reads a training of `bernoulli` in which no unit is removed before the end; tensors keep their places.

    columns: those of its table, after the axes of the cell. Tensors are [R, all gates], the slots side by side.
    """

    columns: ClassVar[tuple[str, ...]]

    @abstractmethod
    def table(self) -> pd.DataFrame:
        """Return one row per network and gate, with `columns`."""


def method_of(training: Training) -> Bernoulli:
    """Return the method of a training that is probed."""
    assert isinstance(training.method, Bernoulli)
    return training.method


def examples_of(training: Training, count: int) -> tuple[Tensor, Tensor]:
    """Return the first images of the training set, [count, 784] in [0, 1], and their labels [count]."""
    examples = training_examples(training.cell, training.data)
    images = examples.images[:count].to(training.device, training.loss.dtype).div_(255)
    return images, examples.labels[:count].to(training.device)


def places(method: Bernoulli) -> pd.DataFrame:
    """Return slot and unit of the columns of a tensor [R, all gates]."""
    slots = [(slot, unit) for slot in method.context.gated for unit in range(method.places[slot])]
    return pd.DataFrame(slots, columns=["slot", "unit"])


def long(at: pd.DataFrame, **values: Tensor) -> pd.DataFrame:
    """Return a row per network and gate: replicate, slot and unit of `at`, and tensors [R, gates] as columns."""
    replicates = len(next(iter(values.values())))
    rows = pd.concat([at] * replicates, ignore_index=True)
    rows.insert(0, "replicate", np.repeat(np.arange(replicates), len(at)))
    return rows.assign(**{name: tensor.detach().cpu().numpy().ravel() for name, tensor in values.items()})
