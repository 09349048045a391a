"""Where the time of a whole pruned network goes, epoch by epoch: python benchmarks/by_epoch.py

Every epoch's steps are timed at the sizes that the shipped run had then, in turn with their floor (products and
convolutions alone). It prints a line per epoch and writes the table.
"""

import argparse
from pathlib import Path

import pandas as pd
import torch
from bench import WHOLE, shipped_run
from engine import Steps, against_floor, prune, sizes_by_epoch, training_of

from robustprune.data.datasets import load
from robustprune.engine.allocator import keep_freed_memory
from robustprune.networks.architecture import architecture
from robustprune.study.data_settings import DataSettings


def main() -> None:
    """Time the epochs of one network's run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", choices=WHOLE, default="lenet5")
    parser.add_argument("--results", type=Path, default=Path("results/reference"), help="recorded sizes of whole runs")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/by_epoch.csv"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    torch.set_flush_denormal(True)
    name = arguments.architecture
    strength, epochs, _ = WHOLE[name]
    settings, history = shipped_run(name, strength, arguments.results)
    data, rows = load("mnist", DataSettings()), []
    for epoch, units in enumerate(sizes_by_epoch(history, epochs), start=1):
        training = training_of(data, "bernoulli", name, history["replicate"].nunique(), settings)
        slots = architecture(name).slots
        largest = {slot.name: max((own[slot.name] for own in units), default=slot.units) for slot in slots}
        steps = Steps(prune(training, units) if units else training)
        step, share = against_floor(steps, architecture(name), largest, budget=0.0, least=5)
        row = {"epoch": epoch, **largest, "step_ms": 1000 * step.seconds, "over_floor": share.seconds}
        rows.append(row | {"epoch_s": step.seconds * training.batches.steps})
        line = pd.DataFrame(rows[-1:]).to_string(index=False, header=epoch == 1, float_format="{:.2f}".format)
        print(line, flush=True)
    table = pd.DataFrame(rows)
    table["share_percent"] = 100 * table["epoch_s"] / table["epoch_s"].sum()
    table.to_csv(arguments.output, index=False, float_format="%.3f")
    print(f"{table['epoch_s'].sum():.1f} s per network; {arguments.output}")


if __name__ == "__main__":
    main()
