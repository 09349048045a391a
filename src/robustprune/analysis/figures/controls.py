"""The figure of controls: paired differences of their errors from those of pruned networks of the same size."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustprune.analysis.controls import START, control_rows
from robustprune.analysis.figures.looks import Looks
from robustprune.analysis.figures.style import footnote_below, panel_grid, say, t_interval
from robustprune.analysis.labels import network_title
from robustprune.analysis.read import Collected
from robustprune.analysis.select import FLOORS, other_start


def controls_difference(collected: Collected, confidence: float) -> Figure:
    """Error of each control (a network of a kept size, trained without pruning) minus that of the pruned network, its
    source, paired by seed. Right of zero the weights of the method are better. Sources whose only control is the floor
    without a search are shown in the trade-off and the table of floors."""
    table = control_rows(collected.runs, confidence).dropna(subset=["difference"])
    table["name"] = table["control"].str.split("/").str[0]
    panels = list(table.groupby([*START, "source"], sort=False))
    panels = [(key, group) for key, group in panels if set(group["name"]) - set(FLOORS)]
    rows = max([len(group) for _, group in panels], default=1)
    figure, axes = panel_grid(len(panels), 4.4, 1.6 + 0.42 * rows)
    looks = Looks(table["name"])
    for ax, (key, group) in zip(axes, panels, strict=False):
        _draw(ax, group, looks)
        n = group["difference_n"].min()
        *network, initialization, width, source = key
        start = other_start(initialization, width)
        ax.set_title(f"{network_title(*network)}\nsource {source}{start}, n = {n}", fontsize="medium")
    if panels:
        footnote_below(figure, f"mean difference over n seeds, paired by seed; bars: {t_interval(confidence)}")
    else:
        say(axes[0], "no controls in these records")
    return figure


def _draw(ax: Axes, group: pd.DataFrame, looks: Looks) -> None:
    """Draw the controls of one source from top to bottom."""
    for place, row in enumerate(group.itertuples()):
        style = {**looks(row.name), "linestyle": "none"}
        spread = np.nan_to_num([[row.difference - row.difference_low], [row.difference_high - row.difference]])
        ax.errorbar([row.difference], [place], xerr=spread, capsize=3, **style)
    repeated = group["name"].duplicated(keep=False)
    labels = group["name"].where(~repeated, group["name"] + ", " + group["epochs"].astype(str) + " epochs")
    ax.axvline(0, color="0.4", lw=1)
    ax.set_yticks(range(len(group)), labels)
    ax.set_ylim(len(group) - 0.5, -0.5)
    ax.set_xlabel("error minus that of the source (points)")
    ax.grid(axis="x", alpha=0.25)
