"""One cell with the library Torch-Pruning (Fang et al., CVPR 2023): group-norm importance, global pruning, iterative.

A baseline as its user would add it: reads the order (`robustprune order`) on standard input, trains, and writes
record.json. Setting `ratio` is the library's pruning ratio, a share of channels; the schedule is that of the study's
criteria (warm-up, events, fine-tuning inside the common epochs). The library removes hidden units and filters only, so
cells are of track hidden. Weights start and batches follow as in every other method of the replicate.
"""

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch
import torch_pruning
from safetensors.torch import load_file
from torch import Tensor, nn

from robustprune.engine.evaluation import COLLAPSED_ABOVE_PERCENT
from robustprune.engine.training import PASSES
from robustprune.initialization import initial_parameters
from robustprune.initialization.examples import Examples
from robustprune.methods.parts.schedule import ScheduleSettings
from robustprune.networks.architecture import architecture
from robustprune.networks.plain import error_percent
from robustprune.networks.size import macs, parameters
from robustprune.records.provenance import provenance
from robustprune.records.record import Provenance, Record, Replicate, join_units, write_record
from robustprune.study.cells import Cell, stream_seed


def build(cell: Cell, replicate: int, examples: Examples | None = None) -> nn.Sequential:
    """The LeNet as a plain chain of modules with the replicate's initial weights."""
    network = architecture(cell.architecture)
    generator = torch.Generator().manual_seed(stream_seed(cell.seed(replicate), "weights"))
    units = network.units(cell.width)
    weights = initial_parameters(network, units, cell.initialization, [generator], examples=examples)
    modules: list[nn.Module] = [nn.Unflatten(1, (1, 28, 28))] if network.layers[0].kernel > 1 else []
    for layer in network.layers:
        weight, bias = weights[f"{layer.name}.weight"][0], weights[f"{layer.name}.bias"][0]
        if layer.kernel > 1:
            module = nn.Conv2d(weight.shape[1], weight.shape[0], layer.kernel)
        else:
            module = nn.Linear(weight.shape[1], weight.shape[0])
            if len(modules) > 2 and isinstance(modules[-3], nn.Conv2d):
                modules.append(nn.Flatten())
        module.load_state_dict({"weight": weight, "bias": bias})
        modules.append(module)
        modules += [nn.MaxPool2d(2)] if layer.kernel > 1 else []
        modules += [nn.ReLU()] if layer.target else []
    return nn.Sequential(*modules)


def units_of(cell: Cell, model: nn.Sequential) -> dict[str, int]:
    """Units per slot."""
    network = architecture(cell.architecture)
    layers = [module for module in model if isinstance(module, nn.Conv2d | nn.Linear)]
    written = {layer.target: module.weight.shape[0] for layer, module in zip(network.layers, layers, strict=True)}
    read = {layer.source: module.weight.shape[1] for layer, module in zip(network.layers, layers, strict=True)}
    return {slot.name: written.get(slot.name, read.get(slot.name)) for slot in network.slots}


def batches(images: Tensor, labels: Tensor, size: int, generator: torch.Generator):
    """The study's batch order of one replicate: a permutation per epoch, the incomplete last batch left out."""
    order = torch.randperm(len(labels), generator=generator)
    for index in order[: len(labels) // size * size].view(-1, size):
        yield images[index].float() / 255, labels[index]


def train(cell: Cell, replicate: int, images: Tensor, labels: Tensor) -> tuple[nn.Sequential, float]:
    """A trained and pruned network, and the multiply-accumulates of its training."""
    settings, network, ratio = cell.training, architecture(cell.architecture), float(cell.settings["ratio"])
    schedule = ScheduleSettings(target=1 - ratio)
    model = build(cell, replicate, Examples(images, labels))
    pruner = torch_pruning.pruner.BasePruner(
        model,
        torch.zeros(1, 784),
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        global_pruning=True,
        pruning_ratio=ratio,
        iterative_steps=schedule.events,
        ignored_layers=[model[-1]],
    )
    steps = len(labels) // settings.batch_size
    total = steps * settings.epochs
    generator = torch.Generator().manual_seed(stream_seed(cell.seed(replicate), "order"))
    adam = None
    step, work = 0, 0.0
    model.to(memory_format=torch.channels_last)  # on a CPU twice as fast
    for epoch in range(settings.epochs):
        rate = settings.decay_factor if epoch >= settings.decay_at * settings.epochs else 1.0
        for x, y in batches(images, labels, settings.batch_size, generator):
            if adam is None:  # the library replaces the parameters that it prunes
                adam = torch.optim.Adam(
                    model.parameters(), lr=settings.learning_rate, weight_decay=settings.l2, fused=True
                )
                cost = PASSES * settings.batch_size * macs(network, units_of(cell, model))
            adam.param_groups[0]["lr"] = settings.learning_rate * rate
            adam.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            adam.step()
            work += cost
            step += 1
            if schedule.event(step, total):
                pruner.step()
                model.to(memory_format=torch.channels_last)
                adam = None
        print(f"replicate {replicate}, epoch {epoch + 1}: {join_units(units_of(cell, model))}", file=sys.stderr)
    return model.eval(), work


def entry(cell: Cell, given: dict, data: dict[str, Tensor]) -> Replicate:
    """Train one replicate and describe what came out."""
    chosen = data["tuning"] if cell.training.images == "tuning" else slice(None)
    started = time.thread_time()
    model, work = train(cell, given["replicate"], data["train_images"][chosen], data["train_labels"][chosen])
    seconds = time.thread_time() - started
    network, units = architecture(cell.architecture), units_of(cell, model)
    error = error_percent(model, data["test_images"], data["test_labels"])
    values = {"error_test_percent": error, "train_seconds": seconds, "train_macs": work}
    if cell.training.images == "tuning":
        held_out = data["validation"]
        values["error_valid_percent"] = error_percent(
            model, data["train_images"][held_out], data["train_labels"][held_out]
        )
    steps = len(data["train_labels"][chosen]) // cell.training.batch_size * cell.training.epochs
    values["train_macs_dense"] = float(PASSES * cell.training.batch_size * steps * given["macs_dense"])
    failed = error > COLLAPSED_ABOVE_PERCENT
    return Replicate(
        **given,
        **values,
        status="collapsed" if failed else "ok",
        reason=f"test error {error:.2f} % exceeds {COLLAPSED_ABOVE_PERCENT:g} %" if failed else None,
        units_kept=join_units(units),
        params_kept=parameters(network, units),
        macs_kept=macs(network, units),
    )


def main() -> None:
    """Read the order, train every replicate, write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the prepared data set (.safetensors)")
    parser.add_argument("--output", type=Path, required=True, help="record.json in the cell's folder")
    arguments = parser.parse_args()
    asked = json.load(sys.stdin)
    cell = Cell.model_validate(asked["cell"])
    if cell.track != "hidden":
        sys.exit(f"torch_pruning removes units and filters only: cell {cell.key} needs track: hidden")
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as in the study's own training: products with denormal weights are far slower
    started, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    data = load_file(arguments.data)
    entries = [entry(cell, given, data) for given in asked["replicates"]]
    record = Record(
        cell=cell,
        config_hash=asked["config_hash"],
        provenance=Provenance(
            **{**provenance("dense", "cpu", 1), "source_hash": f"torch-pruning-{version('torch-pruning')}"},
            started=started,
            seconds=time.perf_counter() - clock,
        ),
        replicates=tuple(entries),
    )
    write_record(record, arguments.output.parent)


if __name__ == "__main__":
    main()
