"""The headline figure: does the start matter?"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from robustprune.analysis.columns import range_of
from robustprune.analysis.figures.looks import Looks
from robustprune.analysis.figures.scales import log_counts_axis, plain, round_ticks, thousands
from robustprune.analysis.figures.style import legend_below, panel_grid, say
from robustprune.analysis.labels import network_title
from robustprune.analysis.read import CELL, NETWORK, Collected, of_networks, slots
from robustprune.analysis.select import FROM_STANDARD, STANDARD_INITIALIZATION, of_standard_initialization, studied
from robustprune.analysis.spending import spent
from robustprune.networks.architecture import architecture
from robustprune.networks.size import parameters
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED

FIRST_PART = 0.2
"""Part of the first epoch after which a line over logarithmic MACs begins, at the size of the start."""
CHANGED = 1.25
"""Factor on the size kept from which an initialization is named."""
AROUND = np.array([1.3, 1.05])
"""Factors on the sizes and on the errors of the method under study that the close view reaches beyond them."""
POINT = ["params_kept", "error_test_percent"]
REPLACED = ["method", "strength", "width", "replicate"]


def start_matters(collected: Collected, confidence: float) -> Figure:
    """Does the start matter? Top left: test error against the parameters kept; a trail joins the starting widths of a
    method, its markers grow with the width, and small dots are initializations. Top right: parameters kept over the
    multiply-accumulates of training, a line per starting width; crosses end dense training. Bottom: the neighbourhood
    of the method under study, on the left from every width, on the right from every initialization. Where the start
    does not matter, a trail is a point and the lines meet."""
    panels = networks_of_several_widths(collected)
    figure, axes = panel_grid(4 * len(panels), 5.2, 4.3)
    if not panels:
        say(axes[0], "no networks of several widths in these records")
        return figure
    looks = Looks(collected.methods)
    for place, (key, own) in enumerate(panels):
        left, right, *near = axes[4 * place : 4 * place + 4]
        widths, from_standard = sorted(own["width"].unique()), of_standard_initialization(own)
        log_axes(left, draw_trails(left, own, looks, widths))
        draw_training(right, training_of(collected.history, from_standard, key[1]), looks)
        draw_dense_ends(right, own)
        for ax in near:
            log_axes(ax, close_view(own))
        _frame(left, near[0])
        draw_trails(near[0], from_standard, looks, widths)
        _draw_initializations(near[1], own[own["width"] == 1], looks)
        titles = (network_title(*key), "during training, from every width", "framed: from every width")
        for ax, title in zip((left, right, *near), (*titles, "framed: from every initialization"), strict=True):
            ax.set_title(title, fontsize="medium")
    entries = Line2D([], [], ls="none", marker="X", color="black", ms=6, label="end of dense training, by width")
    axes[1].add_line(entries)
    legend_below(
        figure,
        axes,
        f"means over n = {_n(own for _, own in panels)} seeds; trails and lines: {FROM_STANDARD}; markers of trails: "
        "starting width, small to large\n"
        "dots: other initializations at width 1; during training: sizes after each epoch, before gates are rounded\n"
        "from every initialization, at width 1: large markers are He normal, small ones the others, named where the "
        f"size differs by a factor of over {CHANGED:g}",
    )
    return figure


def _n(networks: Iterable[pd.DataFrame]) -> str:
    """Return the range of the number of seeds of what the panels show."""
    runs = pd.concat(networks)
    shown = runs[(runs["initialization"] == STANDARD_INITIALIZATION) | (runs["width"] == 1)]
    return range_of(shown.groupby(CELL).size())


def close_view(runs: pd.DataFrame) -> pd.DataFrame:
    """Return two opposite corners, with the columns POINT, around what the method under study has from every width.

    Without that method, around all pruned networks; without any, around all.
    """
    runs = of_standard_initialization(runs)
    pruned = runs[runs["method"] != UNPRUNED]
    chosen = next(own for own in (pruned[pruned["method"] == METHOD_UNDER_STUDY], pruned, runs) if len(own))
    means = chosen.groupby(["method", "strength", "width"])[POINT].mean()
    return pd.DataFrame([means.min() / AROUND, means.max() * AROUND])


def _frame(ax: Axes, near: Axes) -> None:
    """Draw on the axes the frame of what another panel shows of them."""
    (left, right), (bottom, top) = near.get_xlim(), near.get_ylim()
    ax.add_patch(Rectangle((left, bottom), right - left, top - bottom, fill=False, ec="0.5", lw=1, ls="--", zorder=1))


def networks_of_several_widths(collected: Collected) -> list[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Return data set, architecture and track with the runs that the figure shows, where these have several widths."""
    runs = studied(collected.runs).dropna(subset=POINT)
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
        line, face = {"color": style["color"], "zorder": 3 if method == METHOD_UNDER_STUDY else 2}, _face(method)
        ax.plot(*own.to_numpy().T, lw=1.2, ls=style["linestyle"], alpha=0.8, **line)
        for width, (size, error) in own.iterrows():
            grown = (0.75 + 0.9 * (widths.index(width) / max(1, len(widths) - 1))) * style["markersize"]
            ax.plot(size, error, ls="none", marker=style["marker"], ms=grown, **face, **line)
        ax.plot(*others.to_numpy().T, ls="none", marker=".", ms=4, alpha=0.6, **line)
        ax.plot([], [], label=label, mfc=face.get("mfc"), **style)
        shown += [own, others]
    return pd.concat(shown)


def _face(method: str) -> dict[str, Any]:
    """Return the look of markers: hollow for the method under study, which lies on others."""
    return {"mfc": "none", "mew": 1.5} if method == METHOD_UNDER_STUDY else {"mec": "white", "mew": 0.5}


def _draw_initializations(ax: Axes, runs: pd.DataFrame, looks: Looks) -> None:
    """Join the standard start of each method with its other initializations, and name those that change the size.

    runs: of one width. Call it when the axes have their limits: what lies outside has no name.
    """
    changed = []
    for method, _, style, series in _last_on_top(looks, runs):
        means = _means(series, "initialization")
        if STANDARD_INITIALIZATION not in means.index:
            continue
        standard, others = means.loc[STANDARD_INITIALIZATION], means.drop(STANDARD_INITIALIZATION)
        line = {"color": style["color"], "zorder": 3 if method == METHOD_UNDER_STUDY else 2}
        for _, other in others.iterrows():
            ax.plot(*zip(standard, other, strict=True), lw=0.8, alpha=0.5, **line)
        for points, ms in ((others.to_numpy().T, 0.85), (standard, 1.7)):
            ax.plot(*points, ls="none", marker=style["marker"], ms=ms * style["markersize"], **_face(method), **line)
        factor = others["params_kept"] / standard["params_kept"]
        far = others.assign(larger=factor > 1)[np.abs(np.log(factor)) > np.log(CHANGED)]
        changed.append(
            far[far["params_kept"].between(*ax.get_xlim()) & far["error_test_percent"].between(*ax.get_ylim())]
        )
    named = pd.concat(changed) if changed else pd.DataFrame(columns=[*POINT, "larger"])
    for (name, _), points in named.groupby([named.index, "larger"]):
        place = np.exp(np.log(points["params_kept"]).mean()), points["error_test_percent"].max()
        ax.annotate(name, place, (0, 6), textcoords="offset points", ha="center", fontsize="x-small")


def _last_on_top(looks: Looks, runs: pd.DataFrame) -> list[tuple[str, str, dict, pd.DataFrame]]:
    """Return the series of a panel with the method under study first in the legend."""
    return sorted(looks.series_of(runs), key=lambda series: (series[0] != METHOD_UNDER_STUDY, series[0] == UNPRUNED))


def _means(runs: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Return the mean params and error by width or initialization."""
    return runs.groupby(axis)[POINT].mean()


def log_axes(ax: Axes, points: pd.DataFrame) -> None:
    """Set logarithmic axes that hold the points (columns params_kept, error_test_percent)."""
    sizes, errors = points["params_kept"], points["error_test_percent"]
    log_counts_axis(ax, sizes)
    ax.set_yscale("log")
    ax.set_xlim(sizes.min() / 1.4, sizes.max() * 1.4)
    ax.set_ylim(errors.min() / 1.06, errors.max() * 1.08)
    round_ticks(ax, errors.max() / errors.min(), plain)
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
