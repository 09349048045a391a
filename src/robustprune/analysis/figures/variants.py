"""What one-factor changes of a method do: error at equal size, undetermined gates, arithmetic of training."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustprune.analysis.figures.style import footnote_below, nothing, t_interval
from robustprune.analysis.labels import heading_of_budget
from robustprune.analysis.read import NETWORK, Collected
from robustprune.analysis.variants import ALL, GROUP, ITSELF, variants

PANELS = {
    "difference": "error at equal size minus\nthat of the method (points)",
    "undetermined_before_percent": "undetermined gates before\nthe learning rate falls (%)",
    "macs_percent": "training MACs\n(% of dense training)",
}
"""Column -> what its panel shows."""
ROW = 0.19
"""Inches of one variant."""
LINEAR, STEPS = 0.5, (-5, -2, -1, -0.5, -0.2, 0, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
"""Points of error within which the axis of differences is linear, and its ticks: some variants err many points more."""


def variants_difference(collected: Collected, confidence: float) -> Figure:
    """One change of the method on each line. Left: its error (of the validation images where some were held out, else
    of the test images) minus that of the method at the same size, paired by seed; filled: mean over its strengths, with
    interval; open: a single strength. Middle and right: keep probabilities inside (0.05, 0.95) before the learning rate
    falls, and multiply-accumulates of training, a point for each strength; dashed: the method itself. Beyond half a
    point the axis of errors is logarithmic. Where the error of a variant has no point, no strength of it has a size
    near the method's own curve."""
    table = variants(collected.runs, confidence, collected.history).table
    parts = {key: _by_variant(own) for key, own in table.groupby(GROUP, sort=False)}
    if not parts:
        return nothing("no method ran in variants in these records")
    lines = [len(own) for own in parts.values()]
    size = 8.0, ROW * sum(lines) + 0.8 * len(parts) + 0.5
    figure, axes = plt.subplots(len(parts), len(PANELS), squeeze=False, sharey="row", figsize=size, height_ratios=lines)
    for row, (key, own) in zip(axes, parts.items(), strict=True):
        for ax, (column, title) in zip(row, PANELS.items(), strict=True):
            _draw(ax, own, column)
            ax.set_xlabel(title, fontsize="small")
        row[0].set_yticks(range(len(own)), [name if name != ITSELF else "the method" for name in own], fontsize=8)
        row[0].set_ylim(len(own) - 0.4, -0.6)
        row[0].set_title(heading_of_budget(*key[: len(NETWORK)], key[-1]), fontsize="small", loc="left")
    footnote_below(figure, f"bars: {t_interval(confidence)}, not adjusted for the number of variants")
    return figure


def _by_variant(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows by variant, and by the form that it is compared with where the method has several."""
    form = table["against"].map(lambda against: "" if pd.isna(against) else f", against {against}")
    return {str(name): own for name, own in table.groupby(table["variant"] + form, sort=False)}


def _draw(ax: Axes, parts: Mapping[str, pd.DataFrame], column: str) -> None:
    """Draw one column of the table, the variants from top to bottom."""
    itself = parts[ITSELF][column].dropna() if column != "difference" else [0.0]
    for value in itself:
        ax.axvline(value, color="0.5", lw=0.8, ls="-" if column == "difference" else "--")
    for place, own in enumerate(parts.values()):
        single, pooled = own[own["strength"] != ALL], own[own["strength"] == ALL]
        ax.plot(single[column], np.full(len(single), place), "o", ms=3, mfc="none", color="C0", alpha=0.8)
        if column == "difference":
            _with_interval(ax, pooled if len(pooled) else single.dropna(subset=[column]), place)
    if column == "difference" and max(map(abs, ax.get_xlim())) > 2 * LINEAR:
        _beyond(ax)
    ax.grid(axis="both", alpha=0.2)


def _beyond(ax: Axes) -> None:
    """Make the axis of differences linear around 0 and logarithmic outside."""
    low, high = ax.get_xlim()
    ax.set_xscale("symlog", linthresh=LINEAR)
    ax.set_xticks(STEPS, [f"{step:g}" for step in STEPS], fontsize="x-small")
    ax.set_xlim(min(low, -LINEAR), max(high, LINEAR))
    ax.minorticks_off()


def _with_interval(ax: Axes, rows: pd.DataFrame, place: int) -> None:
    """Draw the difference of a variant: the mean over its strengths, or that of the only strength compared."""
    for row in rows.to_dict("records"):
        spread = [[row["difference"] - row["difference_low"]], [row["difference_high"] - row["difference"]]]
        ax.errorbar(
            [row["difference"]], [place], xerr=np.nan_to_num(spread), fmt="o", ms=4, color="C0", capsize=2, lw=1.1
        )
