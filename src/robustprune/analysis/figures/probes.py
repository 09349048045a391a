"""Figures of what probes read while the method trains: rules of removal, estimators of the value of a gate."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from robustprune.analysis.figures.looks import BLUE, SPARE_COLOURS
from robustprune.analysis.figures.scales import log_axis, thousands
from robustprune.analysis.figures.style import legend_below, nothing, panel_grid, t_interval, titled_rows
from robustprune.analysis.labels import network_title
from robustprune.analysis.probes.estimators import ALL_GATES, MEASURES, estimators
from robustprune.analysis.probes.false_removals import ALL, MOST, RULE_TITLES, false_removals
from robustprune.analysis.read import NETWORK, Collected
from robustprune.analysis.select import other_start

NOTHING = "no probed cell in these records"
SPREAD = "spread"
SHOWN = MEASURES | {SPREAD: "spread of one step / c"}
"""Column of the table of estimators -> title of its panel."""
COLOURS = (BLUE, *SPARE_COLOURS)


def false_removals_by_rule(collected: Collected, confidence: float) -> Figure:
    """Units that a rule of removal asks for and that are open at the end, as a share of all that it asks for, in
    networks that remove none. A panel per network, a line per rule, a colour per variant of the method. The dotted line
    is the bound that was set beforehand."""
    table = false_removals(collected.runs, confidence, collected.long("removals")).table
    table = named(table[table["slot"] == ALL])
    panels = list(table.groupby(NETWORK, sort=False))
    if not panels:
        return nothing(NOTHING)
    figure, axes = panel_grid(len(panels), 7.0, 4.6, columns=1)
    colours = _colours(table["name"])
    for ax, (key, group) in zip(axes, panels, strict=True):
        names = list(dict.fromkeys(group["name"]))
        for number, name in enumerate(names):
            rows = group[group["name"] == name].set_index("rule").reindex(list(RULE_TITLES))
            at = np.arange(len(rows)) + 0.7 * ((number + 0.5) / len(names) - 0.5)
            middle, colour = rows["false_percent"], colours[name]
            sides = [middle - rows["false_percent_low"].clip(lower=0), rows["most_percent"] - middle]
            ax.errorbar(middle, at, xerr=np.nan_to_num(sides), fmt="o", ms=3.5, lw=1, color=colour, label=name)
        ax.axvline(MOST, color="0.4", lw=1, ls=":", label=f"bound: {MOST:g} %")
        ax.set_yticks(range(len(RULE_TITLES)), RULE_TITLES.values(), fontsize="small")
        ax.invert_yaxis()
        ax.set_xscale("symlog", linthresh=1)
        ax.set_xlim(-0.05, 100)
        ax.set_xticks([0, 0.5, 1, 2, 5, 10, 20, 50], ["0", "0.5", "1", "2", "5", "10", "20", "50"])
        ax.set_xlabel("false removals (%)")
        ax.set_title(network_title(*key), fontsize="medium")
        ax.grid(axis="x", alpha=0.25)
    legend_below(figure, axes, f"{t_interval(confidence)}; without any false removal: exact binomial bound")
    return figure


def named(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the column `name`: the strength of a probed cell, and its start where it is another."""
    starts = zip(table["strength"], table["initialization"], table["width"], strict=True)
    return table.assign(name=[strength + other_start(start, width) for strength, start, width in starts])


def _colours(names: Iterable[str]) -> dict[str, str]:
    """Return the colour of each name: panels share a legend."""
    return {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(dict.fromkeys(names))}


def estimator_quality(collected: Collected, confidence: float) -> Figure:
    """Estimators of a gate's DL beside its exact value under the same noise, after the first epoch, the middle and the
    last: bias in prices, slope of the estimates on the exact values, rank correlation, share on the wrong side of the
    price, and the standard deviation of the estimate of one step. A row per network, of its first variant; the table
    has all. A colour per estimator."""
    table = estimators(collected.runs, confidence, collected.long("estimates")).table
    table = named(table[table["gates"] == ALL_GATES])
    firsts = table.drop_duplicates(NETWORK)[[*NETWORK, "name"]]
    rows = list(table.merge(firsts, on=[*NETWORK, "name"]).groupby([*NETWORK, "name"], sort=False))
    if not rows:
        return nothing(NOTHING)
    figure, lines = titled_rows([f"{network_title(*key[:3])}: {key[3]}" for key, _ in rows], len(SHOWN))
    colours = _colours(table["estimator"])
    for line, (_, group) in zip(lines, rows, strict=True):
        epochs = sorted(group["epoch"].unique())
        kinds = list(dict.fromkeys(group["estimator"]))
        for ax, (name, title) in zip(line, SHOWN.items(), strict=True):
            ax.set_axis_on()
            for number, kind in enumerate(kinds):
                own = group[group["estimator"] == kind].set_index("epoch").reindex(epochs)
                at = np.arange(len(epochs)) + 0.6 * ((number + 0.5) / len(kinds) - 0.5)
                sides = None
                if name in MEASURES:
                    sides = np.nan_to_num([own[name] - own[f"{name}_low"], own[f"{name}_high"] - own[name]])
                ax.errorbar(at, own[name], yerr=sides, fmt="o", ms=3.5, lw=1, color=colours[kind], label=kind)
            ax.set_xticks(range(len(epochs)), [f"{epoch:g}" for epoch in epochs])
            ax.set_xlabel("epoch")
            ax.set_title(title, fontsize="small")
            ax.grid(axis="y", alpha=0.25)
            if name == SPREAD:
                log_axis(ax, group[name], thousands)
    legend_below(figure, [ax for line in lines for ax in line], t_interval(confidence))
    return figure
