"""`make bench`: the machine, the floor of a step, our engine, and what a user would write, in one run on one thread.

Prints a table. A run of all parts writes benchmarks/latest.json: a list of {name, value, unit, bound, holds, spread}.
Values are medians, spreads the distance between the quartiles; entries with a bound are targets.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
import torch
import yaml
from engine import Steps, against_floor, prune, training_of, whole_training
from floors import copy_bytes, floor_step, gemm_flops, products_apart, step_floor, step_flops
from public_loops import public_rows
from reference import Reference, mnist
from timing import duration, entry, paired, ratio, summary

from robustprune.data.datasets import Dataset, load
from robustprune.engine.allocator import keep_freed_memory
from robustprune.gathering.timings import PRUNED, TITLES
from robustprune.methods.parts.registry import method_names
from robustprune.networks.architecture import architecture
from robustprune.networks.size import macs
from robustprune.records.provenance import device_name
from robustprune.study.data_settings import DataSettings

PARTS = ("machine", "floors", "reference", "engine", "targets", "sections")
REPLICATES = (1, 5, 10)
WHOLE = {"lenet_300_100": ("c3e_4", 40, "<= 3.5"), "lenet5": ("conv3e_3_fc5e_4", 24, "<= 4.5")}
FASTER = {"lenet_300_100": ">= 4.5", "lenet5": ">= 2.0"}


def machine() -> Iterator[dict]:
    """(a) the machine, and what it can do."""
    yield entry(f"machine: {device_name('cpu')}, torch {torch.__version__}", torch.get_num_threads(), "threads", 0.0)
    rate, spread = gemm_flops()
    yield entry("machine: float32 GEMM", rate / 1e9, "GFLOP/s", spread / 1e9)
    rate, spread = copy_bytes()
    yield entry("machine: copy", rate / 1e9, "GB/s", spread / 1e9)


def floors() -> Iterator[dict]:
    """(b) products and convolutions of a step alone."""
    peak = gemm_flops()[0]
    for name, title in TITLES.items():
        arch = architecture(name)
        for size, units in (("dense", arch.units()), ("pruned", PRUNED[name])):
            floor = step_floor(arch, units)
            ideal = step_flops(macs(arch, units)) / peak
            yield duration(f"floor: {title} {size} step", floor)
            yield ratio(f"floor: {title} {size} step over FLOPs / peak", floor.times(1 / ideal))
    # what it costs at least that a network does not depend on its companions (docs/protocol.md, A4)
    name, title = next(iter(TITLES.items()))
    arch, units = architecture(name), PRUNED[name]
    pairs = paired(products_apart(arch, units), floor_step(arch, units))
    label = f"floor: {title} pruned products, network by network over batched, R=5"
    yield ratio(label, summary([apart / batched for apart, batched in pairs]))


def engine(data: Dataset) -> Iterator[dict]:
    """(c) our steps, every method, in turn with the step's floor."""
    for name, title in TITLES.items():
        arch = architecture(name)
        for method in method_names():
            for replicates in REPLICATES if method in ("bernoulli", "dense") else (5,):
                training = training_of(data, method, name, replicates)
                for size, units in (("dense", arch.units()), ("pruned", PRUNED[name])):
                    steps = Steps(training if size == "dense" else prune(training, [units] * replicates))
                    step, over = against_floor(steps, arch, units, budget=0.5, least=5)
                    yield duration(f"{method}: {title} {size} step, R={replicates}", step)
                    yield ratio(f"{method}: {title} {size} step over its floor, R={replicates}", over)


def reference(references: Mapping[str, Reference]) -> Iterator[dict]:
    """(d) the program a user would write."""
    for name, title in TITLES.items():
        yield duration(f"reference: {title} epoch", references[name].epoch())


def targets(data: Dataset, references: Mapping[str, Reference], results: Path) -> Iterator[dict]:
    """Ratios with the bounds of the project, both sides of each timed in turn."""
    mlp, conv = TITLES
    for name, size, method, label, bound in (
        (mlp, "pruned", "bernoulli", "target: LeNet-300-100 pruned step over its GEMM floor, R=5", "<= 2.5"),
        (conv, "pruned", "bernoulli", "target: LeNet-5 pruned step over its floor, R=5", "<= 1.35"),
        (mlp, "dense", "dense", "LeNet-300-100 dense step over its floor, R=5", None),
        (conv, "dense", "dense", "target: LeNet-5 dense step over its floor, R=5", "<= 1.8"),
    ):
        arch, training = architecture(name), training_of(data, method, name, 5)
        units = PRUNED[name] if size == "pruned" else arch.units()
        steps = Steps(prune(training, [units] * 5) if size == "pruned" else training)
        yield ratio(label, against_floor(steps, arch, units)[1], bound)
    for name, title in TITLES.items():
        for replicates in REPLICATES:
            steps = Steps(training_of(data, "dense", name, replicates))
            pairs = paired(steps, references[name])
            faster = [part * references[name].calls_per_epoch / steps.epoch(block) for block, part in pairs]
            target, bound = ("target: ", FASTER[name]) if replicates == 5 else ("", None)
            label = f"{target}{title} dense epoch, times faster than the reference, R={replicates}"
            yield ratio(label, summary(faster), bound)
    for name, title in TITLES.items():
        gated, plain = (Steps(training_of(data, method, name, 5)) for method in ("bernoulli", "dense"))
        extra = summary([with_gates / without - 1 for with_gates, without in paired(gated, plain)])
        yield ratio(f"target: {title} gates and their update over a dense step, R=5", extra, "<= 0.5")
    for name, (strength, epochs, bound) in WHOLE.items():
        settings, chosen = shipped_run(name, strength, results)
        seconds, shares = whole_training(data, chosen, settings, epochs, references[name])
        label = f"{TITLES[name]} whole pruned network ({strength}, {epochs} epochs), R=5"
        yield duration(label, seconds)
        yield ratio(f"target: {label}, in reference epochs", shares, bound)
        yield from public_rows(name, shares, epochs, references[name])


def sections(data: Dataset) -> Iterator[dict]:
    """Steps with gates of sections over the same arithmetic without gates: a dense step, and the second forward pass
    that the estimator `flip` needs."""
    for name, depth in (("mlp_residual", 4), ("mlp_residual", 16), ("lenet5_residual", 1)):
        axes = {"track": "layers", "depth": depth}
        gated = Steps(training_of(data, "bernoulli", name, 5, {"price": 1e-2}, **axes))
        plain = Steps(training_of(data, "dense", name, 5, {}, **axes), second_passes=1)
        ratios = summary([with_gates / without for with_gates, without in paired(gated, plain)])
        yield ratio(f"target: {name} depth {depth}, step over its arithmetic without gates, R=5", ratios, "<= 1.5")


def shipped_run(name: str, strength: str, results: Path) -> tuple[dict, pd.DataFrame]:
    """Settings of the method at this strength, and the history of its networks of width 1."""
    strengths = yaml.safe_load(Path("config/strengths.yaml").read_text())["bernoulli"]
    history = pd.read_parquet(results / "history.parquet")
    chosen = history[(history["architecture"] == name) & (history["strength"] == strength)]
    return strengths[strength], chosen[(chosen["initialization"] == "he_normal") & (chosen["width"] == 1)]


def show(row: dict) -> None:
    """Print one entry as a line."""
    verdict = "" if row["bound"] is None else f"  {row['bound']}: {'holds' if row['holds'] else 'does NOT hold'}"
    print(f"{row['name']:<88} {row['value']:>9.3f} {row['unit']:<8} +- {row['spread']:.3f}{verdict}", flush=True)


def main() -> None:
    """Run every section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="default: benchmarks/latest.json for all parts, else no file")
    parser.add_argument("--mirror", type=Path, default=Path("../shared/data"), help="folder with MNIST/raw")
    parser.add_argument("--part", choices=PARTS, nargs="+", default=PARTS, help="what to measure (default: everything)")
    parser.add_argument("--results", type=Path, default=Path("results/reference"), help="recorded sizes of whole runs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    torch.set_flush_denormal(True)  # as a cell's training does: relaxed gates near zero make activations denormal
    started = time.perf_counter()
    data, rows = load("mnist", DataSettings()), []
    images = mnist(arguments.mirror)
    references = {"lenet_300_100": Reference("lenet_300_100", images), "lenet5": Reference("lenet5", images, batches=4)}
    parts = {
        "machine": machine(),
        "floors": floors(),
        "reference": reference(references),
        "engine": engine(data),
        "targets": targets(data, references, arguments.results),
        "sections": sections(data),
    }
    for name in arguments.part:
        for row in parts[name]:
            rows.append(row)
            show(row)
    whole = set(arguments.part) == set(PARTS)
    rows.append(entry("bench: duration", time.perf_counter() - started, "s", 0.0, "<= 600" if whole else None))
    show(rows[-1])
    output = arguments.output or (Path("benchmarks/latest.json") if whole else None)  # robustprune plan needs all parts
    if output:
        output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
