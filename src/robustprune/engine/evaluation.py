"""From a finished training to results: round the gates, compact, and evaluate each network once on test images."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from robustprune.engine.arithmetic import dense_training_macs
from robustprune.engine.batches import training_examples
from robustprune.engine.compaction import extract
from robustprune.engine.history import undetermined
from robustprune.engine.training import Training
from robustprune.networks.folding import Kept, Weights, fold_gates, remove_dead
from robustprune.networks.latency import Latency, latency
from robustprune.networks.plain import PlainNetwork, error_percent, plain_network
from robustprune.networks.size import macs, parameters
from robustprune.records.record import Replicate, finite, join_units


@dataclass
class FinishedNetwork:
    """One finished replicate.

    plain: the compact network; weights and kept: its weights and the original indices of its units, by slot.
    For methods with gates: before, the network with its gates as they were (not rounded); emptied, slots of which
    rounding closed every gate; gates, slot -> gate [n] before rounding; raw, slot -> gates open after rounding.
    """

    plain: PlainNetwork
    weights: Weights
    kept: Kept
    before: PlainNetwork | None
    emptied: list[str] = field(default_factory=list)
    gates: dict[str, Tensor] | None = None
    raw: dict[str, int] | None = None


def finish(training: Training, replicate: int) -> FinishedNetwork:
    """Fold the rounded gates of one replicate into a deterministic compact network.

    Where rounding would close every gate of a slot that may not end empty, that of the highest score stays open and
    `emptied` names the slot.
    """
    weights, kept = extract(training.network, replicate)
    mean, final = training.method.gates(), training.method.final_gates()
    if final is None:
        weights, kept = remove_dead(training.architecture, weights, kept)
        return FinishedNetwork(plain_network(training.architecture, weights, kept), weights, kept, before=None)
    valid = {slot: places[replicate] >= 0 for slot, places in training.network.kept.items()}
    own = {slot: values[replicate][valid[slot]] for slot, values in (mean or final).items()}
    rounded = {slot: values[replicate][valid[slot]].clone() for slot, values in final.items()}
    needed = {slot.name for slot in training.architecture.slots if not slot.optional}
    emptied = [slot for slot, values in rounded.items() if slot in needed and not bool((values != 0).any())]
    scores = training.method.scores(training.network) if emptied else {}
    for slot in emptied:
        rounded[slot][scores[slot][replicate][valid[slot]].argmax()] = 1
    before = plain_network(training.architecture, fold_gates(training.architecture, weights, own, kept), kept)
    raw = {slot: int((values != 0).sum()) for slot, values in rounded.items()}
    raw = {slot: raw.get(slot, len(indices)) for slot, indices in kept.items()}
    weights = fold_gates(training.architecture, weights, rounded, kept)
    weights, kept = remove_dead(training.architecture, weights, kept)
    plain = plain_network(training.architecture, weights, kept)
    return FinishedNetwork(plain, weights, kept, before, emptied, own, raw)


def evaluate(training: Training, replicate: int, dense_latency: Latency) -> tuple[Replicate, FinishedNetwork]:
    """Return the record entry of one replicate, and its network; no other function reads test images."""
    cell, arch = training.cell, training.architecture
    start = training.units
    network = finish(training, replicate)
    units = network.plain.units
    images, labels = training.data.test_images, training.data.test_labels
    error = _error_percent(network.plain, images, labels, training.device)
    values: dict[str, Any] = {
        "replicate": replicate,
        "seed": cell.seed(replicate),
        "units_start": join_units(start),
        "units_kept": join_units(units),
        "units_raw": join_units(network.raw) if network.raw else None,
        "params_dense": parameters(arch, start),
        "params_kept": parameters(arch, units),
        "macs_dense": macs(arch, start),
        "macs_kept": macs(arch, units),
        "error_test_percent": error,
        "train_seconds": training.seconds / cell.replicates,
        "train_macs": float(training.arithmetic.total[replicate]),
        "train_macs_dense": dense_training_macs(cell, len(training.batches.labels)),
    }
    if cell.depth is not None:
        values["depth_kept"] = sum(units[gate] for gate in arch.sections)
    kept_latency = latency(network.plain)
    for name, measured in (("dense", dense_latency), ("kept", kept_latency)):
        values |= {f"inference_ms_{name}": measured.batch_256, f"inference_ms_{name}_batch1": measured.batch_1}
    if cell.training.images == "tuning":
        held_out = training.data.validation
        held_images, held_labels = training.data.train_images[held_out], training.data.train_labels[held_out]
        values["error_valid_percent"] = _error_percent(network.plain, held_images, held_labels, training.device)
    if network.gates is not None and network.before is not None:
        values |= _gate_summary(network.gates)
        before = _error_percent(network.before, images, labels, training.device)
        values["rounding_error_change_percent"] = finite(round(error - before, 6))
    trained = training_examples(cell, training.data)
    values["error_train_percent"] = _error_percent(network.plain, trained.images, trained.labels, training.device)
    status, reason = _status(training, replicate, network)
    if status == "diverged":
        unknown = ("error_test_percent", "error_valid_percent", "error_train_percent", "rounding_error_change_percent")
        values |= dict.fromkeys(unknown)
    return Replicate(status=status, reason=reason, **values), network


def _error_percent(network: PlainNetwork, images: Tensor, labels: Tensor, device: str) -> float:
    """Return the error on the training's device; the network is on the CPU before and after."""
    error = error_percent(network.to(device), images.to(device), labels.to(device))
    network.cpu()
    return error


def _gate_summary(gates: dict[str, Tensor]) -> dict[str, float | None]:
    values = torch.cat(list(gates.values()))
    surviving = values[values > 0.5]
    return {
        "undetermined_fraction": float(undetermined(values).double().mean()) if len(values) else None,
        "gates_above_090_fraction": float((surviving > 0.9).double().mean()) if len(surviving) else None,
    }


def _status(training: Training, replicate: int, network: FinishedNetwork) -> tuple[str, str | None]:
    """Return status and reason as far as they follow from the network alone (gathering/collapse.py judges the rest)."""
    if bool(training.diverged[replicate]) or not all(w.isfinite().all() for w in network.weights.values()):
        return "diverged", "the training loss or a weight was not finite"
    if bool(training.guarded[replicate]):
        return "collapsed", "the method asked to remove a slot's last unit during training; its best one was kept"
    if network.emptied:
        return "collapsed", f"rounding closed every gate of {', '.join(network.emptied)}; the largest was kept open"
    return "ok", None
