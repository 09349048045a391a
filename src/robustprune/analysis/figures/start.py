"""The headline figure: does the start matter?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from robustprune.analysis.figures.looks import Looks
from robustprune.analysis.figures.scales import TICKS as FINE_TICKS
from robustprune.analysis.figures.scales import log_counts_axis, plain, thousands
from robustprune.analysis.figures.style import legend_below, panel_grid, say
from robustprune.analysis.labels import network_title
from robustprune.analysis.read import CELL, NETWORK, Collected, of_networks, slots
from robustprune.analysis.select import FROM_STANDARD, STANDARD_INITIALIZATION, of_standard_initialization, studied
from robustprune.analysis.spending import spent
from robustprune.networks.architecture import architecture
from robustprune.networks.size import parameters
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED

TICKS = (0.5, 0.6, 0.7, 0.8, 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 7, 10, 20, 50, 90)
FIRST_PART = 0.2
"""Part of the first epoch after which a line over logarithmic MACs begins, at the size of the start."""
REPLACED = ["method", "strength", "width", "replicate"]


def start_matters(collected: Collected, confidence: float) -> Figure:
    """Does the start matter? Left: test error against the parameters kept; a trail joins the starting widths of a
    method, its markers grow with the width, and small dots are initializations. Right: parameters kept over the
    multiply-accumulates of training, a line per starting width; crosses end dense training. Where the start does not
    matter, a trail is a point and the lines meet."""
    panels = networks_of_several_widths(collected)
    figure, axes = panel_grid(2 * len(panels), 5.4, 4.6)
    if not panels:
        say(axes[0], "no networks of several widths in these records")
        return figure
    looks = Looks(collected.methods)
    for place, (key, own) in enumerate(panels):
        left, right = axes[2 * place : 2 * place + 2]
        log_axes(left, draw_trails(left, own, looks, sorted(own["width"].unique())))
        draw_training(right, training_of(collected.history, of_standard_initialization(own), key[1]), looks)
        draw_dense_ends(right, own)
        for ax, title in ((left, network_title(*key)), (right, "during training, from every width")):
            ax.set_title(title, fontsize="medium")
    entries = Line2D([], [], ls="none", marker="X", color="black", ms=6, label="end of dense training, by width")
    axes[1].add_line(entries)
    legend_below(
        figure,
        axes,
        "means over seeds; marker size: starting width, small to large; dots: initializations at width 1\n"
        "right: sizes at the end of each epoch, before gates are rounded; "
        f"trails and lines: {FROM_STANDARD}",
    )
    return figure


def networks_of_several_widths(collected: Collected) -> list[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Return data set, architecture and track with the runs that the figure shows, where these have several widths."""
    runs = studied(collected.runs).dropna(subset=["params_kept", "error_test_percent"])
    return [
        (key, own)
        for key, own in runs.groupby(NETWORK, sort=False)
        if of_standard_initialization(own)["width"].nunique() > 1
    ]


def draw_trails(ax: Axes, runs: pd.DataFrame, looks: Looks, widths: Sequence[float]) -> pd.DataFrame:
    """Draw the means of every width, joined in the order of widths, and those of every initialization; return them.

    widths: all that the panel shows, ascending; markers grow with the place among them.
    """
    shown = []
    for method, label, style, series in _last_on_top(looks, runs):
        own = _means(of_standard_initialization(series), "width").sort_index()
        others = _means(series[series["width"] == 1], "initialization").drop(STANDARD_INITIALIZATION, errors="ignore")
        line = {"color": style["color"], "zorder": 3 if method == METHOD_UNDER_STUDY else 2}
        ax.plot(*own.to_numpy().T, lw=1.2, ls=style["linestyle"], alpha=0.8, **line)
        for width, (size, error) in own.iterrows():
            grown = (0.75 + 0.9 * (widths.index(width) / max(1, len(widths) - 1))) * style["markersize"]
            ax.plot(size, error, ls="none", marker=style["marker"], ms=grown, mec="white", mew=0.5, **line)
        ax.plot(*others.to_numpy().T, ls="none", marker=".", ms=4, alpha=0.6, **line)
        ax.plot([], [], label=label, **style)
        shown += [own, others]
    return pd.concat(shown)


def _last_on_top(looks: Looks, runs: pd.DataFrame) -> list[tuple[str, str, dict, pd.DataFrame]]:
    """Return the series of a panel with the method under study first in the legend."""
    return sorted(looks.series_of(runs), key=lambda series: (series[0] != METHOD_UNDER_STUDY, series[0] == UNPRUNED))


def _means(runs: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Return the mean params and error by width or initialization."""
    return runs.groupby(axis)[["params_kept", "error_test_percent"]].mean()


def log_axes(ax: Axes, points: pd.DataFrame) -> None:
    """Set logarithmic axes that hold the points (columns params_kept, error_test_percent)."""
    sizes, errors = points["params_kept"], points["error_test_percent"]
    log_counts_axis(ax, sizes)
    ax.set_yscale("log")
    ax.set_xlim(sizes.min() / 1.4, sizes.max() * 1.4)
    ax.set_ylim(errors.min() / 1.06, errors.max() * 1.08)
    span = errors.max() / errors.min()
    if span < 2:
        ax.yaxis.set_major_locator(LogLocator(subs=FINE_TICKS[3]))
    else:
        ax.set_yticks(
            [tick for tick in (TICKS if span < 8 else TICKS[::2]) if errors.min() / 1.06 <= tick <= errors.max()]
        )
    ax.yaxis.set_major_formatter(FuncFormatter(plain))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("params kept")
    ax.set_ylabel("test error (%)")
    ax.grid(alpha=0.25)


def training_of(history: pd.DataFrame, runs: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return method, strength, width, epoch, macs (cumulative, of training) and params: means over replicates.

    MACs are spread over the epochs as `spent` says. Epoch 0 is the start, drawn after FIRST_PART of the first epoch.
    params: geometric means.
    """
    if not len(history):
        return pd.DataFrame(columns=[*REPLACED, "epoch", "macs", "params"])
    wanted = runs[[*CELL, "replicate", "macs_dense", "params_dense", "train_macs"]]
    rows = of_networks(history, wanted).sort_values("epoch")
    rows["macs"] = spent(rows, REPLACED)
    rows["params"] = parameters(architecture(name), {slot: rows[f"units_{slot}"] for slot in slots(name)})
    first = rows.groupby(REPLACED, sort=False).head(1)
    start = first.assign(epoch=0, macs=FIRST_PART * first["macs"], params=first["params_dense"])
    rows = pd.concat([start, rows]).assign(params=lambda every: np.log(every["params"]))
    means = rows.groupby([*REPLACED[:3], "epoch"], sort=False)[["macs", "params"]].mean().reset_index()
    return means.assign(params=np.exp(means["params"]))


def draw_training(ax: Axes, training: pd.DataFrame, looks: Looks) -> None:
    """Draw params over MACs of training, a line per series and width, none of dense training."""
    pruned = training[training["method"] != UNPRUNED]
    for method, _, style, series in looks.series_of(pruned):
        chosen = method == METHOD_UNDER_STUDY
        look = {"lw": 1.8, "zorder": 3} if chosen else {"lw": 0.9, "alpha": 0.65, "zorder": 2}
        for _, own in series.groupby("width"):
            own = own.sort_values("epoch")
            ax.plot(own["macs"], own["params"], color=style["color"], ls=style["linestyle"], **look)
            ax.plot(*own[["macs", "params"]].iloc[-1], ls="none", marker=style["marker"], ms=3.5, color=style["color"])
    if not len(pruned):
        ax.text(0.5, 0.5, "no history in these records", ha="center", color="0.4", transform=ax.transAxes)


def draw_dense_ends(ax: Axes, runs: pd.DataFrame) -> None:
    """Draw a cross per width where dense training ends, and set the axes of the panel."""
    dense = of_standard_initialization(runs).groupby("width")[["train_macs_dense", "params_dense"]].mean()
    ax.plot(*dense.to_numpy().T, ls="none", marker="X", color="black", ms=6, zorder=4)
    for width, (macs, params) in dense.iterrows():
        label = ax.annotate(f"{width:g}", (macs, params), (0, 5), textcoords="offset points", ha="center", zorder=5)
        label.set(fontsize="x-small", path_effects=[withStroke(linewidth=2.5, foreground="white")])
    log_counts_axis(ax)
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(FuncFormatter(thousands))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_ylim(top=dense["params_dense"].max() * 1.6)
    ax.set_xlim(right=dense["train_macs_dense"].max() * 2)
    ax.set_xlabel("cumulative multiply-accumulates of training")
    ax.set_ylabel("params kept")
    ax.grid(alpha=0.25)
