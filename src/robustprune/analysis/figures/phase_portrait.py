"""The phase portrait of one gated unit: which starts are pruned, and which of them are certain to be."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from robustprune.analysis.figures.looks import BLUE
from robustprune.analysis.figures.scales import plain
from robustprune.analysis.figures.style import legend_below, panel_grid
from robustprune.analysis.theory.one_unit import Unit

UNITS = {"gate as fast as the weights": Unit(), "gate 100 times as fast": Unit(gate_rate=100.0)}
LARGEST_NORM = 1.4
POINTS = 21
"""Values of theta at which the boundary is found."""


def phase_portrait() -> Figure:
    """Gradient flow of one gated unit (a toy: one weight in, one out, equal). Arrows: motion of the weights' norm and
    of the keep probability. Starts left of the black line end pruned, those right of it kept. Shaded: starts that are
    certain to be pruned by bounds on the gradient alone, the set A (dark) and its extension (light). A faster gate
    makes the end depend less on where the gate starts."""
    figure, axes = panel_grid(len(UNITS), 4.6, 4.0)
    for ax, (title, unit) in zip(axes, UNITS.items(), strict=True):
        draw_certified(ax, unit)
        draw_flow(ax, unit)
        draw_ends(ax, unit)
        ax.set_title(title, fontsize="medium")
        ax.set_xlabel(r"norm of the unit's weights, $\sqrt{|w|^2 + |v|^2}$")
        ax.set(xlim=(-0.03, LARGEST_NORM), ylim=(-0.03, 1.03))
        ax.xaxis.set_major_formatter(plain)
        ax.yaxis.set_major_formatter(plain)
    axes[0].set_ylabel(r"keep probability $\theta$")
    unit = next(iter(UNITS.values()))
    constants = f"target {unit.target:g}, L2 decay {unit.decay:g}, price {unit.price:g}"
    legend_below(figure, axes, f"quadratic loss, {constants}; computed from these numbers, no network is trained")
    return figure


def draw_flow(ax: Axes, unit: Unit) -> None:
    """Draw the flow with w = v, which no start with w = v leaves, and the boundary of the two basins by bisection."""
    norms, thetas = np.linspace(0, LARGEST_NORM, 36), np.linspace(0, 1, 26)
    motion = np.array([[_motion(unit, norm, theta) for norm in norms] for theta in thetas])
    ax.streamplot(
        norms, thetas, motion[..., 0], motion[..., 1], color="0.72", linewidth=0.6, arrowsize=0.7, density=0.9
    )
    at = np.linspace(0, 1, POINTS)
    ax.plot(
        unit.basin_boundary(at, tolerance=2e-3),
        at,
        color="black",
        lw=1.8,
        label="boundary, by bisection",
    )


def draw_certified(ax: Axes, unit: Unit) -> None:
    """Shade A and its extension."""
    corner, size = unit.bound.saddle
    thetas = np.linspace(0, 1, 201)
    norms = np.sqrt(2 * unit.bound.largest_size(thetas))
    ax.fill_betweenx(thetas, 0, norms, color=BLUE, alpha=0.25, lw=0, label="certain to be pruned: extension of A")
    inside = np.linspace(0, min(1, corner), 2)
    ax.fill_betweenx(inside, 0, np.sqrt(2 * size), color=BLUE, alpha=0.55, lw=0, label="certain to be pruned: A")


def draw_ends(ax: Axes, unit: Unit) -> None:
    """Mark the two ends of the flow and the point of rest between them."""
    look = {"ls": "none", "clip_on": False, "zorder": 5}
    ax.plot(0, 0, marker="o", color="black", ms=8, label="end: pruned", **look)
    ax.plot(*unit.kept, marker="s", color="black", ms=8, label="end: kept", **look)
    ax.plot(*unit.saddle, marker="X", color="white", mec="black", ms=8, label="point of rest, unstable", **look)
    for norm, theta, text in ((0.12, 0.09, "pruned"), (0.85, 0.3, "kept")):
        ax.text(norm, theta, text, ha="center", va="center", path_effects=[withStroke(linewidth=3, foreground="white")])


def _motion(unit: Unit, norm: float, theta: float) -> tuple[float, float]:
    """Return the velocities of the norm and of theta, with the projection on [0, 1]."""
    w, _, gate = unit.velocity(unit.start(norm, theta))
    outward = (theta <= 0 and gate < 0) or (theta >= 1 and gate > 0)
    return float(np.sqrt(2) * w), 0.0 if outward else float(gate)
