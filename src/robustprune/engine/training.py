"""The one training loop: all replicates of a cell, any method, compaction while it trains."""

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robustprune.data.datasets import Dataset
from robustprune.engine.batches import Batches
from robustprune.engine.compaction import compact, selection, surviving
from robustprune.engine.cuda_graph import Replay
from robustprune.engine.history import History
from robustprune.engine.optimizer import Moments, StackedAdam, select_own
from robustprune.errors import StudyError
from robustprune.initialization import initial_parameters
from robustprune.initialization.examples import Examples
from robustprune.methods.parts.base import Context
from robustprune.methods.parts.noise import Noise
from robustprune.methods.parts.registry import check_method, find_method
from robustprune.networks.architecture import architecture
from robustprune.networks.convolution import windows
from robustprune.networks.folding import Kept
from robustprune.networks.layers import cross_entropy
from robustprune.networks.size import macs
from robustprune.networks.stacked import Passage, StackedNetwork, every_unit
from robustprune.study.cells import Cell, stream_seed

PASSES = 3  # a training step costs about three forward passes: forward, and backward to weights and activations


class Training:
    """The state of one cell's training: R networks, their optimiser, the method, the history."""

    def __init__(
        self,
        cell: Cell,
        data: Dataset,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        found: Sequence[Kept] = (),
    ):
        """found: the units that the cell `cell.source_key` kept, per replicate; for controls."""
        settings = check_method(cell)
        self.cell, self.data, self.device = cell, data, device
        self.architecture = architecture(cell.architecture)
        self.units = self.architecture.units(cell.width)
        seeds = [cell.seed(replicate) for replicate in range(cell.replicates)]
        self.orders = [torch.Generator().manual_seed(stream_seed(seed, "order")) for seed in seeds]
        self.noise = self._noise([torch.Generator().manual_seed(stream_seed(seed, "gates")) for seed in seeds])
        draws = [torch.Generator().manual_seed(stream_seed(seed, "weights")) for seed in seeds]
        self.examples = self._examples()
        parameters = initial_parameters(self.architecture, self.units, cell.initialization, draws, dtype, self.examples)
        self.batches = self._batches(dtype)
        self.network = StackedNetwork(
            self.architecture,
            {name: tensor.to(device) for name, tensor in parameters.items()},
            every_unit(self.units, cell.replicates, device),
        )
        self.method = find_method(cell.method)(settings, self._context(dtype, found))
        self.epoch = 0
        self.optimizer = self._adam(None)
        self.loss = torch.zeros(cell.replicates, device=device, dtype=dtype)
        self.repeat = Replay(self._step, device)
        self.guarded = torch.zeros(cell.replicates, dtype=torch.bool)
        self.diverged = torch.zeros(cell.replicates, dtype=torch.bool)
        self.train_macs = np.zeros(cell.replicates)
        # on a CPU the training thread's own time: a stopped process or one that waits for its core is not charged
        self.clock = time.perf_counter if device.startswith("cuda") else time.thread_time
        self.seconds = 0.0
        self.history = History(self.architecture, self.units, cell.replicates)
        left_out = self.method.start(self.network, self._fresh)
        if left_out:
            self._remove(left_out)
        self.history.note_gates(self.network.kept, self.method.gates())

    def _examples(self) -> Examples:
        images, labels = self.data.train_images, self.data.train_labels
        if self.cell.training.images == "tuning":
            images, labels = images[self.data.tuning], labels[self.data.tuning]
        return Examples(images, labels)

    def _batches(self, dtype: torch.dtype) -> Batches:
        images, labels = self.examples.images, self.examples.labels
        if self.cell.training.batch_size > len(labels):
            raise StudyError(
                f"training.batch_size: {self.cell.training.batch_size} exceeds the {len(labels)} training images of "
                f"{self.cell.dataset}; choose a smaller batch"
            )
        convolved = self.architecture.layers[0].kernel > 1
        if convolved:
            images = windows(images)
        images, labels = images.to(self.device), labels.to(self.device)
        served = None if convolved else dtype
        return Batches(images, labels, self.cell.training.batch_size, self.orders, served)

    def _fresh(self, replicate: int, units: Mapping[str, int]) -> dict[str, Tensor]:
        """Other initial weights than the replicate's own, for a network of these units."""
        seed = stream_seed(self.cell.seed(replicate), "weights again")
        generator = torch.Generator().manual_seed(seed)
        drawn = initial_parameters(
            self.architecture, units, self.cell.initialization, [generator], self.loss.dtype, self.examples
        )
        return {name: tensor[0].to(self.device) for name, tensor in drawn.items()}

    def _noise(self, generators: list[torch.Generator]) -> Noise:
        gated = {slot: self.units[slot] for slot in self.architecture.gated(self.cell.track)}
        return Noise(generators, gated, self.device)

    def _context(self, dtype: torch.dtype, found: Sequence[Kept]) -> Context:
        return Context(
            architecture=self.architecture,
            gated=self.architecture.gated(self.cell.track),
            units=self.units,
            replicates=self.cell.replicates,
            examples=len(self.batches.labels),
            batch_size=self.cell.training.batch_size,
            steps_per_epoch=self.batches.steps,
            epochs=self.cell.training.epochs,
            noise=self.noise,
            learning_rate=self.cell.training.learning_rate,
            found=found,
            dtype=dtype,
            device=self.device,
        )

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.epoch >= self.method.epochs

    @property
    def rate(self) -> float:
        """Factor on every learning rate in the current epoch."""
        training = self.cell.training
        return training.decay_factor if self.epoch >= training.decay_at * self.method.epochs else 1.0

    def run_epoch(self) -> None:
        """Train one epoch; units may be removed after any step."""
        started = self.clock()
        self._set_rate()
        if self.epoch:
            self.batches.start_epoch()
        self.loss.zero_()
        work = self._macs()
        for step in range(self.batches.steps):
            self.repeat()
            self.train_macs += PASSES * self.cell.training.batch_size * work
            remove = self.method.removals(self.network, self.epoch * self.batches.steps + step + 1)
            if self.method.changed:
                self.repeat.forget()
                self.method.changed = False
            if remove is not None and self._remove(remove):
                work = self._macs()
        self.epoch += 1
        mean_loss = (self.loss / self.batches.steps).cpu()
        self.seconds += self.clock() - started
        self.diverged |= ~mean_loss.isfinite()
        self.history.note_epoch(self.epoch, mean_loss, self.network, self.method.gates(), work)

    def _set_rate(self) -> None:
        if self.rate != self.optimizer.rate:
            self.optimizer.set_rate(self.rate)
            self.repeat.forget()

    def _step(self) -> None:
        """One training step; adds the batch's mean cross-entropy per replicate to `loss` [R]."""
        x, y = self.batches.next()
        self.method.draw(x.shape[1])
        losses = self._losses(x, y, self.method).mean(1)
        penalty = self.method.penalty(self.network)
        self.optimizer.clear()
        (losses if penalty is None else losses + penalty).sum().backward()
        with torch.no_grad():
            self.method.step(self.network, self.rate, lambda passage: self._losses(x, y, passage))
            self.optimizer.step()
            self.method.constrain(self.network, self.rate)
            self.loss += losses

    def _losses(self, x: Tensor, y: Tensor, passage: Passage) -> Tensor:
        """Cross-entropy per example [R, B]."""
        lower = self.cell.training.precision == "bfloat16"
        with torch.autocast("cuda", torch.bfloat16) if lower else nullcontext():
            scores = self.network.forward(x, passage)
        return cross_entropy(scores.to(self.loss.dtype), y)

    def _macs(self) -> np.ndarray:
        """Multiply-accumulates per image and replicate [R], padding not counted."""
        counts = {slot: count.double() for slot, count in self.network.counts().items()}
        return macs(self.architecture, counts).numpy()

    def _remove(self, remove: dict[str, Tensor]) -> bool:
        """Cut the asked-for units out of everything; False if nothing had to go."""
        network = self.network
        alive, guarded = surviving(self.architecture, network.kept, remove, self.method.scores(network))
        self.guarded |= guarded
        if all(bool((alive[slot] == (kept >= 0)).all()) for slot, kept in network.kept.items()):
            return False
        chosen = selection(alive)
        moments = self.optimizer.selected_moments(network, chosen)
        self.network = compact(network, chosen)
        self.method.parameters = select_own(network.architecture, self.method.parameters, chosen)
        self.method.select(chosen)
        self.optimizer = self._adam(moments)
        if "input" in self.network.kept:
            self.batches.restrict(self.network.kept["input"])
        self.repeat.forget()
        return True

    def _adam(self, moments: Moments | None) -> StackedAdam:
        return StackedAdam(self.cell, self.network, self.method, self.rate, moments)

    def state(self) -> dict[str, Any]:
        """Everything a checkpoint must hold to go on bit-identically (between epochs)."""
        return {
            "weights": {name: tensor.detach() for name, tensor in self.network.parameters.items()},
            "kept": self.network.kept,
            "gates": {name: tensor.detach() for name, tensor in self.method.parameters.items()},
            "method": self.method.state(),
            "adam": self.optimizer.moments(),
            "orders": [generator.get_state() for generator in self.orders],
            "noise": self.noise.position,
            "history": self.history.state(),
            "train_macs": torch.from_numpy(self.train_macs),
            "flags": torch.stack([self.guarded, self.diverged]),
            "epoch": self.epoch,
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's state."""
        self.epoch, self.seconds = state["epoch"], state["seconds"]
        self.guarded, self.diverged = state["flags"]
        self.train_macs = state["train_macs"].numpy()
        self.history.restore(state["history"])
        for generator, saved in zip(self.orders, state["orders"], strict=True):
            generator.set_state(saved)
        self.noise.position.copy_(state["noise"])
        self.network = StackedNetwork(self.architecture, state["weights"], state["kept"])
        self.method.parameters = dict(state["gates"])
        self.method.restore(state["method"])
        self.optimizer = self._adam(state["adam"])
        if "input" in self.network.kept:
            self.batches.restrict(self.network.kept["input"])
        self.repeat.forget()
