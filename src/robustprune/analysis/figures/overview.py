"""The study on one page: trade-off, starting size, initialization, and the elasticity of every method."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustprune.analysis.figures.by_initialization import draw_initializations, of_one_method, varied
from robustprune.analysis.figures.by_width import draw_params_by_width
from robustprune.analysis.figures.looks import Looks
from robustprune.analysis.figures.style import legend_below, nothing, panel_grid
from robustprune.analysis.figures.tradeoff import draw_tradeoff, outside_note
from robustprune.analysis.labels import network_title
from robustprune.analysis.read import NETWORK, Collected
from robustprune.analysis.select import STANDARD_START, of_standard_initialization, standard, studied
from robustprune.analysis.sensitivity import sensitivity_width
from robustprune.analysis.tradeoff import points


def overview(collected: Collected, confidence: float) -> Figure:
    """The study on one page, for the architecture with most networks: (a) error against size, (b) size against starting
    size, (c) size by initialization, and (d) the elasticity of the size kept. Panels of axes that the study did not
    vary are left out."""
    networks = dict(list(collected.runs.groupby(NETWORK, sort=False)))
    if not networks:
        return nothing("no networks in these records")
    key = max(networks, key=lambda key: len(networks[key]))
    runs, looks = networks[key], Looks(collected.methods)
    methods = runs[runs["variant"] == ""]
    swept = len(standard(methods[methods["start_of"].isna()])) > len(standard(studied(runs)))
    table = points(methods, confidence).dropna(subset=["error", "params"])
    widths = of_standard_initialization(studied(runs)).dropna(subset="params_kept")
    several = widths if widths["width"].nunique() > 1 else widths.iloc[:0]
    initializations = varied(runs.dropna(subset="params_kept"))
    elasticities = sensitivity_width(runs, confidence).table.dropna(subset="elasticity")
    panels = [
        ("error against size" + ", all strengths" * swept, table, lambda ax: draw_tradeoff(ax, table, "params", looks)),
        ("size kept against starting size", several, lambda ax: draw_params_by_width(ax, several, confidence, looks)),
        (
            "size kept by initialization",
            initializations,
            lambda ax: draw_initializations(ax, initializations, "params_kept", confidence, looks),
        ),
        ("elasticity of the size kept", elasticities, lambda ax: _elasticities(ax, elasticities, looks)),
    ]
    panels = [(title, draw) for title, shown, draw in panels if len(shown)]
    if not panels:
        return nothing(f"no networks of the standard start ({STANDARD_START}), nor of several starts")
    figure, axes = panel_grid(len(panels), 5.5, 4.6)
    figure.suptitle(network_title(*key), weight="bold")
    for letter, ax, (title, draw) in zip("abcd", axes, panels, strict=False):
        draw(ax)
        ax.set_title(f"{letter}  {title}", loc="left", fontsize="medium")
    footnote = f"mean over seeds, bars: {confidence:.0%} interval (three networks or more)"
    if runs["operating_point"].any():
        footnote += "; all but a: operating points" if swept else "; operating points"
    legend_below(figure, axes, footnote + outside_note(table) + of_one_method(initializations))
    return figure


def _elasticities(ax: Axes, table: pd.DataFrame, looks: Looks) -> None:
    table = table.sort_values("elasticity").reset_index(drop=True)
    several = table["method"].duplicated(keep=False)
    for place, row in enumerate(table.itertuples()):
        bars = np.nan_to_num([[row.elasticity - row.elasticity_low], [row.elasticity_high - row.elasticity]])
        style = {**looks(row.method), "linestyle": "none"}
        ax.errorbar([row.elasticity], [place], xerr=bars, capsize=3, lw=1.3, **style)
    steepest = {"linestyle": "none", "marker": "|", "color": "0.4", "markersize": 9}
    ax.plot(table["steepest"], table.index, label="steepest between neighbouring widths, absolute", **steepest)
    ax.axvline(0, color="0.4", lw=1)
    ax.set_yticks(range(len(table)), table["method"].where(~several, table["method"] + " (" + table["strength"] + ")"))
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlabel("d log(params kept) / d log(starting width)")
    ax.grid(axis="x", alpha=0.25)
