"""Figures over the epochs of training: gates, kept units and training cost."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from robustprune.analysis.figures.looks import Looks
from robustprune.analysis.figures.style import (
    footnote_below,
    label_ends,
    legend_below,
    nothing,
    panel_grid,
    titled_rows,
)
from robustprune.analysis.labels import gate_label, initialization_title, network_title
from robustprune.analysis.read import CELL, NETWORK, SERIES, Collected, of_networks, slots
from robustprune.analysis.select import (
    STANDARD_INITIALIZATION,
    nearest_to_standard,
    of_standard_initialization,
    studied,
)
from robustprune.analysis.spending import spent
from robustprune.study.roles import UNPRUNED

MOST_LINES = 12
MOST_ROWS = 12
"""Rows of panels that a reader can still open as one picture."""


def gate_trajectories(collected: Collected, confidence: float) -> Figure:
    """Gates of single units over the epochs, a row per method and a panel per slot; the axis names the kind of gate.
    Gates of removed units are 0. At most twelve rows are shown, every method once before any is shown twice."""
    gates = collected.of_cells("gates", nearest_to_standard(studied(collected.runs)))
    looks = Looks(collected.methods)
    found = gates.groupby(SERIES, sort=False) if len(gates) else ()
    rows = _methods_first(list(found))
    if not rows:
        return nothing("no gated method in these records")
    left, rows = len(rows[MOST_ROWS:]), rows[:MOST_ROWS]
    titles = [f"{network_title(*key[:3])}: {key[3]}, strength {key[4]}" for key, _ in rows]
    figure, lines = titled_rows(titles, max(len(group["slot"].unique()) for _, group in rows))
    for line, (key, group) in zip(lines, rows, strict=True):
        # a gate that is a mean or a scale may be negative or above 1
        low, high = min(0.0, group["theta"].min()), max(1.0, group["theta"].max())
        for ax, (slot, values) in zip(line, group.groupby("slot", sort=False), strict=False):
            wide = values.pivot(index="epoch", columns="unit", values="theta")
            ax.set_axis_on()
            paths = [np.column_stack([wide.index, wide[unit]]) for unit in wide]
            colour = looks(key[3])["color"]
            # one artist: hundreds of lines take four times as long
            ax.add_collection(LineCollection(paths, colors=colour, linewidths=0.6, alpha=0.45))
            ax.autoscale_view()
            ax.set_title(f"slot {slot}, {wide.shape[1]} gates", fontsize="small")
            ax.set_xlabel("epoch")
            ax.set_ylim(low - 0.03 * (high - low), high + 0.03 * (high - low))
        line[0].set_ylabel(gate_label(key[3]))
    more = f"\n{left} rows are left out; robustprune figure gate_trajectories --methods NAME draws some" if left else ""
    footnote_below(figure, f"gates evenly spaced by unit number, of replicate 0; removed gates stay at 0{more}")
    return figure


def _methods_first(rows: list[tuple[tuple, pd.DataFrame]]) -> list[tuple[tuple, pd.DataFrame]]:
    """Return (series, table) pairs in an order in which every method comes once before any comes twice."""
    methods = pd.Series([key[3] for key, _ in rows], dtype=object)
    return [rows[index] for index in methods.groupby(methods).cumcount().argsort(kind="stable")]


def units_over_epochs(collected: Collected, confidence: float) -> Figure:
    """Units kept per slot over the epochs of training: mean over seeds, with a band from smallest to largest."""
    history = collected.of_cells("history", nearest_to_standard(studied(collected.runs)))
    looks = Looks(collected.methods)
    rows = list(history.groupby(NETWORK, sort=False)) if len(history) else []
    if not rows:
        return nothing("no history in these records")
    figure, lines = titled_rows([network_title(*key) for key, _ in rows], max(len(slots(key[1])) for key, _ in rows))
    for line, (key, group) in zip(lines, rows, strict=True):
        for ax, slot in zip(line, slots(key[1]), strict=False):
            ax.set_axis_on()
            for _, label, style, series in looks.series_of(group):
                over = series.groupby("epoch")[f"units_{slot}"]
                ax.plot(over.mean(), color=style["color"], ls=style["linestyle"], lw=1.4, label=label)
                ax.fill_between(over.min().index, over.min(), over.max(), color=style["color"], alpha=0.2, lw=0)
            ax.set_title(f"slot {slot}", fontsize="small")
            ax.set_xlabel("epoch")
            ax.set_ylim(0, None)
            ax.grid(alpha=0.25)
        line[0].set_ylabel("units kept")
    panels = [ax for line in lines for ax in line]
    legend_below(figure, panels, "line: mean over seeds; band: smallest to largest")
    return figure


def training_macs_over_epochs(collected: Collected, confidence: float) -> Figure:
    """Cumulative multiply-accumulates of training over the epochs, as a share of a whole dense training from the same
    start. A line ends at the recorded arithmetic; the parts of the epochs follow the units that each began with."""
    runs = of_standard_initialization(studied(collected.runs))
    runs, looks = runs[runs["method"] != UNPRUNED], Looks(collected.methods)
    if len(runs[[*SERIES, "width"]].drop_duplicates()) > MOST_LINES:
        runs = runs.merge(nearest_to_standard(runs), on=CELL)
    wanted = runs[[*CELL, "replicate", "macs_dense", "train_macs", "train_macs_dense"]]
    history = of_networks(collected.history, wanted) if len(collected.history) else wanted.iloc[:0]
    panels = list(history.groupby(NETWORK, sort=False))
    title = initialization_title(STANDARD_INITIALIZATION)
    if not panels:
        return nothing(f"no history of pruned networks of initialization {title} in these records")
    figure, axes = panel_grid(len(panels), 5.4, 4.4)
    for ax, (key, group) in zip(axes, panels, strict=False):
        _draw_shares(ax, group, looks)
        ax.set_title(network_title(*key), fontsize="medium")
    footnote_below(figure, f"mean over seeds; initialization {title}; dotted: dense, from the same start")
    return figure


def _draw_shares(ax: Axes, group: pd.DataFrame, looks: Looks) -> None:
    """Draw one line per series and width; a label at its end gives its last value."""
    epochs = group["epoch"].max()
    ax.plot([0, epochs], [0, 100], color="0.5", lw=1, ls=(0, (1, 2)))
    ends, of_width = [(epochs, 100.0, "dense", "0.4")], group["width"].nunique() > 1
    for _, label, style, series in looks.series_of(group):
        widths = sorted(series["width"].unique())
        for rank, width in enumerate(widths):
            share = _cumulative_share(series[series["width"] == width])
            shade = 0.35 + 0.65 * (rank + 1) / len(widths)
            ax.plot(share, color=style["color"], ls=style["linestyle"], lw=1.5, alpha=shade)
            name = f"{label}, width {width:g}" if of_width else label
            ends.append((share.index[-1], share.iloc[-1], f"{name}: {share.iloc[-1]:.0f} %", style["color"]))
    ax.set_xlabel("epoch")
    ax.set_ylabel("cumulative MACs (% of dense training)")
    ax.set_xlim(0, 1.08 * epochs)  # room for the lines that lead to labels
    ax.set_ylim(0, 1.03 * max(end[1] for end in ends))
    ax.grid(alpha=0.25)
    label_ends(ax, ends)


def _cumulative_share(series: pd.DataFrame) -> pd.Series:
    """Return the mean over replicates of the MACs spent up to each epoch, in percent of dense training."""
    series = series.sort_values("epoch")
    percent = 100 * spent(series, ["replicate"]) / series["train_macs_dense"]
    share = percent.groupby(series["epoch"]).mean()
    return pd.concat([pd.Series({0: 0.0}), share])
