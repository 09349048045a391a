"""Networks trained per second on a GPU for R = 1, 10, 100, against what bytes and FLOPs allow.

`python benchmarks/gpu.py` trains whole pruned networks (strengths of the shipped study) and writes
benchmarks/gpu.json with the hardware named, after every measurement. Needs torch only, no Snakemake.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import torch
import yaml
from engine import AXES
from floors import BATCH, gemm_flops
from timing import entry

from robustprune.data.datasets import Dataset, load
from robustprune.engine.running import run_cell
from robustprune.networks.architecture import architecture
from robustprune.networks.size import parameters
from robustprune.study.cells import Cell
from robustprune.study.data_settings import DataSettings
from robustprune.study.training_settings import TrainingSettings

RUNS = {"lenet_300_100": ("c3e_4", 40), "lenet5": ("conv3e_3_fc5e_4", 24)}
ADAM_PASSES = 7  # Adam reads weight, gradient and two moments, writes weight and two moments


def measure(data: Dataset, name: str, replicates: int, device: str, epochs: int | None, precision: str) -> list[dict]:
    """Train one cell whole; its networks per second, and what arithmetic and memory did meanwhile."""
    strength, standard = RUNS[name]
    settings = yaml.safe_load(Path("config/strengths.yaml").read_text())["bernoulli"][strength]
    training = TrainingSettings(epochs=epochs or standard, batch_size=BATCH, l2=1e-5, precision=precision)
    cell = Cell(
        **AXES | {"strength": strength, "dataset": data_name(data)},
        method="bernoulli",
        architecture=name,
        settings=settings,
        replicates=replicates,
        training=training,
    )
    with tempfile.TemporaryDirectory() as folder:
        record = run_cell(cell, data, Path(folder), device=device)
    failed = [entry_.reason for entry_ in record.replicates if entry_.status == "failed"]
    if failed:
        sys.exit(f"{name}, R={replicates}: {failed[0]}")
    seconds = sum(entry_.train_seconds for entry_ in record.replicates)
    operations = 2 * sum(entry_.train_macs for entry_ in record.replicates)
    steps = len(data.train_labels) // BATCH * training.epochs
    arch = architecture(name)
    least_bytes = 4 * ADAM_PASSES * steps * replicates * parameters(arch, arch.units())
    label = f"{name}, R={replicates}, {training.epochs} epochs, {precision}"
    return [
        entry(f"{label}: networks per second", replicates / seconds, "1/s", 0.0),
        entry(f"{label}: arithmetic", operations / seconds / 1e12, "TFLOP/s", 0.0),
        entry(f"{label}: Adam's bytes at the starting size", least_bytes / seconds / 1e9, "GB/s", 0.0),
    ]


def data_name(data: Dataset) -> str:
    """The digits are the only small data set."""
    return "mnist" if len(data.train_labels) > 10_000 else "digits"


def main() -> None:
    """Measure every combination and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dataset", default="mnist", choices=("mnist", "digits"))
    parser.add_argument("--replicates", type=int, nargs="+", default=(1, 10, 100))
    parser.add_argument("--epochs", type=int, help="instead of the study's")
    parser.add_argument("--precision", nargs="+", default=("float32",), choices=("float32", "bfloat16"))
    parser.add_argument("--output", type=Path, default=Path("benchmarks/gpu.json"))
    arguments = parser.parse_args()
    if arguments.device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit("benchmarks/gpu.py: this torch sees no GPU; run it where one is (or try it with --device cpu)")
    on_gpu = arguments.device.startswith("cuda")
    hardware = torch.cuda.get_device_name() if on_gpu else "CPU, 1 thread"
    torch.set_num_threads(1)
    torch.set_default_device(arguments.device)
    rate, spread = gemm_flops(4096 if on_gpu else 1024)
    torch.set_default_device("cpu")
    rows = [entry("float32 GEMM", rate / 1e12, "TFLOP/s", spread / 1e12)]
    data = load(arguments.dataset, DataSettings())
    for name in RUNS:
        for precision in arguments.precision:
            for replicates in arguments.replicates:
                measured = measure(data, name, replicates, arguments.device, arguments.epochs, precision)
                for row in measured:
                    print(f"{row['name']:<80} {row['value']:>10.3f} {row['unit']}", flush=True)
                rows += measured
                content = {"hardware": hardware, "torch": torch.__version__, "entries": rows}
                arguments.output.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
