"""Seconds and memory of a cell against start width, replicates and images; the exponents of the power laws between.

`make scaling` writes benchmarks/scaling.csv and benchmarks/scaling.{pdf,svg,png}. Every point is a whole run in a
process of its own (so that its peak memory is its own): method bernoulli, LeNet-300-100, c = 3e-4, ten epochs.
"""

import argparse
import json
import multiprocessing
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from engine import AXES
from floors import BATCH
from matplotlib import pyplot as plt

from robustprune.analysis.figures.style import save, set_style
from robustprune.study.cells import Cell
from robustprune.study.data_settings import DataSettings
from robustprune.study.training_settings import TrainingSettings

EPOCHS = 10
STANDARD = {"width": 1.0, "replicates": 5, "images": 12_000}
AXIS = {
    "width": ("start width", (0.5, 1, 2, 4, 8, 16, 32)),
    "replicates": ("replicates R", (1, 2, 5, 10, 20, 50)),
    "images": ("training images", (6_000, 12_000, 24_000, 60_000)),
}
WIDTHS_TRAIN = {"replicates": 1}  # along the widths, one network: the widest has 38 million parameters


def measure(method: str, width: float, replicates: int, images: int) -> dict:
    """One run in this process: seconds of training, peak memory in MiB."""
    from dataclasses import replace

    from robustprune.data.datasets import load
    from robustprune.engine.running import run_cell

    data = load("mnist", DataSettings())
    data = replace(data, train_images=data.train_images[:images], train_labels=data.train_labels[:images])
    cell = Cell(
        **AXES | {"width": width, "strength": "scaling"},
        method=method,
        architecture="lenet_300_100",
        settings={"price": 3e-4} if method == "bernoulli" else {},
        replicates=replicates,
        training=TrainingSettings(epochs=EPOCHS if method == "bernoulli" else 1, batch_size=BATCH, l2=1e-5),
    )
    with tempfile.TemporaryDirectory() as folder:
        record = run_cell(cell, data, Path(folder))
    assert all(entry.status != "failed" for entry in record.replicates), record.replicates[0].reason
    seconds = sum(entry.train_seconds for entry in record.replicates) * EPOCHS / cell.training.epochs
    return {"seconds": seconds, "memory_mib": record.provenance.peak_memory_mib}


def points() -> list[dict]:
    """What is measured: along each axis the others at their standard; dense along the widths for comparison."""
    rows = []
    for axis, (_, values) in AXIS.items():
        for value in values:
            setting = STANDARD | (WIDTHS_TRAIN if axis == "width" else {}) | {axis: value}
            rows.append({"axis": axis, "method": "bernoulli", **setting})
            if axis == "width":
                rows.append({"axis": axis, "method": "dense", **setting})
    return rows


def exponent(x: pd.Series, y: pd.Series) -> tuple[float, float]:
    """Slope of log y on log x by least squares, and its standard error."""
    (slope, _), covariance = np.polyfit(np.log(x.astype(float)), np.log(y), 1, cov=True)
    return float(slope), float(np.sqrt(covariance[0, 0]))


def exponents(table: pd.DataFrame) -> pd.DataFrame:
    """One row per axis and method: exponents of seconds and memory, with the range they were measured on."""
    rows = []
    for (axis, method), group in table.groupby(["axis", "method"], sort=False):
        row = {"axis": axis, "method": method, "from": group[axis].min(), "to": group[axis].max(), "n": len(group)}
        for quantity in ("seconds", "memory_mib"):
            row[f"{quantity}_exponent"], row[f"{quantity}_standard_error"] = exponent(group[axis], group[quantity])
        rows.append(row)
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame, laws: pd.DataFrame) -> plt.Figure:
    """Seconds (top) and memory (bottom) along each axis, both logarithmic, exponents in the legend."""
    set_style()
    figure, axes = plt.subplots(2, len(AXIS), figsize=(10.5, 6.0), sharex="col", sharey="row")
    looks = {"bernoulli": ("#0072B2", "o", "-"), "dense": ("#000000", "X", "--")}
    for column, (axis, (title, values)) in enumerate(AXIS.items()):
        for line, (quantity, label) in enumerate((("seconds", "training (s)"), ("memory_mib", "peak memory (MiB)"))):
            ax = axes[line, column]
            for method, group in table[table["axis"] == axis].groupby("method"):
                law = laws[(laws["axis"] == axis) & (laws["method"] == method)].iloc[0]
                colour, marker, style = looks[method]
                name = f"{method}, exponent {law[f'{quantity}_exponent']:.2f}"
                ax.plot(group[axis], group[quantity], color=colour, marker=marker, ls=style, label=name)
            ax.set_xscale("log")
            ax.set_yscale("log")
            ax.set_xticks(values, [f"{value:g}" for value in values], minor=False)
            marks = (2, 5, 10, 20, 50, 100, 200) if quantity == "seconds" else (500, 700, 1000, 1500, 2000)
            ax.set_yticks(marks, [f"{mark:g}" for mark in marks], minor=False)
            ax.minorticks_off()
            ax.grid(alpha=0.25)
            ax.legend(fontsize="x-small", frameon=False)
            if line:
                ax.set_xlabel(title)
            if not column:
                ax.set_ylabel(label)
    figure.supxlabel(
        f"LeNet-300-100, c = 3e-4, {EPOCHS} epochs, one CPU thread; standard: width 1, R = 5, 12,000 images; along the "
        "widths R = 1, dense timed over one epoch",
        fontsize="x-small",
        color="0.35",
    )
    return figure


def main() -> None:
    """Measure (or read again with --draw-only), fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("benchmarks"))
    parser.add_argument("--draw-only", action="store_true", help="draw what scaling.csv holds")
    arguments = parser.parse_args()
    path = arguments.output / "scaling.csv"
    if arguments.draw_only:
        table = pd.read_csv(path)
    else:
        context, rows = multiprocessing.get_context("spawn"), []
        for point in points():
            with context.Pool(1) as process:
                found = process.apply(measure, [point[name] for name in ("method", "width", "replicates", "images")])
            rows.append(point | found)
            print(json.dumps(rows[-1]), flush=True)
        table = pd.DataFrame(rows)
        table.to_csv(path, index=False)
    laws = exponents(table)
    laws.to_csv(arguments.output / "scaling_exponents.csv", index=False)
    print(laws.to_string(index=False))
    save(draw(table, laws), arguments.output, "scaling")


if __name__ == "__main__":
    main()
