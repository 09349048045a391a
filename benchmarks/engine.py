"""This package's training step, epoch and whole pruned networks."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
import yaml
from floors import BATCH, floor_step
from reference import Reference
from timing import Timing, paired, summary, timed

from robustprune.data.datasets import Dataset
from robustprune.engine.evaluation import finish
from robustprune.engine.training import Training
from robustprune.methods.parts.registry import find_method
from robustprune.networks.architecture import Architecture
from robustprune.study.cells import Cell
from robustprune.study.training_settings import TrainingSettings

BLOCKS = {1: 10, 5: 4}  # replicates: steps timed together; 2 for more
AXES = {"dataset": "mnist", "initialization": "he_normal", "width": 1.0}


def settings_of(method: str, architecture: str, strengths: Path = Path("config/strengths.yaml")) -> dict:
    """A method's settings: its first strength that fits the architecture.

    How strongly it prunes does not change what a step costs; gates that a method trains first without are switched on.
    """
    slot = {"lenet_300_100": "fc2", "lenet5": "conv1"}[architecture]
    every = yaml.safe_load(strengths.read_text())[method].values()
    settings = next(s for s in every if not isinstance(s.get("price"), dict) or slot in s["price"])
    return settings | ({"pretrain": 0.0} if "pretrain" in find_method(method).Settings.model_fields else {})


def track_of(method: str) -> str:
    """full, where the method can gate every slot."""
    return "hidden" if method == "ss_ig" else "full"


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
        **AXES | {"strength": "bench", "track": track_of(method)} | values,
        method=method,
        architecture=architecture,
        settings=dict(settings),
        replicates=replicates,
        training=TrainingSettings(epochs=40, batch_size=BATCH, l2=1e-5),
    )
    return Training(cell, data)


def prune(training: Training, units: Sequence[Mapping[str, int]]) -> Training:
    """Remove units until each replicate has the given counts per slot, as training itself would."""
    training.batches.start_epoch()
    training.step()  # Adam's state must exist
    remove = {slot: torch.ones_like(kept, dtype=torch.bool) for slot, kept in training.network.kept.items()}
    for replicate, counts in enumerate(units):
        for slot, indices in kept_units(training.architecture, counts).items():
            remove[slot][replicate, indices] = False
    training.remove(remove)
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


class Steps:
    """A call that does a block of consecutive training steps; `networks` is how many networks' steps those are.

    second_passes: forward passes of a batch of the same size after each step, without gradients.
    """

    def __init__(self, training: Training, second_passes: int = 0):
        self.training = training
        self.second_passes = second_passes
        if second_passes:
            training.batches.start_epoch()
            self.batch = training.batches.next()
        self.steps = BLOCKS.get(training.cell.replicates, 2)
        self.networks = self.steps * training.cell.replicates

    def __call__(self) -> None:
        """Do the block, in a new epoch where this one's batches do not suffice."""
        batches = self.training.batches
        if batches.steps - int(batches.step) < self.steps:
            batches.start_epoch()
        for _ in range(self.steps):
            self.training.step()
            with torch.no_grad():
                for _ in range(self.second_passes):
                    self.training.losses(*self.batch, self.training.method)

    def epoch(self, block: float) -> float:
        """Seconds of an epoch per replicate from those of a block: its steps, and the shuffle before it."""
        shuffle = timed(self.training.batches.start_epoch, budget=0.0, least=3, warm_up=1).seconds
        return block * self.training.batches.steps / self.networks + shuffle / self.training.cell.replicates


def against_floor(
    steps: Steps, architecture: Architecture, units: Mapping[str, int], **effort: float
) -> tuple[Timing, Timing]:
    """Seconds of a step per network, and the step over its floor, both timed in turn (effort: as timing.paired)."""
    pairs = paired(steps, floor_step(architecture, units, steps.training.cell.replicates), **effort)
    step = summary([block / steps.networks for block, _ in pairs])
    return step, summary([block / steps.steps / floor for block, floor in pairs])


def sizes_by_epoch(history: pd.DataFrame, epochs: int) -> Iterator[list[dict[str, int]]]:
    """Yield the units per slot of every replicate that the steps of each epoch had; an empty list is the start."""
    columns = {c.removeprefix("units_"): c for c in history.columns if c.startswith("units_")}
    for epoch in range(epochs):
        rows = history[history["epoch"] == epoch].sort_values("replicate")
        yield [{s: int(row[c]) for s, c in columns.items() if not math.isnan(row[c])} for _, row in rows.iterrows()]


def whole_training(
    data: Dataset, history: pd.DataFrame, settings: Mapping, epochs: int, reference: Reference
) -> tuple[Timing, Timing]:
    """Seconds of a whole pruned network, per replicate, from start to compacted result; and in reference epochs.

    history: the recorded units per slot of every epoch and replicate of such a run. Every epoch's steps are timed at
    the sizes that the run had then (removals fall at the ends of epochs), in turn with the reference.
    """
    architecture, replicates = history["architecture"].iloc[0], history["replicate"].nunique()
    seconds, shares, sizes = Timing(0.0, 0.0), Timing(0.0, 0.0), None
    for units in sizes_by_epoch(history, epochs):
        if units != sizes:
            training = training_of(data, "bernoulli", architecture, replicates, settings)
            steps = Steps(prune(training, units) if units else training)
            pairs = paired(steps, reference, budget=0.0, least=5)
            ours = [steps.epoch(block) for block, _ in pairs]
            theirs = [part * reference.calls_per_epoch for _, part in pairs]
            sizes = units
        seconds += summary(ours)
        shares += summary([a / b for a, b in zip(ours, theirs, strict=True)])
    finishing = timed(lambda: finish(training, 0), budget=0.0, least=3, warm_up=0)
    share = finishing.times(1 / statistics.median(theirs))
    return seconds + finishing, shares + share
