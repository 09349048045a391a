"""Figures of the trade-off: test error against kept size, every method over its strengths."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustprune.analysis.columns import range_of
from robustprune.analysis.figures.looks import FAMILIES, LOOKS, Looks, family
from robustprune.analysis.figures.scales import log_counts_axis, plain, round_ticks
from robustprune.analysis.figures.style import (
    bars,
    footnote_below,
    legend_columns,
    panel_grid,
    say,
    t_interval,
)
from robustprune.analysis.labels import network_title
from robustprune.analysis.read import NETWORK, Collected
from robustprune.analysis.select import STANDARD_START
from robustprune.analysis.tradeoff import points

TITLES = {"params": "params kept", "macs": "MACs per image of the kept network"}
MOST_IN_A_PANEL = 9
LEGEND_WIDTH = 4.4
"""Inches: a legend is not wider than the axes of its panel."""
WORTHLESS = 25.0
"""Test error in percent. Networks of larger error lie outside the axes, which would become too coarse; the explorer of
the page leaves them out until the reader asks for them."""
FACES = ({}, {"markerfacecolor": "white"}, {"fillstyle": "left", "markerfacecoloralt": "white"})
"""Markers of a method's series: filled, open, half filled."""


def error_by_params(collected: Collected, confidence: float) -> Figure:
    """Last-epoch test error against the parameters kept, both axes logarithmic. A line joins the strengths of one
    method by size."""
    return _against(collected, confidence, "params")


def error_by_macs(collected: Collected, confidence: float) -> Figure:
    """Last-epoch test error against the multiply-accumulates of the kept network, both axes logarithmic. A line joins
    the strengths of one method by size."""
    return _against(collected, confidence, "macs")


def _against(collected: Collected, confidence: float, measure: str) -> Figure:
    table, looks = points(collected.runs, confidence).dropna(subset=["error", measure]), Looks(collected.methods)
    panels = [panel for key, network in table.groupby(NETWORK, sort=False) for panel in _panels(key, network)]
    figure, axes = panel_grid(len(panels), 5.4, 5.0)
    for ax, (title, shown, network) in zip(axes, panels, strict=False):
        draw_tradeoff(ax, shown, measure, looks, network)
        ax.set_title(title, fontsize="medium")
        # of its own: in another panel the same marker may be another variant of a method
        columns = legend_columns(ax.get_legend_handles_labels()[1], LEGEND_WIDTH, "x-small")
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.15), "ncols": columns, "fontsize": "x-small"}
        ax.legend(**below, frameon=False)
    if not panels:
        say(axes[0], f"no networks of the standard start ({STANDARD_START}) in these records")
        return figure
    n = range_of(table["error_n"])
    footnote = f"mean over n = {n} seeds per strength; bars and bands: {t_interval(confidence)}, of the error"
    footnote_below(figure, footnote + outside_note(table))
    return figure


def outside_note(table: pd.DataFrame) -> str:
    """Return the footnote on points that `draw_tradeoff` leaves outside the axes, "" without any."""
    outside = table[table["error"] > WORTHLESS]
    if not len(outside):
        return ""
    note = f"\n{len(outside)} of {len(table)} points err more than {WORTHLESS:g} % and lie outside the axes"
    names = outside["method"].where(outside["curve"] == "", outside["method"] + ", " + outside["curve"])
    return f"{note}: {'; '.join(dict.fromkeys(names))}"


def _panels(key: tuple, network: pd.DataFrame) -> list[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Return title, points of the panel, and all points of the network, for each panel.

    There is one panel, or with more than MOST_IN_A_PANEL methods one per family, with the references in each. Variants
    of the references have a panel of their own then.
    """
    title, families = network_title(*key), network["method"].map(family)
    if network["method"].nunique() <= MOST_IN_A_PANEL:
        return [(title, network, network)]
    references, itself = network[families.isna()], network["variant"] == ""
    panels = [
        (f"{title}\n{name}", network[(families.isna() & itself) | (families == name)], network)
        for name in FAMILIES
        if (families == name).any()
    ]
    if (references["variant"] != "").any():
        panels.append(
            (f"{title}\nvariants of {', '.join(references.loc[~itself, 'method'].unique())}", references, network)
        )
    return panels


def draw_tradeoff(
    ax: Axes, table: pd.DataFrame, measure: str, looks: Looks, network: pd.DataFrame | None = None
) -> None:
    """Draw the points of one architecture (analysis.tradeoff.points), a line per method.

    Longer trainings and ablations have lines of their own, with other styles and FACES; epochs that differ from those
    of most points are named. network: further points that the axes must span, so that panels can be compared.
    """
    rank = {method: number for number, method in enumerate(LOOKS)}
    spanned = table if network is None else network
    usual = spanned["epochs"].mode().max()
    for method, of_method in sorted(table.groupby("method"), key=lambda series: rank.get(series[0], len(rank))):
        for number, ((curve, epochs), series) in enumerate(of_method.groupby(["curve", "epochs"])):
            budget = "" if epochs == usual else f"{epochs} epoch{'s' if epochs > 1 else ''}"
            style = looks(method, number) | FACES[number % len(FACES)]
            label = ", ".join(part for part in (method, curve, budget) if part)
            _draw(ax, series.sort_values(measure), measure, {**style, "label": label})
    if len(table):
        _dress(ax, spanned, measure)


def _draw(ax: Axes, table: pd.DataFrame, measure: str, style: dict) -> None:
    down, up = bars(table["error"], table["error_low"], table["error_high"])
    ax.errorbar(table[measure], table["error"], yerr=[down, up], capsize=2, lw=1.3, **style)
    if len(table) > 1:
        ends = table["error"] - down, table["error"] + up
        ax.fill_between(table[measure], *ends, color=style["color"], alpha=0.12, lw=0)


def _dress(ax: Axes, table: pd.DataFrame, measure: str) -> None:
    useful = table[table["error"] <= WORTHLESS]
    table = useful if len(useful) else table
    log_counts_axis(ax, table[measure])
    ax.set_yscale("log")
    ax.set_xlim(table[measure].min() / 1.25, table[measure].max() * 1.25)
    # intervals count up to a factor of two from the means, so that one wide interval does not flatten all others
    bottom = max(table["error_low"].min(), table["error"].min() / 2) if table["error_low"].notna().any() else 0
    bottom = (bottom if bottom > 0 else table["error"].min()) / 1.08
    top = 1.08 * max(table["error"].max(), min(table["error_high"].max(), 2 * table["error"].max()))
    ax.set_ylim(bottom, top)
    round_ticks(ax, top / bottom, plain)
    ax.set_xlabel(TITLES[measure])
    ax.set_ylabel("test error (%)")
    ax.grid(alpha=0.25)
