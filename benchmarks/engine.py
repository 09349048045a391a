"""This package's training step, epoch and whole pruned networks."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
import yaml
from floors import BATCH
from timing import Timing, timed

from robustprune.cells import Cell
from robustprune.config import TrainingSettings
from robustprune.data import Dataset
from robustprune.evaluation import finish
from robustprune.methods.registry import find_method
from robustprune.networks.architecture import Architecture
from robustprune.training import Training

BLOCKS = {1: 10, 5: 4}  # replicates: steps timed together; 2 for more
UNTUNED = {
    "l0_hc": {"l0_lambda": 0.1},
    "l0_arm": {"l0_lambda": 0.1},
    "generalized_dropout": {"b": 20},
    "vib": {"kappa": 1e-4},
}
AXES = {"dataset": "mnist", "track": "full", "initialization": "he_normal", "width": 1.0}


def settings_of(method: str, architecture: str, study: Path = Path("config/config.yaml")) -> dict:
    """A method's settings: its first strength in the study's configuration that fits the architecture.

    How strongly it prunes does not change what a step costs; gates that a method trains first without are switched on.
    """
    strengths = yaml.safe_load(study.read_text())["strengths"].get(method, {"untuned": UNTUNED.get(method, {})})
    slot = {"lenet_300_100": "fc2", "lenet5": "conv1"}[architecture]
    settings = next(s for s in strengths.values() if not isinstance(s.get("price"), dict) or slot in s["price"])
    return settings | ({"pretrain": 0.0} if "pretrain" in find_method(method).Settings.model_fields else {})


def training_of(
    data: Dataset,
    method: str,
    architecture: str,
    replicates: int,
    settings: Mapping | None = None,
    **values,
) -> Training:
    """A training on real data that stands before its first step."""
    settings = settings_of(method, architecture) if settings is None else settings
    cell = Cell(
        **AXES | {"strength": "bench"} | values,
        method=method,
        architecture=architecture,
        settings=dict(settings),
        replicates=replicates,
        training=TrainingSettings(epochs=40, batch_size=BATCH, l2=1e-5),
    )
    return Training(cell, data)


def prune(training: Training, units: Sequence[Mapping[str, int]]) -> Training:
    """Remove units until each replicate has the given counts per slot, as training itself would."""
    training.repeat()  # Adam's state must exist
    training.batches.start_epoch()
    remove = {slot: torch.ones_like(kept, dtype=torch.bool) for slot, kept in training.network.kept.items()}
    for replicate, counts in enumerate(units):
        for slot, indices in kept_units(training.architecture, counts).items():
            remove[slot][replicate, indices] = False
    training._remove(remove)
    for slot, found in training.network.counts().items():
        assert found.tolist() == [counts[slot] for counts in units], f"{slot}: {found.tolist()}"
    return training


def kept_units(architecture: Architecture, counts: Mapping[str, int]) -> dict[str, torch.Tensor]:
    """The first units of every slot; flattened features are dealt out over their channels in turn."""
    kept = {}
    for slot in architecture.slots:
        if slot.parent:
            turns = torch.arange(counts[slot.parent] * slot.positions)
            order = turns % counts[slot.parent] * slot.positions + turns // counts[slot.parent]
            kept[slot.name] = order[: counts[slot.name]]
        else:
            kept[slot.name] = torch.arange(counts[slot.name])
    return kept


def step_time(training: Training, budget: float = 0.5) -> Timing:
    """Seconds of one step per replicate: blocks of consecutive steps."""

    replicates = training.cell.replicates
    steps = BLOCKS.get(replicates, 2)

    def block() -> None:
        if training.batches.steps - int(training.batches.step) < steps:
            training.batches.start_epoch()
        for _ in range(steps):
            training.repeat()

    return timed(block, budget, least=5, warm_up=1).times(1 / steps / replicates)


def epoch_time(training: Training, step: Timing) -> Timing:
    """Seconds of an epoch per replicate: its steps and the shuffle before it."""
    shuffle = timed(training.batches.start_epoch, budget=0.05, least=3).times(1 / training.cell.replicates)
    return step.times(training.batches.steps) + shuffle


def whole_training(data: Dataset, history: pd.DataFrame, settings: Mapping, epochs: int) -> Timing:
    """Seconds of a whole pruned network, per replicate, from start to compacted result.

    history: the recorded units per slot of every epoch and replicate of such a run. Every epoch's steps are timed at
    the sizes that the run had then (its removals fall at the ends of epochs), so minutes stand for hours.
    """
    architecture = history["architecture"].iloc[0]
    replicates = history["replicate"].nunique()
    columns = {c.removeprefix("units_"): c for c in history.columns if c.startswith("units_")}
    total, sizes = Timing(0.0, 0.0), None
    for epoch in range(1, epochs + 1):
        rows = history[history["epoch"] == epoch - 1].sort_values("replicate")
        units = [
            {slot: int(row[c]) for slot, c in columns.items() if not math.isnan(row[c])} for _, row in rows.iterrows()
        ]
        if epoch == 1 or units != sizes:
            training = training_of(data, "bernoulli", architecture, replicates, settings)
            if units:
                prune(training, units)
            sizes = units
            epoch_seconds = epoch_time(training, step_time(training, budget=0.1))
        total += epoch_seconds
    return total + timed(lambda: finish(training, 0), budget=0.0, least=3, warm_up=0)
