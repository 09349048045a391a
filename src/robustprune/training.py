"""The one training loop: all replicates of a cell, any method, compaction while it trains."""

import time
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from robustprune.batches import Batches
from robustprune.cells import Cell, stream_seed
from robustprune.compaction import compact, select_parameters, selection, surviving
from robustprune.data import Dataset
from robustprune.errors import StudyError
from robustprune.history import History
from robustprune.initialization import initial_parameters
from robustprune.methods.base import Context, Selection
from robustprune.methods.registry import check_method, find_method
from robustprune.metrics import macs
from robustprune.networks.architecture import architecture
from robustprune.networks.stacked import Gate, StackedNetwork, every_unit

PASSES = 3  # a training step costs about three forward passes: forward, and backward to weights and activations


class Training:
    """The state of one cell's training: R networks, their optimiser, the method, the history."""

    def __init__(self, cell: Cell, data: Dataset, device: str = "cpu", dtype: torch.dtype = torch.float32):
        settings = check_method(cell)
        self.cell, self.data, self.device = cell, data, device
        self.architecture = architecture(cell.architecture)
        self.units = self.architecture.units(cell.width)
        seeds = [cell.seed(replicate) for replicate in range(cell.replicates)]
        self.generators = {
            "order": [torch.Generator().manual_seed(stream_seed(seed, "order")) for seed in seeds],
            "gates": [torch.Generator(device).manual_seed(stream_seed(seed, "gates")) for seed in seeds],
        }
        draws = [torch.Generator().manual_seed(stream_seed(seed, "weights")) for seed in seeds]
        parameters = initial_parameters(self.architecture, self.units, cell.initialization, draws, dtype)
        self.batches = self._batches(dtype)
        self.network = StackedNetwork(
            self.architecture,
            {name: tensor.to(device) for name, tensor in parameters.items()},
            every_unit(self.units, cell.replicates, device),
        )
        self.method = find_method(cell.method)(settings, self._context(dtype))
        self.epoch = 0
        self.optimizer = self._adam({})
        self.guarded = torch.zeros(cell.replicates, dtype=torch.bool)
        self.diverged = torch.zeros(cell.replicates, dtype=torch.bool)
        self.train_macs = np.zeros(cell.replicates)
        self.seconds = 0.0
        self.history = History(self.architecture, self.units, cell.replicates)
        self.history.note_gates(self.network.kept, self.method.gates())

    def _batches(self, dtype: torch.dtype) -> Batches:
        images, labels = self.data.train_images, self.data.train_labels
        if self.cell.training.images == "tuning":
            images, labels = images[self.data.tuning], labels[self.data.tuning]
        if self.cell.training.batch_size > len(labels):
            raise StudyError(
                f"training.batch_size: {self.cell.training.batch_size} exceeds the {len(labels)} training images of "
                f"{self.cell.dataset}; choose a smaller batch"
            )
        images, labels = images.to(self.device), labels.to(self.device)
        return Batches(images, labels, self.cell.training.batch_size, self.generators["order"], dtype)

    def _context(self, dtype: torch.dtype) -> Context:
        return Context(
            architecture=self.architecture,
            gated=self.architecture.gated(self.cell.track),
            units=self.units,
            replicates=self.cell.replicates,
            examples=len(self.batches.labels),
            batch_size=self.cell.training.batch_size,
            steps_per_epoch=self.batches.steps,
            epochs=self.cell.training.epochs,
            generators=self.generators["gates"],
            dtype=dtype,
            device=self.device,
        )

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.epoch >= self.cell.training.epochs

    @property
    def rate(self) -> float:
        """Factor on every learning rate in the current epoch."""
        training = self.cell.training
        return training.decay_factor if self.epoch >= training.decay_at * training.epochs else 1.0

    def run_epoch(self) -> None:
        """Train one epoch; units may be removed after any step."""
        started = time.perf_counter()
        training = self.cell.training
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * self.rate
        if self.epoch:
            self.batches.start_epoch()
        loss = torch.zeros(self.cell.replicates, device=self.device)
        work = self._macs()
        for step in range(self.batches.steps):
            loss += self._step(*self.batches.get(step))
            self.train_macs += PASSES * training.batch_size * work
            remove = self.method.removals(self.network, self.epoch * self.batches.steps + step + 1)
            if remove is not None and self._remove(remove):
                work = self._macs()
        self.epoch += 1
        self.seconds += time.perf_counter() - started
        mean_loss = (loss / self.batches.steps).cpu()
        self.diverged |= ~mean_loss.isfinite()
        self.history.note_epoch(self.epoch, mean_loss, self.network, self.method.gates(), work)

    def _step(self, x: Tensor, y: Tensor) -> Tensor:
        """One training step; returns the mean loss per replicate [R]."""
        self.method.draw(x.shape[1])
        losses = self._losses(x, y, self.method.gate).mean(1)
        penalty = self.method.penalty()
        self.optimizer.zero_grad(set_to_none=True)
        (losses if penalty is None else losses + penalty).sum().backward()
        with torch.no_grad():
            self.method.step(self.network, self.rate, lambda gate: self._losses(x, y, gate))
        self.optimizer.step()
        return losses.detach()

    def _losses(self, x: Tensor, y: Tensor, gate: Gate) -> Tensor:
        """Cross-entropy per example [R, B]."""
        scores = self.network.forward(x, gate)
        return F.cross_entropy(scores.flatten(0, 1), y.flatten(), reduction="none").view(y.shape)

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
        moments = self._moments(chosen)
        self.network = compact(network, chosen)
        for name, tensor in self.method.parameters.items():
            self.method.parameters[name] = chosen.take(tensor.detach(), name.split(".")[0])
        self.method.select(chosen)
        self.optimizer = self._adam(moments)
        if "input" in self.network.kept:
            self.batches.restrict(self.network.kept["input"])
        return True

    def _adam(self, state: dict[str, dict[str, Tensor]]) -> torch.optim.Adam:
        """Adam over weights (with L2) and gate parameters (without), given its state by parameter name."""
        training, method = self.cell.training, self.method
        groups = [{"params": list(self.network.parameters.values()), "weight_decay": training.l2}]
        if method.parameters:
            gates = [tensor.requires_grad_() for tensor in method.parameters.values()]
            groups.append({"params": gates, "lr": method.learning_rate or training.learning_rate})
        optimizer = torch.optim.Adam(groups, lr=training.learning_rate, fused=True)
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
            group["lr"] *= self.rate
        for name, tensor in self._named().items():
            if name in state:
                optimizer.state[tensor] = state[name]
        return optimizer

    def _named(self) -> dict[str, Tensor]:
        gates = {f"gate/{name}": tensor for name, tensor in self.method.parameters.items()}
        return {**self.network.parameters, **gates}

    def _moments(self, chosen: Selection) -> dict[str, dict[str, Tensor]]:
        """Adam's state by parameter name, indexed like the parameters."""
        old = {name: self.optimizer.state[tensor] for name, tensor in self._named().items()}
        weights = {name: values for name, values in old.items() if name in self.network.parameters}
        new: dict[str, dict[str, Tensor]] = {name: {"step": values["step"]} for name, values in old.items()}
        for moment in ("exp_avg", "exp_avg_sq"):
            tensors = {name: values[moment] for name, values in weights.items()}
            for name, tensor in select_parameters(self.architecture, tensors, chosen).items():
                new[name][moment] = tensor
            for name in old.keys() - weights.keys():
                new[name][moment] = chosen.take(old[name][moment], name.removeprefix("gate/").split(".")[0])
        return new

    def state(self) -> dict[str, Any]:
        """Everything a checkpoint must hold to go on bit-identically (between epochs)."""
        return {
            "weights": {name: tensor.detach() for name, tensor in self.network.parameters.items()},
            "kept": self.network.kept,
            "gates": {name: tensor.detach() for name, tensor in self.method.parameters.items()},
            "method": self.method.state(),
            "adam": {name: dict(self.optimizer.state[tensor]) for name, tensor in self._named().items()},
            "generators": {name: [g.get_state() for g in streams] for name, streams in self.generators.items()},
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
        for name, streams in self.generators.items():
            for generator, saved in zip(streams, state["generators"][name], strict=True):
                generator.set_state(saved)
        self.network = StackedNetwork(self.architecture, state["weights"], state["kept"])
        self.method.parameters = dict(state["gates"])
        self.method.restore(state["method"])
        self.optimizer = self._adam(state["adam"])
        if "input" in self.network.kept:
            self.batches.restrict(self.network.kept["input"])
