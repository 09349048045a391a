"""The headline figure of runs drawn over that of a reference."""

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robustprune.analysis.columns import range_of
from robustprune.analysis.figures.looks import Looks
from robustprune.analysis.figures.start import (
    draw_dense_ends,
    draw_trails,
    draw_training,
    log_axes,
    networks_of_several_widths,
    training_of,
)
from robustprune.analysis.figures.style import legend_below, panel_grid, say
from robustprune.analysis.labels import network_title
from robustprune.analysis.read import CELL, Collected
from robustprune.analysis.select import FROM_STANDARD, of_standard_initialization

LIGHT = 0.6
"""Share of white in the colours of the reference."""
OTHER = "#D0D0D0"
"""Colour of methods that only the reference has."""
BROADER = 2.5, 1.8
"""Factors on lines and markers of the reference, so that they show behind equal ones of the runs."""


class OwnLooks(Looks):
    """The looks of these runs; labels have the number of networks of a cell."""

    whose = "these runs"

    def series_of(self, panel: pd.DataFrame) -> Iterator[tuple[str, str, dict, pd.DataFrame]]:
        """Yield the series as Looks does, with whose they are and n in the label."""
        for method, label, style, rows in super().series_of(panel):
            yield method, self.label(label, rows), style, rows

    def label(self, label: str, rows: pd.DataFrame) -> str:
        """Return the entry of the legend of a series."""
        # a history has epochs too, and labels no line
        counts = rows.groupby(CELL).size() if set(CELL) <= set(rows) else pd.Series([0])
        return f"{label}, {self.whose} (n = {range_of(counts)})"


class ReferenceLooks(OwnLooks):
    """Light colours for the methods that the runs have, grey for the others, which share one entry of the legend."""

    whose = "reference"

    def __init__(self, methods: Iterable[str], own: Iterable[str]):
        super().__init__(methods)
        self._own = set(own)

    def __call__(self, method: str, strength_rank: int = 0) -> dict[str, Any]:
        """Return the keywords of Looks with the light colour."""
        look = super().__call__(method, strength_rank)
        light = to_hex([value + LIGHT * (1 - value) for value in to_rgb(look["color"])])
        return look | {"color": light if method in self._own else OTHER}

    def series_of(self, panel: pd.DataFrame) -> Iterator[tuple[str, str, dict, pd.DataFrame]]:
        """Yield the series as OwnLooks does, with one label for all methods that the runs do not have."""
        for method, label, style, rows in super().series_of(panel):
            yield method, label if method in self._own else "_other", style, rows


def start_matters_over(collected: Collected, reference: Collected, confidence: float) -> Figure:
    """Does the start matter? The runs over a reference: its trails and lines are light behind those of the runs."""
    panels, behind = networks_of_several_widths(collected), dict(networks_of_several_widths(reference))
    figure, axes = panel_grid(2 * len(panels), 5.4, 4.6)
    if not panels:
        say(axes[0], "no networks of several widths in these records")
        return figure
    for place, (key, own) in enumerate(panels):
        left, right = axes[2 * place : 2 * place + 2]
        theirs = behind.get(key, reference.runs.iloc[:0])
        also = theirs["method"].isin(own["method"])
        looks = ReferenceLooks(reference.methods, own["method"]), OwnLooks(collected.methods)
        widths = sorted({*own["width"], *theirs["width"]})
        for tables, runs, look in zip((reference, collected), (theirs, own), looks, strict=True):
            if len(runs):
                draw_trails(left, of_standard_initialization(runs), look, widths)
                training = training_of(tables.history, of_standard_initialization(runs), key[1])
                draw_training(right, training, look)
            if tables is reference:
                _broaden([*left.lines, *right.lines])
        # the axes hold the methods of the runs, so that another method's outlier does not squeeze them
        near = [of_standard_initialization(runs).groupby(CELL) for runs in (theirs[also], own)]
        log_axes(left, pd.concat(cells[["params_kept", "error_test_percent"]].mean() for cells in near))
        draw_dense_ends(right, own)
        for ax, title in ((left, network_title(*key)), (right, "during training, from every width")):
            ax.set_title(title, fontsize="medium")
        if not also.all():
            left.add_line(Line2D([], [], color=OTHER, marker="s", ms=4, label="other methods, reference"))
    axes[1].add_line(Line2D([], [], ls="none", marker="X", color="black", ms=6, label="end of dense training"))
    legend_below(
        figure,
        axes,
        "strong: these runs; light and broad: the reference (grey ends at the axes); means over seeds; "
        "marker size: starting width, small to large\n"
        "right: number at a cross: starting width; sizes at the end of each epoch, before gates are rounded; "
        f"trails and lines: {FROM_STANDARD}",
    )
    return figure


def _broaden(lines: Iterable[Line2D]) -> None:
    for line in lines:
        if line.get_color() != OTHER:
            line.set(linewidth=BROADER[0] * line.get_linewidth(), markersize=BROADER[1] * line.get_markersize())
