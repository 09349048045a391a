"""The training loop: all replicates of a cell at once, for any method, with compaction during training."""

import time
from collections.abc import Hashable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from robustprune.data.datasets import Dataset
from robustprune.engine.arithmetic import Arithmetic
from robustprune.engine.batches import cell_batches, training_examples
from robustprune.engine.budget import Budget
from robustprune.engine.compaction import compact, select_own, selection, surviving
from robustprune.engine.cuda_graph import RepeatedStep
from robustprune.engine.devices import use_exact_float32
from robustprune.engine.history import History
from robustprune.engine.optimizer import Moments, StackedOptimizer
from robustprune.engine.probe import Probe, untimed
from robustprune.engine.weights import InitialWeights
from robustprune.errors import StudyError
from robustprune.initialization.examples import Examples
from robustprune.methods.parts.base import Context
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.noise import Noise
from robustprune.methods.parts.registry import find_method
from robustprune.networks.architecture import architecture
from robustprune.networks.archive import ArchivedNetwork
from robustprune.networks.layers import cross_entropy
from robustprune.networks.stacked import ForwardHooks, StackedNetwork, every_unit
from robustprune.starts.parts.base import Start, StartContext
from robustprune.starts.parts.registry import check_cell, find_start, start_names
from robustprune.study.cells import Cell, stream_seed
from robustprune.study.strict import Strict


class Training:
    """The state of one cell's training: R networks, their optimiser, the method, the history."""

    def __init__(
        self,
        cell: Cell,
        data: Dataset,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        source: Sequence[ArchivedNetwork] = (),
        probe: Probe | None = None,
    ):
        """source: for controls, the networks of the cell `cell.source_key`, one per replicate."""
        settings = check_cell(cell)
        use_exact_float32()
        self.cell, self.data, self.device, self.probe = cell, data, device, probe
        self.architecture = architecture(cell.architecture, cell.depth)
        self.gated = self.architecture.gated(cell.track)
        self.units = self.architecture.units(cell.width)
        seeds = [cell.seed(replicate) for replicate in range(cell.replicates)]
        self.batch_generators = [torch.Generator().manual_seed(stream_seed(seed, "order")) for seed in seeds]
        self.noise = self._noise([torch.Generator().manual_seed(stream_seed(seed, "gates")) for seed in seeds])
        examples = training_examples(cell, data)
        weights = InitialWeights(cell, examples, dtype, device)
        self.batches = cell_batches(cell, self.architecture, examples, self.batch_generators, dtype, device)
        self.network = StackedNetwork(
            self.architecture, weights.stacked(self.units), every_unit(self.units, cell.replicates, device)
        )
        start = self._start(settings, source)
        self.budget = Budget(cell, start, len(self.batches.labels))
        self.epoch = 0
        self.moment = self.budget.first()
        method = find_method(start.method if start else cell.method)
        settings = method.Settings.model_validate(start.method_settings) if start else settings
        self.method = method(settings, self._context(dtype, examples))
        self.optimizer = self._optimizer(None)
        self.loss = torch.zeros(cell.replicates, device=device, dtype=dtype)
        self.repeat = RepeatedStep(self.step, device)
        self.generation = 0  # counts how often the tensors were replaced
        self.guarded = torch.zeros(cell.replicates, dtype=torch.bool)
        self.diverged = torch.zeros(cell.replicates, dtype=torch.bool)
        self.arithmetic = Arithmetic(self.network, cell.training.batch_size)
        # on a CPU the time of the training thread: waiting for a core does not count
        self.clock = time.perf_counter if device.startswith("cuda") else time.thread_time
        self.seconds = 0.0
        self.history = History(self.architecture, self.units, cell.replicates)
        if start:
            self.remove(start.begin(self.network, weights.again))
        self.method.begin(self.network)
        self.history.note_gates(self.network.kept, self.method.gates())

    def _noise(self, generators: list[torch.Generator]) -> Noise:
        return Noise(generators, {slot: self.units[slot] for slot in self.gated}, self.device)

    def _start(self, settings: Strict, source: Sequence[ArchivedNetwork]) -> Start | None:
        """Return the start that the cell names as its method; None: the cell trains its method from the start."""
        if self.cell.method not in start_names():
            return None
        kept, weights = [one.kept for one in source], [one.weights for one in source]
        context = StartContext(
            self.architecture, self.gated, self.units, self.cell.replicates, self.noise, kept, weights
        )
        return find_start(self.cell.method)(settings, context)

    def _context(self, dtype: torch.dtype, examples: Examples) -> Context:
        return Context(
            architecture=self.architecture,
            gated=self.gated,
            units=self.units,
            replicates=self.cell.replicates,
            train_size=len(self.batches.labels),
            batch_size=self.cell.training.batch_size,
            noise=self.noise,
            moment=self.moment,
            learning_rate=self.cell.training.learning_rate,
            dtype=dtype,
            device=self.device,
            examples=examples,
        )

    @property
    def finished(self) -> bool:
        """Whether the budget is spent; looked at between epochs."""
        return self.moment.reached(1)

    def run_epoch(self) -> None:
        """Train one epoch; units may be removed after any step."""
        started = self.clock()
        self._set_rate()
        self.batches.start_epoch()
        self.loss.zero_()
        self.arithmetic.measure(self.network)
        for _ in range(self.batches.steps):
            self.repeat(self._work())
            self.arithmetic.count_step()
            self._set_moment(self.budget.after_step(self.moment, self.arithmetic.total))
            remove = self.method.after_step(self.network)
            if remove is not None and self.remove(remove):
                self.arithmetic.measure(self.network)
            if self.probe:
                started += untimed(self.probe.after_step, self)
        self.epoch += 1
        mean_loss = (self.loss / self.batches.steps).cpu()
        self.seconds += self.clock() - started
        self.diverged |= ~mean_loss.isfinite()
        self.history.note_epoch(self.epoch, mean_loss, self.network, self.method.gates(), self.arithmetic.forward)
        if self.probe:
            self.probe.after_epoch(self)

    def _set_moment(self, moment: Moment) -> None:
        self.moment = self.method.moment = moment

    def _set_rate(self) -> None:
        """Apply the schedule's factor to the learning rates, at the start of an epoch."""
        training = self.cell.training
        rate = training.decay_factor if self.moment.reached(training.decay_at) else 1.0
        self._set_moment(replace(self.moment, rate=rate))
        self.optimizer.set_rate(rate)

    def _work(self) -> Hashable:
        """Return what the work of the next step depends on; a GPU records the step anew where it changes."""
        return self.method.phase(self.moment), self.moment.rate, self.generation

    def step(self) -> None:
        """Do one training step and add the batch's mean cross-entropy per replicate to `loss` [R]."""
        x, y = self.batches.next()
        self.method.draw(x.shape[1])
        self.arithmetic.look(self.method, self.network, x)
        losses = self.losses(x, y, self.method)
        penalty = self.method.penalty(self.network)
        if penalty is not None and penalty.shape != losses.shape[:1]:
            shape = list(penalty.shape)
            raise StudyError(f"{self.cell.method}: penalty is {shape}, expected [{len(losses)}]: one per replicate")
        self.optimizer.clear()
        # the gradients of the sum over replicates of mean loss and penalty, which itself is never formed
        shares = torch.full_like(losses, 1 / losses.shape[1])
        if penalty is None or not penalty.requires_grad:
            torch.autograd.backward(losses, shares)
        else:
            torch.autograd.backward((losses, penalty), (shares, torch.ones_like(penalty)))
        with torch.no_grad():
            self.method.step(
                self.network, losses.detach(), self.arithmetic.counted(lambda hooks: self.losses(x, y, hooks))
            )
            self.optimizer.step()
            self.method.constrain(self.network)
            self.loss += losses.mean(1)

    def losses(self, x: Tensor, y: Tensor, hooks: ForwardHooks) -> Tensor:
        """Return the cross-entropy per example [R, B] of images x [R, B, n] with labels y [R, B]."""
        lower = self.cell.training.precision == "bfloat16"
        with torch.autocast("cuda", torch.bfloat16) if lower else nullcontext():
            scores = self.network.forward(x, hooks)
        return cross_entropy(scores.to(self.loss.dtype), y)

    def remove(self, units: Mapping[str, Tensor]) -> bool:
        """Remove units, slot -> bool [R, n], from network, method and optimizer; return False if none was left."""
        network, method = self.network, self.method
        alive, guarded = surviving(self.architecture, network.kept, units, lambda: method.scores(network))
        self.guarded |= guarded
        if all(bool((alive[slot] == (kept >= 0)).all()) for slot, kept in network.kept.items()):
            return False
        chosen = selection(alive)
        parameters, buffers = (
            select_own(network, self.gated, tensors, chosen) for tensors in (method.parameters, method.buffers)
        )
        moments = self.optimizer.selected_moments(network, self.gated, chosen)
        self._go_on_with(compact(network, chosen), parameters, buffers, moments)
        return True

    def _go_on_with(
        self, network: StackedNetwork, parameters: dict[str, Tensor], buffers: dict[str, Tensor], moments: Moments
    ) -> None:
        """Replace the network and all tensors of its shape, after a removal or from a checkpoint."""
        self.network = network
        self.method.parameters, self.method.buffers = parameters, buffers
        self.method.places = network.places()
        self.method.counts = {slot: count.tolist() for slot, count in network.counts().items()}
        self.optimizer = self._optimizer(moments)
        if "input" in network.kept:
            self.batches.restrict(network.kept["input"])
        self.generation += 1

    def _optimizer(self, moments: Moments | None) -> StackedOptimizer:
        return StackedOptimizer(self.cell, self.network, self.method, self.moment.rate, moments)

    def state(self) -> dict[str, Any]:
        """Return everything that a checkpoint between epochs must hold to resume bit-identically."""
        return {
            "weights": {name: tensor.detach() for name, tensor in self.network.parameters.items()},
            "kept": self.network.kept,
            "parameters": {name: tensor.detach() for name, tensor in self.method.parameters.items()},
            "buffers": self.method.buffers,
            "streams": {name: stream.position for name, stream in self.method.streams.items()},
            "moments": self.optimizer.moments(),
            "orders": [generator.get_state() for generator in self.batch_generators],
            "noise": self.noise.position,
            "history": self.history.state(),
            "train_macs": torch.from_numpy(self.arithmetic.total),
            "flags": torch.stack([self.guarded, self.diverged]),
            "epoch": self.epoch,
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from the state of a checkpoint."""
        self.epoch, self.seconds = state["epoch"], state["seconds"]
        self.guarded, self.diverged = state["flags"]
        self.arithmetic.total = state["train_macs"].numpy()
        self._set_moment(self.budget.after_epoch(self.moment, self.epoch, self.arithmetic.total))
        self.history.restore(state["history"])
        for generator, saved in zip(self.batch_generators, state["orders"], strict=True):
            generator.set_state(saved)
        self.noise.position.copy_(state["noise"])
        for name, stream in self.method.streams.items():
            stream.position.copy_(state["streams"][name])
        network = StackedNetwork(self.architecture, state["weights"], state["kept"])
        self._go_on_with(network, dict(state["parameters"]), dict(state["buffers"]), state["moments"])
