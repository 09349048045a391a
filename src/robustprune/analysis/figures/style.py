"""The common style of figures: sizes, legends, axes, arrows at cut error bars, files in three formats."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from matplotlib.transforms import Transform, offset_copy
from numpy.typing import ArrayLike
from scipy import optimize

from robustprune.files import write_atomically

matplotlib.use("Agg")
CANVASES = {
    # level 6, the default, takes half as long again and gives larger files of figures
    "png": (FigureCanvasAgg, {"pil_kwargs": {"compress_level": 3}}),
    "pdf": (FigureCanvasPdf, {"metadata": {"CreationDate": None}}),
    "svg": (FigureCanvasSVG, {"metadata": {"Date": None}}),
}
"""What draws each format, and how; png first, for the layout that it gets is that of all."""
SMALL_PRINT = 15.5
"""Characters of small print per inch."""
LEADER = {"arrowstyle": "-", "relpos": (0, 0.5), "lw": 0.6, "alpha": 0.6, "shrinkA": 1, "shrinkB": 4}
LEGEND_ROWS, LEGEND_ROW = 2, 0.23  # rows of a legend that the panels make room for; inches that each further one adds
HANDLE = 4.8  # sizes of its letters that an entry of a legend takes beside its label
LABEL_DISTANCE = 11  # points between the middles of labels in small print


@contextmanager
def drawing() -> Iterator[None]:
    """Set the style of the study inside the block, independent of any matplotlibrc; restore the settings on exit."""
    with matplotlib.rc_context():
        set_style()
        yield


def set_style() -> None:
    """Set seaborn's ticks with sizes for print, on matplotlib's defaults: small print has 8 points. SVG files get
    reproducible ids.

    Titles have a fixed place: to search one that is free costs matplotlib a tenth of the time of a figure.
    """
    matplotlib.rcdefaults()
    sns.set_theme(context="paper", style="ticks", font_scale=1.2)
    laid_out = {"figure.constrained_layout.use": True, "axes.titley": 1.0}
    matplotlib.rcParams.update(laid_out | {"svg.hashsalt": "robustprune", "pdf.fonttype": 42, "savefig.dpi": 160})


def panel_grid(count: int, width: float, height: float, columns: int = 2) -> tuple[Figure, list[Axes]]:
    """Return `count` panels (at least one) of that size in inches, at most `columns` in a row."""
    count = max(1, count)
    columns = min(columns, count)
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(width * columns, height * rows), squeeze=False)
    for ax in axes.flat[count:]:
        ax.set_axis_off()
    return figure, list(axes.flat[:count])


def titled_rows(titles: list[str], columns: int) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with a row of `columns` panels, all empty and without axes, under each title."""
    rows = max(1, len(titles))
    figure = plt.figure(figsize=(max(5.5, 2.75 * columns), 2.9 * rows + 0.8))  # a title needs 5.5 inches
    lines = []
    for title, part in zip(titles, np.atleast_1d(figure.subfigures(rows, 1)), strict=False):
        part.suptitle(title, fontsize="medium", weight="bold", x=0.01, ha="left")
        lines.append(list(np.atleast_1d(part.subplots(1, columns))))
        for ax in lines[-1]:
            ax.set_axis_off()
    return figure, lines


def say(ax: Axes, text: str) -> None:
    """Write into an empty panel, without its frame, why nothing is drawn."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, textwrap.fill(text, 44), ha="center", va="center", color="0.4", transform=ax.transAxes)


def nothing(why: str) -> Figure:
    """Return a figure that says why nothing is drawn."""
    figure, (ax,) = panel_grid(1, 5.0, 2.0)
    say(ax, why)
    return figure


def t_interval(confidence: float, sizes: bool = False) -> str:
    """What bars show, as footnotes say it. sizes: bars of params or units (statistics.size_interval)."""
    return f"{confidence:.0%} t interval{' of the logarithm' if sizes else ''} (three networks or more)"


def legend_below(figure: Figure, axes: Sequence[Axes], footnote: str, order: Iterable[str] = ()) -> None:
    """Draw one legend below all panels, without repeated entries, with the footnote. order: of the labels in it."""
    entries: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    entries = {label: entries[label] for label in order if label in entries} | entries
    columns = legend_columns(list(entries), figure.get_figwidth())
    further = max(0, -(-len(entries) // columns) - LEGEND_ROWS)
    figure.set_figheight(figure.get_figheight() + LEGEND_ROW * further)
    footnote_below(figure, footnote, handles=list(entries.values()), labels=list(entries), ncols=columns)


def legend_columns(labels: Sequence[str], width: float, size: str | None = None) -> int:
    """Return how many columns of a legend with these labels fit into a width in inches; at least one.

    size: of the letters, that of legends by default.
    """
    font = FontProperties(size=size or matplotlib.rcParams["legend.fontsize"])
    beside = HANDLE * font.get_size_in_points()
    points = [beside + TextPath((0, 0), label, prop=font).get_extents().width for label in labels]
    for columns in range(len(labels), 1, -1):
        if sum(max(column) for column in np.array_split(points, columns)) <= 72 * width:
            return columns
    return 1


def footnote_below(figure: Figure, footnote: str, **entries: Any) -> None:
    """Draw small print below all panels, as the title of a legend that may have no entries; long lines are broken."""
    entries = entries if entries.get("handles") else {"handles": []}
    room = int(SMALL_PRINT * figure.get_figwidth())
    footnote = "\n".join(textwrap.fill(line, room) for line in footnote.splitlines())
    small = {"size": "x-small"}
    figure.legend(loc="outside lower center", frameon=False, title=footnote, title_fontproperties=small, **entries)


def label_ends(ax: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Label lines beside the axes, with room between labels; thin lines lead to the right ends (x, y, text, colour)."""
    ends = sorted(ends, key=lambda end: end[1])
    for number, (x, y, text, colour) in enumerate(ends):
        beside = partial(_beside, ax, [end[1] for end in ends], number)
        line = {**LEADER, "color": colour}
        label = ax.annotate(text, (x, y), (1.03, y), textcoords=beside, arrowprops=line, annotation_clip=False)
        label.set(va="center", fontsize="x-small", color=colour)


def _beside(ax: Axes, values: Sequence[float], number: int, _: Any) -> Transform:
    """Return where the label of an end is, of ends at these y values from the lowest up.

    Every drawing asks for it: the layout changes the height of the axes, and with it how far labels must move.
    """
    heights = np.array([ax.transData.transform((1, y))[1] for y in values]) * 72 / ax.figure.dpi  # in points
    steps = LABEL_DISTANCE * np.arange(len(values))
    moves = optimize.isotonic_regression(heights - steps).x + steps - heights
    return offset_copy(ax.get_yaxis_transform(), ax.figure, y=moves[number], units="points")


def bars(means: ArrayLike, lows: ArrayLike, highs: ArrayLike) -> np.ndarray:
    """Return lengths [2, n] of error bars on a logarithmic axis.

    Intervals that reach below 0 end just above it; unknown ones (NaN, one network) have length 0.
    """
    means = np.asarray(means, dtype=float)
    return np.nan_to_num([means - np.maximum(lows, 0.001 * means), np.asarray(highs, dtype=float) - means])


def mark_cut_bars(figure: Figure) -> int:
    """Draw an arrow on the edge of the axes where an error bar continues beyond it; return the number of arrows.

    Bars that lie completely outside have none. Call it when all axes have their limits.
    """
    count = 0
    for ax in figure.axes:
        for container in [drawn for drawn in ax.containers if isinstance(drawn, ErrorbarContainer)]:
            for bar in container.lines[2]:
                segments = [np.asarray(ends) for ends in bar.get_segments()]
                known = [ends for ends in segments if ends.shape == (2, 2)]  # an unknown mean has no bar
                count += sum(_mark_cut_bar(ax, ends, bar.get_color()) for ends in known)
    return count


def _mark_cut_bar(ax: Axes, ends: np.ndarray, colour: Any) -> int:
    """Draw the arrows of one bar with these ends [2, 2]; return their number."""
    along = int(abs(np.ptp(ends[:, 0])) < abs(np.ptp(ends[:, 1])))
    limits = sorted((ax.get_xlim(), ax.get_ylim())[along])
    low, high = sorted(ends[:, along])
    across = ends[0, 1 - along]
    cut = [edge for edge, beyond in zip(limits, (low < limits[0], high > limits[1]), strict=True) if beyond]
    if low == high or high <= limits[0] or low >= limits[1]:
        return 0
    for edge in cut:
        place = (across, edge) if along else (edge, across)
        marker = ("<>", "v^")[along][int(edge == limits[1])]
        ax.plot(*([value] for value in place), marker=marker, ms=4.5, color=colour, ls="none", clip_on=False, zorder=9)
    return len(cut)


def add_note(figure: Figure, note: str) -> None:
    """Add a line below the figure, under the footnote of a legend if there is one."""
    if not note:
        return
    if figure.legends:
        title = figure.legends[0].get_title()
        title.set_text(f"{title.get_text()}\n{note}")
    else:
        footnote_below(figure, note)


def save(figure: Figure, folder: Path, name: str, note: str = "") -> list[Path]:
    """Write <name>.png, .pdf and .svg without dates, so that equal figures give equal files; return the paths.

    The figure is laid out once, since its layout takes longer than its drawing. Canvases print it: savefig draws it
    once more for each format, to find a size that is known here.
    """
    written = []
    figure.set_dpi(matplotlib.rcParams["savefig.dpi"])
    if mark_cut_bars(figure):
        add_note(figure, "arrows: bars that continue beyond the axes")
    add_note(figure, note)
    for kind in CANVASES:
        path = folder / f"{name}.{kind}"
        canvas, how = CANVASES[kind]
        write_atomically(path, partial(getattr(canvas(figure), f"print_{kind}"), **how))
        figure.set_layout_engine("none")
        written.append(path)
    return written
