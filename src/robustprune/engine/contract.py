"""The contract's checks of one method, for its author: `robustprune check-method NAME`.

Each check trains a few steps on the embedded digits in float64 and raises StudyError saying what the method does and
what the contract asks (methods/parts/base.py). It runs on a CPU, so it does not see a step that a GPU cannot record:
one that reads a tensor's value on the host.
"""

import copy
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robustprune import registry
from robustprune.data.datasets import Dataset
from robustprune.engine.compaction import GATED, extract
from robustprune.engine.evaluation import finish
from robustprune.engine.hook_shapes import watch
from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.methods.parts.registry import find_method
from robustprune.networks.architecture import made_at_any_depth
from robustprune.networks.folding import fold_gates
from robustprune.networks.plain import plain_network
from robustprune.networks.stacked import Gated
from robustprune.starts.parts.registry import check_cell
from robustprune.study.cells import Cell
from robustprune.study.training_settings import TrainingSettings

REPLICATES, EPOCHS, BATCH = 2, 8, 16
SECTIONS, DEPTH = ("mlp_residual", "joint"), 2
"""The architecture and track on which a method that gates sections is checked, and the depth of such networks."""
IMAGES = 22 * BATCH
"""Training images that a trial sees: few, for the checks need many steps and no good network."""
TOLERANCE = 1e-9


class Trial:
    """A method with its settings on one architecture; every call of `training` starts from the same seeds."""

    def __init__(self, method: str, settings: Mapping[str, Any], architecture: str, track: str, data: Dataset):
        self.data = replace(data, train_images=data.train_images[:IMAGES], train_labels=data.train_labels[:IMAGES])
        self.cell = Cell(
            dataset="digits",
            architecture=architecture,
            track=track,
            method=method,
            strength="checked",
            settings=dict(settings),
            width=0.2,
            depth=DEPTH if made_at_any_depth(architecture) else None,
            replicates=REPLICATES,
            training=TrainingSettings(epochs=EPOCHS, batch_size=BATCH),
        )
        check_cell(self.cell, f"settings of {method}")

    def training(self, replicates: int = REPLICATES, epochs: int = 0) -> Training:
        """Return a training after `epochs` epochs."""
        training = Training(self.cell.model_copy(update={"replicates": replicates}), self.data, dtype=torch.float64)
        watch(training.method, replicates, BATCH)
        for _ in range(epochs):
            training.run_epoch()
        return training


def names(trial: Trial) -> None:
    """Parameters and buffers are named and shaped so that the engine can compact them."""
    training = trial.training()
    method, places = training.method, training.network.places()
    side_by_side = sum(places[slot] for slot in training.gated)
    for name, tensor in (method.parameters | method.buffers).items():
        scope, _, own = name.partition(".")
        if "/" in name:
            like = training.network.parameters.get(name.split("/")[1])
            if like is None:
                raise StudyError(f"{name}: no layer of the network has this weight or bias")
            _require(tensor.shape == like.shape, f"{name}: shape {_shape(tensor)}, expected {_shape(like)}")
        elif own:
            _require(scope in [*places, GATED], f"{name}: no slot {scope!r}; names are <slot>.<name>, gated.<name>")
            expected = (REPLICATES, side_by_side if scope == GATED else places[scope])
            _require(tuple(tensor.shape) == expected, f"{name}: shape {_shape(tensor)}, expected {list(expected)}")


def hooks(trial: Trial) -> None:
    """Hooks return the shapes of the contract, and every gradient is finite."""
    training = trial.training()
    trained: set[str] = set()
    while not training.finished:
        training.run_epoch()
        training.method.gates(), training.method.final_gates()  # watched, like every hook of a trial
        scores = training.method.scores(training.network)
        unscored = [slot for slot in training.gated if slot not in scores]
        _require(
            not unscored, f"scores: nothing for the gated slot {', '.join(unscored)}; its units would never be removed"
        )
        for name, tensor in (training.network.parameters | training.method.parameters).items():
            finite = tensor.grad is None or bool(tensor.grad.isfinite().all())
            _require(finite, f"the gradient of {name} is not finite after epoch {training.epoch}")
        trained |= {name for name, tensor in training.method.parameters.items() if tensor.grad is not None}
    idle = sorted(training.method.parameters.keys() - trained)
    _require(not idle, f"parameters {', '.join(idle)} never get a gradient; what is not trained is a buffer")
    _require(not bool(training.diverged.any()), "the loss is not finite")


def compaction(trial: Trial) -> None:
    """A network with its final gates folded in computes what the stacked one computes under these gates."""
    training = trial.training(epochs=2)
    gates = training.method.final_gates() or {}
    network, images = training.network, torch.rand(REPLICATES, 6, 784, dtype=torch.float64)
    if "input" in network.kept:
        inputs = network.kept["input"]
        read = images.gather(2, inputs.clamp_min(0).unsqueeze(1).expand(-1, 6, -1)) * (inputs >= 0).unsqueeze(1)
    else:
        read = images

    def gate(slot: str, h: Tensor) -> Tensor:
        return h * gates[slot].view(REPLICATES, 1, -1, *[1] * (h.dim() - 3)) if slot in gates else h

    with torch.no_grad():
        masked = network.forward(read, Gated(gate))
        for replicate in range(REPLICATES):
            weights, kept = extract(network, replicate)
            own = {slot: values[replicate][network.kept[slot][replicate] >= 0] for slot, values in gates.items()}
            folded = fold_gates(training.architecture, weights, own, kept)
            plain = plain_network(training.architecture, folded, kept)
            difference = float((plain(images[replicate]) - masked[replicate]).abs().max())
            _require(difference < TOLERANCE, f"final_gates: scores differ by {difference:.1e}")


def resumption(trial: Trial) -> None:
    """A training that is resumed from a checkpoint ends as one that was not interrupted."""
    whole = trial.training(epochs=EPOCHS // 2)
    resumed = trial.training()
    resumed.restore(copy.deepcopy(whole.state()))
    _compare(whole, resumed)  # a run may be killed after any epoch, also after the last one
    while not whole.finished:
        whole.run_epoch()
        resumed.run_epoch()
        _compare(whole, resumed)


def independence(trial: Trial) -> None:
    """A replicate ends the same alone and beside another one."""
    alone, beside = trial.training(1, epochs=2), trial.training(2, epochs=2)
    for name, tensor in alone.network.parameters.items():
        own = tuple(slice(size) for size in tensor.shape[1:])
        difference = (beside.network.parameters[name][0][own] - tensor[0]).detach().abs().max()
        _require(
            float(difference) < 1e-6,
            f"{name} of replicate 0 differs by {float(difference):.1e} beside another replicate; penalty must be [R], "
            "hooks must not mix replicates, and random numbers come from self.context.noise",
        )


def sections(trial: Trial) -> None:
    """The gate of a section is one number per example, for all that the section adds to its stream."""
    training = trial.training()
    method, acted = training.method, False
    while not training.finished:
        training.run_epoch()
        method.draw(BATCH)
        for gate in training.architecture.section_gates(trial.cell.track):
            stream = training.architecture.output(gate).writes
            units = training.network.places()[str(stream)] if training.network.places()[gate] else 0
            with torch.no_grad():
                found = method.gate(gate, torch.ones(REPLICATES, BATCH, units, dtype=torch.float64))
            same = bool((found == found[:, :, :1]).all())
            _require(same, f"gate: {gate} multiplies the units of its stream by different numbers, expected one")
            acted |= bool((found != 1).any())
    _require(
        acted or method.gates() is None, "gate: no section is ever closed; layer_gates = True says that it gates them"
    )


CHECKS: tuple[Callable[[Trial], None], ...] = (names, hooks, compaction, resumption, independence)
"""The first line of a check's docstring is what `check-method` prints where the check passes."""


def check_contract(
    method: str, settings: Mapping[str, Any], track: str, architectures: Iterable[str], data: Dataset
) -> Iterator[str]:
    """Run every check on every architecture; yields a line per check.

    A method that says that it gates sections (layer_gates) is checked on a network with sections as well, unless its
    own check refuses these settings there. Raises StudyError for the first check that fails. An exception inside a hook
    is one as well: the error names the hook, the exception, and the line of the method's file.
    """
    trials = [(architecture, track) for architecture in architectures]
    if find_method(method).layer_gates and SECTIONS not in trials:
        trials.append(SECTIONS)
    for architecture, own_track in trials:
        try:
            trial = Trial(method, settings, architecture, own_track, data)
        except StudyError as error:
            if (architecture, own_track) != SECTIONS:
                raise
            yield f"{architecture}: not checked, as the method refuses these settings on sections ({error})"
            continue
        for check in (*CHECKS, sections) if own_track in ("layers", "joint") else CHECKS:
            try:
                check(trial)
            except StudyError as error:
                raise StudyError(f"{method} on {architecture}, {check.__name__}: {error}") from None
            except Exception as error:
                found = _fault(error, method)
                raise StudyError(f"{method} on {architecture}, {check.__name__}: {found}") from error
            yield f"{architecture}, {check.__name__}: {(check.__doc__ or '').splitlines()[0]}"


def _fault(error: Exception, method: str) -> str:
    """Return an exception in one line, with the hook and the line of the method's file where it has come from."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"
    path, frames = registry.path_of("method", method), traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).resolve() == path.resolve()]
    if own:
        return f"{own[0].name}: {said} ({path}, line {own[-1].lineno})"
    return f"the engine cannot use what a hook left: {said} ({frames[-1].name} in {Path(frames[-1].filename).name})"


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise StudyError(message)


def _shape(tensor: Tensor) -> list[int]:
    return list(tensor.shape)


def _compare(whole: Training, resumed: Training) -> None:
    expected, found = (dict(_flat(_everything(training))) for training in (whole, resumed))
    for name in expected | found:
        one, other = expected.get(name), found.get(name)
        same = torch.equal(one, other) if isinstance(one, Tensor) and isinstance(other, Tensor) else one == other
        _require(same, f"{name} differs after a resumption; declare what changes during training as buffer or stream")


def _everything(training: Training) -> dict[str, Any]:
    """Return all that a resumption must not change: the state, what the hooks say of it, and the finished networks."""
    method = training.method
    finished = [finish(training, replicate) for replicate in range(REPLICATES)]
    return {
        **{name: part for name, part in training.state().items() if name != "seconds"},
        "gates": method.gates(),
        "final_gates": method.final_gates(),
        "scores": method.scores(training.network),
        "finished": [{"weights": network.weights, "kept": network.kept} for network in finished],
    }


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested dictionaries and lists, named by the way to them."""
    if not isinstance(value, Mapping | list):
        yield name, value
        return
    for key, part in value.items() if isinstance(value, Mapping) else enumerate(value):
        yield from _flat(part, f"{name} {key}".lstrip())
