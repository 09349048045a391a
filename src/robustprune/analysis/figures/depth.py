"""Figures of networks with sections: the depth kept against the starting depth, and depth against width."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from robustprune.analysis.columns import range_of
from robustprune.analysis.figures.looks import BLUE, ORANGE, SPARE_COLOURS, VERMILION
from robustprune.analysis.figures.style import legend_below, panel_grid, say
from robustprune.analysis.labels import initialization_title, network_title
from robustprune.analysis.layers.joint import PLACE, heading
from robustprune.analysis.layers.sections import finds_its_depth, uniform_price, with_sections
from robustprune.analysis.read import NETWORK, Collected, settings_of
from robustprune.analysis.select import standard
from robustprune.study.roles import METHOD_UNDER_STUDY

COLOURS = (BLUE, VERMILION, *(colour for colour in SPARE_COLOURS if colour not in (VERMILION, ORANGE)))
MARKERS = ("o", "s", "^", "D", "v", "P")
COLUMN = 0.9
"""Width of the column of a start, in which its initializations lie side by side; columns are 1 apart."""
NO_SECTION = -3.0
"""The place, in units, of networks without a section."""
ADAPTED = "sections adapt to each other: a start may keep sections that a new training would not need"


def depth_kept_by_start(collected: Collected, confidence: float) -> Figure:
    """Sections left against sections at the start, one panel per strength of the method under study on track layers.
    Each network is a dot, lines join the means (hollow); dotted: all sections are left. Sections adapt to each other
    in training, so that a start may keep sections that a new training would not need. Variants, and strengths with a
    single start, have no panel."""
    runs = with_sections(collected.runs)
    runs = runs[(runs["track"] == "layers") & (runs["method"] == METHOD_UNDER_STUDY) & runs["kept"].notna()]
    runs = runs[(runs["depth"] > 0) & (runs["variant"] == "")]
    networks = (group for _, group in runs.groupby(NETWORK, sort=False))
    cells = (cell for group in networks for cell in group.groupby([*NETWORK, "strength"], sort=False))
    panels = [(key, own) for key, own in cells if finds_its_depth(own) and own["depth"].nunique() > 1]
    figure, axes = panel_grid(len(panels), 3.6, 3.4, columns=3)
    looks = _looks(name for _, own in panels for name in own["initialization"])
    if not panels:
        say(axes[0], "no networks on track layers from several depths in these records")
        return figure
    for ax, (key, own) in zip(axes, panels, strict=True):
        _draw_starts(ax, own, looks)
        price = uniform_price(own)
        of_price = "" if np.isnan(price) else f", price {price:g}"
        ax.set_title(f"{network_title(*key[:3])}\n{key[3]}{of_price}", fontsize="small")
    drawn = pd.concat([own for _, own in panels])
    n = range_of(drawn.groupby(["strength", "initialization", "depth", *NETWORK]).size())
    legend_below(figure, axes, f"n = {n} networks per start; hollow: their mean; dotted: all are left\n{ADAPTED}")
    return figure


def _looks(initializations: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the colour and marker of each initialization: panels share a legend."""
    return {
        name: {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
        for number, name in enumerate(dict.fromkeys(initializations))
    }


def _draw_starts(ax: Axes, own: pd.DataFrame, looks: dict[str, dict[str, str]]) -> None:
    starts = sorted(own["sections_start"].unique())
    place = {start: number for number, start in enumerate(starts)}
    names = list(dict.fromkeys(own["initialization"]))
    for number, name in enumerate(names):
        series = own[own["initialization"] == name]
        style: dict[str, Any] = looks[name]
        shift = min(0.16, COLUMN / len(names)) * (number - (len(names) - 1) / 2)
        x = series["sections_start"].map(place) + shift
        spread = 0.05 * (series["replicate"] - series["replicate"].mean())  # equal networks stay visible
        ax.plot(x + spread, series["kept"], ls="none", ms=4, alpha=0.6, **style)
        means = series.groupby("sections_start")["kept"].mean()
        line = [place[start] + shift for start in means.index]
        ax.plot(line, means, lw=1.4, ms=5, mfc="white", label=initialization_title(name), **style)
    top = max(1.0, own["kept"].max()) + 0.6
    columns = np.arange(len(starts))
    ax.hlines(starts, columns - COLUMN / 2, columns + COLUMN / 2, ls=":", color="0.6", lw=1.2)
    ax.set_xticks(range(len(starts)), [str(start) for start in starts])
    ax.set_yticks(np.arange(0, top, max(1, round(top / 8))))
    ax.set_xlim(-0.5, len(starts) - 0.5)
    ax.set_ylim(-0.4, top)
    ax.set_xlabel("sections at the start")
    ax.set_ylabel("sections left")
    ax.grid(axis="y", alpha=0.25)


def depth(collected: Collected, confidence: float) -> Figure:
    """Sections left against the mean units inside a section that is left, where units and sections are pruned together
    (track joint). Colour: r, the price of sequence; markers: nu, the strength. Networks without a section stand over
    "none". Hollow: the mean of a cell whose networks all have sections. Sections adapt to each other in training."""
    runs = standard(with_sections(collected.runs))
    runs = runs[(runs["track"] == "joint") & (runs["method"] == METHOD_UNDER_STUDY) & runs["kept"].notna()]
    runs = runs[(runs["depth"] > 0) & (runs["variant"] == "")]
    prices = pd.DataFrame([(s.get("nu"), s.get("r")) for s in settings_of(runs)], runs.index, ["nu", "r"])
    runs = runs.assign(nu=prices["nu"], r=prices["r"]).dropna(subset=["nu", "r"])
    panels = list(runs.groupby(PLACE, sort=True))
    figure, axes = panel_grid(len(panels), 5.0, 4.0)
    if not panels:
        say(axes[0], "no networks of track joint with a price by complexity in these records")
        return figure
    sequence, sums = sorted(runs["r"].unique()), sorted(runs["nu"].unique())
    shades = colormaps["viridis"](np.linspace(0, 0.85, len(sequence)))
    for ax, (key, own) in zip(axes, panels, strict=True):
        for (r, nu), cell in own.groupby(["r", "nu"], sort=True):
            style = {"color": shades[sequence.index(r)], "marker": MARKERS[sums.index(nu) % len(MARKERS)], "ls": "none"}
            shift = 0.05 * (cell["replicate"] - cell["replicate"].mean())  # equal networks stay visible
            column = NO_SECTION * (1 + 0.25 * (sums.index(nu) - (len(sums) - 1) / 2))  # a place for every nu
            ax.plot(cell["inner_width"].fillna(column), cell["kept"] + shift, ms=4, alpha=0.5, **style)
            label = rf"$r$ = {r:g}, $\nu$ = {nu:g}"
            mean = cell[["inner_width", "kept"]].mean() if cell["kept"].all() else [np.nan, np.nan]
            ax.plot(*([value] for value in mean), ms=9, mew=1.5, mfc="none", label=label, **style)
        ax.set_title(heading(*key), fontsize="medium")
        widths = [tick for tick in MaxNLocator(7).tick_values(0, ax.get_xlim()[1]) if 0 < tick <= ax.get_xlim()[1]]
        ax.set_xticks([NO_SECTION, *widths], ["none", *(f"{tick:g}" for tick in widths)])
        ax.set_xlim(left=2 * NO_SECTION)
        ax.set_ylim(-0.3, own["kept"].max() + 0.6)
        ax.yaxis.get_major_locator().set_params(integer=True)
        ax.set_xlabel("units in a section that is left (mean)")
        ax.set_ylabel("sections left")
        ax.grid(alpha=0.25)
    n = range_of(runs.groupby([*PLACE, "r", "nu"]).size())
    meant = r"$r$: price of sequence, what a section costs by its number alone; $\nu$: strength of the prices"
    filled = f"filled: n = {n} networks; hollow: their mean, where all of them have sections"
    legend_below(figure, axes, f"{meant}\n{filled}\n{ADAPTED}")
    return figure
