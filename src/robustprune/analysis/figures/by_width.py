"""Figures by starting width: is the pruned network the same from every starting size?"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from robustprune.analysis.columns import range_of
from robustprune.analysis.figures.looks import Looks
from robustprune.analysis.figures.scales import log_axis, plain, thousands
from robustprune.analysis.figures.style import bars, label_ends, legend_below, panel_grid, say, t_interval
from robustprune.analysis.labels import network_title
from robustprune.analysis.read import NETWORK, SERIES, Collected
from robustprune.analysis.select import FROM_STANDARD, of_standard_initialization, studied
from robustprune.analysis.statistics import mean_interval, size_interval


def kept_params_by_width(collected: Collected, confidence: float) -> Figure:
    """Parameters kept against the starting width, both axes logarithmic. A horizontal line means that the size of the
    starting network does not matter; the broad grey line is the starting network itself."""
    return _by_width(collected, confidence, draw_params_by_width)


def error_by_width(collected: Collected, confidence: float) -> Figure:
    """Last-epoch test error of the deterministic, compacted network against the starting width, both axes
    logarithmic. Points of one width lie side by side."""
    return _by_width(collected, confidence, _draw_error)


def draw_params_by_width(ax: Axes, runs: pd.DataFrame, confidence: float, looks: Looks) -> None:
    """Draw the params kept of one architecture, and those of the starting network.

    Points are not moved sideways: that would move them against the line of the starting network.
    """
    ends = _draw(ax, runs, "params_kept", confidence, looks, spread=1.0)
    start = runs.groupby("width")["params_dense"].first()
    ax.plot(start.index, start, color="0.8", lw=6, zorder=0, label="starting network")  # visible under dense
    log_axis(ax, pd.concat([ends, start]), thousands)
    ax.set_ylabel("params kept")
    _label(ax, runs, "params_kept", looks)


def _draw_error(ax: Axes, runs: pd.DataFrame, confidence: float, looks: Looks) -> None:
    spread = _spread(runs.groupby(["method", "strength"]).ngroups)
    log_axis(ax, _draw(ax, runs, "error_test_percent", confidence, looks, spread), plain)
    ax.set_ylabel("test error (%)")
    _label(ax, runs, "error_test_percent", looks)


def _by_width(
    collected: Collected, confidence: float, draw: Callable[[Axes, pd.DataFrame, float, Looks], None]
) -> Figure:
    known = collected.runs.dropna(subset=["params_kept", "error_test_percent"])
    runs = _with_several_widths(of_standard_initialization(studied(known)))
    panels, looks = list(runs.groupby(NETWORK, sort=False)), Looks(collected.methods)
    figure, axes = panel_grid(len(panels), 5.0, 4.4)
    for ax, (key, group) in zip(axes, panels, strict=False):
        draw(ax, group, confidence, looks)
        ax.set_title(network_title(*key), fontsize="medium")
    if not panels:
        say(axes[0], f"no networks of {FROM_STANDARD} in these records")
        return figure
    legend_below(figure, axes, _footnote(runs, confidence, sizes=draw is draw_params_by_width))
    return figure


def _with_several_widths(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the networks with several starting widths, or all of them without any such."""
    several = runs.groupby(NETWORK)["width"].transform("nunique") > 1
    return runs[several] if several.any() else runs


def _draw(ax: Axes, runs: pd.DataFrame, column: str, confidence: float, looks: Looks, spread: float) -> pd.Series:
    """Draw every series, moved sideways by a factor `spread` each; return the values that the y axis must show."""
    several, ends = list(looks.series_of(runs)), []
    for number, (_, label, style, series) in enumerate(several):
        shift = spread ** (number - (len(several) - 1) / 2)
        ends += _draw_series(ax, series, column, confidence, shift, {**style, "label": label})
    _width_axis(ax, sorted(runs["width"].unique()))
    return pd.Series(ends, dtype=float).dropna()


def _label(ax: Axes, runs: pd.DataFrame, column: str, looks: Looks) -> None:
    """Label the series that reach the largest width; call it when the axes have their scales."""
    several = list(looks.series_of(runs))
    ends, beside, largest = [], _spread(len(several)) ** (len(several) / 2), runs["width"].max()
    for _, label, style, series in several:
        means = series.groupby("width")[column].mean().dropna()
        if len(means) > 1 and means.index[-1] == largest:
            ends.append((beside * largest, means.iloc[-1], label, style["color"]))
    label_ends(ax, ends)


def _spread(count: int) -> float:
    """Return the factor between neighbouring series, so that equal results stay visible; all lie within a fifth."""
    return min(1.04, 1.2 ** (1 / max(1, count)))


def _draw_series(
    ax: Axes, series: pd.DataFrame, column: str, confidence: float, shift: float, style: dict
) -> list[float]:
    """Draw means and intervals; return their ends, at most a factor of two from the means.

    The limit keeps one wide interval from flattening all others.
    """
    interval = size_interval if column == "params_kept" else mean_interval
    estimates = {width: interval(group[column], confidence) for width, group in series.groupby("width")}
    widths = shift * np.array(list(estimates))
    means, lows, highs = np.array([(e.mean, e.low, e.high) for e in estimates.values()]).T
    ax.errorbar(widths, means, yerr=bars(means, lows, highs), capsize=2.5, lw=1.4, **style)
    return [*means, *np.maximum(lows, means / 2), *np.minimum(highs, means * 2)]


def _width_axis(ax: Axes, widths: list[float]) -> None:
    ax.set_xscale("log", base=2)
    ax.set_xticks(widths)
    ax.xaxis.set_major_formatter(FuncFormatter(plain))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_minor_locator(LogLocator(base=2, subs=()))
    ax.set_xlim(min(widths) / 1.4, max(widths) * 1.4)
    ax.set_xlabel("starting width (factor on hidden units)")
    ax.grid(alpha=0.25)


def _footnote(runs: pd.DataFrame, confidence: float, sizes: bool) -> str:
    n = range_of(runs.groupby([*SERIES, "width"]).size())
    return f"mean over n = {n} seeds, bars: {t_interval(confidence, sizes)}; {FROM_STANDARD}"
