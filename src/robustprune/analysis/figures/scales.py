"""Logarithmic axes with few, round ticks, and the labels of ticks."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike

TICKS = {3: (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8, 9), 30: (1, 1.5, 2, 3, 4, 5, 7)}
"""Ticks of a logarithmic axis within a factor of ten, by the largest factor that the axis spans."""
WIDE, NARROW = 100, 5
"""Factors from which a logarithmic x axis has ticks at powers of ten only, so that labels do not meet, and below which
it has more of them, so that it has several."""


def log_axis(ax: Axes, values: pd.Series, form: Callable[[float, int], str]) -> None:
    """Set a logarithmic y axis for these values, with ticks at round values.

    The axis spans at least a factor of two, so that small differences are not magnified.
    """
    ax.set_yscale("log")
    low, high = values[values > 0].min() / 1.1, values.max() * 1.1
    if high > low > 0:
        widen = max(1.0, 2 / (high / low)) ** 0.5
        ax.set_ylim(low / widen, high * widen)
    round_ticks(ax, high / low, form)


def round_ticks(ax: Axes, span: float, form: Callable[[float, int], str]) -> None:
    """Give a logarithmic y axis that spans this factor ticks at round values."""
    ticks = next((ticks for largest, ticks in TICKS.items() if span < largest), (1, 2, 5))
    ax.yaxis.set_major_locator(LogLocator(subs=ticks))
    ax.yaxis.set_major_formatter(FuncFormatter(form))
    ax.yaxis.set_minor_formatter(NullFormatter())


def log_counts_axis(ax: Axes, counts: ArrayLike | None = None) -> None:
    """Set a logarithmic x axis for these counts (None: those of the lines that are drawn), with few ticks: their labels
    lie side by side."""
    if counts is None:
        counts = np.concatenate([np.asarray(line.get_xdata(), float) for line in ax.lines])
    ax.set_xscale("log")
    span = np.max(counts) / np.min(counts)
    ax.xaxis.set_major_locator(LogLocator(subs=(1,) if span > WIDE else (1, 2, 5) if span > NARROW else TICKS[30]))
    ax.xaxis.set_major_formatter(FuncFormatter(thousands))
    ax.xaxis.set_minor_formatter(NullFormatter())


def plain(value: float, _: int) -> str:
    """Return the tick label of a percentage or a factor: 0.5, 1, 20."""
    return f"{value:g}"


def thousands(value: float, _: int) -> str:
    """Return the tick label of a count: 500, 20k, 1.5M, 30G."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
