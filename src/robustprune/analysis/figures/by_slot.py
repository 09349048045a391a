"""The figure of kept units by slot: do methods agree on the shape of the small network?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from robustprune.analysis.figures.looks import Looks
from robustprune.analysis.figures.style import footnote_below, nothing, t_interval
from robustprune.analysis.labels import network_title
from robustprune.analysis.read import NETWORK, Collected, slots
from robustprune.analysis.select import STANDARD_START, standard, studied
from robustprune.analysis.statistics import size_interval
from robustprune.records.record import split_units


def kept_units_by_slot(collected: Collected, confidence: float) -> Figure:
    """Units kept in every slot (inputs, filters, hidden units) at the operating points, standard start. There is a row
    per method and a panel per slot."""
    runs, looks = standard(studied(collected.runs)), Looks(collected.methods)
    panels = list(runs[runs["units_kept"].notna()].groupby(NETWORK, sort=False))
    if not panels:
        return nothing(f"no networks of the standard start ({STANDARD_START}) in these records")
    columns = max(len(slots(key[1])) for key, _ in panels)
    heights = [1.1 + 0.27 * group.groupby(["method", "strength"]).ngroups for _, group in panels]
    figure = plt.figure(figsize=(2.6 * columns + 1.4, sum(heights) + 0.3))
    parts = np.atleast_1d(figure.subfigures(len(heights), 1, height_ratios=heights))
    for part, (key, group) in zip(parts, panels, strict=True):
        _draw_network(part, key, group, looks, confidence)
    footnote_below(figure, f"small: networks; large: mean with {t_interval(confidence, sizes=True)}; dotted: the start")
    return figure


def _draw_network(part: SubFigure, key: Sequence[str], group: pd.DataFrame, looks: Looks, confidence: float) -> None:
    """Draw the panels of one network, one per slot."""
    part.suptitle(network_title(*key), fontsize="medium", weight="bold", x=0.01, ha="left")
    axes = np.atleast_1d(part.subplots(1, len(slots(key[1])), sharey=True))
    rows = list(group.groupby(["method", "strength"], sort=False))
    several = group.groupby("method")["strength"].nunique()
    labels = [f"{method} ({strength})" if several[method] > 1 else method for (method, strength), _ in rows]
    for number, (ax, slot) in enumerate(zip(axes, slots(key[1]), strict=True)):
        start = split_units(group["units_start"].iloc[0])[number]
        for place, ((method, _), own) in enumerate(rows):
            counts = own["units_kept"].map(lambda text, number=number: split_units(text)[number])
            _draw_row(ax, place, counts, {**looks(method), "linestyle": "none"}, confidence)
        ax.axvline(start, color="0.6", lw=1, ls=(0, (1, 2)))
        ax.set_xlim(0, 1.05 * start)
        ax.set_title(f"slot {slot}", fontsize="small")
        ax.set_yticks(range(len(rows)), labels, fontsize="small")
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlabel("units kept")
        ax.grid(axis="x", alpha=0.25)


def _draw_row(ax: Axes, place: int, counts: pd.Series, style: dict[str, Any], confidence: float) -> None:
    """Draw the kept units of one method in one slot: its networks, their mean and its interval."""
    estimate = size_interval(counts, confidence)
    bars = np.nan_to_num([[estimate.mean - estimate.low], [estimate.high - estimate.mean]])
    ax.plot(counts, [place] * len(counts), ls="none", marker=".", ms=3, color=style["color"], alpha=0.5)
    ax.errorbar([estimate.mean], [place], xerr=bars, capsize=2, lw=1.2, **style)
