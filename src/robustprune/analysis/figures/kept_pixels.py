"""Maps of the input pixels that networks keep."""

import numpy as np
from matplotlib.figure import Figure

from robustprune.analysis.figures.style import footnote_below, nothing, panel_grid
from robustprune.analysis.labels import network_title
from robustprune.analysis.pixels import pixels_of
from robustprune.analysis.read import SERIES, Collected
from robustprune.analysis.select import STANDARD_START, standard, studied
from robustprune.study.roles import UNPRUNED

SIDE = 28
MOST_IN_A_ROW = 5


def kept_pixels(collected: Collected, confidence: float) -> Figure:
    """How often each of the 28 x 28 input pixels is kept, over the seeds of a method at its operating point, from the
    standard start. The n networks of a method are few: a map of three has four shades."""
    runs = standard(studied(collected.runs))
    runs = runs[runs["method"] != UNPRUNED]
    maps = []
    for key, own in runs.groupby(SERIES, sort=False):
        flags = pixels_of(own, collected.kept)
        if flags.shape[1] == SIDE**2 and not flags.all():
            maps.append((key, len(flags), flags.mean(axis=0).reshape(SIDE, SIDE)))
    if not maps:
        return nothing(f"no kept pixels of the standard start ({STANDARD_START}) in these records")
    figure, axes = panel_grid(len(maps), 1.9, 2.35, columns=min(MOST_IN_A_ROW, len(maps)))
    several = len({key[:3] for key, *_ in maps}) > 1
    for ax, (key, n, frequency) in zip(axes, maps, strict=True):
        image = ax.imshow(frequency, vmin=0, vmax=1, cmap="viridis", interpolation="nearest")
        title = f"{network_title(*key[:3])}\n{key[3]}" if several else key[3]
        ax.set_title(f"{title}\n{frequency.sum():.0f} pixels, n = {n}", fontsize="small")
        ax.set_xticks([])
        ax.set_yticks([])
    figure.colorbar(image, ax=axes, shrink=0.7, label="share of networks", ticks=np.linspace(0, 1, 3))
    titles = {network_title(*key[:3]) for key, *_ in maps}
    footnote = f"n networks of {STANDARD_START}; number: mean of the pixels kept"
    footnote_below(figure, footnote + ("" if several else f"; {titles.pop()}"))
    return figure
