"""The smallest width that fits N images, and the width that the method keeps when it trains on them."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustprune.analysis.figures.looks import BLACK, BLUE, GREEN, VERMILION
from robustprune.analysis.figures.scales import log_axis, thousands
from robustprune.analysis.figures.style import bars, legend_below, panel_grid, say, t_interval
from robustprune.analysis.labels import DATASETS
from robustprune.analysis.read import Collected
from robustprune.analysis.related.kept_widths import ALL_IMAGES, READINGS, kept_widths
from robustprune.analysis.related.smallest_width import TITLES, fitted_curves
from robustprune.analysis.related.widths import Curve, counting_floor
from robustprune.analysis.statistics import size_interval
from robustprune.study.smallest_width import SMALLEST_WIDTH

OPEN = {"mfc": "white", "ls": ":"}
LOOKS = {
    "true": {"color": GREEN, "marker": "s"},
    "random": {"color": VERMILION, "marker": "D"},
    READINGS[0]: {"color": BLUE, "marker": "o"},
    READINGS[1]: {"color": BLUE, "marker": "o", **OPEN},
}


def smallest_width(collected: Collected, confidence: float) -> Figure:
    """How many hidden units do N images need, and how many does the method keep? Squares and diamonds: the smallest
    width of a network 784-m-10 that classifies all N training images correctly, with their own labels and with random
    ones; the open square is the line through the logarithms, at the N at which the kept width is judged. Circles:
    hidden units that the method keeps of 784-300-10, whose pixels it prunes too, when it trains on the same images,
    with the same price and with the same hyper-prior. Crosses: most of these networks collapsed. Dashes: as many
    parameters as labels are numbers, ten per image; to name a class takes less."""
    curves, kept = fitted_curves(collected.long(SMALLEST_WIDTH)), kept_widths(collected.runs)
    datasets = list(dict.fromkeys([*(key for key, _, _ in curves), *kept["dataset"]]))
    figure, axes = panel_grid(len(datasets), 5.6, 4.4)
    if not datasets:
        say(axes[0], "no width was searched in these records (smallest_width in the configuration)")
        return figure
    for ax, dataset in zip(axes, datasets, strict=True):
        for labels in TITLES:
            if (dataset, labels, 1.0) in curves:
                _draw_curve(ax, labels, curves[dataset, labels, 1.0], confidence)
        own = kept[kept["dataset"] == dataset]
        for reading in reversed(READINGS):  # at ALL_IMAGES both are the same networks
            networks = own[own["reading"] == reading]
            counts = sorted(networks["examples"].unique())
            found = [size_interval(networks[networks["examples"] == count]["kept"], confidence) for count in counts]
            if found:
                _draw(ax, reading, LOOKS[reading], counts, [(one.mean, one.low, one.high) for one in found])
        _cross_out(ax, own)
        _finish(
            ax, [*own["examples"], *(n for key, curve in curves.items() if key[0] == dataset for n in curve.examples)]
        )
        ax.set_title(f"One hidden layer, {DATASETS.get(dataset, dataset)}", fontsize="medium")
    legend_below(
        figure,
        axes,
        f"smallest widths: {confidence:.0%} bootstrap over seeds; kept: {t_interval(confidence, sizes=True)}",
    )
    return figure


def _draw_curve(ax: Axes, labels: str, curve: Curve, confidence: float) -> None:
    found = [curve.at(place, confidence) for place in range(len(curve.examples))]
    _draw(ax, TITLES[labels], LOOKS[labels], list(curve.examples), [(one.mean, one.low, one.high) for one in found])
    needed = curve.predicted(ALL_IMAGES, confidence)
    if labels == "true" and not np.isnan(needed.mean):
        look = {**LOOKS[labels], "mfc": "white", "ls": "none"}
        _draw(ax, "the same, extrapolated", look, [ALL_IMAGES], [(needed.mean, needed.low, needed.high)])


def _draw(ax: Axes, title: str, look: dict, counts: list, points: list[tuple]) -> None:
    """Draw a series of means with the ends of their intervals."""
    means, lows, highs = np.array(points).T
    ax.errorbar(counts, means, bars(means, lows, highs), ms=5, lw=1.2, capsize=2, label=title, **look)


def _cross_out(ax: Axes, kept: pd.DataFrame) -> None:
    """Mark the kept widths (mean) of which most networks are not ok."""
    groups = kept.assign(not_ok=kept["status"] != "ok").groupby(["reading", "examples"])
    means = groups.agg(not_ok=("not_ok", "mean"), kept=("kept", "mean")).reset_index()
    collapsed = means[means["not_ok"] > 0.5]
    if len(collapsed):
        ax.scatter(
            collapsed["examples"],
            collapsed["kept"],
            s=60,
            marker="x",
            color=BLACK,
            zorder=3,
            label="most networks collapsed",
        )


def _finish(ax: Axes, counts: list) -> None:
    """Set the axes for what is drawn, and draw the counting floor below the top."""
    drawn = pd.Series(np.concatenate([np.asarray(line.get_ydata(), float) for line in ax.lines]))
    ax.set(xscale="log", xlabel="training images N", ylabel="hidden units")
    log_axis(ax, drawn, thousands)
    across = np.geomspace(min(counts), max(counts), 100)
    floor = counting_floor(across)
    inside = (floor >= ax.get_ylim()[0]) & (floor <= ax.get_ylim()[1])
    ax.plot(across[inside], floor[inside], ls="--", lw=0.9, color="black", label="counting floor")
    ax.xaxis.set_major_formatter(thousands)
    ax.grid(alpha=0.25)
