"""Controls: paired differences of the error from the pruned network of the same size."""

import numpy as np
from matplotlib.figure import Figure

from robustprune.analysis.controls import START, control_rows
from robustprune.analysis.figures.style import look, panel_grid
from robustprune.analysis.source import Source, network_title


def controls_difference(source: Source, confidence: float) -> Figure:
    """Error of each control minus that of its source, paired by seed; right of zero the method's weights are better."""
    table = control_rows(source.runs, confidence).dropna(subset=["difference"])
    panels = list(table.groupby([*START, "source"], sort=False))
    rows = max([len(group) for _, group in panels], default=1)
    figure, axes = panel_grid(len(panels), 4.4, 1.6 + 0.42 * rows)
    for ax, (key, group) in zip(axes, panels, strict=False):
        for place, row in enumerate(group.itertuples()):
            style = {**look(row.control.split("/")[0]), "linestyle": "none"}
            spread = np.nan_to_num([[row.difference - row.difference_low], [row.difference_high - row.difference]])
            ax.errorbar([row.difference], [place], xerr=spread, capsize=3, **style)
        ax.axvline(0, color="0.4", lw=1)
        ax.set_yticks(range(len(group)), [row.control.split("/")[0] for row in group.itertuples()])
        ax.invert_yaxis()
        ax.set_xlabel("error minus that of the source (points)")
        ax.set_title(f"{network_title(*key[:3])}\nsource {key[-1]}, n = {group['n'].min()}", fontsize="medium")
        ax.grid(axis="x", alpha=0.25)
    if not panels:
        axes[0].text(0.5, 0.5, "no controls in these records", ha="center", va="center")
        axes[0].set_axis_off()
    return figure
