"""Figures over the epochs of training: how gates settle and how units go."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustprune.analysis.figures.style import legend_below, look, panel_grid, series_of
from robustprune.analysis.source import (
    CELL,
    NETWORK,
    SERIES,
    STANDARD_INITIALIZATION,
    Source,
    network_title,
    slots,
    studied,
)

MOST_LINES = 12


def _nearest_to_standard(table: pd.DataFrame) -> pd.DataFrame:
    """Of each method at its operating point only one cell: He normal if there is one, then the width nearest to 1."""
    if table.empty:
        return table
    table = studied(table)
    cells = table[CELL].drop_duplicates()
    order = cells.assign(other=cells["initialization"] != STANDARD_INITIALIZATION, far=(cells["width"] - 1).abs())
    chosen = order.sort_values(["other", "far"], kind="stable").drop_duplicates(SERIES)[CELL]
    return table.merge(chosen, on=CELL)


def _grid(titles: list[str], columns: int) -> tuple[Figure, list[list[Axes]]]:
    """A row of panels per title, each row under its title."""
    rows = max(1, len(titles))
    figure = plt.figure(figsize=(2.9 * columns, 2.9 * rows + 0.3))
    lines = []
    for title, part in zip(titles, np.atleast_1d(figure.subfigures(rows, 1)), strict=False):
        part.suptitle(title, fontsize="medium", weight="bold", x=0.01, ha="left")
        lines.append(list(np.atleast_1d(part.subplots(1, columns))))
        for ax in lines[-1]:
            ax.set_axis_off()
    return figure, lines


def gate_trajectories(source: Source, confidence: float) -> Figure:
    """theta of single gates over the epochs, a panel per slot: gates go to 0 or 1 and stay there."""
    gates = _nearest_to_standard(source.gates)
    rows = list(gates.groupby(SERIES, sort=False)) if len(gates) else []
    titles = [f"{network_title(*key[:3])}: {key[3]}, strength {key[4]}" for key, _ in rows]
    figure, lines = _grid(titles, max([len(group["slot"].unique()) for _, group in rows], default=1))
    for line, (key, group) in zip(lines, rows, strict=True):
        for ax, (slot, values) in zip(line, group.groupby("slot", sort=False), strict=False):
            wide = values.pivot(index="epoch", columns="unit", values="theta")
            ax.set_axis_on()
            ax.plot(wide.index, wide, color=look(key[3])["color"], lw=0.6, alpha=0.45)
            ax.set_title(f"slot {slot}, {wide.shape[1]} gates", fontsize="small")
            ax.set_xlabel("epoch")
            ax.set_ylim(-0.03, 1.03)
        line[0].set_ylabel(r"gate parameter $\theta$")
    footnote = "gates evenly spaced by unit number, of replicate 0; removed gates stay at 0"
    figure.supxlabel(footnote if rows else "no gated method among the records", fontsize="x-small", color="0.35")
    return figure


def units_over_epochs(source: Source, confidence: float) -> Figure:
    """Units kept per slot over the epochs: mean over seeds, band from smallest to largest."""
    history = _nearest_to_standard(source.history)
    rows = list(history.groupby(NETWORK, sort=False)) if len(history) else []
    titles = [network_title(*key) for key, _ in rows]
    figure, lines = _grid(titles, max([len(slots(key[1])) for key, _ in rows], default=1))
    for line, (key, group) in zip(lines, rows, strict=True):
        for ax, slot in zip(line, slots(key[1]), strict=False):
            ax.set_axis_on()
            for _, label, style, series in series_of(group):
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


def training_macs_over_epochs(source: Source, confidence: float) -> Figure:
    """Cumulative training MACs as a share of a whole dense training from the same start: what pruning early saves.

    Counted from the units at the end of each epoch; the first epoch counts as dense.
    """
    runs = source.runs[source.runs["initialization"] == STANDARD_INITIALIZATION]
    panels = []
    if len(source.history) and len(runs):
        history = studied(source.history).merge(runs[[*CELL, "replicate", "macs_dense"]], on=[*CELL, "replicate"])
        if len(history[[*SERIES, "width"]].drop_duplicates()) > MOST_LINES:
            history = _nearest_to_standard(history)
        panels = list(history.groupby(NETWORK, sort=False))
    figure, axes = panel_grid(len(panels), 5.0, 4.4)
    for ax, (key, group) in zip(axes, panels, strict=False):
        epochs = group["epoch"].max()
        ax.plot([0, epochs], [0, 100], color="0.6", lw=1, ls=(0, (1, 2)), label="dense from the same start")
        gated = group[group["method"] != "dense"]
        for _, label, style, series in series_of(gated) if len(gated) else ():
            widths = sorted(series["width"].unique())
            for rank, width in enumerate(widths):
                share = _cumulative_share(series[series["width"] == width])
                shade = 0.35 + 0.65 * (rank + 1) / len(widths)
                name = f"{label}, width {width:g}: {share.iloc[-1]:.0f} %"
                ax.plot(share, color=style["color"], ls=style["linestyle"], lw=1.5, alpha=shade, label=name)
        ax.set_title(network_title(*key), fontsize="medium")
        ax.set_xlabel("epoch")
        ax.set_ylabel("cumulative MACs (% of dense training)")
        ax.set_xlim(0, epochs)
        ax.set_ylim(0, 103)
        ax.grid(alpha=0.25)
        ax.legend(loc="upper left", fontsize="x-small", frameon=False)  # dense training leaves that corner free
    figure.supxlabel(f"mean over seeds; initialization {STANDARD_INITIALIZATION}", fontsize="x-small", color="0.35")
    return figure


def _cumulative_share(series: pd.DataFrame) -> pd.Series:
    """Mean over replicates of the MACs spent up to each epoch, in percent of those of the dense network."""
    wide = series.pivot(index="epoch", columns="replicate", values="macs_step").sort_index()
    dense = series.groupby("replicate")["macs_dense"].first()
    spent = wide.shift(1).fillna(dense).cumsum()
    share = 100 * (spent / (dense * len(wide))).mean(axis=1)
    return pd.concat([pd.Series({0: 0.0}), share])
