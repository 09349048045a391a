"""Figures by initialization: a point per network, with mean and interval."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustprune.analysis.columns import range_of
from robustprune.analysis.figures.looks import Looks
from robustprune.analysis.figures.scales import log_axis, plain, thousands
from robustprune.analysis.figures.style import bars, legend_below, panel_grid, say, t_interval
from robustprune.analysis.labels import network_title
from robustprune.analysis.read import NETWORK, SERIES, Collected
from robustprune.analysis.select import studied
from robustprune.analysis.statistics import mean_interval, size_interval

MOST_UPRIGHT = 5
TITLES = {"params_kept": "params kept", "error_test_percent": "test error (%)"}


def kept_params_by_initialization(collected: Collected, confidence: float) -> Figure:
    """Parameters kept under every initialization, on a logarithmic axis. Every small point is a network. Where the
    means are level, the initialization does not matter. The footnote names initializations that one method alone ran
    from."""
    return _by_initialization(collected, confidence, "params_kept")


def error_by_initialization(collected: Collected, confidence: float) -> Figure:
    """Last-epoch test error under every initialization, on a logarithmic axis. Every small point is a network. The
    footnote names initializations that one method alone ran from."""
    return _by_initialization(collected, confidence, "error_test_percent")


def _by_initialization(collected: Collected, confidence: float, column: str) -> Figure:
    runs, looks = collected.runs.dropna(subset=column), Looks(collected.methods)
    panels = [(key, varied(group)) for key, group in runs.groupby(NETWORK, sort=False)]
    panels = [(key, group) for key, group in panels if len(group)]
    figure, axes = panel_grid(len(panels), 8.4, 4.0, columns=1)
    for ax, (key, group) in zip(axes, panels, strict=False):
        draw_initializations(ax, group, column, confidence, looks)
        ax.set_title(network_title(*key), fontsize="medium")
    if not panels:
        say(axes[0], "no method with several initializations in these records")
        return figure
    shown = pd.concat([group for _, group in panels])
    n = range_of(shown.groupby([*SERIES, "initialization"]).size())
    note = f"small: networks, n = {n} per initialization and method; width 1"
    note += ", operating points" if runs["operating_point"].any() else ""
    note += f"\nlarge: mean with {t_interval(confidence, sizes=column == 'params_kept')}"
    legend_below(figure, axes, note + of_one_method(shown))
    return figure


def of_one_method(runs: pd.DataFrame) -> str:
    """Return the lines of a footnote on initializations from which one method ran, of several; "" without any."""
    methods = runs.groupby("initialization", sort=False)["method"].unique()
    alone: dict[str, list[str]] = {}
    for name, own in methods[methods.map(len) == 1].items():
        alone.setdefault(own[0], []).append(name)
    several = runs["method"].nunique() > 1
    return "".join(f"\nfrom {', '.join(names)}: only {method} ran" for method, names in alone.items() if several)


def varied(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the networks of width 1 at operating points, of methods that ran with several initializations."""
    runs = studied(runs)
    runs = runs[runs["width"] == 1]
    several = runs.groupby(["method", "strength"])["initialization"].transform("nunique") > 1
    return runs[several]


def draw_initializations(ax: Axes, runs: pd.DataFrame, column: str, confidence: float, looks: Looks) -> None:
    """Draw the networks of one architecture in strips: a group per initialization, methods side by side."""
    names = list(dict.fromkeys(runs["initialization"]))
    several = list(looks.series_of(runs))
    step = 0.8 / max(1, len(several))
    for number, (_, label, style, series) in enumerate(several):
        shift = (number - (len(several) - 1) / 2) * step
        own = [series[series["initialization"] == name][column].astype(float).dropna() for name in names]
        for place, values in enumerate(own):
            spread = np.linspace(-0.2, 0.2, len(values)) * step
            ax.plot(place + shift + spread, values, ls="none", marker=".", ms=3.5, color=style["color"], alpha=0.55)
        interval = size_interval if column == "params_kept" else mean_interval
        estimates = [interval(values, confidence) for values in own]
        means, lows, highs = np.array([(e.mean, e.low, e.high) for e in estimates]).T
        places = np.arange(len(names)) + shift
        ax.errorbar(
            places,
            means,
            yerr=bars(means, lows, highs),
            capsize=2,
            lw=1.2,
            label=label,
            **{**style, "linestyle": "none"},
        )
    if len(names) > MOST_UPRIGHT:
        ax.set_xticks(range(len(names)), names, fontsize="small", rotation=30, ha="right", rotation_mode="anchor")
    else:
        ax.set_xticks(range(len(names)), [name.replace("_", "\n", 1) for name in names], fontsize="small")
    ax.set_xlim(-0.5, len(names) - 0.5)
    for edge in range(1, len(names)):
        ax.axvline(edge - 0.5, color="0.9", lw=0.8)
    log_axis(ax, runs[column].astype(float).dropna(), thousands if column == "params_kept" else plain)
    ax.set_ylabel(TITLES[column])
    ax.grid(axis="y", which="both", alpha=0.25)
