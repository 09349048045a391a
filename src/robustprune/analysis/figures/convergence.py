"""How networks of the method under study converge: undetermined gates, size over arithmetic, when units leave."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from robustprune.analysis.figures.looks import Looks
from robustprune.analysis.figures.scales import log_axis, log_counts_axis, thousands
from robustprune.analysis.figures.style import legend_below, nothing, panel_grid, say, titled_rows
from robustprune.analysis.labels import network_title
from robustprune.analysis.moments import before_the_rate_falls, while_gates_are_drawn, with_keep_probabilities
from robustprune.analysis.read import CELL, NETWORK, Collected, of_networks, slots
from robustprune.analysis.select import (
    FROM_STANDARD,
    nearest_to_standard,
    of_standard_initialization,
    studied,
)
from robustprune.analysis.spending import spent
from robustprune.networks.architecture import architecture
from robustprune.networks.size import parameters
from robustprune.records.record import split_units
from robustprune.study.roles import METHOD_UNDER_STUDY

PERCENT = (-3, 103)
"""Ends of an axis of shares: lines at 0 and 100 do not lie on the frame."""


def undetermined_over_epochs(collected: Collected, confidence: float) -> Figure:
    """Share of the keep probabilities inside (0.05, 0.95) over the epochs, of the gates that are left in each slot, for
    methods and variants whose gates have keep probabilities. Mean over seeds, with a band from smallest to largest; no
    networks that collapsed, diverged or failed. Dotted: when the learning rate falls, and when the method under study
    rounds its gates."""
    chosen = with_keep_probabilities(studied(collected.runs, variants=True))
    cells = nearest_to_standard(chosen)
    history = collected.of_cells("history", cells)
    history = of_networks(history, chosen[[*CELL, "replicate"]]) if len(history) else history
    rows = list(history.groupby(NETWORK, sort=False)) if len(history) else []
    if not rows:
        return nothing("no keep probabilities in these records")
    looks = Looks(collected.methods)
    figure, lines = titled_rows([network_title(*key) for key, _ in rows], max(len(slots(key[1])) for key, _ in rows))
    for line, (key, group) in zip(lines, rows, strict=True):
        for ax, slot in zip(line, slots(key[1]), strict=False):
            inside = group.get(f"undetermined_{slot}", pd.Series(index=group.index, dtype=float))
            share = 100 * inside.astype(float) / group[f"units_{slot}"]
            for _, label, style, series in looks.series_of(group.assign(share=share).dropna(subset="share")):
                over = series.groupby("epoch")["share"]
                ax.plot(over.mean(), color=style["color"], ls=style["linestyle"], lw=1.4, label=label)
                ax.fill_between(over.min().index, over.min(), over.max(), color=style["color"], alpha=0.15, lw=0)
            for epoch in _changes(chosen, key) if ax.lines else ():
                ax.axvline(epoch, color="0.4", lw=0.8, ls=":")
            _finish(ax, slot, "no gates")
        _label_row(line, "undetermined gates (%)")
    legend_below(figure, [ax for line in lines for ax in line], "line: mean over seeds; band: smallest to largest")
    return figure


def _changes(runs: pd.DataFrame, network: Sequence[str]) -> list[int]:
    """Return the last epochs before the learning rate falls and before gates are rounded, of the method under study."""
    own = runs[(runs[NETWORK] == list(network)).all(axis=1)]
    own = own[(own["method"] == METHOD_UNDER_STUDY) & (own["variant"] == "")]
    own = own[own["budget"].fillna("epochs") == "epochs"]
    own = own[own["strength"] == own["strength"].iloc[0]] if len(own) else own
    return sorted({before_the_rate_falls(own), while_gates_are_drawn(own)}) if len(own) else []


def params_over_macs(collected: Collected, confidence: float) -> Figure:
    """Parameters of the method's networks over the multiply-accumulates that training has spent, from every starting
    size: where the start does not matter the lines meet. A point per epoch, mean over seeds."""
    rows = _from_widths(collected)
    if not rows:
        return nothing(f"no history of {METHOD_UNDER_STUDY} from several starting sizes in these records")
    figure, axes = panel_grid(len(rows), 5.0, 4.0)
    shades = _shades(rows.values())
    for ax, (title, group) in zip(axes, rows.items(), strict=True):
        name = group["architecture"].iloc[0]
        names, found = slots(name), architecture(name)
        counts = group[[f"units_{slot}" for slot in names]].to_numpy(int).tolist()
        group = group.assign(params=[parameters(found, dict(zip(names, own, strict=True))) for own in counts])
        for width, series in group.groupby("width"):
            series = series.sort_values("epoch")
            means = series.assign(spent=spent(series, ["replicate"])).groupby("epoch")[["spent", "params"]].mean()
            look = {"color": shades[width], "marker": ".", "lw": 1.3, "label": _name(width)}
            ax.plot(means["spent"], means["params"], **look)
        log_counts_axis(ax)
        log_axis(ax, group["params"], thousands)
        ax.set_xlabel("MACs that training has spent")
        ax.set_ylabel("params")
        ax.set_title(title, fontsize="medium")
        ax.grid(alpha=0.25)
    legend_below(figure, axes, f"method {METHOD_UNDER_STUDY}; {FROM_STANDARD}; mean over seeds", map(_name, shades))
    return figure


def when_units_leave(collected: Collected, confidence: float) -> Figure:
    """Units that the method has removed by each epoch, as a share of all that it removes in the slot, from every
    starting size. Mean over seeds, with a band from smallest to largest."""
    rows = _from_widths(collected, least=1)
    if not rows:
        return nothing(f"no history of {METHOD_UNDER_STUDY} in these records")
    of_rows = [slots(group["architecture"].iloc[0]) for group in rows.values()]
    figure, lines = titled_rows(list(rows), max(map(len, of_rows)))
    shades = _shades(rows.values())
    for line, names, group in zip(lines, of_rows, rows.values(), strict=True):
        for place, (ax, slot) in enumerate(zip(line, names, strict=False)):
            _draw_leaving(ax, group, slot, place, shades)
            _finish(ax, slot, "no unit leaves")
        _label_row(line, "units gone (% of\nthose that leave)")
    footnote = f"{METHOD_UNDER_STUDY}, {FROM_STANDARD}; 100 %: all that a slot loses; "
    footnote += "line: mean over seeds that lose any; band: all"
    legend_below(figure, [ax for line in lines for ax in line], footnote, map(_name, shades))
    return figure


def _draw_leaving(ax: Axes, group: pd.DataFrame, slot: str, place: int, shades: dict[float, tuple]) -> None:
    """Draw a line per starting size; slots that lose nothing have none."""
    for width, series in group.groupby("width"):
        wide = series.pivot(index="epoch", columns="replicate")
        start = wide["units_start"].iloc[0].map(lambda text: split_units(text)[place])
        lost = start - wide[f"units_{slot}"]
        share = (100 * lost / lost.iloc[-1].where(lost.iloc[-1] > 0)).dropna(axis=1)
        if share.shape[1]:
            share.loc[0] = 0.0
            share = share.sort_index()
            ax.plot(share.mean(axis=1), color=shades[width], lw=1.4, label=_name(width))
            ax.fill_between(share.index, share.min(axis=1), share.max(axis=1), color=shades[width], alpha=0.15, lw=0)


def _finish(ax: Axes, slot: str, why_empty: str) -> None:
    """Dress the panel of a slot; one without lines says why, without a frame."""
    ax.set_title(f"slot {slot}", fontsize="small")
    if not ax.lines:
        say(ax, why_empty)
        return
    ax.set_axis_on()
    ax.set_xlabel("epoch")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_ylim(*PERCENT)
    ax.grid(alpha=0.25)


def _label_row(line: Sequence[Axes], label: str) -> None:
    """Label the first panel of a row that has a frame."""
    for ax in [ax for ax in line if ax.axison][:1]:
        ax.set_ylabel(label)


def _from_widths(collected: Collected, least: int = 2) -> dict[str, pd.DataFrame]:
    """Return the history of the method's networks of every width, joined with what they started from.

    By title: a network, with the strength where it has several. Left out are strengths with fewer widths.
    """
    runs = of_standard_initialization(studied(collected.runs))
    runs, one = runs[runs["method"] == METHOD_UNDER_STUDY], [*NETWORK, "strength"]
    widths = runs.groupby(one)["width"].transform("nunique") if len(runs) else pd.Series(dtype=float)
    runs = runs[widths.reindex(runs.index) >= least]
    if not len(runs) or not len(collected.history):
        return {}
    wanted = runs[[*CELL, "replicate", "macs_dense", "train_macs", "units_start"]]
    groups = list(of_networks(collected.history, wanted).groupby(one, sort=False))
    networks = [key[:3] for key, _ in groups]
    strength = [f": strength {key[3]}" if networks.count(key[:3]) > 1 else "" for key, _ in groups]
    return {network_title(*key[:3]) + own: group for (key, group), own in zip(groups, strength, strict=True)}


def _shades(groups: Iterable[pd.DataFrame]) -> dict[float, tuple]:
    """Return the colours of the starting sizes of all panels, in their order: from light to dark."""
    widths = sorted({width for group in groups for width in group["width"].unique()})
    places = np.linspace(0.1, 0.95, len(widths))
    return {width: colormaps["viridis_r"](place) for width, place in zip(widths, places, strict=True)}


def _name(width: float) -> str:
    return f"starting width {width:g}"
