"""`make bench`: the machine, the floor of a step, our engine, and what a user would write, in one run on one thread.

Prints a table and writes benchmarks/latest.json: a list of {name, value, unit, bound, holds, spread}. Values are
medians, spreads the distance between the quartiles; entries with a bound are targets.
"""

import argparse
import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
import yaml
from engine import epoch_time, prune, step_time, training_of, whole_training
from floors import PRUNED, copy_bytes, gemm_flops, step_floor, step_flops
from reference import mnist, reference_epoch
from timing import Timing, duration, entry, ratio

from robustprune.allocator import keep_freed_memory
from robustprune.config import DataSettings
from robustprune.data import Dataset, load
from robustprune.methods.registry import method_names
from robustprune.metrics import macs
from robustprune.networks.architecture import architecture

TITLES = {"lenet_300_100": "LeNet-300-100", "lenet5": "LeNet-5"}
REPLICATES = (1, 5, 10)
WHOLE = {"lenet_300_100": ("c3e_4", 40, "<= 3.5"), "lenet5": ("conv3e_3_fc5e_4", 24, "<= 4.5")}
FASTER = {"lenet_300_100": ">= 4.5", "lenet5": ">= 2.0"}


def machine() -> Iterator[dict]:
    """(a) what the machine can do."""
    rate, spread = gemm_flops()
    yield entry("machine: float32 GEMM", rate / 1e9, "GFLOP/s", spread / 1e9)
    rate, spread = copy_bytes()
    yield entry("machine: copy", rate / 1e9, "GB/s", spread / 1e9)


def floors(found: dict) -> Iterator[dict]:
    """(b) products and convolutions of a step alone."""
    peak = gemm_flops()[0]
    for name, title in TITLES.items():
        arch = architecture(name)
        for size, units in (("dense", arch.units()), ("pruned", PRUNED[name])):
            found["floor", name, size] = step_floor(arch, units)
            yield duration(f"floor: {title} {size} step", found["floor", name, size])
            ideal = Timing(step_flops(macs(arch, units)) / peak, 0.0)
            yield ratio(f"floor: {title} {size} step over FLOPs / peak", found["floor", name, size], ideal)


def engine(data: Dataset, found: dict) -> Iterator[dict]:
    """(c) our steps and epochs, every method."""
    for name, title in TITLES.items():
        for method in method_names():
            for replicates in REPLICATES:
                training = training_of(data, method, name, replicates)
                step = found["step", name, method, "dense", replicates] = step_time(training)
                yield duration(f"{method}: {title} dense step, R={replicates}", step)
                epoch = found["epoch", name, method, replicates] = epoch_time(training, step)
                yield duration(f"{method}: {title} dense epoch, R={replicates}", epoch)
                prune(training, [PRUNED[name]] * replicates)
                step = found["step", name, method, "pruned", replicates] = step_time(training)
                yield duration(f"{method}: {title} pruned step, R={replicates}", step)


def reference(data_directory: Path, found: dict) -> Iterator[dict]:
    """(d) the program a user would write."""
    images = mnist(data_directory)
    for name, title in TITLES.items():
        found["reference", name] = reference_epoch(name, images)
        yield duration(f"reference: {title} epoch", found["reference", name])


def targets(data: Dataset, found: dict, results: Path) -> Iterator[dict]:
    """Ratios between the above, with the bounds of the project."""
    mlp, conv = TITLES
    pruned = found["step", mlp, "bernoulli", "pruned", 5]
    yield ratio(
        "target: LeNet-300-100 pruned step over its GEMM floor, R=5", pruned, found["floor", mlp, "pruned"], "<= 2.5"
    )
    pruned = found["step", conv, "bernoulli", "pruned", 5]
    yield ratio("LeNet-5 pruned step over its floor, R=5", pruned, found["floor", conv, "pruned"])
    for name, title in TITLES.items():
        for replicates in REPLICATES:
            dense = found["epoch", name, "dense", replicates]
            target, bound = ("target: ", FASTER[name]) if replicates == 5 else ("", None)
            label = f"{target}{title} dense epoch, times faster than the reference, R={replicates}"
            yield ratio(label, found["reference", name], dense, bound)
    dense = found["step", conv, "dense", "dense", 5]
    yield ratio("target: LeNet-5 dense step over its floor, R=5", dense, found["floor", conv, "dense"], "<= 1.8")
    for name, title in TITLES.items():
        gated, plain = (found["step", name, method, "dense", 5] for method in ("bernoulli", "dense"))
        extra = Timing(gated.seconds - plain.seconds, gated.spread + plain.spread)
        yield ratio(f"target: {title} gates and their update over a dense step, R=5", extra, plain, "<= 0.35")
    strengths = yaml.safe_load(Path("config/claims.yaml").read_text())["strengths"]["bernoulli"]
    history = pd.read_parquet(results / "history.parquet")
    for name, (strength, epochs, bound) in WHOLE.items():
        chosen = history[(history["architecture"] == name) & (history["strength"] == strength)]
        chosen = chosen[(chosen["initialization"] == "he_normal") & (chosen["width"] == 1)]
        whole = whole_training(data, chosen, strengths[strength], epochs)
        label = f"{TITLES[name]} whole pruned network ({strength}, {epochs} epochs), R=5"
        yield duration(label, whole)
        yield ratio(f"target: {label}, in reference epochs", whole, found["reference", name], bound)


def show(row: dict) -> None:
    """Print one entry as a line."""
    verdict = "" if row["bound"] is None else f"  {row['bound']}: {'holds' if row['holds'] else 'does NOT hold'}"
    print(f"{row['name']:<88} {row['value']:>9.3f} {row['unit']:<8} +- {row['spread']:.3f}{verdict}", flush=True)


def main() -> None:
    """Run every section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/latest.json"))
    parser.add_argument("--mirror", type=Path, default=Path("../shared/data"), help="folder with MNIST/raw")
    parser.add_argument("--results", type=Path, default=Path("results/reference"), help="recorded sizes of whole runs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    started = time.perf_counter()
    data, found, rows = load("mnist", DataSettings()), {}, []
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, 1 thread")
    for section in (
        reference(arguments.mirror, found),
        machine(),
        floors(found),
        engine(data, found),
        targets(data, found, arguments.results),
    ):
        for row in section:
            rows.append(row)
            show(row)
    rows.append(entry("bench: duration", time.perf_counter() - started, "s", 0.0, "<= 600"))
    show(rows[-1])
    arguments.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
