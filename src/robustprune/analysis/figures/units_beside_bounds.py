"""Units of real networks on the plane of the theory: sizes beside the bound of the certified sets."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustprune.analysis.figures.looks import BLUE, GREY, VERMILION
from robustprune.analysis.figures.probes import NOTHING, named
from robustprune.analysis.figures.style import legend_below, nothing, panel_grid
from robustprune.analysis.labels import network_title
from robustprune.analysis.measured import measured
from robustprune.analysis.probes.certified import gate_rate, training_of
from robustprune.analysis.read import CELL, NETWORK, Collected
from robustprune.analysis.theory.certified import UnitBound

LINES = 40
"""So many kept and so many removed units of a panel are drawn."""
COLUMNS = ("replicate", "slot", "unit", "epoch", "theta", "met", "kappa", "size_in", "size_out", "price")
LEFT = -1.2
"""Where the axis of log10(κ S / c) begins: the certified sets lie at 0 and below."""


def units_beside_bounds(collected: Collected, confidence: float) -> Figure:
    """Real units on the plane of the theory: size of the weights times the slot's bound on the gradient over the price,
    and keep probability, at the ends of epochs. A panel per variant and slot. A line is a unit: orange where the
    removal rule has asked for it, with a point at that epoch, grey where it never does. The set A lies left of the
    dashed line, at or below the θ in the panel's corner. With sgd also: arrows of the bounds, taken as equalities, and
    the extension of A (shaded); the theory says nothing about the gate's speed under Adam. All constants are means over
    the last epoch."""
    bounds = named(measured(collected.long("bounds"), COLUMNS, collected.runs))
    if not len(bounds):
        return nothing(NOTHING)
    bounds = bounds[bounds["replicate"] == bounds.groupby(CELL)["replicate"].transform("min")]
    ratio = bounds["kappa"] * (bounds["size_in"] + bounds["size_out"]) / 2 / bounds["price"]
    bounds = bounds.assign(ratio=np.log10(ratio.clip(lower=10**LEFT)))  # a unit can be all zeros
    trained = training_of(collected.runs)
    panels = list(bounds.groupby([*NETWORK, "name", "slot"], sort=False))
    figure, axes = panel_grid(len(panels), 3.2, 2.8, columns=4)
    right = float(bounds["ratio"].max()) + 0.2
    for ax, (key, units) in zip(axes, panels, strict=True):
        training, drift = trained[tuple(units[CELL].iloc[0])]
        last = units[units["epoch"] == units["epoch"].max()]
        kappa, price = float(last["kappa"].mean()), float(last["price"].mean())
        rate = gate_rate(training, drift, price)
        bound = UnitBound(kappa, training["l2"], price, rate if np.isfinite(rate) else 1.0)
        if np.isfinite(rate):
            _draw_bound(ax, bound, right)
        _draw_units(ax, units)
        ax.axvline(0, color="black", lw=1, ls="--", label="κ S = c")
        ax.set(xlim=(LEFT, right), ylim=(-0.03, 1.03))
        powers = range(-1, int(right) + 1)
        ax.set_xticks(powers, [f"$10^{{{power}}}$" for power in powers])
        ax.set_title(f"{network_title(*key[:3])}\n{key[3]}: slot {key[4]}", fontsize="small")
        corner = f"A: θ ≤ {bound.saddle[0]:.0e}"
        ax.text(0.03, 0.88, corner, transform=ax.transAxes, fontsize="small", bbox={"fc": "white", "ec": "none"})
        ax.set_xlabel("κ S / c", fontsize="small")
    for ax in axes[::4]:
        ax.set_ylabel(r"keep probability $\theta$")
    legend_below(figure, axes, "one network, a sample of units, a point an epoch")
    return figure


def _draw_bound(ax: Axes, bound: UnitBound, right: float) -> None:
    """Draw the motion of the dominating system, and shade the starts that it certifies."""
    logs, thetas = np.linspace(LEFT, right, 40), np.linspace(0, 1, 30)
    ratio, theta = 10.0**logs, thetas[:, None]
    grows = 2 * (theta * bound.kappa - bound.decay) / np.log(10) + 0 * ratio
    opens = bound.gate_rate * bound.price * (ratio - 1) + 0 * theta
    resting = ((theta == 0) & (opens < 0)) | ((theta == 1) & (opens > 0))
    opens = np.where(resting, 0, opens)
    ax.streamplot(logs, thetas, grows, opens, color="0.75", linewidth=0.5, arrowsize=0.6, density=0.6)
    ax.plot([], [], color="0.75", lw=1, label="motion by the bounds")
    heights = np.linspace(0, 1, 401)
    largest = np.log10(np.maximum(bound.largest_size(heights) / bound.saddle[1], 10.0**LEFT))
    ax.fill_betweenx(heights, LEFT, largest, color=BLUE, alpha=0.4, lw=0, label="certain to be pruned")


def _draw_units(ax: Axes, units: pd.DataFrame) -> None:
    """Draw the paths of a sample of units of one slot."""
    wide = units.sort_values("epoch").pivot(index="epoch", columns="unit")
    asked = wide["met"].iloc[-1].astype(bool)
    for met, colour, label in ((True, VERMILION, "the rule asks for it"), (False, GREY, "the rule never does")):
        own = list(asked[asked == met].index)
        if own:
            ax.plot([], [], color=colour, lw=1.4, label=label)  # the paths are too pale for a legend
        for unit in own[:: max(1, -(-len(own) // LINES))]:
            ratio, theta = wide["ratio"][unit], wide["theta"][unit]
            first = int(wide["met"][unit].to_numpy().argmax()) if met else len(theta) - 1
            ax.plot(ratio.iloc[: first + 1], theta.iloc[: first + 1], lw=0.5, alpha=0.5, color=colour)
            if met:
                ax.plot(ratio.iloc[first], theta.iloc[first], ".", color=colour, ms=4)
