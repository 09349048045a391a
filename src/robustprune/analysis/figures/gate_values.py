"""Keep probabilities of single gates of the method under study: over the epochs, and their distribution."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from robustprune.analysis.figures.looks import BLUE, SILVER
from robustprune.analysis.figures.style import footnote_below, legend_below, nothing, titled_rows
from robustprune.analysis.labels import network_title
from robustprune.analysis.read import SERIES, Collected
from robustprune.analysis.select import nearest_to_standard, studied
from robustprune.study.roles import METHOD_UNDER_STUDY

MOMENTS = (1, 5, 10)
"""Epochs of the histograms, before the last."""
BINS = np.linspace(0, 1, 21)
NOTHING = f"no gates of {METHOD_UNDER_STUDY} in these records"
SAMPLE = "gates evenly spaced by unit number, of replicate 0; gates of removed units are 0"


def _rows(collected: Collected) -> dict[str, pd.DataFrame]:
    """Return title -> gates of the method under study, one cell per network and strength."""
    gates = collected.of_cells("gates", nearest_to_standard(studied(collected.runs)))
    gates = gates[gates["method"] == METHOD_UNDER_STUDY] if len(gates) else gates
    groups = gates.groupby(SERIES, sort=False) if len(gates) else ()
    return {f"{network_title(*key[:3])}: {key[3]}, strength {key[4]}": group for key, group in groups}


def gate_heat_map(collected: Collected, confidence: float) -> Figure:
    """Keep probabilities of the method's gates over the epochs, a line per gate and a panel per slot: white is closed,
    blue is open. Gates are sorted by their mean over the epochs, so those that leave early are at the bottom."""
    rows = _rows(collected)
    if not rows:
        return nothing(NOTHING)
    figure, lines = titled_rows(list(rows), max(group["slot"].nunique() for group in rows.values()))
    for line, group in zip(lines, rows.values(), strict=True):
        for ax, (slot, values) in zip(line, group.groupby("slot", sort=False), strict=False):
            wide = values.pivot(index="unit", columns="epoch", values="theta")
            wide = wide.loc[wide.mean(axis=1).sort_values().index]
            ax.set_axis_on()
            first, last = wide.columns[0] - 0.5, wide.columns[-1] + 0.5
            image = ax.imshow(
                wide.to_numpy(),
                **{"aspect": "auto", "origin": "lower", "interpolation": "nearest"},
                **{"cmap": "Blues", "vmin": 0, "vmax": 1, "extent": (first, last, 0, len(wide))},
            )
            ax.set_title(f"slot {slot}, {len(wide)} gates", fontsize="small")
            ax.set_xlabel("epoch")
            ax.set_yticks([])
        line[0].set_ylabel("gates, sorted by mean")
        drawn = [ax for ax in line if ax.axison]
        figure.colorbar(image, ax=drawn, label=r"keep probability $\theta$", shrink=0.85)
    footnote_below(figure, SAMPLE)
    return figure


def gate_histograms(collected: Collected, confidence: float) -> Figure:
    """Distribution of the method's keep probabilities after some epochs, a row per network and a panel per epoch. Gates
    of removed units are grey."""
    rows = _rows(collected)
    if not rows:
        return nothing(NOTHING)
    figure, lines = titled_rows(list(rows), len(MOMENTS) + 1)
    for line, group in zip(lines, rows.values(), strict=True):
        last = int(group["epoch"].max())
        for ax, epoch in zip(line, sorted({*(own for own in MOMENTS if own < last), last}), strict=False):
            theta = group.loc[group["epoch"] == epoch, "theta"].astype(float)
            removed = theta == 0
            ax.set_axis_on()
            heights = [100 * np.histogram(part, BINS)[0] / len(theta) for part in (theta[removed], theta[~removed])]
            edges, width = BINS[:-1], np.diff(BINS)
            ax.bar(edges, heights[0], width, align="edge", color=SILVER, label="removed, or at 0")
            ax.bar(edges, heights[1], width, bottom=heights[0], align="edge", color=BLUE, label="in training")
            ax.set_title(f"epoch {epoch}", fontsize="small")
            ax.set_xlabel(r"keep probability $\theta$")
            ax.set_ylim(0, 100)
        line[0].set_ylabel("gates (%)")
    legend_below(figure, [ax for line in lines for ax in line], f"all slots together; {SAMPLE}")
    return figure
