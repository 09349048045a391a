"""What opening a gate is worth, exactly, at the end of a training that removes no unit."""

import pandas as pd
import torch
from torch import Tensor

from robustprune.engine.training import Training
from robustprune.experiments.probes.base import GateProbe, examples_of, long, method_of, places
from robustprune.experiments.probes.exact import Sampled, exact_values, sampled, some_of
from robustprune.networks.architecture import Architecture

EACH = 40
"""So many open and so many closed gates of every slot and network are measured."""


class GateValues(GateProbe):
    """Counts how often every theta crosses 1/2, and measures the value -DL of a sample of gates after the last step.

    Twice: in the deterministic network, all other gates rounded, and under the method's own noise, all others drawn.
    """

    columns = (
        *("replicate", "slot", "unit", "theta", "price", "crossings"),
        *("value_rounded", "error_rounded", "value_noise", "error_noise"),
    )

    def __init__(self) -> None:
        self.above: Tensor | None = None
        self.rows = pd.DataFrame(columns=list(self.columns))

    def after_step(self, training: Training) -> None:
        """Count crossings."""
        above = method_of(training).theta > 0.5
        if self.above is None:
            self.crossings = torch.zeros_like(above, dtype=torch.int64)
        else:
            self.crossings += above != self.above
        self.above = above

    def after_epoch(self, training: Training) -> None:
        """Measure after the last epoch."""
        if not training.finished:
            return
        method = method_of(training)
        generator = torch.Generator(training.device).manual_seed(0)
        theta = method.by_slot(method.theta)
        wanted = {
            slot: some_of(values > 0.5, EACH, generator) | some_of(values <= 0.5, EACH, generator)
            for slot, values in theta.items()
        }
        sample = sampled(training.network, theta, wanted)
        images, labels = examples_of(training, images_for(training.architecture))
        measured = [
            _rows(sample, exact_values(sample, images, labels, draws), name)
            for name, draws in (("rounded", None), ("noise", generator))
        ]
        self.rows = long(places(method), theta=method.theta, price=method.prices(), crossings=self.crossings)
        for rows in measured:
            self.rows = self.rows.merge(rows, on=["replicate", "slot", "unit"], how="left")

    def table(self) -> pd.DataFrame:
        """Return a row per unit; values of units that were not sampled are missing."""
        return self.rows[list(self.columns)]


def images_for(architecture: Architecture) -> int:
    """Return how many training images an exact value is measured on; a convolution costs a hundred times more."""
    return 2_000 if architecture.layers[0].kernel > 1 else 10_000


def _rows(sample: Sampled, values: dict[str, tuple[Tensor, Tensor]], name: str) -> pd.DataFrame:
    tables = []
    for slot, (slope, error) in values.items():
        at = pd.DataFrame({"slot": slot, "number": range(slope.shape[1])})
        columns = {"unit": sample.units(slot), f"value_{name}": -slope, f"error_{name}": error}
        tables.append(long(at, **columns).drop(columns="number"))
    rows = pd.concat(tables, ignore_index=True)
    return rows[rows["unit"] >= 0]
