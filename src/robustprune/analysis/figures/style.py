"""How every figure looks: one colour and marker per method for good, sizes that print, files in three formats."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import offset_copy
from numpy.typing import ArrayLike
from scipy import optimize

from robustprune.files import write_atomically

matplotlib.use("Agg")
# Okabe and Ito's colours, distinguishable with the common colour-vision deficiencies; greys for what is no method
BLUE, ORANGE, GREEN, VERMILION, PINK, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
BROWN, BLACK, GREY, SILVER = "#8C6D31", "#000000", "#6E6E6E", "#A6A6A6"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
REFERENCES = {"bernoulli": (BLUE, "o"), "dense": (BLACK, "X"), "random": (GREY, "v"), "width_uniform": (SILVER, "^")}
"""The method under study and what every method is compared with."""
FAMILIES = {
    "stochastic gates": {
        "l0_hc": (GREEN, "^"),
        "l0_arm": (VERMILION, "v"),
        "generalized_dropout": (BROWN, "D"),
        "beta_bernoulli": (SKY, "P"),
    },
    "variational": {
        "sbp": (ORANGE, "D"),
        "bmrs_n": (SKY, "s"),
        "bmrs_u": (BROWN, "X"),
        "vib": (PINK, "v"),
        "bc_gnj": (VERMILION, "P"),
        "bc_ghs": (GREEN, "*"),
        "ss_ig": (ORANGE, "X"),
    },
    "penalties, criteria and others": {
        "magnitude": (ORANGE, "s"),
        "taylor": (SKY, "X"),
        "group_lasso": (VERMILION, "D"),
        "slimming": (GREEN, "s"),
        "torch_pruning": (PINK, "P"),
    },
}
"""Method families: colours differ within each, and among the methods of the default study."""
CONTROLS = {
    "ticket": (GREEN, "o"),
    "random_ticket": (ORANGE, "o"),
    "scratch_e": (VERMILION, "o"),
    "scratch_b": (SKY, "o"),
}
LOOKS = {**REFERENCES, **CONTROLS} | {name: own for family in FAMILIES.values() for name, own in family.items()}
FORMATS = ("pdf", "svg", "png")
TICKS = {3: (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8, 9), 30: (1, 1.5, 2, 3, 5, 7)}
"""Of a logarithmic axis, within a factor of ten, by the largest factor that the axis may span."""
LEADER = {"arrowstyle": "-", "relpos": (0, 0.5), "lw": 0.6, "alpha": 0.6, "shrinkA": 1, "shrinkB": 4}
LABEL_DISTANCE = 13  # points between labels before the layout, which takes up to a quarter of the height of axes


def set_style() -> None:
    """Seaborn's ticks with sizes for print; SVG without random ids, so that files are reproducible."""
    sns.set_theme(context="paper", style="ticks", font_scale=1.1)
    matplotlib.rcParams.update(
        {"svg.hashsalt": "robustprune", "figure.constrained_layout.use": True, "pdf.fonttype": 42, "savefig.dpi": 160}
    )


def panel_grid(count: int, width: float, height: float, columns: int = 2) -> tuple[Figure, list[Axes]]:
    """Panels of that size in inches, at most `columns` beside each other; at least one."""
    count = max(1, count)
    columns = min(columns, count)
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(width * columns, height * rows), squeeze=False)
    for ax in axes.flat[count:]:
        ax.set_axis_off()
    return figure, list(axes.flat[:count])


def look(method: str, strength_rank: int = 0) -> dict:
    """Colour, marker and line style of a method, the same in every figure; strengths differ by line style."""
    number = crc32(method.encode())
    colours = (BLUE, ORANGE, GREEN, VERMILION, PINK, SKY, BROWN)
    somehow = (colours[number % len(colours)], MARKERS[number // len(colours) % len(MARKERS)])
    colour, marker = LOOKS.get(method, somehow)
    lines = ("-", "--", ":", "-.")
    return {"color": colour, "marker": marker, "linestyle": lines[strength_rank % len(lines)], "markersize": 5}


def family(method: str) -> str | None:
    """The family of a method, None for references; a method that is new here is with the others."""
    if method in REFERENCES:
        return None
    return next((name for name, own in FAMILIES.items() if method in own), list(FAMILIES)[-1])


def legend_below(figure: Figure, axes: Sequence[Axes], footnote: str) -> None:
    """One legend for all panels, below them, without repeated entries; the footnote is its last line."""
    entries = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    columns = max(1, min(len(entries), int(figure.get_figwidth() / 2.3)))
    footnote_below(figure, footnote, handles=list(entries.values()), labels=list(entries), ncols=columns)


def footnote_below(figure: Figure, footnote: str, **entries: Any) -> None:
    """Small print below all panels: the heading of a legend there, which may have no entries."""
    entries = entries if entries.get("handles") else {"handles": []}
    small = {"size": "x-small"}
    figure.legend(loc="outside lower center", frameon=False, title=footnote, title_fontproperties=small, **entries)


def label_ends(ax: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Label lines at their right ends (x, y, text, colour) beside the axes, moved apart where labels would touch, each
    with a thin line to its end. Call it when the axes have their scales and limits."""
    ends = sorted(ends, key=lambda end: end[1])
    heights = np.array([ax.transData.transform((x, y))[1] for x, y, *_ in ends]) * 72 / ax.figure.dpi  # in points
    steps = LABEL_DISTANCE * np.arange(len(ends))
    moves = optimize.isotonic_regression(heights - steps).x + steps - heights if ends else ()
    for (x, y, text, colour), move in zip(ends, moves, strict=True):
        beside = offset_copy(ax.get_yaxis_transform(), ax.figure, y=move, units="points")
        line = {**LEADER, "color": colour}
        label = ax.annotate(text, (x, y), (1.03, y), textcoords=beside, arrowprops=line, annotation_clip=False)
        label.set(va="center", fontsize="x-small", color=colour)


def log_axis(ax: Axes, values: pd.Series, form: Callable[[float, int], str]) -> None:
    """A logarithmic y axis for these values, over a factor of two at least, so that five percent look like five
    percent; ticks where the eye wants them."""
    ax.set_yscale("log")
    low, high = values[values > 0].min() / 1.1, values.max() * 1.1
    if high > low > 0:
        widen = max(1.0, 2 / (high / low)) ** 0.5
        ax.set_ylim(low / widen, high * widen)
    ticks = next((ticks for span, ticks in TICKS.items() if high < span * low), (1, 2, 5))
    ax.yaxis.set_major_locator(LogLocator(subs=ticks))
    ax.yaxis.set_major_formatter(FuncFormatter(form))
    ax.yaxis.set_minor_formatter(NullFormatter())


def bars(means: ArrayLike, lows: ArrayLike, highs: ArrayLike) -> np.ndarray:
    """Lengths [2, n] of error bars for a logarithmic axis: intervals that reach below 0 end just above it, unknown ones
    (NaN, one network) have none."""
    means = np.asarray(means, dtype=float)
    return np.nan_to_num([means - np.maximum(lows, 0.001 * means), np.asarray(highs, dtype=float) - means])


def plain(value: float, _: int) -> str:
    """Tick label of a percentage or a factor: 0.5, 1, 20."""
    return f"{value:g}"


def thousands(value: float, _: int) -> str:
    """Tick label of a count: 500, 20k, 1.5M."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def series_of(panel: pd.DataFrame) -> Iterator[tuple[str, str, dict, pd.DataFrame]]:
    """The series of one panel: method, legend label, look, rows. The label names the strength only where a method
    has several in the panel; these then differ by line style."""
    for method, of_method in panel.groupby("method", sort=False):
        strengths = list(of_method.groupby("strength", sort=False))
        for rank, (strength, rows) in enumerate(strengths):
            yield method, f"{method} ({strength})" if len(strengths) > 1 else method, look(method, rank), rows


def save(figure: Figure, folder: Path, name: str, note: str = "") -> list[Path]:
    """Write <name>.pdf, .svg and .png; no dates inside, so equal figures are equal files. A note stands below,
    with the legend's footnote where there is one."""
    written = []
    if note and figure.legends:
        title = figure.legends[0].get_title()
        title.set_text(f"{title.get_text()}\n{note}")
    elif note:
        footnote_below(figure, note)
    for kind in FORMATS:
        path = folder / f"{name}.{kind}"
        metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}[kind]
        draw = partial(figure.savefig, metadata=metadata)
        write_atomically(path, draw)
        written.append(path)
    return written
