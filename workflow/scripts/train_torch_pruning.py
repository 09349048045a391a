"""One cell with the library Torch-Pruning (Fang et al., CVPR 2023): group-norm importance, global pruning, iterative.

A foreign program (docs/how-to-foreign-program.md). Setting `ratio` is the library's pruning ratio, a share of channels.
The schedule is that of the study's criteria (warm-up, events, fine-tuning inside the common epochs). The library
removes hidden units and filters only, so cells are of track hidden.
"""

import csv
import sys
import time
from typing import Any

import torch
import torch_pruning
from torch import nn

from robustprune.engine.arithmetic import PASSES
from robustprune.engine.programs import Order, read_order
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.schedule import ScheduleSettings
from robustprune.networks.architecture import architecture
from robustprune.networks.size import first_layer_macs, macs
from robustprune.study.cells import Cell


def build(order: Order, replicate: int) -> nn.Sequential:
    """The LeNet as a plain chain of modules with the replicate's initial weights."""
    network, weights = architecture(order.cell.architecture), order.weights(replicate)
    modules: list[nn.Module] = [nn.Unflatten(1, (1, 28, 28))] if network.layers[0].kernel > 1 else []
    for layer in network.layers:
        weight, bias = weights[f"{layer.name}.weight"], weights[f"{layer.name}.bias"]
        if layer.kernel > 1:
            module = nn.Conv2d(weight.shape[1], weight.shape[0], layer.kernel)
        else:
            module = nn.Linear(weight.shape[1], weight.shape[0])
            if len(modules) > 2 and isinstance(modules[-3], nn.Conv2d):
                modules.append(nn.Flatten())
        module.load_state_dict({"weight": weight, "bias": bias})
        modules.append(module)
        modules += [nn.MaxPool2d(2)] if layer.kernel > 1 else []
        modules += [nn.ReLU()] if layer.writes else []
    return nn.Sequential(*modules)


def units_of(cell: Cell, model: nn.Sequential) -> dict[str, int]:
    """Units per slot."""
    network = architecture(cell.architecture)
    layers = [module for module in model if isinstance(module, nn.Conv2d | nn.Linear)]
    written = {layer.writes: module.weight.shape[0] for layer, module in zip(network.layers, layers, strict=True)}
    read = {layer.reads: module.weight.shape[1] for layer, module in zip(network.layers, layers, strict=True)}
    return {slot.name: written.get(slot.name, read.get(slot.name)) for slot in network.slots}


def train(order: Order, replicate: int) -> tuple[nn.Sequential, float]:
    """A trained and pruned network, and the multiply-accumulates of its training."""
    settings, network = order.cell.training, architecture(order.cell.architecture)
    ratio = float(order.cell.settings["ratio"])
    schedule = ScheduleSettings(target=1 - ratio)
    model = build(order, replicate)
    pruner = torch_pruning.pruner.BasePruner(
        model,
        torch.zeros(1, 784),
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        global_pruning=True,
        pruning_ratio=ratio,
        iterative_steps=schedule.events,
        ignored_layers=[model[-1]],
    )
    steps = len(order.labels) // settings.batch_size
    total = steps * settings.epochs
    adam = None
    step, work = 0, 0.0
    model.to(memory_format=torch.channels_last)  # on a CPU twice as fast
    for epoch, batches in enumerate(order.batches(replicate)):
        rate = settings.decay_factor if epoch >= settings.decay_at * settings.epochs else 1.0
        for index in batches:
            if adam is None:  # the library replaces the parameters that it prunes
                adam = torch.optim.Adam(
                    model.parameters(), lr=settings.learning_rate, weight_decay=settings.l2, fused=True
                )
                units = units_of(order.cell, model)
                cost = settings.batch_size * (PASSES * macs(network, units) - first_layer_macs(network, units))
            adam.param_groups[0]["lr"] = settings.learning_rate * rate
            adam.zero_grad()
            scores = model(order.images[index].float() / 255)
            nn.functional.cross_entropy(scores, order.labels[index]).backward()
            adam.step()
            work += cost
            step += 1
            if schedule.event(Moment(step, total, steps)):
                pruner.step()
                model.to(memory_format=torch.channels_last)
                adam = None
        print(f"replicate {replicate}, epoch {epoch + 1}: {units_of(order.cell, model)}")
    return model.eval(), work


def row(order: Order, replicate: int) -> dict[str, Any]:
    """Train one replicate; its line of the CSV."""
    started = time.thread_time()
    model, work = train(order, replicate)
    seconds = time.thread_time() - started
    units = {f"units_{slot}": count for slot, count in units_of(order.cell, model).items()}
    return {"replicate": replicate, **units, **order.errors(model), "seconds": seconds, "train_macs": work}


def main(order_file: str, results_file: str) -> None:
    """Read the order, train every replicate, write the CSV."""
    order = read_order(order_file)
    if order.cell.track != "hidden":
        sys.exit(f"torch_pruning removes units and filters only: cell {order.cell.key} needs track: hidden")
    torch.set_num_threads(order.threads)
    torch.set_flush_denormal(True)  # as in the study's own training: products with denormal weights are far slower
    rows = [row(order, replicate) for replicate in range(order.cell.replicates)]
    with open(results_file, "w", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
