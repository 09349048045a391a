"""Test error of fine-tuned networks by the radius of the ball that their weights may not leave."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustprune.analysis.columns import range_of
from robustprune.analysis.figures.scales import plain
from robustprune.analysis.figures.style import legend_below, panel_grid, say, t_interval
from robustprune.analysis.labels import network_title
from robustprune.analysis.read import Collected
from robustprune.analysis.related.finetune import ALIKE, FREE, fine_tuned, images_title
from robustprune.analysis.statistics import mean_interval
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED

LINES = {"mars": {"ls": "-", "marker": "o"}, "frobenius": {"ls": ":", "marker": "s"}}
BESIDE = {"mars": 0.97, "frobenius": 1.03}
"""Factors on the radius, so that bars do not cover each other."""
SOURCES = {METHOD_UNDER_STUDY: "pruned", UNPRUNED: "dense"}
LEAST_SPAN = 1.0
"""Points of error that an axis spans at least: smaller differences are seldom more than noise."""


def finetune(collected: Collected, confidence: float) -> Figure:
    """Does a small ball help with few images? Test error of networks that were trained on, by the radius of the ball
    around their weights at the start, as a share of the length of these weights. Solid: a ball for each row of weights
    (MARS norm); dotted: one for each layer. At the right end of each panel: without a ball; where a line is flat up to
    there, no ball of these sizes binds."""
    known = fine_tuned(collected.runs, None)
    panels = list(known.groupby([*ALIKE, "source"], sort=False))
    figure, axes = panel_grid(len(panels), 4.9, 3.8)
    if not panels:
        say(axes[0], "no network was fine-tuned in these records")
        return figure
    cells = [*ALIKE, "source", "images", "norm", "radius"]
    n = range_of(known.groupby(cells, dropna=False).size())
    counts = sorted(known["images"].unique())
    shades = dict(zip(counts, colormaps["viridis"](np.linspace(0, 0.85, len(counts))), strict=True))
    first: dict[tuple, Axes] = {}
    for ax, ((*network, training, source), own) in zip(axes, panels, strict=True):
        if first.setdefault(tuple(network), ax) is not ax:
            ax.sharey(first[tuple(network)])
        radii = sorted(own["radius"].dropna().unique())
        for images, networks in own.groupby("images"):
            _draw(ax, networks, float(images), shades[images], radii, confidence)
        ax.set_title(
            f"{network_title(*network)}\n{_source_title(source)}{training and f', {training}'}", fontsize="small"
        )
        ax.set(xscale="log", xlabel="relative radius", ylabel="test error (%)")
        ax.set_xticks([*radii, _free_place(radii)], [*(f"1/{1 / radius:g}" for radius in radii), "free"])
        ax.minorticks_off()
        _widen(ax)
        ax.yaxis.set_major_formatter(plain)
        ax.grid(alpha=0.25)
    axis = "; panels of one network and data set share the error axis" if len(first) > 1 else ""
    legend_below(figure, axes, f"means over n = {n} networks; bars: {t_interval(confidence)}{axis}")
    return figure


def _source_title(source: str) -> str:
    """Return the cell whose networks were trained on, and whether these are pruned or dense."""
    kind = SOURCES.get(source.partition("/")[0])
    return f"from {kind} networks ({source})" if kind else f"from {source}"


def _widen(ax: Axes) -> None:
    """Let an error axis span LEAST_SPAN points at least, around what it shows."""
    low, high = ax.get_ylim()
    if high - low < LEAST_SPAN:
        middle = (low + high) / 2
        ax.set_ylim(middle - LEAST_SPAN / 2, middle + LEAST_SPAN / 2)


def _free_place(radii: list[float]) -> float:
    """Return where networks without a ball stand: a step beyond the largest radius."""
    return 2 * max(radii, default=0.5)


def _draw(ax: Axes, networks, images: float, colour, radii: list[float], confidence: float) -> None:
    """Draw a line per norm, and a point for the networks without a ball."""
    free = networks[networks["norm"] == FREE]
    for norm, style in LINES.items():
        own = networks[networks["norm"] == norm]
        cells = [(radius, own[own["radius"] == radius]) for radius in radii]
        cells = [(radius, cell) for radius, cell in cells if len(cell)]
        cells += [(_free_place(radii), free)] if cells and len(free) else []
        if not cells:
            continue
        found = [mean_interval(cell["error_test_percent"], confidence) for _, cell in cells]
        means = [one.mean for one in found]
        halves = np.nan_to_num([one.high - one.mean for one in found])
        label = f"{images_title(images)} images, {norm}"
        at = [BESIDE[norm] * place for place, _ in cells]
        ax.errorbar(at, means, halves, color=colour, ms=4, lw=1.2, capsize=2, label=label, **style)
