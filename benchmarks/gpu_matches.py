"""Networks of a GPU against the shipped ones of a CPU: the same settings, means and standard errors side by side.

`python benchmarks/gpu_matches.py --output results/gpu/matches.json`. Exit status 1 where kept parameters or test error
differ by more than four standard errors.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import pandas as pd
from engine import AXES

from robustprune.data.datasets import load
from robustprune.engine.running import run_cell
from robustprune.study.cells import Cell
from robustprune.study.data_settings import DataSettings
from robustprune.study.training_settings import TrainingSettings

SHIPPED = Path("results/reference/runs.csv")
COLUMNS = ("params_kept", "error_test_percent")


def main() -> int:
    """Train one cell, compare it with the shipped networks of its settings and write both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    cell = Cell(
        **AXES | {"strength": "c_3p19e_4"},
        method="bernoulli",
        architecture="lenet_300_100",
        settings={"price": 3.19e-4, "noise_free_last": 0.1},
        replicates=arguments.replicates,
        training=TrainingSettings(epochs=40, l2=1e-5),
    )
    with tempfile.TemporaryDirectory() as folder:
        record = run_cell(cell, load("mnist", DataSettings()), Path(folder), device=arguments.device, history="h.csv")
    shipped = pd.read_csv(SHIPPED)
    for axis in ("dataset", "architecture", "track", "method", "strength", "initialization", "width"):
        shipped = shipped[shipped[axis] == getattr(cell, axis)]
    content, apart = {"device": record.provenance.device}, False
    for column in COLUMNS:
        groups = {"gpu": pd.Series([getattr(entry, column) for entry in record.replicates]), "cpu": shipped[column]}
        content[column] = {name: {"mean": g.mean(), "sem": g.sem(), "n": len(g)} for name, g in groups.items()}
        gap = abs(groups["gpu"].mean() - groups["cpu"].mean())
        far = gap > 4 * (groups["gpu"].sem() ** 2 + groups["cpu"].sem() ** 2) ** 0.5
        apart |= bool(far)
        print(
            column, *(f"{name} {v['mean']:.4g} +- {v['sem']:.2g} (n = {v['n']})" for name, v in content[column].items())
        )
    arguments.output.write_text(json.dumps(content, indent=1) + "\n")
    return int(apart)


if __name__ == "__main__":
    sys.exit(main())
