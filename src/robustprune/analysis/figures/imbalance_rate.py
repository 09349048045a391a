"""How fast the loss of a linear network falls, beside the bound that its initial imbalance gives."""

import numpy as np
from matplotlib.figure import Figure

from robustprune.analysis.figures.looks import BLUE
from robustprune.analysis.figures.scales import plain
from robustprune.analysis.figures.style import footnote_below, panel_grid
from robustprune.analysis.theory.imbalance import FALL, drawn_starts, drawn_task

STARTS = 30
GAINS = (0.3, 3.0)


def imbalance_rate() -> Figure:
    """Gradient flow of a linear network with one hidden layer (a toy). Each point is one initialization; darker points
    start from larger weights. Across: the rate at which the loss must fall at least, by the imbalance of the initial
    weights. Up: the rate at which it falls. No point can lie below the line. The bound follows the scale of the
    weights, which both rates share."""
    task = drawn_task()
    starts = list(drawn_starts(STARTS, GAINS))
    bounds = [2 * task.smallest * start.least_product for _, start in starts]
    rates = [task.measured_rate(start) for _, start in starts]
    figure, (ax,) = panel_grid(1, 4.8, 4.0)
    shades = np.linspace(0.25, 1.0, STARTS)
    ax.scatter(bounds, rates, color=BLUE, alpha=shades, s=26, lw=0)
    ends = [min(bounds), max(rates)]
    ax.plot(ends, ends, color="black", lw=1)
    ax.annotate("rate = bound", (ends[0] * 3, ends[0] * 3), (6, -12), textcoords="offset points", fontsize="small")
    ax.set(xscale="log", yscale="log", xlabel=r"rate by the imbalance at the start, $2 \mu a$ (1 / time)")
    ax.set_ylabel("measured rate (1 / time)")
    ax.xaxis.set_major_formatter(plain)
    ax.yaxis.set_major_formatter(plain)
    first, second = starts[0][1].first.shape, starts[0][1].second.shape
    network = f"{first[1]} inputs, {first[0]} hidden units, {second[0]} outputs"
    draws = f"{STARTS} initializations, gain {GAINS[0]:g} (light) to {GAINS[1]:g} (dark)"
    footnote_below(figure, f"{network}; no data\n{draws}\nmean rate until a share of {FALL:g} of the loss is left")
    return figure
