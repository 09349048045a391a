"""Do networks keep the same input pixels: over seeds, over initializations and over starting widths?"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from robustprune.analysis.captions import brackets, caption
from robustprune.analysis.columns import Interval, Text
from robustprune.analysis.kept import Kept
from robustprune.analysis.pixels import pixels_of
from robustprune.analysis.read import NETWORK, SERIES
from robustprune.analysis.select import STANDARD_START, of_standard_initialization, rule_of_strengths, standard, studied
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns
from robustprune.analysis.verdicts.agreement import mean_agreement
from robustprune.analysis.verdicts.over_starts import STANDARD_WIDTH
from robustprune.study.roles import UNPRUNED

SEEDS = "seeds"
INDICES = {"jaccard": "Jaccard index", "above_chance": "above chance"}
"""Column of an index -> its title."""
COLUMNS = [*SERIES, "over", *(column for name in INDICES for column in interval_columns(name)), "starts", "n"]
SHOWN = [
    *(Text("method"), Text("strength"), Text("over", "pairs of different")),
    *(Interval(name, title, ".2f") for name, title in INDICES.items()),
    *(Text("starts"), Text("n")),
]


def agreement(runs: pd.DataFrame, confidence: float, kept: Kept | None = None) -> Sheet:
    """Return a row per method, and per axis of which it has two values or more. kept: the units kept."""
    everything, runs = runs, studied(runs)
    runs = runs[runs["method"] != UNPRUNED]
    rows = [
        dict(zip(SERIES, key, strict=True)) | row
        for key, own in runs.groupby(SERIES, sort=False)
        for row in _rows(own, kept or {}, confidence)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        rule_of_strengths(everything),
        "Jaccard index of the input pixels that two networks keep: those that both keep, as a share of those that "
        "either keeps; mean over pairs. Above chance: what of it random pixels at the same counts do not give "
        "(0: chance, 1: the same pixels). Black pixels at the border help every method.",
        f"Seeds: pairs at the standard start ({STANDARD_START}). Initializations: pairs from two of them at width 1. "
        "Widths: pairs from two of them, from He normal.",
        brackets(confidence),
        "Intervals: jackknife over networks. n: networks.",
        "" if len(table) else "There are no kept input pixels of methods in these tables.",
    )
    return Sheet.of(table, SHOWN, "Agreement of kept pixels", text, by=NETWORK)


def _rows(own: pd.DataFrame, kept: Kept, confidence: float) -> Iterator[dict]:
    """Yield the rows of one method and strength."""
    axes = {
        SEEDS: (standard(own), None),
        "initializations": (own[own["width"] == STANDARD_WIDTH], "initialization"),
        "widths": (of_standard_initialization(own), "width"),
    }
    for over, (networks, axis) in axes.items():
        starts = 1 if axis is None else networks[axis].nunique()
        if axis is not None and starts < 2:
            continue
        units, groups = _kept_of(networks, axis, kept)
        found = mean_agreement(units, groups, confidence=confidence)
        if not found.n:
            continue
        corrected = mean_agreement(units, groups, corrected=True, confidence=confidence)
        yield {
            "over": over,
            **found.columns("jaccard"),
            **corrected.columns("above_chance"),
            "starts": starts,
            "n": found.n,
        }


def _kept_of(networks: pd.DataFrame, axis: str | None, kept: Kept) -> tuple[np.ndarray, list | None]:
    """Return the kept pixels of networks, bool [n, pixels], and the value of the axis that each of them has."""
    if axis is None:
        return pixels_of(networks, kept), None
    parts = {value: pixels_of(group, kept) for value, group in networks.groupby(axis)}
    known = {value: units for value, units in parts.items() if len(units)}
    if not known:
        return np.zeros((0, 0), dtype=bool), []
    return np.concatenate(list(known.values())), [value for value, units in known.items() for _ in units]
