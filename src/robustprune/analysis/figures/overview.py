"""The study on one page: trade-off, starting size, initialization, and the elasticity of every method."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustprune.analysis.figures.by_initialization import draw_initializations, varied
from robustprune.analysis.figures.by_width import draw_params_by_width
from robustprune.analysis.figures.style import legend_below, look
from robustprune.analysis.figures.tradeoff import draw_tradeoff, outside_note
from robustprune.analysis.sensitivity import sensitivity_width
from robustprune.analysis.source import NETWORK, STANDARD_INITIALIZATION, Source, network_title, studied
from robustprune.analysis.tradeoff import points


def overview(source: Source, confidence: float) -> Figure:
    """Four panels of the architecture with most networks in the records."""
    figure, axes = plt.subplots(2, 2, figsize=(11, 9.2))
    panels = list(source.runs.groupby(NETWORK, sort=False))
    footnote = f"mean over seeds, bars: {confidence:.0%} interval; b to d: operating points"
    if panels:
        key, runs = max(panels, key=lambda panel: len(panel[1]))
        figure.suptitle(network_title(*key), weight="bold")
        table = points(runs, confidence).dropna(subset=["error", "params"])
        draw_tradeoff(axes[0, 0], table, "params")
        footnote += outside_note(table)
        axes[0, 0].set_title("a  error against size, all strengths", loc="left", fontsize="medium")
        starts = studied(runs[runs["initialization"] == STANDARD_INITIALIZATION])
        draw_params_by_width(axes[0, 1], starts, confidence)
        axes[0, 1].set_title("b  size kept against starting size", loc="left", fontsize="medium")
        _or_note(axes[1, 0], varied(runs), confidence)
        axes[1, 0].set_title("c  size kept by initialization", loc="left", fontsize="medium")
        _elasticities(axes[1, 1], runs, confidence)
        axes[1, 1].set_title("d  elasticity of the size kept", loc="left", fontsize="medium")
    legend_below(figure, list(axes.flat), footnote)
    return figure


def _or_note(ax: Axes, runs: pd.DataFrame, confidence: float) -> None:
    if len(runs):
        draw_initializations(ax, runs, "params_kept", confidence)
    else:
        _note(ax, "no method with several initializations")


def _note(ax: Axes, text: str) -> None:
    ax.text(0.5, 0.5, text, ha="center", va="center", color="0.4", transform=ax.transAxes)


def _elasticities(ax: Axes, runs: pd.DataFrame, confidence: float) -> None:
    table = sensitivity_width(runs, confidence).table
    table = table.sort_values("elasticity").reset_index(drop=True)
    for place, row in enumerate(table.itertuples()):
        bars = np.nan_to_num([[row.elasticity - row.elasticity_low], [row.elasticity_high - row.elasticity]])
        style = {**look(row.method), "linestyle": "none"}
        ax.errorbar([row.elasticity], [place], xerr=bars, capsize=3, lw=1.3, **style)
    if table.empty:
        _note(ax, "no method with several starting widths")
    else:
        steepest = {"linestyle": "none", "marker": "|", "color": "0.4", "markersize": 9}
        ax.plot(table["steepest"], table.index, label="d: steepest between neighbouring widths, absolute", **steepest)
    ax.axvline(0, color="0.4", lw=1)
    ax.set_yticks(range(len(table)), table["method"])
    ax.set_ylim(max(1, len(table)) - 0.5, -0.5)
    ax.set_xlabel("d log(params kept) / d log(starting width)")
    ax.grid(axis="x", alpha=0.25)
